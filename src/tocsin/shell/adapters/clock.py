"""Clocks and timers; no other module reads the time or sleeps for a message.

- A ``Clock`` is the wall clock: it says when something happened, and it may be set.
- A ``Timer`` is monotonic: it measures durations, and nothing can set it. A clock that is also a timer measures by that.
"""

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol, runtime_checkable

import attrs
from typing_extensions import override

from tocsin.core.transitions import later
from tocsin.shell.fork_safety import PerThread

_LONGEST_NAP = 30.0  # seconds; the wall clock may be set while we sleep

_thread = PerThread()


class Clock(Protocol):
    """Tells the wall-clock time, and sleeps until a moment."""

    def now(self) -> datetime:
        """Return the current time as an aware datetime."""
        ...

    def sleep_until(self, moment: datetime) -> None:
        """Sleep until ``moment``, an aware datetime; return at once if it is past."""
        ...


@runtime_checkable
class Timer(Protocol):
    """A monotonic clock that also waits."""

    def monotonic(self) -> float:
        """Return seconds since an arbitrary start."""
        ...

    def wait(self, seconds: float) -> None:
        """Wait for ``seconds``, or for less if the wait is interrupted. Return at once for 0 or less."""
        ...


@attrs.frozen
class SystemTimer(Timer):
    """The system's monotonic clock. ``hurried_by`` can end its waits early."""

    @override
    def monotonic(self) -> float:
        return time.monotonic()

    @override
    def wait(self, seconds: float) -> None:
        nudge = _current_nudge()
        if seconds <= 0:
            return
        if nudge is None:
            time.sleep(seconds)
        elif nudge.wait(seconds):
            nudge.clear()


@attrs.frozen
class SystemClock(SystemTimer, Clock):
    """The system clock in UTC: no time-zone difference between machines, and no hour repeated by daylight saving.

    It is the system's monotonic clock too.
    """

    @override
    def now(self) -> datetime:
        return datetime.now(UTC)

    @override
    def sleep_until(self, moment: datetime) -> None:
        while (left := (moment - self.now()).total_seconds()) > 0:
            time.sleep(min(left, _LONGEST_NAP))


CLOCK = SystemClock()


@attrs.frozen
class _ClockTimer(Timer):
    """A timer that goes by a clock. ``since`` is the time that the clock showed first."""

    clock: Clock
    since: datetime

    @override
    def monotonic(self) -> float:
        return (self.clock.now() - self.since).total_seconds()

    @override
    def wait(self, seconds: float) -> None:
        self.clock.sleep_until(later(self.clock.now(), timedelta(seconds=seconds)))


def timer_of(clock: Clock) -> Timer:
    """Return the clock itself if it is a timer too; else a timer that goes by what it shows: such a clock knows nothing better."""
    return clock if isinstance(clock, Timer) else _ClockTimer(clock, clock.now())


def _current_nudge() -> threading.Event | None:
    nudge: object = getattr(_thread.local, "nudge", None)
    return nudge if isinstance(nudge, threading.Event) else None


@contextmanager
def hurried_by(nudge: threading.Event | None) -> Generator[None]:
    """Let ``nudge`` interrupt ``SystemTimer`` in this thread while the block runs.

    Setting the event ends one wait: the current one, or else the next. With None, nothing interrupts a wait.
    """
    before = _current_nudge()
    _thread.local.nudge = nudge
    try:
        yield
    finally:
        _thread.local.nudge = before
