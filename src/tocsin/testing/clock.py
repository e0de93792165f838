"""``FakeClock``: a clock that never waits."""

from datetime import UTC, datetime, timedelta

import attrs
from typing_extensions import override

from tocsin.core.states import aware
from tocsin.core.transitions import later
from tocsin.shell.adapters import Clock
from tocsin.shell.adapters.clock import Timer

_SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)


@attrs.define(eq=False)
class FakeClock(Clock, Timer):
    """A clock that stands still; a sleep moves it forward at once.

    Args:
        time: the time that the clock shows, an aware datetime. Assign another one to set the clock, as a person would: no time passes.

    >>> from datetime import timedelta
    >>> from tocsin import Task, Flow
    >>> clock = FakeClock()
    >>> class Load(Task):
    ...     def run(self) -> None:
    ...         clock.advance(timedelta(seconds=3))
    ...         raise OSError("no route to host")
    >>> flow = Flow("nightly", tasks=[Load(max_retries=2, retry_delay=timedelta(minutes=5))])
    >>> flow.run(clock=clock).state
    Failed("Some reference tasks failed.")
    >>> clock.sleeps
    (datetime.timedelta(seconds=300), datetime.timedelta(seconds=300))
    """

    time: datetime = attrs.field(default=_SOME_DAY, validator=aware)
    _slept: list[timedelta] = attrs.field(factory=list[timedelta], init=False, repr=False)
    _passed: timedelta = attrs.field(default=timedelta(0), init=False, repr=False)

    @override
    def now(self) -> datetime:
        return self.time

    @override
    def sleep_until(self, moment: datetime) -> None:
        if moment > self.time:
            self._sleep(moment - self.time)

    @override
    def monotonic(self) -> float:
        return self._passed.total_seconds()

    @override
    def wait(self, seconds: float) -> None:
        if seconds > 0:
            self._sleep(timedelta(seconds=seconds))

    def advance(self, duration: timedelta) -> None:
        """Move the clock forward, as work that takes time would."""
        self.time = later(self.time, duration)
        self._passed += duration

    def _sleep(self, duration: timedelta) -> None:
        self._slept.append(duration)
        self.advance(duration)

    @property
    def sleeps(self) -> tuple[timedelta, ...]:
        """The length of each sleep, in order."""
        return tuple(self._slept)
