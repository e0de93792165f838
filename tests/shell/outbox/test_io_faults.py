"""Whatever operation on its files fails, and wherever the process or the machine stops there: what was acknowledged is in the outbox.

A real file system, with a small library before it that fails the n-th operation, for every n. A worker says what it is about to do and
what was acknowledged; then the file is opened without the library. Each row is as it was when that was last acknowledged, or as a step
that was not acknowledged would have made it, and it is whole; nothing else is claimed.
"""

import errno
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import attrs
import pytest

from tests.profile import PROFILE
from tests.shell.outbox.shim.worker import body
from tocsin.shell.outbox.store import Store

SHIM = Path(__file__).parent / "shim"
ALL = "orwstmulf"
STRIDE = PROFILE.stride
ONCE, FROM_THEN_ON, KILL, TORN, POWER, HALF_POWER = range(1, 7)
ENDED = -signal.SIGTERM


def lacking() -> str | None:
    """Why this cannot be tested here, if it cannot."""
    if not sys.platform.startswith("linux"):  # pragma: no cover - it is measured there
        return "a library can be put before the file system so on Linux only"
    if shutil.which("cc") is None and "CI" not in os.environ:  # pragma: no cover - likewise
        return "there is no C compiler"
    return None


pytestmark = [pytest.mark.skipif(lacking() is not None, reason=str(lacking())), pytest.mark.timeout(900)]


@attrs.frozen
class Told:
    """What a worker said in one job, and how it ended."""

    words: list[list[object]]
    status: object

    def of(self, word: str) -> list[object]:
        return [words[1] for words in self.words if words[0] == word]

    @property
    def trace(self) -> list[str]:
        """The operations: what, and on which file."""
        (trace,) = map(str, self.of("trace"))
        return [trace[place : place + 2] for place in range(0, len(trace), 2)]


