"""Acknowledged changes are in the outbox, whichever file operation fails, and wherever the process or the machine stops.

A small preloaded library makes the n-th file operation fail, for every n, on a real file system. A process reports what it is about to
do, and what was acknowledged. Then the file is opened without the library. Each row is complete, and is as last acknowledged or as an
unacknowledged step would have made it. Nothing else is claimed.
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
    """Return the reason why these tests cannot run here; None if they can."""
    if not sys.platform.startswith("linux"):  # pragma: no cover - coverage is measured on Linux
        return "a library can be preloaded in this way on Linux only"
    if shutil.which("cc") is None and "CI" not in os.environ:  # pragma: no cover - coverage is measured with a compiler
        return "there is no C compiler"
    return None


pytestmark = [pytest.mark.skipif(lacking() is not None, reason=str(lacking())), pytest.mark.timeout(900)]


@attrs.frozen
class Report:
    """The output of a process in one job, and its exit status."""

    words: list[list[object]]
    status: object

    def of(self, word: str) -> list[object]:
        return [words[1] for words in self.words if words[0] == word]

    @property
    def trace(self) -> list[str]:
        """The operations: one letter for the operation, one for the file."""
        (trace,) = map(str, self.of("trace"))
        return [trace[place : place + 2] for place in range(0, len(trace), 2)]


class Worker:
    """A process that runs jobs."""

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

    def job(self, kinds: str, number: int, mode: int, code: int = errno.EIO) -> tuple[Report, Path]:
        """Run a job in which operation ``number`` of these kinds fails in this mode, and return its report and its folder."""
        folder = Path(tempfile.mkdtemp(dir=self._base))
        assert self._process.stdin is not None
        job = {"folder": str(folder), "kinds": kinds, "number": number, "mode": mode, "code": code}
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        words = [self._said()]
        while words[-1][0] != "ended":
            words.append(self._said())
        return Report(words[:-1], words[-1][1]), folder

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
    """A worker process with the preloaded library."""
    library = tmp_path_factory.mktemp("shim") / "faults.so"
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", library, SHIM / "faults.c", "-ldl"], check=True, timeout=60)  # noqa: S607
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as base:  # noqa: S108 - fast
        worker = Worker(library, Path(base))
        yield worker
        worker.close()


def allowed(report: Report) -> dict[str, set[str]]:
    """Return the statuses that each row may have, by the report."""
    rows: dict[str, set[str]] = {}
    for word, aim, *_ in report.words:
        if word in {"try", "done"}:
            assert isinstance(aim, dict)
            for key, status in aim.items():
                rows[key] = {status} if word == "done" else rows.get(key, {"absent"}) | {status}
    return rows


def found(folder: Path) -> Mapping[str, str]:
    """Return the statuses of the rows in the file. Check that it is sound, that each row is complete, and that an insert works."""
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


def check(report: Report, folder: Path) -> None:
    """Check that no acknowledged change is lost, that nothing else is claimed, and that each error is one line."""
    assert not report.of("raised")
    for fault in map(str, report.of("fault")):
        assert fault.startswith(f"the outbox at {folder}/outbox.sqlite ")
        assert fault.isprintable()
        assert "sqlalche.me" not in fault
        assert ": " in fault or "; " in fault
    rows = found(folder)
    for key, statuses in allowed(report).items():
        assert rows.get(key, "absent") in statuses
    assert ("b" in rows) == ("c" in rows)  # they were inserted together
    shutil.rmtree(folder)


def sweep(worker: Worker, kinds: str, mode: int, code: int = errno.EIO) -> int:
    """Fail each operation in turn, in steps of the stride of the profile, and return how many operations there are."""
    number = 1 - STRIDE
    while True:
        number += STRIDE
        report, folder = worker.job(kinds, number, mode, code)
        counted = [operation for operation in report.trace if operation[0] in kinds] if report.status == ENDED else []
        try:
            check(report, folder)
            assert report.status in {ENDED, -signal.SIGKILL}, "it hangs"
        except AssertionError as error:  # pragma: no cover - the note says which operation failed
            error.add_note(f"operation {number} of {kinds}, mode {mode}, {errno.errorcode[code]}: {report}")
            raise
        if report.status == ENDED and len(counted) < number:
            return number - 1


def test_without_a_fault_all_is_acknowledged(worker: Worker) -> None:
    report, folder = worker.job(ALL, 0, ONCE)
    assert not report.of("fault")
    assert report.of("done")[-2:] == [{"big": "delivered"}, {"last": "pending"}]
    assert len(report.trace) > 200
    check(report, folder)


def test_what_is_acknowledged_is_on_the_disk(worker: Worker) -> None:
    report, _ = worker.job(ALL, 0, ONCE)
    acknowledged = [words[2] for words in report.words if words[0] == "done"]
    for place in acknowledged:
        assert isinstance(place, int)
        before = [operation for operation in report.trace[:place] if operation in {"ww", "sw"}]
        assert before[-1] == "sw"


@pytest.mark.slow
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
def test_wherever_the_power_fails_and_unsynced_writes_are_lost(worker: Worker, mode: int) -> None:
    assert sweep(worker, "stu", mode) > 20


def test_without_shared_memory_it_says_so_and_loses_nothing(worker: Worker) -> None:
    report, folder = worker.job("m", 1, FROM_THEN_ON)
    assert not any(report.of("done"))
    assert "cannot be kept safely there" in str(report.of("fault")[0])
    assert "name a place on a disk of this machine" in str(report.of("fault")[0])
    check(report, folder)
