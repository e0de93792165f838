"""When a message is tried again, and when it is given up: exponential backoff with full jitter.

- Only what the other side did not act on (``Retryable``) is tried again as it is. Before the next try comes a pause, drawn evenly from
  0 up to a bound that doubles each time, so that many who failed together do not come back together. Where the other side says how
  long to wait, it is no shorter than that.
- What may have arrived (``Ambiguous``) is sent once more, marked, if it tells of a failure; else it stays unknown.
- Everything else is settled by its first answer; a call of somebody's code always is.
- It is over once the tries are used up, or the pause would not end before the deadline or before the caller loses patience. That is
  asked before the pause; after it the try is made, even if the machine slept meanwhile.
- What was spent is never less than the pauses: a timer that goes backwards buys no time.
"""

import math
from datetime import timedelta

import attrs

from tocsin.core.delivery.rendering import marked_as_repeat, tells_of_failure
from tocsin.core.effects import CallBack, Effect
from tocsin.core.filters.policies import count
from tocsin.core.messages.text import quote, span
from tocsin.core.outcomes import Ambiguous, DeliveryError, Outcome, Retryable
from tocsin.core.validation import is_seconds
from tocsin.core.values import Value

_LONGEST = 1e9  # seconds that a timer may show; more is no time that anybody waited
_DOUBLINGS = 1000  # 2.0 ** 1024 is no float any more


def _attempts(_: object, __: object, value: object) -> None:
    count(value, "attempts", "RetryPolicy(attempts=10)")


def _seconds(_: object, attribute: "attrs.Attribute[float]", value: object) -> None:
    if is_seconds(value):
        return
    name = attribute.name
    wrong = f"{name} is a number of seconds above 0, not {quote(value)}: write RetryPolicy({name}={attribute.default})"
    raise (ValueError if isinstance(value, int | float) and not isinstance(value, bool) else TypeError)(wrong)


@attrs.frozen(eq=False, repr=False)
class RetryPolicy(Value):
    """How often a message is tried, and for how long.

    Args:
        attempts: how many tries there are at most, the first one included.
        initial_delay: the longest pause after the first try, in seconds; the bound doubles with each try.
        max_delay: what that bound never exceeds, in seconds. Only the other side may ask for a longer pause.
        deadline: how long after the first try began the last one may begin, in seconds.

    Raises:
        TypeError: ``attempts`` is no int, or a time is no number.
        ValueError: ``attempts`` is below 1, a time is not above 0 or is beyond 10**9, or ``max_delay`` is below ``initial_delay``.

    >>> RetryPolicy(attempts=3)
    RetryPolicy(attempts=3, initial_delay=1.0, max_delay=60.0, deadline=300.0)
    """

    attempts: int = attrs.field(default=10, validator=_attempts)
    initial_delay: float = attrs.field(default=1.0, validator=_seconds)
    max_delay: float = attrs.field(default=60.0, validator=_seconds)
    deadline: float = attrs.field(default=300.0, validator=_seconds)

    def __attrs_post_init__(self) -> None:
        if self.max_delay < self.initial_delay:
            least = self.initial_delay
            raise ValueError(f"max_delay is at least initial_delay, {least}, not {self.max_delay}: write max_delay={least}, or more")

    def bound(self, number: int) -> float:
        """The seconds that the pause after try ``number`` is below, unless the other side asks for more.

        >>> [RetryPolicy().bound(number) for number in (1, 2, 3, 7, 10_000)]
        [1.0, 2.0, 4.0, 60.0, 60.0]
        """
        return min(self.max_delay, self.initial_delay * 2.0 ** min(number - 1, _DOUBLINGS))


@attrs.frozen(eq=False, repr=False)
class Try(Value):
    """One try.

    Args:
        effect: what is sent.
        number: the how manieth it is, from 1.
        repeated: whether an earlier one went without an answer, so that this one may be the second to arrive.
        spent: the seconds that were spent before it, at least.
    """

    effect: Effect
    number: int = 1
    repeated: bool = False
    spent: float = 0.0


