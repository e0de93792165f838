"""Two processes with one outbox: the first is killed at a step, the second sends what is left."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import attrs

from tests.kill.ledger import MARK, Ledger, Rows, SentMessage, in_file
from tests.kill.process_pool import Job, ProcessPool
from tests.kill.recording_server import RecordingServer

LEASE = 0.5  # seconds; for most first processes it has ended when all first processes have run

Result = Literal["not stored", "sent later", "sent twice", "sent once"]
"""What became of the messages of a killed process."""


@attrs.frozen
class FirstProcess:
    """The first process, and what it left.

    Args:
        job: its job.
        steps: the steps that it reached; if it was killed, it did not take the last one.
        acknowledged: whether the outbox acknowledged the messages.
        rows: the rows of the outbox at its end.
        sent: the messages that the server accepted from it.
        killed: whether it was killed; if not, there are no more steps.
    """

    job: Job
    steps: Sequence[str]
    acknowledged: bool
    rows: Rows
    sent: Sequence[SentMessage]
    killed: bool


@attrs.frozen
class KillPoints:
    """Runs the two processes.

    Args:
        pool: runs the processes.
        server: receives the messages.
        folder: of the outboxes, one for each pair of processes.
        count: the number of messages, which are sent as one.
    """

    pool: ProcessPool
    server: RecordingServer
    folder: Path
    count: int

    def job(self, name: str, die_at: int = 0) -> Job:
        """Return a job with an outbox of its own."""
        home = self.folder / name
        home.mkdir()
        return Job(
            does="steps",
            url=f"sqlite:///{home}/outbox.sqlite",
            notes=f"{home}/notes",
            trail=f"{home}/trail",
            count=self.count,
            most=3,
            lease=LEASE,
            die_at=die_at,
        )

    def run_first(self, job: Job) -> FirstProcess:
        """Run the first process."""
        before = len(self._ledger(job).sent)
        status = self.pool.run(job)
        assert status in {0, -9}, self.pool.log
        self.server.hang_up()
        ledger = self._ledger(job)
        steps = Path(job.trail).read_text().splitlines()
        return FirstProcess(job, steps, bool(ledger.acknowledged), ledger.rows(), ledger.sent[before:], status == -9)

    def run_second(self, first: FirstProcess) -> Result:
        """Run the second process, and return what became of the messages."""
        before = len(self._ledger(first.job).sent)
        assert self.pool.run(attrs.evolve(first.job, does="drain")) == 0, self.pool.log
        ledger = self._ledger(first.job)
        assert all(row.status == "delivered" for row in ledger.rows().values())
        return self._result(first, ledger.sent[before:])

    def _result(self, first: FirstProcess, later: Sequence[SentMessage]) -> Result:
        if not first.rows:
            assert not first.acknowledged
            assert not first.sent
            assert not later
            return "not stored"
        assert len(first.rows) == self.count
        ((status, begun),) = {(row.status, row.digest is not None) for row in first.rows.values()}
        if status == "delivered":
            assert [each.count for each in first.sent] == [self.count]
            assert not later
            return "sent once"
        (last,) = later
        assert last.count == self.count
        assert last.text.startswith(MARK) == begun
        if not first.sent:
            return "sent later"
        assert [each.key for each in first.sent] == [last.key]
        return "sent twice"

    def _ledger(self, job: Job) -> Ledger:
        home = Path(job.notes).parent
        return Ledger(self.server, home / "notes", partial(in_file, home / "outbox.sqlite"))
