"""A rate limit for each destination: a token bucket, which lets a short burst through and then keeps to a rate.

- The bucket is stored as one duration: the time until it is full again (generic cell rate algorithm). Each message adds a gap, and time
  that passes is subtracted. A message waits while the duration is longer than the bucket.
- In any window of any length: messages <= rate x window + burst. A message goes as soon as that allows, and not before.
- Messages get their turns in order, each with its wait.
- A clock that jumps back counts as one that stands still: no message goes earlier, and none waits for the clock to catch up. A clock
  that jumps ahead fills the bucket, and no more than that.
- Times are whole nanoseconds inside, and gaps are rounded up to a nanosecond. So the sum never exceeds the rate.
"""

from typing import TypeGuard

import attrs

from tocsin.core.text import quote
from tocsin.core.validation import at_least
from tocsin.core.values import Value

_NANO = 10**9
_YEAR = 366 * 86_400
_WRITE = "write Rate(30, per=60, burst=3) for 30 a minute, 3 of them at once"


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
    """A number of messages per time, with a burst.

    Args:
        messages: the number of messages, 1 or more.
        per: the seconds in which that many may go; more than 0 and at most a year.
        burst: the number of messages that may go at once after a pause, 1 or more.

    Raises:
        TypeError: an argument is no number.
        ValueError: an argument is out of its range.

    >>> Rate(30, per=60, burst=3)
    Rate(messages=30, per=60, burst=3)
    """

    messages: int = attrs.field(validator=_whole)
    per: float = attrs.field(validator=_seconds)
    burst: int = attrs.field(validator=_whole)

    @property
    def gap(self) -> int:
        """Return the nanoseconds from one message to the next, rounded up."""
        over, under = self.per.as_integer_ratio()
        return -(-over * _NANO // (under * self.messages))


SLACK = Rate(1, 1.0, 5)
"""Slack's documentation of incoming webhooks allows one message a second, and short bursts."""

GMAIL = Rate(400, 86_400.0, 100)
"""At most 500 mails in any day, which is the limit of a personal account."""


@attrs.frozen(eq=False, repr=False)
class Bucket(Value):
    """The state of a token bucket. A new bucket is full.

    Args:
        lacking: the nanoseconds from ``at`` until the bucket is full again.
        at: the moment of the last request, in nanoseconds of the clock.
    """

    lacking: int = 0
    at: int = 0


def take(bucket: Bucket, rate: Rate, now: float) -> tuple[Bucket, float]:
    """Return the bucket after a message took its turn, and the seconds from ``now`` until the message may go.

    ``now`` is in seconds of the clock.

    >>> bucket, wait = take(Bucket(), Rate(1, per=2, burst=1), now=10.0)
    >>> wait, take(bucket, Rate(1, per=2, burst=1), now=10.5)[1]
    (0.0, 1.5)
    """
    moment = round(now * _NANO)
    lacking = max(bucket.lacking - max(moment - bucket.at, 0), 0)
    wait = max(lacking - (rate.burst - 1) * rate.gap, 0)
    return Bucket(lacking + rate.gap, moment), wait / _NANO


def take_late(bucket: Bucket, rate: Rate, now: float) -> Bucket:
    """Return the bucket after a message that went later than its turn, at ``now``: its thread slept too long.

    >>> bucket, wait = take(Bucket(), Rate(1, per=2, burst=1), now=10.0)
    >>> take(take_late(bucket, Rate(1, per=2, burst=1), now=3600.0), Rate(1, per=2, burst=1), now=3600.0)[1]
    2.0
    """
    moment = round(now * _NANO)
    return Bucket(max(bucket.lacking - max(moment - bucket.at, 0), rate.gap), moment)
