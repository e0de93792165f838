"""Folds what waits for the same people into one message, so that a storm of failures is a handful of messages.

- Ten messages or fewer go singly, untouched, in order; a call of somebody's function does so always. Once somebody is in a hurry, as at
  the end of the program, no more of them go singly than there is time for: what is left is folded.
- What was folded shares one outcome, that of the digest; and the log has each of them, at level INFO.
- Two digests to the same people are some seconds apart: meanwhile more can come that the next one folds. Where somebody is in a hurry,
  it does not wait, and neither does a single message.
"""

import math
import threading
from collections import deque
from collections.abc import Sequence

import attrs
from returns.io import IOResult
from typing_extensions import override

from tocsin.core.delivery.destinations import audience
from tocsin.core.delivery.digest import fold, portions, regroup, singly
from tocsin.core.effects import CallBack, Effect, Message
from tocsin.core.messages.text import quote
from tocsin.core.outcomes import Delivered, DeliveryError, Fault, Outcome, Receipt
from tocsin.shell import log
from tocsin.shell.adapters import time_limits
from tocsin.shell.adapters.clock import SystemTimer, Timer
from tocsin.shell.fork_safety import forget_in_child
from tocsin.shell.interpreters.base import Batching, Interpreter, Notify, execute, inner, notify_of, result_of


def folded(messages: Sequence[Message]) -> Message:
    """One message in place of several to the same people; from now on, the log has each of those."""
    whole = fold(messages)
    log.folded(whole, messages)
    return whole


def check_threshold(_: object, attribute: "attrs.Attribute[int]", value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{attribute.name} is how many waiting messages go singly, 1 or more, not {quote(value)}")


def check_min_interval(_: object, attribute: "attrs.Attribute[float]", value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ValueError(f"{attribute.name} is how many seconds lie between two digests, 0 or more, not {quote(value)}")


class _Turns:
    """When each audience had its last digest, or is to have it; what matters no more is forgotten. It pickles as a new one."""

    def __init__(self) -> None:
        self.forget()
        forget_in_child(self)

    def forget(self) -> None:
        """Start afresh, as a child does."""
        self._lock = threading.Lock()
        self._last: dict[object, float] = {}

    def take(self, audience: object, now: float, min_interval: float) -> float:
        """When the next digest to the audience is due. It is spoken for from now on."""
        with self._lock:
            self._last = {other: moment for other, moment in self._last.items() if moment + min_interval > now}
            due = self._last[audience] + min_interval if audience in self._last else now
            self._last[audience] = due
        return due

    def taken(self, audience: object, due: float, now: float) -> None:
        """It was over by now: the one after it counts from here, unless that is under way already."""
        with self._lock:
            if self._last.get(audience) == due:
                self._last[audience] = now

    @override
    def __reduce__(self) -> "tuple[type[_Turns], tuple[()]]":
        return _Turns, ()


@attrs.frozen(eq=False)
class Digest(Batching):
    """Folds what waits for the same people, and passes it on to ``inner``.

    Args:
        inner: what sends messages, one at a time.
        threshold: how many waiting messages to the same people go singly; where more wait, they are folded into one.
        min_interval: how many seconds lie at least between two digests to the same people, unless somebody is in a hurry.
        timer: what shows the time and waits.

    Raises:
        TypeError: ``inner`` is no interpreter, or one that answers later.
        ValueError: ``threshold`` or ``min_interval`` makes no sense.

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

    inner: Interpreter = attrs.field(converter=inner)
    threshold: int = attrs.field(default=10, validator=check_threshold)
    min_interval: float = attrs.field(default=10.0, validator=check_min_interval)
    timer: Timer = attrs.field(factory=SystemTimer, kw_only=True, repr=False)
    _turns: _Turns = attrs.field(factory=_Turns, init=False, repr=False)

    @property
    def notify(self) -> Notify:
        """What child processes are to do: what the inner interpreter says."""
        return notify_of(self.inner)

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        """Pass on the effect, which is the only one, at once and as it is."""
        return result_of(execute(self.inner, effect))

    @override
    def batch(self, effects: Sequence[Effect], /) -> Sequence[Outcome]:
        """Pass on the effects, those to the same people as one where there are many: the outcome of each. Raises nothing."""
        outcomes: dict[int, Outcome] = {}
        threshold, waiting = self.threshold, deque(portions(effects, self.threshold))
        while waiting:
            in_time = singly(self.threshold, time_limits.seconds_left(self.timer.monotonic()))
            if in_time < threshold:  # somebody is in a hurry, and maybe was in none before
                threshold, waiting = in_time, deque(regroup(effects, waiting, in_time))
            portion = waiting.popleft()
            members = [effects[position] for position in portion]
            outcomes.update(zip(portion, self._passed_on(members), strict=True))
        return [outcomes[position] for position in range(len(effects))]

    def _passed_on(self, members: Sequence[Effect]) -> Sequence[Outcome]:
        messages = [member for member in members if not isinstance(member, CallBack)]
        if len(messages) > 1:
            try:
                digest = folded(messages)
            except Exception as error:  # a time zone of somebody's own, say
                log.note(Fault("the digest", error))
            else:
                return [self._sent(digest)] * len(messages)
        return [execute(self.inner, member) for member in members]

    def _sent(self, digest: Message) -> Outcome:
        """Send the digest when it is its turn."""
        people, now = audience(digest), self.timer.monotonic()
        due = self._turns.take(people, now, self.min_interval)
        if time_limits.seconds_left(now) == math.inf:
            self.timer.wait(due - now)
        outcome = execute(self.inner, digest)
        self._turns.taken(people, due, self.timer.monotonic())
        return attrs.evolve(outcome, in_digest=digest.key) if isinstance(outcome, Delivered) else outcome
