"""Two lives of one outbox: the first is killed at a step, the second sends what was left."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import attrs

from tests.kill.ledger import MARK, Ledger, Rows, Told, in_file
from tests.kill.process_pool import Nursery, Order
from tests.kill.recording_server import Witness

LEASE = 0.5  # seconds; of most first lives it has ended when all of them have been lived

Came = Literal["not taken in", "told later", "told twice", "told once"]
"""What came of a message whose process was killed."""


@attrs.frozen
class Life:
    """What a first life was to do, and what it left.

    Args:
        order: what it was to do.
        steps: those that it came to; where it was killed at one, it did not take the last.
        acknowledged: whether the outbox had.
        rows: what was in the outbox then.
        told: what the server had accepted from it.
        killed: whether it was; one that was not has no more steps.
    """

    order: Order
    steps: Sequence[str]
    acknowledged: bool
    rows: Rows
    told: Sequence[Told]
    killed: bool


@attrs.frozen
class Station:
    """Where they are lived, and whom they tell.

    Args:
        nursery: where.
        server: whom.
        folder: for the outboxes, one for each two lives.
        count: how many messages there are, which are sent as one.
    """

    nursery: Nursery
    server: Witness
    folder: Path
    count: int

    def order(self, name: str, die_at: int = 0) -> Order:
        """A life with an outbox of its own."""
        home = self.folder / name
        home.mkdir()
        return Order(
            does="steps",
            url=f"sqlite:///{home}/outbox.sqlite",
            notes=f"{home}/notes",
            trail=f"{home}/trail",
            count=self.count,
            most=3,
            lease=LEASE,
            die_at=die_at,
        )

    def first(self, order: Order) -> Life:
        """A first life, and how things stood after it."""
        before = len(self._ledger(order).told)
        status = self.nursery.live(order)
        assert status in {0, -9}, self.nursery.log
        self.server.hang_up()
        ledger = self._ledger(order)
        steps = Path(order.trail).read_text().splitlines()
        return Life(order, steps, bool(ledger.acknowledged), ledger.rows(), ledger.told[before:], status == -9)

    def second(self, life: Life) -> Came:
        """A second life, and what came of it all."""
        before = len(self._ledger(life.order).told)
        assert self.nursery.live(attrs.evolve(life.order, does="drain")) == 0, self.nursery.log
        ledger = self._ledger(life.order)
        assert all(row.status == "delivered" for row in ledger.rows().values())
        return self._came(life, ledger.told[before:])

    def _came(self, life: Life, later: Sequence[Told]) -> Came:
        if not life.rows:
            assert not life.acknowledged
            assert not life.told
            assert not later
            return "not taken in"
        assert len(life.rows) == self.count
        ((status, begun),) = {(row.status, row.digest is not None) for row in life.rows.values()}
        if status == "delivered":
            assert [told.count for told in life.told] == [self.count]
            assert not later
            return "told once"
        (last,) = later
        assert last.count == self.count
        assert last.text.startswith(MARK) == begun
        if not life.told:
            return "told later"
        assert [told.key for told in life.told] == [last.key]
        return "told twice"

    def _ledger(self, order: Order) -> Ledger:
        home = Path(order.notes).parent
        return Ledger(self.server, home / "notes", partial(in_file, home / "outbox.sqlite"))
