"""A run is killed, and so is the start that should tell of it. In the end somebody tells of each run that had begun.

A message may come twice then. Both have the key of one run, by which an outbox refuses the second. ``TOCSIN_KILLS`` is the number of
kills, at most four hundred. The figures are printed.
"""

import os
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import attrs
import pytest

from tests.kill.ledger import in_file
from tests.kill.process_pool import Does, Job, ProcessPool
from tests.kill.recording_server import RecordingServer
from tests.profile import PROFILE

PAIRS = min(PROFILE.kills, 400) // 2
RUN_ID = re.compile(r'"title": "Run id", "value": "(\w+)"')
OUTBOX: Mapping[str, str] = {"TOCSIN_DELIVERY_OUTBOX": "true", "TOCSIN_DELIVERY_EXIT_TIMEOUT": "0.05"}

pytestmark = [
    pytest.mark.timeout(300 + 2 * PAIRS),  # for a very busy machine
    pytest.mark.skipif(os.name != "posix", reason="fork needs POSIX"),
]


@attrs.frozen
class Manner:
    """What the processes of a series do.

    Args:
        does: as in ``Job``.
        status: the exit status of the command.
        words: the options of ``tocsin exec``.
        environment: variables in addition to those of the pool.
        least: how many runs must be told of; None for each that has begun.
    """

    does: Does = "exec"
    status: int = 0
    words: tuple[str, ...] = ()
    environment: Mapping[str, str] = attrs.field(factory=dict[str, str])
    least: int | None = None


MANNERS = {
    "message": (PAIRS - PAIRS // 4 * 3, Manner()),
    "outbox": (PAIRS // 4, Manner(environment=OUTBOX)),
    "policy": (PAIRS // 4, Manner(status=1, words=("--on-change",), least=1)),
    "watch": (PAIRS // 4, Manner("fail", least=1)),
}


@attrs.frozen
class Series:
    """The runs of one label, with a history of their own.

    Args:
        home: the folder of the history and the notes.
        pool: runs the processes.
        server: receives the messages.
        job: what each process runs. Its notes get a line for each run that has begun.
    """

    home: Path
    pool: ProcessPool
    server: RecordingServer
    job: Job

    @property
    def begun(self) -> int:
        """The number of runs that have begun."""
        return len(Path(self.job.notes).read_text().splitlines())

    @property
    def told(self) -> Counter[str]:
        """How often each run was told of, by its id: in a message that the server accepted, or in a row of the outbox.

        A watch has no id in its messages, so its message stands for it.
        """
        named = [request for request in self.server.requests if self.job.name.encode() in request.body]
        whole = [request for request in named if len(request.body) == int(request.headers["content-length"])]
        texts = [request.body.decode() for request in whole]
        sent = Counter([each for text in texts for each in RUN_ID.findall(text) or [text]])
        outbox = self.home / "outbox.sqlite"
        rows = Counter([key.partition(".")[0] for key in (in_file(outbox) if outbox.exists() else ())])
        return Counter({run_id: max(sent[run_id], rows[run_id]) for run_id in {*sent, *rows}})

    @property
    def left(self) -> Sequence[str]:
        """The files of runs of which no message is safe. An empty one is of a process that was killed before its command began."""
        folder = self.home / "open"
        texts = [path.read_text() for path in folder.iterdir()] if folder.exists() else []
        return [text for text in texts if text]


@pytest.fixture
def new_series(pools: Callable[[], ProcessPool], slack_server: RecordingServer, tmp_path: Path) -> Callable[[Manner, int], Series]:
    """Make series of runs, which one pool runs."""
    pool = pools()

    def make(manner: Manner, number: int) -> Series:
        home = tmp_path / f"series_{number}"
        home.mkdir()
        notes = home / "begun"
        notes.touch()
        job = Job(
            does=manner.does,
            name=f"load-{number}-",
            notes=str(notes),
            words=(*manner.words, "--", "/bin/sh", "-c", f"echo x >> {notes}; exit {manner.status}"),
            environment={**manner.environment, "TOCSIN_STATE_DIR": str(home)},
        )
        return Series(home, pool, slack_server, job)

    return make


@pytest.mark.parametrize(("pairs", "manner"), MANNERS.values(), ids=MANNERS)
def test_somebody_tells_of_each_run(new_series: Callable[[Manner, int], Series], pairs: int, manner: Manner) -> None:
    seed = random.SystemRandom().getrandbits(32)
    chance = random.Random(seed)  # noqa: S311 - the moments of kills are no secret
    first, doubles = new_series(manner, 0), 0
    pool = first.pool
    assert pool.run(first.job) == 0, pool.log  # the pool is up then
    began = time.monotonic()
    assert pool.run(first.job) == 0, pool.log
    took = time.monotonic() - began
    for number in range(1, pairs + 1):
        series = new_series(manner, number)
        before = pool.kills
        while pool.kills < before + 2:
            assert pool.run(series.job, chance.uniform(0.0, took)) in {0, -9}, pool.log
        assert pool.run(series.job) == 0, pool.log

        told = series.told
        assert len(told) >= (series.begun if manner.least is None else manner.least), (seed, pool.log)
        assert series.left == [], seed
        doubles += told.total() - len(told)
    print(f"\n{pairs} pairs, {pool.kills} kills, {doubles} doubles; a process takes {took:.2f} s (seed {seed})")
