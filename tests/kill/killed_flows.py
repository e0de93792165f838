"""Flows that are killed at random moments, one after another, up to a number of kills. The last process is not killed.

A kill falls at a random time after the start of a process, or after the start of its flow. Or it falls just before or just after the
answer to a message, which is what makes messages come twice.
"""

import random
from collections.abc import Callable

import attrs

from tests.kill.ledger import MARK, Ledger
from tests.kill.process_pool import Job, ProcessPool
from tests.kill.recording_server import RecordingServer, ignore

LONGEST = 0.25  # seconds
MESSAGES = 4  # the kill falls on one of these first messages


@attrs.define
class KilledFlows:
    """Flows with one outbox that are killed again and again.

    Args:
        pool: runs the processes.
        server: receives the messages.
        job: the flow. Each flow gets a name of its own.

    Attributes:
        flows: how many flows there were.
    """

    pool: ProcessPool
    server: RecordingServer
    job: Job
    flows: int = 1
    seed: int = attrs.field(factory=lambda: random.SystemRandom().getrandbits(32))

    def run(self, kills: int, look: Callable[[], None] = ignore) -> None:
        """Run flows until there were so many kills. ``look`` is called after each process."""
        chance = random.Random(self.seed)  # noqa: S311 - the moments of kills are no secret
        while self.pool.kills < kills:
            status = self._run_one(chance)
            assert status in {0, -9}, self.pool.log
            look()
            self.flows += status == 0
        assert self.pool.run(self._current_job()) == 0, self.pool.log

    def check(self, ledger: Ledger) -> None:
        """Check that no message is lost and that each repeated one says so. Print the figures."""
        rows, acknowledged = ledger.rows(), ledger.acknowledged
        lost = ledger.lost(rows)
        processes = f"{self.pool.kills} kills in {self.pool.runs} processes, {self.flows} flows"
        messages = f"{len(acknowledged)} acknowledged, {len(ledger.sent)} messages"
        print(f"\n{processes}: {messages}, {len(lost)} lost, {ledger.doubles.total()} doubles (seed {self.seed})")
        assert len(acknowledged) == self.job.count * self.flows
        assert lost == []
        assert {row.status for row in rows.values()} == {"delivered"}
        assert ledger.miscounted(rows) == []
        assert all(each.text.startswith(MARK) for each in ledger.repeated)

    def _run_one(self, chance: random.Random) -> int:
        """Run a process that may be killed, and return its exit status."""
        since = chance.choice(["start", "up", "accepted", "answered"])
        job, messages = attrs.evolve(self._current_job(), from_start=since == "start"), iter(range(chance.randrange(MESSAGES)))

        def message() -> None:
            if next(messages, None) is None:
                self.pool.kill()

        self.server.accepted = message if since == "accepted" else ignore
        self.server.answered = message if since == "answered" else ignore
        status = self.pool.run(job, chance.uniform(0.0, LONGEST) if since in {"start", "up"} else None)
        self.server.accepted = self.server.answered = ignore
        return status

    def _current_job(self) -> Job:
        return attrs.evolve(self.job, name=f"flow-{self.flows}")
