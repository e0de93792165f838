"""How an outbox stands, of the counts of its rows: for each destination, and whether a person should do something.

What is dead will not be sent, and of what is unknown nobody knows whether it arrived: both wait for a person. All else goes by itself.
"""

from collections.abc import Iterable, Mapping
from typing import Protocol

import attrs

from tocsin.core.outbox.model import WAITING, Status
from tocsin.core.values import Value

UNSETTLED = (Status.DEAD, Status.UNKNOWN)
"""What waits for a person."""


class StatusCount(Protocol):
    """How many rows of a destination have a status; ``oldest`` is when the first of them was taken in, in seconds since 1970."""

    @property
    def destination(self) -> str:
        """Where they go."""
        ...

    @property
    def status(self) -> Status:
        """Where they stand."""
        ...

    @property
    def count(self) -> int:
        """How many they are."""
        ...

    @property
    def oldest(self) -> float:
        """When the first of them was taken in."""
        ...


@attrs.frozen(eq=False, repr=False)
class DestinationStatus(Value):
    """How the messages to one destination stand.

    Args:
        destination: where they go.
        counts: how many there are of each status, of all statuses.
        oldest: when the oldest of those that wait was taken in; None where none waits.
    """

    destination: str
    counts: Mapping[Status, int]
    oldest: float | None


def destination_statuses(census: Iterable[StatusCount]) -> tuple[DestinationStatus, ...]:
    """How each destination stands, in the order of their names."""
    found: dict[str, list[StatusCount]] = {}
    for each in census:
        found.setdefault(each.destination, []).append(each)
    return tuple(_standing(destination, found[destination]) for destination in sorted(found))


def _standing(destination: str, census: Iterable[StatusCount]) -> DestinationStatus:
    counts, oldest = dict.fromkeys(Status, 0), list[float]()
    for each in census:
        counts[each.status] += each.count
        if each.status in WAITING:
            oldest.append(each.oldest)
    return DestinationStatus(destination, counts, min(oldest, default=None))


def count(census: Iterable[StatusCount], statuses: Iterable[Status]) -> int:
    """How many rows have one of these statuses."""
    wanted = frozenset(statuses)
    return sum(each.count for each in census if each.status in wanted)


def messages(number: int) -> str:
    """How many messages, in words.

    >>> messages(1), messages(1200)
    ('1 message', '1,200 messages')
    """
    return "1 message" if number == 1 else f"{number:,} messages"


def to_do(census: Iterable[StatusCount]) -> tuple[str, ...]:
    """What a person should do, a line each; nothing where nobody need do anything."""
    counted = tuple(census)
    dead, unknown = (count(counted, [status]) for status in UNSETTLED)
    return (
        *([f"{messages(dead)} given up, and kept: see why with tocsin outbox list --status dead"] if dead else ()),
        *([f"{messages(unknown)} may have arrived, or not: see which with tocsin outbox list --status unknown"] if unknown else ()),
    )
