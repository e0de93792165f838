"""The status of an outbox, from the counts of its rows; what a person should do, and the rows that a person selects for it.

- A dead message will not be sent, and an unknown one may or may not have arrived: both need a person. All others need none.
- Tried again are the named rows; or all dead ones; or, if asked for, the delayed or unknown ones. An unknown message may arrive twice.
- Removed are the delivered rows; or, if asked for, the dead or unknown ones. A waiting row is never removed: it must be buried first.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

import attrs

from tocsin.core.durations import seconds_of
from tocsin.core.outbox.model import WAITING, Status
from tocsin.core.outbox.state_machine import TABLE, RetryAsked
from tocsin.core.values import Value

_MOST = 1e12  # seconds: longer than any datetime reaches

UNSETTLED = (Status.DEAD, Status.UNKNOWN)
"""The statuses that need a person."""

RETRYABLE = (Status.DEAD, Status.UNKNOWN, Status.DELAYED)
"""The statuses whose rows may be tried again all at once."""

REMOVABLE = tuple(status for status in Status if status not in WAITING)
"""The statuses whose rows may be removed."""


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


def parse_age(text: str) -> timedelta | None:
    """Parse an age, such as 7d or 1h30m. Return None for any other text.

    >>> parse_age("7d"), parse_age("1h30m"), parse_age("a week")
    (datetime.timedelta(days=7), datetime.timedelta(seconds=5400), None)
    """
    seconds = seconds_of(text.strip())
    return None if seconds is None or seconds > _MOST else timedelta(seconds=seconds)


@attrs.frozen(eq=False, repr=False)
class RetrySelection(Value):
    """The rows to try again: those with these keys, or all with these statuses."""

    keys: tuple[str, ...] = ()
    statuses: tuple[Status, ...] = ()


def select_for_retry(keys: Sequence[str], statuses: Sequence[Status], *, all_of_them: bool) -> RetrySelection | str:
    """Return the rows to try again; a text says why the request makes no sense, and what to write.

    >>> select_for_retry(["run.load..0.1"], [], all_of_them=False), select_for_retry([], [], all_of_them=True).statuses
    (RetrySelection(keys=('run.load..0.1',), statuses=()), (<Status.DEAD: 'dead'>,))
    """
    if keys:
        several = all_of_them or statuses
        return "KEY and --all exclude each other: write one of them" if several else RetrySelection(keys=tuple(dict.fromkeys(keys)))
    if not all_of_them:
        return "nothing is named: write tocsin outbox retry KEY ..., or tocsin outbox retry --all for all that is dead"
    wrong = [status.value for status in statuses if status not in RETRYABLE]
    if wrong:
        why = "is not sent again" if RetryAsked not in TABLE[Status(wrong[0])] else "is sent anyway"
        return f"what is {wrong[0]} {why}: --status is one of {', '.join(status.value for status in RETRYABLE)}"
    return RetrySelection(statuses=tuple(dict.fromkeys(statuses)) or (Status.DEAD,))


def statuses_to_remove(statuses: Sequence[Status]) -> tuple[Status, ...] | str:
    """Return the statuses of the rows to remove; a text says why the request makes no sense, and what to write.

    >>> statuses_to_remove([]), statuses_to_remove([Status.PENDING])[:32]
    ((<Status.DELIVERED: 'delivered'>,), 'what is pending is never removed')
    """
    waits = [status.value for status in statuses if status in WAITING]
    if waits:
        return f"what is {waits[0]} is never removed, since it is still to be sent: bury it first with tocsin outbox bury KEY"
    return tuple(dict.fromkeys(statuses)) or (Status.DELIVERED,)
