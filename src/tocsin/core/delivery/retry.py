"""When a message is tried again, and when it is given up: exponential backoff with full jitter.

- A message that the service did not act on (``Retryable``) is tried again unchanged. The pause before the next try is drawn evenly from
  0 up to a bound that doubles each time, so that many messages that failed together do not return together. If the service asks for a
  pause, the pause is no shorter than that.
- A message that may have arrived (``Ambiguous``) is sent once more, marked as a possible repetition, if it reports a failure. Else its
  outcome stays unknown. The repetition follows some seconds later, at half of the time left if that is sooner: what cut off the first
  answer, a restart for example, would cut off an immediate second one, too, and there is no third.
- A mail that some recipients have, and that was refused for others for now, is tried again for these alone.
- Any other outcome is final after the first answer. The outcome of a user's callback, and of an edit, is always final.
- The message is given up once its tries are used up, or if the pause would end after the deadline or the caller's timeout. That is
  checked before the pause. After the pause the try is made, even if the machine slept meanwhile.
- The time spent is never less than the sum of the pauses, so a timer that goes backwards gains no time.
"""

import math
from datetime import timedelta

import attrs

from tocsin.core.delivery.combining import after_a_part, narrowed
from tocsin.core.delivery.rendering import marked_as_repeat, tells_of_failure
from tocsin.core.effects import CallBack, Effect, is_edit
from tocsin.core.filters.policies import count
from tocsin.core.outcomes import Ambiguous, Delivered, DeliveryError, Outcome, Retryable
from tocsin.core.text import quote, span
from tocsin.core.validation import is_seconds
from tocsin.core.values import Value

_LONGEST = 1e9  # seconds that a timer may show; a larger reading is a broken timer
_DOUBLINGS = 1000  # 2.0 ** 1024 overflows a float
_APART = 5.0  # initial delays between a message without an answer and its repetition, at least
_APART_AT_RANDOM = 2.0  # initial delays at most that are drawn in addition


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
    """The number of tries of a message, their pauses and their deadline.

    Args:
        attempts: the most tries, the first one included.
        initial_delay: the longest pause after the first try, in seconds. This bound doubles with each try.
        max_delay: the most that the bound grows to, in seconds. Only the service may ask for a longer pause.
        deadline: the most seconds from the start of the first try to the start of the last one.

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
        """Return the upper bound of the pause after try ``number``, in seconds, unless the service asks for more.

        >>> [RetryPolicy().bound(number) for number in (1, 2, 3, 7, 10_000)]
        [1.0, 2.0, 4.0, 60.0, 60.0]
        """
        return min(self.max_delay, self.initial_delay * 2.0 ** min(number - 1, _DOUBLINGS))


@attrs.frozen(eq=False, repr=False)
class Try(Value):
    """One try of a message.

    Args:
        effect: the effect to send.
        number: 1-based attempt number.
        repeated: whether an earlier try got no answer, so that this one may be the second to arrive.
        spent: at least how many seconds were spent before this try.
    """

    effect: Effect
    number: int = 1
    repeated: bool = False
    spent: float = 0.0


@attrs.frozen(eq=False, repr=False)
class RetryLater(Value):
    """The next try follows after a pause.

    Args:
        pause: the seconds to wait.
        attempt: the next try.
        otherwise: the outcome of all tries so far, in case there is no time for the next one.
        least: the seconds that the service asks for, or that lie between a message and its repetition. Not even a flush at exit
            shortens them.
    """

    pause: float
    attempt: Try
    otherwise: Outcome
    least: float = 0.0


@attrs.frozen(eq=False, repr=False)
class Final(Value):
    """There is no further try. ``outcome`` is that of all tries."""

    outcome: Outcome


def decide(
    policy: RetryPolicy, last: Try, outcome: Outcome, *, elapsed: float, draw: float, left: float = math.inf
) -> RetryLater | Final:
    """Decide what follows a try.

    Args:
        policy: the limits.
        last: the try that has ended.
        outcome: its outcome.
        elapsed: the seconds since the start of the first try, by a timer.
        draw: a random number from 0 up to, but not including, 1.
        left: the seconds that the caller still waits.

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
    least = _least(policy, outcome, draw, min(left, policy.deadline - spent))
    # The pause is at most half of the time left, so that the last try comes close to its end.
    pause = max(min(draw * policy.bound(last.number), left / 2), least)
    next_try = _next_try(last, outcome, spent + pause)
    if next_try is None or last.number >= policy.attempts or pause >= left or next_try.spent >= policy.deadline:
        return Final(_final_outcome(last, outcome, shown))
    return RetryLater(pause, next_try, _final_outcome(last, outcome, shown), least)


def _least(policy: RetryPolicy, outcome: Outcome, draw: float, left: float) -> float:
    """Return the seconds of a pause that nothing shortens."""
    if isinstance(outcome, Ambiguous):
        return max(min((_APART + draw * _APART_AT_RANDOM) * policy.initial_delay, policy.max_delay, left / 2), 0.0)
    return outcome.after.total_seconds() if isinstance(outcome, Retryable | Delivered) and outcome.after is not None else 0.0


def _next_try(last: Try, outcome: Outcome, spent: float) -> Try | None:
    effect = last.effect
    if isinstance(effect, CallBack) or is_edit(effect):
        return None
    if isinstance(outcome, Retryable):
        return attrs.evolve(last, number=last.number + 1, spent=spent)
    if isinstance(outcome, Ambiguous) and not last.repeated and tells_of_failure(effect):
        return Try(marked_as_repeat(effect), last.number + 1, repeated=True, spent=spent)
    rest = narrowed(effect, outcome)
    return None if rest is None else attrs.evolve(last, effect=rest, number=last.number + 1, spent=spent)


def _final_outcome(last: Try, outcome: Outcome, elapsed: float) -> Outcome:
    """Return the outcome of all tries. An error's reason gives their number, unless the first answer was final.

    If a marked repetition is ``Retryable``, the message before it may still have arrived, so the outcome is ``Ambiguous``.
    """
    return after_a_part(last.effect, _outcome_of_tries(last, outcome, elapsed))


def _outcome_of_tries(last: Try, outcome: Outcome, elapsed: float) -> Outcome:
    if not isinstance(outcome, DeliveryError) or isinstance(last.effect, CallBack) or is_edit(last.effect):
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
