"""``Retrying``: retries failed deliveries. ``tocsin.core.delivery.retry`` decides; this module waits.

- No layer below retries: neither the adapters nor the HTTP client do.
- A delivery is synchronous: the caller waits for all attempts, unless an outer interpreter runs it in the background.
"""

from collections.abc import Callable

import attrs
from typing_extensions import override

from tocsin.core.delivery.retry import Final, RetryLater, RetryPolicy, Try, decide
from tocsin.core.effects import Effect
from tocsin.core.outcomes import Outcome
from tocsin.core.text import quote
from tocsin.shell.adapters import time_limits
from tocsin.shell.adapters.clock import SystemTimer, Timer, hurried_by
from tocsin.shell.interpreter import Interpreter, Wrapper, execute
from tocsin.shell.interpreters.live import Live
from tocsin.shell.interpreters.rate_limited import RateLimited
from tocsin.shell.interpreters.rendered import ByMail, BySlack

_EARLY = 0.05  # seconds; clocks and sleeps are not more exact


def _chance() -> float:
    """Return a number in [0, 1) from the system: a fork would copy a generator of Python, and the children would pause in step."""
    from random import SystemRandom  # slow to load, and needed only after an attempt

    return SystemRandom().random()


def _policy(_: object, __: object, value: object) -> None:
    if not isinstance(value, RetryPolicy):
        raise TypeError(f"policy is a RetryPolicy, not {quote(value)}: write Retrying(..., RetryPolicy(attempts=10))")


@attrs.frozen(eq=False)
class Retrying(Wrapper):
    """Passes each effect on to ``inner``, and again while another attempt may succeed.

    Args:
        inner: the interpreter that attempts an effect once.
        policy: how often and for how long an effect is tried.
        timer: shows the time and waits.
        draw: returns a random number in [0, 1) for each attempt.

    Raises:
        TypeError: ``inner`` is no interpreter, or one that belongs further out; ``policy`` is no ``RetryPolicy``.
        ValueError: the policy's deadline is shorter than one attempt by ``Live`` may take.

    >>> from tocsin import Recording
    >>> Retrying(Recording(), RetryPolicy(attempts=3))
    Retrying(inner=<Recording of 0 effects>, policy=RetryPolicy(attempts=3, initial_delay=1.0, max_delay=60.0, deadline=300.0))
    """

    policy: RetryPolicy = attrs.field(factory=RetryPolicy, validator=_policy)
    timer: Timer = attrs.field(factory=SystemTimer, kw_only=True, repr=False)
    draw: Callable[[], float] = attrs.field(default=_chance, kw_only=True, repr=False)

    def __attrs_post_init__(self) -> None:
        longest = _longest_try(self.inner)
        if self.policy.deadline < longest:
            too_short = f"deadline={self.policy.deadline:g} of the policy is shorter than one try, which may take {longest:g} s"
            raise ValueError(f"{too_short}: write RetryPolicy(deadline={longest:g}), or more")

    @override
    def perform(self, effect: Effect, /) -> Outcome:
        began, attempt = self.timer.monotonic(), Try(effect)
        while isinstance(decision := self._attempt(attempt, began), RetryLater):
            if not self._pause(decision):
                return decision.otherwise
            attempt = decision.attempt
        return decision.outcome

    def _pause(self, decision: RetryLater) -> bool:
        """Pause before the next attempt. A hurry cuts that short, except for the time that the destination demands.

        Return whether there was time for the pause.
        """
        if not decision.least:
            self.timer.wait(decision.pause)
            return True
        began = self.timer.monotonic()
        self.timer.wait(decision.pause)
        now = self.timer.monotonic()
        missing = decision.least - (now - began)
        if missing <= _EARLY:
            return True
        if missing >= time_limits.seconds_left(now):
            return False
        with hurried_by(None):
            self.timer.wait(missing)
        return True

    def _attempt(self, attempt: Try, began: float) -> RetryLater | Final:
        """Make the attempt and decide what follows."""
        outcome = execute(self.inner, attempt.effect)
        now = self.timer.monotonic()
        return decide(self.policy, attempt, outcome, elapsed=now - began, draw=self.draw(), left=time_limits.seconds_left(now))


def _longest_try(inner: Interpreter) -> float:
    """Return how many seconds one attempt may take; 0.0 if unknown."""
    match inner:
        case Live(slack=slack, mail=mail):
            return max(slack.deadline, mail.deadline)
        case ByMail(inner=Live(mail=mail)):
            return mail.deadline
        case BySlack(inner=Live(slack=slack)):
            return slack.deadline
        case RateLimited() | ByMail() | BySlack():
            return _longest_try(inner.inner)
        case _:
            return 0.0
