"""Selections by hand: the age that a person writes, and the rows that a person has tried again or removed.

- Tried again are the named rows; or all dead ones; or, if asked for, the delayed or unknown ones. An unknown message may arrive twice.
- Removed are the delivered rows; or, if asked for, the dead or unknown ones. A waiting row is never removed: it must be buried first.
"""

import re
from collections.abc import Sequence
from datetime import timedelta

import attrs

from tocsin.core.outbox.model import WAITING, Status
from tocsin.core.outbox.state_machine import TABLE, RetryAsked
from tocsin.core.values import Value

_AGE = re.compile(r"([0-9]{1,6})([smhdw])", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

RETRYABLE = (Status.DEAD, Status.UNKNOWN, Status.DELAYED)
"""The statuses whose rows may be tried again all at once."""

REMOVABLE = tuple(status for status in Status if status not in WAITING)
"""The statuses whose rows may be removed."""


def parse_age(text: str) -> timedelta | None:
    """Parse an age: a whole number and a unit (s, m, h, d or w). Return None for any other text.

    >>> parse_age("7d"), parse_age("90m"), parse_age("a week")
    (datetime.timedelta(days=7), datetime.timedelta(seconds=5400), None)
    """
    found = _AGE.fullmatch(text.strip())
    return None if found is None else timedelta(**{_UNITS[found[2]]: int(found[1])})


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
