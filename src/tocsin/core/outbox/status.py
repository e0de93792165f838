"""The status of an outbox, from the counts of its rows: for each destination, and what a person should do.

A dead message will not be sent, and an unknown one may or may not have arrived: both need a person. All others need none.
"""

from collections.abc import Iterable, Mapping

import attrs

from tocsin.core.outbox.model import WAITING, Status
from tocsin.core.values import Value

UNSETTLED = (Status.DEAD, Status.UNKNOWN)
"""The statuses that need a person."""


@attrs.frozen(eq=False, repr=False)
class StatusCount(Value):
    """The number of rows with a destination and a status, and when the oldest of them was inserted, in seconds since 1970."""

    destination: str
    status: Status
    count: int
    oldest: float


@attrs.frozen(eq=False, repr=False)
class DestinationStatus(Value):
    """The status of the messages to one destination.

    Args:
        destination: the destination.
        counts: the number of messages of each status, with an entry for every status.
        oldest: when the oldest waiting message was written, in seconds since 1970; None if none waits.
    """

    destination: str
    counts: Mapping[Status, int]
    oldest: float | None


def destination_statuses(counts: Iterable[StatusCount]) -> tuple[DestinationStatus, ...]:
    """Return the status of each destination, in the order of their names."""
    found: dict[str, list[StatusCount]] = {}
    for each in counts:
        found.setdefault(each.destination, []).append(each)
    return tuple(_destination_status(destination, found[destination]) for destination in sorted(found))


def _destination_status(destination: str, counts: Iterable[StatusCount]) -> DestinationStatus:
    by_status, oldest = dict.fromkeys(Status, 0), list[float]()
    for each in counts:
        by_status[each.status] += each.count
        if each.status in WAITING:
            oldest.append(each.oldest)
    return DestinationStatus(destination, by_status, min(oldest, default=None))


def count(counts: Iterable[StatusCount], statuses: Iterable[Status]) -> int:
    """Return how many rows have one of these statuses."""
    wanted = frozenset(statuses)
    return sum(each.count for each in counts if each.status in wanted)


def messages(number: int) -> str:
    """Return a number of messages in words.

    >>> messages(1), messages(1200)
    ('1 message', '1,200 messages')
    """
    return "1 message" if number == 1 else f"{number:,} messages"


def to_do(counts: Iterable[StatusCount]) -> tuple[str, ...]:
    """Return what a person should do, one line each; empty if nothing is to do."""
    all_counts = tuple(counts)
    dead, unknown = (count(all_counts, [status]) for status in UNSETTLED)
    return (
        *([f"{messages(dead)} given up, and kept: see why with tocsin outbox list --status dead"] if dead else ()),
        *([f"{messages(unknown)} may have arrived, or not: see which with tocsin outbox list --status unknown"] if unknown else ()),
    )
