"""How far a run has come: the steps that are done, their rate, the time that is left; and when to say that a run goes on.

- The rate is a mean over the last minutes, weighted by age: ``SMOOTHING`` seconds ago counts 1/e. At a constant pace it is exact.
- Times are readings of a clock that nobody sets, in seconds. They are passed in.
- A smaller count than before, or another total, begins anew: a second epoch is not a step back.
"""

import math
from datetime import datetime, timedelta
from operator import index
from typing import SupportsIndex

import attrs

from tocsin.core.events import Facts, Said
from tocsin.core.text import span
from tocsin.core.values import Value

Count = int | float
Countable = SupportsIndex | float
"""What counts steps: an int, an integer of another library, or a float."""

MIN_INTERVAL = 15.0
"""Seconds between two edits that show the progress of a run."""

MIN_PERIOD = 0.1
"""The fewest seconds after which a run may be said to go on."""
SMOOTHING = 120.0  # seconds
_LARGEST = 10**15  # a count that is larger is no count, and could not be divided
_STALLED = 60.0  # seconds without a step that are no pause
_SKIPPED_STEPS = 10  # times that a step may take before the run has stalled
_LONGEST = 100 * 86_400.0  # seconds; of an estimate


@attrs.frozen(eq=False, repr=False)
class Progress(Value):
    """What is known of a run's steps at one reading.

    Args:
        done: the steps that are done, 0 or more.
        total: all steps, more than 0; None if unknown.
        at: the reading of the clock, in seconds.
        steps: the steps since the first reading, those long ago weighted less.
        seconds: the seconds that they took, weighted alike.
    """

    done: Count
    total: Count | None
    at: float
    steps: float = 0.0
    seconds: float = 0.0

    def advanced(self, done: Count, total: Count | None, at: float) -> "Progress":
        """Return the progress at a later reading.

        >>> Progress(0, 10, at=0.0).advanced(4, 10, at=2.0).rate
        2.0
        """
        if done < self.done or total != self.total:
            return Progress(done, total, at)
        passed = max(at - self.at, 0.0)
        kept = math.exp(-passed / SMOOTHING)
        return Progress(done, total, self.at + passed, self.steps * kept + float(done - self.done), self.seconds * kept + passed)

    @property
    def rate(self) -> float | None:
        """The steps a second; None if no step was made, or in no time."""
        if self.steps <= 0.0 or self.seconds <= 0.0:
            return None
        rate = self.steps / self.seconds
        return rate if 0.0 < rate < math.inf else None


def count(value: object) -> Count | None:
    """Return a number of steps as a plain int or float; None if it is none: not finite, negative or too large. It may raise.

    A value of another library counts if it is an integer by ``__index__``, or a subclass of float.

    >>> count(3), count(2.5), count(True), count(-1), count(float("nan")), count("3")
    (3, 2.5, None, None, None, None)
    """
    exact: Count
    if type(value) is int or type(value) is float:
        exact = value
    elif isinstance(value, float):
        exact = float.__add__(value, 0.0)
    elif isinstance(value, SupportsIndex) and not isinstance(value, bool):
        exact = int.__add__(index(value), 0)  # it may be of a subclass
    else:
        return None
    return exact if 0 <= exact <= _LARGEST else None


def worded(progress: Progress, now: float | None = None) -> str:
    """Return the progress in words. Without ``now``, the run is over, and no time is left.

    >>> loading = Progress(0, 3000, at=0.0).advanced(1200, 3000, at=375.0)
    >>> worded(loading, 375.0)
    '1,200 of 3,000 (40 %), 3.2/s, about 9 m left'
    >>> worded(loading, 1875.0)
    '1,200 of 3,000 (40 %), no step for 25 m'
    >>> worded(loading), worded(Progress(7, None, at=0.0), 1.0)
    ('1,200 of 3,000 (40 %), 3.2/s', '7 done')
    """
    done, total, rate = progress.done, progress.total, progress.rate
    parts = [f"{_number(done)} done" if total is None else f"{_number(done)} of {_number(total)}{_percent(done, total)}"]
    if rate is None:
        return parts[0]
    idle = 0.0 if now is None else now - progress.at
    is_over = total is not None and done >= total
    if not is_over and idle >= max(_STALLED, _SKIPPED_STEPS / rate):
        return f"{parts[0]}, no step for {_about(idle)}"
    parts.append(_rate(rate))
    if now is not None and total is not None and not is_over:
        left = float(total - done) / rate - min(max(idle, 0.0), 1.0 / rate)
        parts.append(f"about {_about(left)} left" if left < _LONGEST else "more than 100 d left")
    return ", ".join(parts)


def _percent(done: Count, total: Count) -> str:
    """Return the part that is done, rounded down: only what is complete is 100 %."""
    return f" ({int(100 * done / total)} %)" if done <= total else ""


def _number(value: Count) -> str:
    return f"{value:,}" if isinstance(value, int) else _stripped(f"{value:,.2f}")


def _rate(rate: float) -> str:
    for unit, seconds in (("s", 1), ("min", 60), ("h", 3_600)):
        if rate * seconds >= 1.0:
            return f"{_short(rate * seconds)}/{unit}"
    return f"{_short(rate * 86_400)}/d"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else _stripped(f"{value:.1f}")


def _stripped(number: str) -> str:
    return number.rstrip("0").rstrip(".")


def _about(seconds: float) -> str:
    """Return a duration with at most two units, and no more exact than an estimate is."""
    if seconds < 9.5:
        return f"{max(round(seconds), 1)} s"
    unit = 1 if seconds < 60 else 60 if seconds < 3_600 else 600 if seconds < 86_400 else 3_600
    return span(timedelta(seconds=round(seconds / unit) * unit))


def next_reminder(period: float, elapsed: float) -> float:
    """Return when to say next that a run goes on: the first of ``period`` (more than 0), twice, four times ... it that is to come.

    >>> [next_reminder(7200.0, elapsed) for elapsed in (0.0, 7200.0, 14400.0, 50_000.0)]
    [7200.0, 14400.0, 28800.0, 57600.0]
    """
    due = period
    while due <= elapsed:
        due *= 2
    return due


def still_running(at: datetime, seconds: float, progress: str | None, facts: Facts) -> Said:
    """Return the event that tells that a run goes on, ``seconds`` after its start, with its ``progress`` in words if that is known."""
    return Said(at, text=progress or "", verb=f"is still running after {span(timedelta(seconds=seconds))}", facts=facts)