@attrs.frozen(eq=False, repr=False)
class RetryLater(Value):
    """After a pause comes the next try.

    Args:
        pause: the seconds to wait.
        attempt: the next try.
        otherwise: what came of all tries, should there be no time for it after all.
        least: the seconds that the other side asks for: also who is in a hurry waits so long.
    """

    pause: float
    attempt: Try
    otherwise: Outcome
    least: float = 0.0


@attrs.frozen(eq=False, repr=False)
class Final(Value):
    """That was the last try, and this is what came of them all."""

    outcome: Outcome


def decide(
    policy: RetryPolicy, last: Try, outcome: Outcome, *, elapsed: float, draw: float, left: float = math.inf
) -> RetryLater | Final:
    """What follows on a try.

    Args:
        policy: how often, and for how long.
        last: the try that has ended.
        outcome: how it ended.
        elapsed: the seconds since the first try began, as a timer shows them.
        draw: a random number from 0 up to, not including, 1.
        left: the seconds for which the caller is willing to wait, as of now.

    >>> from tocsin.testing.strategies import posts
    >>> from hypothesis import find
    >>> first = Try(find(posts(), lambda post: True))
    >>> decide(RetryPolicy(), first, Retryable("busy", timedelta(seconds=7)), elapsed=0.2, draw=0.5).pause
    7.0
    >>> decide(RetryPolicy(attempts=1), first, Retryable("busy"), elapsed=0.2, draw=0.5)
    Final(outcome=Retryable(reason='busy; tried once in 200 ms', after=None))
    """
    shown = min(max(0.0, elapsed), _LONGEST)
    spent = max(last.spent, shown)
    least = _asked(outcome)
    pause = max(min(draw * policy.bound(last.number), left / 2), least)  # by halves, so that the last try is not long before the end
    following = _following(last, outcome, spent + pause)
    if following is None or last.number >= policy.attempts or pause >= left or following.spent >= policy.deadline:
        return Final(_settled(last, outcome, shown))
    return RetryLater(pause, following, _settled(last, outcome, shown), least)


def _asked(outcome: Outcome) -> float:
    """The seconds for which the other side asks."""
    return outcome.after.total_seconds() if isinstance(outcome, Retryable) and outcome.after is not None else 0.0


def _following(last: Try, outcome: Outcome, spent: float) -> Try | None:
    """The next try, if the outcome allows one."""
    effect = last.effect
    if isinstance(effect, CallBack):
        return None
    if isinstance(outcome, Retryable):
        return attrs.evolve(last, number=last.number + 1, spent=spent)
    if isinstance(outcome, Ambiguous) and not last.repeated and tells_of_failure(effect):
        return Try(marked_as_repeat(effect), last.number + 1, repeated=True, spent=spent)
    return None


def _settled(last: Try, outcome: Outcome, elapsed: float) -> Outcome:
    """What came of all tries: an error says how many they were, unless its first answer was enough to settle it.

    That a repeat was put off says nothing of the message before it, which may have arrived.
    """
    if not isinstance(outcome, DeliveryError) or isinstance(last.effect, CallBack):
        return outcome
    if last.number == 1 and not isinstance(outcome, Retryable):
        return outcome
    times = "once" if last.number == 1 else f"{last.number} times"
    reason = f"{outcome.reason}; tried {times} in {span(timedelta(seconds=elapsed))}"
    if last.repeated and isinstance(outcome, Retryable):
        return Ambiguous(f"{reason}, and one try went without an answer: it may have arrived")
    return attrs.evolve(outcome, reason=reason)


def parse_retry_after(header: str | None) -> timedelta | None:
    """Return the pause that the HTTP header Retry-After asks for, at most a day; None if it is no whole number of seconds.

    >>> parse_retry_after("30"), parse_retry_after("soon")
    (datetime.timedelta(seconds=30), None)
    """
    if header is None or not (header.isascii() and header.strip().isdigit()):
        return None
    return timedelta(seconds=min(int(header.strip()[:9]), 86_400))
