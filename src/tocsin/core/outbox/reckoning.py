"""What became of the messages that one process drained: how many tries to each destination ended how, and when one last arrived."""

from collections.abc import Sequence

import attrs

from tocsin.core.outbox.rows import Row, Status
from tocsin.core.values import Value

ENDINGS = (Status.DELIVERED, Status.DELAYED, Status.DEAD, Status.UNKNOWN)
"""Where a message may stand after a try."""


@attrs.frozen(eq=False, repr=False)
class Tries(Value):
    """How many messages to a destination stood so after a try."""

    destination: str
    status: Status
    count: int


@attrs.frozen(eq=False, repr=False)
class Reckoning(Value):
    """All that was tried so far.

    Args:
        tries: in the order in which they first came.
        last_success: when a message last arrived, in seconds since 1970; None where none has.
    """

    tries: tuple[Tries, ...] = ()
    last_success: float | None = None

    def noted(self, rows: Sequence[Row]) -> "Reckoning":
        """The reckoning after a try, of which these are the rows from then on.

        >>> row = Row.new(key="run.load..0.0", destination="slack:TEAM", kind="PostToSlack", version=1, body="{}", at=0.0)
        >>> Reckoning().noted([attrs.evolve(row, status=Status.DELIVERED, ended=5.0)])
        Reckoning(tries=(Tries(destination='slack:TEAM', status=<Status.DELIVERED: 'delivered'>, count=1),), last_success=5.0)
        """
        counts = {(tried.destination, tried.status): tried.count for tried in self.tries}
        for row in rows:
            counts[row.destination, row.status] = counts.get((row.destination, row.status), 0) + 1
        arrived = [row.ended for row in rows if row.status is Status.DELIVERED and row.ended is not None]
        tries = tuple(Tries(destination, status, count) for (destination, status), count in counts.items())
        return Reckoning(tries, max(arrived, default=self.last_success))

    def count(self, status: Status) -> int:
        """How many tries ended so."""
        return sum(tried.count for tried in self.tries if tried.status is status)

    def __str__(self) -> str:
        return ", ".join(f"{self.count(status):,} {status.value}" for status in ENDINGS if self.count(status)) or "nothing was due"
