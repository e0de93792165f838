"""How fast messages may go to one destination: a token bucket, which lets a few go at once and then keeps to a rate.

It is kept as one span: how long until the bucket is full again (the generic cell rate algorithm). Each message adds a gap to it, and
the time that passes takes it away; a message waits for as long as the span is longer than the bucket.

- Over any window, whatever its length: messages <= rate x window + burst. A message goes as soon as that allows, and not before.
- Turns are given in order, each with how long it is to wait for.
- Time passes forward. A clock that jumps back counts as one that stands still: nobody gets more, and nobody waits for the clock to
  come back. A clock that jumps ahead fills the bucket, and no more than that.
- Times are whole nanoseconds inside, and gaps are rounded up to one: nothing adds up to more than was asked for.
"""

from typing import TypeGuard

import attrs

from tocsin.core.messages.text import quote
from tocsin.core.validation import at_least
from tocsin.core.values import Value

_NANO = 10**9
_YEAR = 366 * 86_400


def _whole(_: object, field: "attrs.Attribute[int]", value: object) -> None:
    if not at_least(value, 1):
        wrong = f"{field.name} of a Rate is a whole number from 1 on, not {quote(value)}: {_WRITE}"
        raise (ValueError if _is_number(value) else TypeError)(wrong)


def _seconds(_: object, field: "attrs.Attribute[float]", value: object) -> None:
    if not _is_number(value) or not 0 < value <= _YEAR:
        wrong = f"{field.name} of a Rate is a number of seconds, more than 0 and at most a year, not {quote(value)}: {_WRITE}"
        raise (ValueError if _is_number(value) else TypeError)(wrong)


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


@attrs.frozen(eq=False, repr=False)
class Rate(Value):
    """How many messages may go in how long.

    Args:
        messages: how many, from 1 on.
        per: in how many seconds; at most a year.
        burst: how many may go at once after a pause, from 1 on.

    Raises:
        TypeError: one of them is no number.
        ValueError: one of them is out of its range.

    >>> Rate(30, per=60, burst=3)
    Rate(messages=30, per=60, burst=3)
    """

    messages: int = attrs.field(validator=_whole)
    per: float = attrs.field(validator=_seconds)
    burst: int = attrs.field(validator=_whole)

    @property
    def gap(self) -> int:
        """The nanoseconds from one message to the next, rounded up."""
        over, under = self.per.as_integer_ratio()
        return -(-over * _NANO // (under * self.messages))


_WRITE = "write Rate(30, per=60, burst=3) for 30 a minute, 3 of them at once"

SLACK = Rate(1, 1.0, 5)
"""As Slack's documentation of incoming webhooks has it: one a second, and short bursts."""

GMAIL = Rate(400, 86_400.0, 100)
"""No more than 500 in any day, which is what a personal account may send."""


@attrs.frozen(eq=False, repr=False)
class Bucket(Value):
    """What is left of a burst; a new one is full.

    Args:
        lacking: the nanoseconds until it is full again, from ``at`` on.
        at: when the last message asked, in nanoseconds of the clock.
    """

    lacking: int = 0
    at: int = 0


def take(bucket: Bucket, rate: Rate, now: float) -> tuple[Bucket, float]:
    """The bucket once a message has got its turn, and the seconds from ``now``, in seconds of the clock, until it may go.

    >>> bucket, wait = take(Bucket(), Rate(1, per=2, burst=1), now=10.0)
    >>> wait, take(bucket, Rate(1, per=2, burst=1), now=10.5)[1]
    (0.0, 1.5)
    """
    moment = round(now * _NANO)
    lacking = max(bucket.lacking - max(moment - bucket.at, 0), 0)
    wait = max(lacking - (rate.burst - 1) * rate.gap, 0)
    return Bucket(lacking + rate.gap, moment), wait / _NANO


def take_late(bucket: Bucket, rate: Rate, now: float) -> Bucket:
    """The bucket where a message goes ``now`` that had its turn before, since whoever waited for it overslept.

    >>> bucket, wait = take(Bucket(), Rate(1, per=2, burst=1), now=10.0)
    >>> take(take_late(bucket, Rate(1, per=2, burst=1), now=3600.0), Rate(1, per=2, burst=1), now=3600.0)[1]
    2.0
    """
    moment = round(now * _NANO)
    return Bucket(max(bucket.lacking - max(moment - bucket.at, 0), rate.gap), moment)