class Worker:
    """A process that does jobs."""

    def __init__(self, library: Path, base: Path) -> None:
        env = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_NOTIFY")}
        words = [sys.executable, "-m", "tests.shell.outbox.shim.worker"]
        self._base = base
        self._process = subprocess.Popen(
            words,
            env={**env, "LD_PRELOAD": str(library)},
            cwd=SHIM.parents[3],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._said() == ["ready"]

    def job(self, kinds: str, number: int, mode: int, code: int = errno.EIO) -> tuple[Told, Path]:
        """What it says when operation ``number`` of these kinds meets this."""
        folder = Path(tempfile.mkdtemp(dir=self._base))
        assert self._process.stdin is not None
        job = {"folder": str(folder), "kinds": kinds, "number": number, "mode": mode, "code": code}
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        words = [self._said()]
        while words[-1][0] != "ended":
            words.append(self._said())
        return Told(words[:-1], words[-1][1]), folder

    def _said(self) -> list[object]:
        assert self._process.stdout is not None
        said: list[object] = json.loads(self._process.stdout.readline())
        return said

    def close(self) -> None:
        with self._process as process:
            assert process.stdin is not None
            process.stdin.close()
        assert process.returncode == 0


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """A worker with the library before its file system."""
    library = tmp_path_factory.mktemp("shim") / "faults.so"
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", library, SHIM / "faults.c", "-ldl"], check=True, timeout=60)  # noqa: S607
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as base:  # noqa: S108 - fast
        worker = Worker(library, Path(base))
        yield worker
        worker.close()


def allowed(told: Told) -> dict[str, set[str]]:
    """How each row may stand, by what was said."""
    rows: dict[str, set[str]] = {}
    for word, aim, *_ in told.words:
        if word in {"try", "done"}:
            assert isinstance(aim, dict)
            for key, status in aim.items():
                rows[key] = {status} if word == "done" else rows.get(key, {"absent"}) | {status}
    return rows


def found(folder: Path) -> Mapping[str, str]:
    """How the rows stand in the file; it is sound, each row is whole, and the outbox takes another one."""
    file = folder / "outbox.sqlite"
    with closing(Store(f"sqlite:///{file}")) as store:
        rows = store.rows()
        with closing(sqlite3.connect(file)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        if rows:
            after = attrs.evolve(rows[0], key="after")
            assert store.put([after]) == (True,)
            assert store.find(["after"]) == (after,)
    for row in rows:
        assert row.body == body(row.key)
    return {row.key: row.status.value for row in rows}


def check(told: Told, folder: Path) -> None:
    """Nothing that was acknowledged is lost, nothing is claimed that was not, and what went wrong was said in a line."""
    assert not told.of("raised")
    for fault in map(str, told.of("fault")):
        assert fault.startswith(f"the outbox at {folder}/outbox.sqlite ")
        assert fault.isprintable()
        assert "sqlalche.me" not in fault
        assert ": " in fault or "; " in fault
    rows = found(folder)
    for key, statuses in allowed(told).items():
        assert rows.get(key, "absent") in statuses
    assert ("b" in rows) == ("c" in rows)  # they were put together
    shutil.rmtree(folder)


def sweep(worker: Worker, kinds: str, mode: int, code: int = errno.EIO) -> int:
    """Every number, or each multiple of the profile's stride, until there is no such operation any more: how many there were."""
    number = 1 - STRIDE
    while True:
        number += STRIDE
        told, folder = worker.job(kinds, number, mode, code)
        counted = [operation for operation in told.trace if operation[0] in kinds] if told.status == ENDED else []
        try:
            check(told, folder)
            assert told.status in {ENDED, -signal.SIGKILL}, "it hangs"
        except AssertionError as error:  # pragma: no cover - it says which it was
            error.add_note(f"operation {number} of {kinds}, mode {mode}, {errno.errorcode[code]}: {told}")
            raise
        if told.status == ENDED and len(counted) < number:
            return number - 1


def test_without_a_fault_all_is_acknowledged(worker: Worker) -> None:
    told, folder = worker.job(ALL, 0, ONCE)
    assert not told.of("fault")
    assert told.of("done")[-2:] == [{"big": "delivered"}, {"last": "pending"}]
    assert len(told.trace) > 200
    check(told, folder)


def test_what_is_acknowledged_is_on_the_disk(worker: Worker) -> None:
    told, _ = worker.job(ALL, 0, ONCE)
    acknowledged = [words[2] for words in told.words if words[0] == "done"]
    for place in acknowledged:
        assert isinstance(place, int)
        before = [operation for operation in told.trace[:place] if operation in {"ww", "sw"}]
        assert before[-1] == "sw"


@pytest.mark.parametrize(
    ("mode", "code"), [(ONCE, errno.EIO), (FROM_THEN_ON, errno.ENOSPC)], ids=["once, a disk error", "from then on, a full disk"]
)
def test_whatever_fails(worker: Worker, mode: int, code: int) -> None:
    assert sweep(worker, ALL if mode == ONCE else "owst", mode, code) > 50


def test_wherever_the_process_is_killed(worker: Worker) -> None:
    assert sweep(worker, "ostmul", KILL) > 30


def test_wherever_it_is_killed_within_a_write(worker: Worker) -> None:
    assert sweep(worker, "w", TORN) > 30


@pytest.mark.parametrize("mode", [POWER, HALF_POWER], ids=["all", "every second write"])
def test_wherever_the_power_goes_and_what_was_not_synced_is_lost(worker: Worker, mode: int) -> None:
    assert sweep(worker, "stu", mode) > 20


def test_where_shared_memory_cannot_be_had_it_says_so_and_loses_nothing(worker: Worker) -> None:
    told, folder = worker.job("m", 1, FROM_THEN_ON)
    assert not any(told.of("done"))
    assert "cannot be kept safely there" in str(told.of("fault")[0])
    assert "name a place on a disk of this machine" in str(told.of("fault")[0])
    check(told, folder)
