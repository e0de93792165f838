"""``RateLimited``: keeps to the rate limit of each destination, and has a circuit breaker for failing ones.

- Each destination has a token bucket, which all threads share. Threads get their turns in the order in which they ask.
- A dead destination is not tried for five minutes. A destination that used up the whole deadline of its callers without success is not
  tried for one minute.
- An edit takes no turn of a message, since Slack counts edits apart. It is not tried while the circuit of its destination is open.
- A caller without time to wait gets a ``Retryable`` with the time of the next turn. Its turn is not used up.
- Buckets belong to an interpreter in a process. A forked child continues with copies, so that it is no faster than its parent would be;
  parent and child do not see what the other sends from then on.
"""

import math
from datetime import timedelta

import attrs
from typing_extensions import override

from tocsin.core.delivery.circuit_breaker import Circuit, error_if_open, record
from tocsin.core.delivery.destinations import Destination, destination
from tocsin.core.delivery.rate_limit import GMAIL, SLACK, Bucket, Rate, take, take_late
from tocsin.core.effects import Effect, is_edit
from tocsin.core.outcomes import DeliveryError, Outcome, Retryable
from tocsin.core.text import one_line, quote, span
from tocsin.shell.adapters.clock import SystemTimer, Timer, hurried_by
from tocsin.shell.adapters.time_limits import seconds_left
from tocsin.shell.fork_safety import OnUse, forget_in_child, new_lock
from tocsin.shell.interpreter import Wrapper, execute, is_idle
from tocsin.shell.redaction import redact

_EARLY = 0.05  # seconds; clocks and sleeps are not more exact: 16 ms on Windows


def _rate(_: object, field: "attrs.Attribute[Rate]", value: object) -> None:
    if not isinstance(value, Rate):
        raise TypeError(f"{field.name} takes a Rate, not {quote(value)}: write {field.name}=Rate(30, per=60, burst=3)")


class _Destinations:
    """The buckets and circuits of the destinations. It pickles as a new, empty object."""

    lock = OnUse(new_lock)

    def __init__(self) -> None:
        self.buckets: dict[Destination, Bucket] = {}
        self.circuits: dict[Destination, Circuit] = {}
        forget_in_child(self)

    def forget(self) -> None:
        """Replace the lock in a forked child: another thread of the parent may have held the old one."""
        vars(self).pop("lock", None)

    @override
    def __reduce__(self) -> "tuple[type[_Destinations], tuple[()]]":
        return type(self), ()


@attrs.frozen(eq=False)
class RateLimited(Wrapper):
    """Passes each effect on to ``inner`` as soon as the rate limit of its destination permits. Calls of functions do not wait.

    Args:
        inner: the interpreter that sends them. A queueing one, like ``Background``, is a TypeError.
        slack: the rate limit of one webhook, or of one channel of a bot. Anything but a ``Rate`` is a TypeError.
        gmail: the rate limit of one account.
        timer: shows the time and waits.

    >>> from tocsin import Recording
    >>> RateLimited(Recording(), slack=Rate(30, per=60, burst=3)).slack
    Rate(messages=30, per=60, burst=3)
    """

    slack: Rate = attrs.field(default=SLACK, validator=_rate)
    gmail: Rate = attrs.field(default=GMAIL, validator=_rate)
    timer: Timer = attrs.field(factory=SystemTimer, kw_only=True, repr=False)
    _destinations: _Destinations = attrs.field(factory=_Destinations, init=False, repr=False)

    @override
    def perform(self, effect: Effect, /) -> Outcome:
        where = destination(effect)
        if where is None or is_idle(self.inner):  # nothing is sent, so nobody need wait
            return execute(self.inner, effect)
        began = self.timer.monotonic()
        if is_edit(effect):
            return self._error_if_open(where, began) or execute(self.inner, effect)
        error = self._error_if_open(where, began) or self._wait(where)
        if error is not None:
            return error
        limit = seconds_left(began)
        outcome = execute(self.inner, effect)
        now = self.timer.monotonic()
        self._record(where, outcome, now, now - began if limit < math.inf else 0.0, limit)
        return outcome

    def _error_if_open(self, where: Destination, now: float) -> DeliveryError | None:
        """Return the outcome of a message that is not tried, since the circuit of its destination is open; else None."""
        with self._destinations.lock:
            return error_if_open(self._destinations.circuits.get(where, Circuit()), now)

    def _record(self, where: Destination, outcome: Outcome, now: float, spent: float, limit: float) -> None:
        """Record the outcome in the circuit of the destination."""
        with self._destinations.lock:
            self._destinations.circuits[where] = record(self._destinations.circuits.get(where, Circuit()), outcome, now, spent, limit)

    def _wait(self, where: Destination) -> Retryable | None:
        """Wait for a turn. Return an error if there is no time for that."""
        began, wait, granted = self._turn(where)
        due, now, before = began + wait, began, -math.inf
        while (
            granted and due - now > _EARLY and now > before and due - now <= seconds_left(now)
        ):  # a timer may wait less than it is asked to
            before = now
            with hurried_by(None):  # a hurry does not lift the rate limit
                self.timer.wait(due - now)
            now = self.timer.monotonic()
        if granted and due - now <= _EARLY:
            self._account_for_delay(where, due)
            return None
        after = timedelta(seconds=due - now)
        return Retryable(redact(f"too many messages to {one_line(str(where))}: the next may go in {span(after)}"), after)

    def _account_for_delay(self, where: Destination, due: float) -> None:
        """Count a turn that comes late, since the machine slept, from now on."""
        with self._destinations.lock:
            now = self.timer.monotonic()
            if now > due:
                self._destinations.buckets[where] = take_late(self._destinations.buckets[where], self._rate(where), now)

    def _rate(self, where: Destination) -> Rate:
        return self.slack if where.channel == "slack" else self.gmail

    def _turn(self, where: Destination) -> tuple[float, float, bool]:
        """Reserve a turn if there is time for it. Return the time now, the seconds until the turn, and whether it is reserved.

        The clock is read inside the lock, so that the times of turns are in order.
        """
        destinations = self._destinations
        with destinations.lock:
            now = self.timer.monotonic()
            bucket, wait = take(destinations.buckets.get(where, Bucket()), self._rate(where), now)
            granted = wait <= seconds_left(now)
            if granted:
                destinations.buckets[where] = bucket
        return now, wait, granted
