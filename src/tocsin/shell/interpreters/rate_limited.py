"""Keeps to the rate that a destination takes, and leaves one alone for a while that is known to fail.

- Each destination has a bucket of its own, which all threads share. They get their turns in the order in which they ask.
- One that is dead is not tried for five minutes; one that made callers wait for nothing, as long as they were willing to, for one.
- Whoever has no time to wait gets a ``Retryable`` that says when to come again, and its turn is not used up.
- Buckets belong to an interpreter in a process. A child that was forked goes on with copies of them, so that it is no faster than
  its parent would be; but what either sends from then on, the other does not see.
"""

import math
import threading
from datetime import timedelta

import attrs
from returns.io import IOResult
from typing_extensions import override

from tocsin.core.delivery.circuit_breaker import Circuit, error_if_open, record
from tocsin.core.delivery.destinations import Destination, destination
from tocsin.core.delivery.rate_limit import GMAIL, SLACK, Bucket, Rate, take, take_late
from tocsin.core.effects import Effect
from tocsin.core.messages.text import one_line, quote, span
from tocsin.core.outcomes import DeliveryError, Outcome, Receipt, Retryable, refused
from tocsin.shell.adapters.clock import SystemTimer, Timer, hurried_by
from tocsin.shell.adapters.redaction import redact
from tocsin.shell.adapters.time_limits import seconds_left
from tocsin.shell.fork_safety import forget_in_child
from tocsin.shell.interpreters import base
from tocsin.shell.interpreters.base import Interpreter, Notify, execute, notify_of, result_of

_EARLY = 0.05  # seconds; clocks and naps are only so exact, on Windows 16 ms


def _rate(_: object, field: "attrs.Attribute[Rate]", value: object) -> None:
    if not isinstance(value, Rate):
        raise TypeError(f"{field.name} takes a Rate, not {quote(value)}: write {field.name}=Rate(30, per=60, burst=3)")


class _Known:
    """What is known of the destinations: their buckets, and how they stand. It pickles as nothing."""

    def __init__(self) -> None:
        self.lock: threading.Lock = threading.Lock()
        self.buckets: dict[Destination, Bucket] = {}
        self.standings: dict[Destination, Circuit] = {}
        forget_in_child(self)

    def forget(self) -> None:
        """Take a lock of one's own, as a child does: another thread of the parent may have held the old one."""
        self.lock = threading.Lock()

    @override
    def __reduce__(self) -> "tuple[type[_Known], tuple[()]]":
        return type(self), ()


@attrs.frozen(eq=False)
class RateLimited:
    """Passes effects on to ``inner``, each as soon as its destination takes another one. Calls of functions do not wait.

    Args:
        inner: what sends them. One that answers later, like ``Background``, is a TypeError.
        slack: how fast messages may go to one webhook, or to one channel of a bot's. Anything but a ``Rate`` is a TypeError.
        gmail: how fast from one account.
        timer: what waits.

    >>> from tocsin import Recording
    >>> RateLimited(Recording(), slack=Rate(30, per=60, burst=3)).slack
    Rate(messages=30, per=60, burst=3)
    """

    inner: Interpreter = attrs.field(converter=base.inner)
    slack: Rate = attrs.field(default=SLACK, validator=_rate)
    gmail: Rate = attrs.field(default=GMAIL, validator=_rate)
    timer: Timer = attrs.field(factory=SystemTimer, kw_only=True, repr=False)
    _known: _Known = attrs.field(factory=_Known, init=False, repr=False)

    @property
    def notify(self) -> Notify:
        """What child processes are to do: what the inner interpreter says."""
        return notify_of(self.inner)

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        goal = destination(effect)
        if goal is None:
            return result_of(execute(self.inner, effect))
        asked = self.timer.monotonic()
        kept_out = self._closed(goal, asked) or self._wait(goal)
        if kept_out is not None:
            return refused(kept_out)
        patience = seconds_left(asked)
        outcome = execute(self.inner, effect)
        now = self.timer.monotonic()
        self._learn(goal, outcome, now, now - asked if patience < math.inf else 0.0, patience)
        return result_of(outcome)

    def _closed(self, goal: Destination, now: float) -> DeliveryError | None:
        """What becomes of a message that need not be tried, since its destination is known to fail."""
        with self._known.lock:
            return error_if_open(self._known.standings.get(goal, Circuit()), now)

    def _learn(self, goal: Destination, outcome: Outcome, now: float, spent: float, patience: float) -> None:
        with self._known.lock:
            self._known.standings[goal] = record(self._known.standings.get(goal, Circuit()), outcome, now, spent, patience)

    def _wait(self, goal: Destination) -> Retryable | None:
        """Wait for a turn; where there is no time for that, say so."""
        asked, missing, granted = self._turn(goal)
        due, now, before = asked + missing, asked, -math.inf
        while (
            granted and due - now > _EARLY and now > before and due - now <= seconds_left(now)
        ):  # a timer may wait less than it is asked to
            before = now
            with hurried_by(None):  # the pace is kept, whoever is in a hurry
                self.timer.wait(due - now)
            now = self.timer.monotonic()
        if granted and due - now <= _EARLY:
            self._go(goal, due)
            return None
        after = timedelta(seconds=due - now)
        return Retryable(redact(f"too many messages to {one_line(str(goal))}: the next may go in {span(after)}"), after)

    def _go(self, goal: Destination, due: float) -> None:
        """See to it that a turn which comes late, since the machine slept, is counted now."""
        with self._known.lock:
            now = self.timer.monotonic()
            if now > due:
                self._known.buckets[goal] = take_late(self._known.buckets[goal], self._rate(goal), now)

    def _rate(self, goal: Destination) -> Rate:
        return self.slack if goal.channel == "slack" else self.gmail

    def _turn(self, goal: Destination) -> tuple[float, float, bool]:
        """When a turn was asked for, the seconds from then on until it comes, and whether it is ours: whether there is time for it.

        The clock is read inside of the lock, so that it goes on from one turn to the next.
        """
        known = self._known
        with known.lock:
            now = self.timer.monotonic()
            bucket, wait = take(known.buckets.get(goal, Bucket()), self._rate(goal), now)
            granted = wait <= seconds_left(now)
            if granted:
                known.buckets[goal] = bucket
        return now, wait, granted
