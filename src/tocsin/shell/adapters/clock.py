"""The one place that reads a clock or waits for it."""

import time
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
