"""``Digest``: folds waiting messages to the same audience into one, so that a storm of failures becomes a handful of messages.

- Ten messages or fewer are sent singly, unchanged and in order; calls of user functions always are. Under a deadline, as at the end of
  the program, only as many are sent singly as there is time for; the others are folded.
- Folded messages share one outcome, that of the digest. The log has each of them at level INFO.
- Two digests to the same audience are some seconds apart, so that the next one folds more. A digest does not wait under a deadline, and
  a single message never does.
"""

import math
from collections import deque
from collections.abc import Sequence

import attrs
from typing_extensions import override

from tocsin.core.delivery.destinations import audience
from tocsin.core.delivery.digest import MIN_INTERVAL, THRESHOLD, fold, portions, regroup, singly
from tocsin.core.effects import CallBack, Effect, Message
from tocsin.core.outcomes import Delivered, Fault, Outcome
from tocsin.core.text import quote
from tocsin.shell import log
from tocsin.shell.adapters import time_limits
from tocsin.shell.adapters.clock import SystemTimer, Timer
from tocsin.shell.fork_safety import OnUse, forget_in_child, new_lock
from tocsin.shell.interpreter import Batching, Wrapper, execute


def folded(messages: Sequence[Message]) -> Message:
    """Return one message in place of several to the same audience, and log each of them."""
    digest = fold(messages)
    log.folded(digest, messages)
    return digest


def check_threshold(_: object, attribute: "attrs.Attribute[int]", value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{attribute.name} is how many waiting messages go singly, 1 or more, not {quote(value)}")


def check_min_interval(_: object, attribute: "attrs.Attribute[float]", value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ValueError(f"{attribute.name} is how many seconds lie between two digests, 0 or more, not {quote(value)}")


class _Turns:
    """Holds the time of each audience's last or next digest while it matters. It pickles as a new, empty object."""

    _lock = OnUse(new_lock)

    def __init__(self) -> None:
        self.forget()
        forget_in_child(self)

    def forget(self) -> None:
        """Start empty in a forked child."""
        vars(self).pop("_lock", None)
        self._last: dict[object, float] = {}

    def take(self, audience: object, now: float, min_interval: float) -> float:
        """Reserve and return the time of the audience's next digest."""
        with self._lock:
            self._last = {other: moment for other, moment in self._last.items() if moment + min_interval > now}
            due = self._last[audience] + min_interval if audience in self._last else now
            self._last[audience] = due
        return due

    def taken(self, audience: object, due: float, now: float) -> None:
        """Count the next interval from the end of the digest that was due at ``due``, unless another one was reserved meanwhile."""
        with self._lock:
            if self._last.get(audience) == due:
                self._last[audience] = now

    @override
    def __reduce__(self) -> "tuple[type[_Turns], tuple[()]]":
        return _Turns, ()


@attrs.frozen(eq=False)
class Digest(Wrapper, Batching):
    """Folds waiting messages to the same audience and passes them on to ``inner``.

    Args:
        inner: the interpreter that sends messages, one at a time.
        threshold: the number of waiting messages to the same audience that are sent singly; more are folded into one.
        min_interval: minimum seconds between two digests to the same audience, except under a deadline.
        timer: shows the time and waits.

    Raises:
        TypeError: ``inner`` is no interpreter, or is a queueing one.
        ValueError: ``threshold`` or ``min_interval`` is invalid.

    >>> from tocsin import Failed, Recording, Running, Task, interpreting, slack_notifier
    >>> with interpreting(Recording()) as waiting:
    ...     for number in range(1, 13):
    ...         state = slack_notifier(Task(f"load {number}"), Running(), Failed("disk full"))
    >>> sent = Recording()
    >>> outcomes = Digest(sent).batch(waiting.effects)
    >>> [effect.payload.title for effect in sent.effects]
    ['Digest']
    >>> len(outcomes)
    12
    """

    threshold: int = attrs.field(default=THRESHOLD, validator=check_threshold)
    min_interval: float = attrs.field(default=MIN_INTERVAL, validator=check_min_interval)
    timer: Timer = attrs.field(factory=SystemTimer, kw_only=True, repr=False)
    _turns: _Turns = attrs.field(factory=_Turns, init=False, repr=False)

    @override
    def perform(self, effect: Effect, /) -> Outcome:
        """Pass on a single effect at once, unchanged."""
        return execute(self.inner, effect)

    @override
    def batch(self, effects: Sequence[Effect], /) -> Sequence[Outcome]:
        """Pass on the effects, folded where many have the same audience. Return the outcome of each. Raises nothing."""
        outcomes: dict[int, Outcome] = {}
        threshold, waiting = self.threshold, deque(portions(effects, self.threshold))
        while waiting:
            possible = singly(self.threshold, time_limits.seconds_left(self.timer.monotonic()))
            if possible < threshold:  # a deadline may begin at any time
                threshold, waiting = possible, deque(regroup(effects, waiting, possible))
            portion = waiting.popleft()
            members = [effects[position] for position in portion]
            outcomes.update(zip(portion, self._pass_on(members), strict=True))
        return [outcomes[position] for position in range(len(effects))]

    def _pass_on(self, members: Sequence[Effect]) -> Sequence[Outcome]:
        messages = [member for member in members if not isinstance(member, CallBack)]
        if len(messages) > 1:
            try:
                digest = folded(messages)
            except Exception as error:  # of a user's time zone class, for example
                log.note(Fault("the digest", error))
            else:
                return [self._send(digest)] * len(messages)
        return [execute(self.inner, member) for member in members]

    def _send(self, digest: Message) -> Outcome:
        """Send the digest when its interval is over."""
        recipients, now = audience(digest), self.timer.monotonic()
        due = self._turns.take(recipients, now, self.min_interval)
        if time_limits.seconds_left(now) == math.inf:
            self.timer.wait(due - now)
        outcome = execute(self.inner, digest)
        self._turns.taken(recipients, due, self.timer.monotonic())
        return attrs.evolve(outcome, in_digest=digest.key) if isinstance(outcome, Delivered) else outcome
