"""The one place that reads a clock or waits for it: the wall's, which says when something happened and may be set; and a timer, which
only ever goes on, and says how long something took.
"""

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol

import attrs
from typing_extensions import override

_LONGEST_NAP = 30.0  # seconds; the wall clock may be set while we sleep


class Clock(Protocol):
    """Says what time it is, and waits."""

    def now(self) -> datetime:
        """This moment, an aware datetime."""
        ...

    def sleep_until(self, moment: datetime) -> None:
        """Return at ``moment``, an aware datetime; at once if it is past."""
        ...


@attrs.frozen
class SystemClock(Clock):
    """The machine's own clock, in UTC: the same everywhere, and no hour comes twice."""

    @override
    def now(self) -> datetime:
        return datetime.now(UTC)

    @override
    def sleep_until(self, moment: datetime) -> None:
        while (left := (moment - self.now()).total_seconds()) > 0:
            time.sleep(min(left, _LONGEST_NAP))


class Timer(Protocol):
    """Says how much time passes, and lets some pass. Nobody can set it."""

    def monotonic(self) -> float:
        """Seconds since some moment or other."""
        ...

    def wait(self, seconds: float) -> None:
        """Let some seconds pass; fewer, where somebody has no time to lose. None or fewer than none: return at once."""
        ...


@attrs.frozen
class SystemTimer(Timer):
    """The machine's own."""

    @override
    def monotonic(self) -> float:
        return time.monotonic()

    @override
    def wait(self, seconds: float) -> None:
        nudge = _nudge()
        if seconds <= 0:
            return
        if nudge is None:
            time.sleep(seconds)
        elif nudge.wait(seconds):
            nudge.clear()


_local = threading.local()


def _nudge() -> threading.Event | None:
    nudge: object = getattr(_local, "nudge", None)
    return nudge if isinstance(nudge, threading.Event) else None


@contextmanager
def hurried_by(nudge: threading.Event | None) -> Generator[None]:
    """Inside, in this thread, whoever sets ``nudge`` ends one wait of the system's timer, the present one or the next; None: nobody."""
    before = _nudge()
    _local.nudge = nudge
    try:
        yield
    finally:
        _local.nudge = before
