"""Flows that are killed at random moments, one after another, until there were kills enough; the last life is let live.

A kill falls within some time of a life's birth, or of its being up; or at one of its messages, between that and its answer, or just
after: that is where doubles come from.
"""

import random
from collections.abc import Callable

import attrs

from tests.kill.ledger import MARK, Ledger
from tests.kill.process_pool import Nursery, Order
from tests.kill.recording_server import Witness, nobody

LONGEST = 0.25  # seconds
MESSAGES = 4  # of which the kill falls on one


@attrs.define
class Story:
    """What happens to one outbox.

    Args:
        nursery: where it happens.
        server: who is told.
        order: the flow; each has a name of its own.

    Attributes:
        flows: how many there were.
    """

    nursery: Nursery
    server: Witness
    order: Order
    flows: int = 1
    seed: int = attrs.field(factory=lambda: random.SystemRandom().getrandbits(32))

    def happen(self, kills: int, look: Callable[[], None] = nobody) -> None:
        """Have it happen; ``look`` is called after each life."""
        chance = random.Random(self.seed)  # noqa: S311 - it is no secret when somebody is killed
        while self.nursery.kills < kills:
            ended = self._life(chance)
            assert ended in {0, -9}, self.nursery.log
            look()
            self.flows += ended == 0
        assert self.nursery.live(self._now()) == 0, self.nursery.log

    def check(self, ledger: Ledger) -> None:
        """That nothing is lost, and that what came twice says so. The figures are printed."""
        rows, acknowledged = ledger.rows(), ledger.acknowledged
        lost = ledger.lost(rows)
        lives = f"{self.nursery.kills} kills in {self.nursery.lives} lives, {self.flows} flows"
        told = f"{len(acknowledged)} acknowledged, {len(ledger.told)} messages"
        print(f"\n{lives}: {told}, {len(lost)} lost, {ledger.doubles.total()} doubles (seed {self.seed})")
        assert len(acknowledged) == self.order.count * self.flows
        assert lost == []
        assert {row.status for row in rows.values()} == {"delivered"}
        assert ledger.miscounted(rows) == []
        assert all(again.text.startswith(MARK) for again in ledger.again)

    def _life(self, chance: random.Random) -> int:
        """A life that may be killed; how it ended."""
        since = chance.choice(["birth", "up", "accepted", "answered"])
        order, messages = attrs.evolve(self._now(), from_birth=since == "birth"), iter(range(chance.randrange(MESSAGES)))

        def message() -> None:
            if next(messages, None) is None:
                self.nursery.kill()

        self.server.accepted = message if since == "accepted" else nobody
        self.server.answered = message if since == "answered" else nobody
        ended = self.nursery.live(order, chance.uniform(0.0, LONGEST) if since in {"birth", "up"} else None)
        self.server.accepted = self.server.answered = nobody
        return ended

    def _now(self) -> Order:
        return attrs.evolve(self.order, name=f"flow-{self.flows}")
