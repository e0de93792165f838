"""The clock of a server, without a round trip for each look at it: ours, and by how much it differed when the server was last asked."""

import time
from collections.abc import Callable

import attrs

_EVERY = 60.0  # seconds after which the server is asked again
_SET = 1.0  # seconds by which our clocks may disagree: more, and one of them was set, or the machine was suspended


@attrs.frozen
class _Sight:
    theirs: float
    wall: float
    monotonic: float


class Clock:
    """Remembers when the server was asked."""

    def __init__(self) -> None:
        self._seen: _Sight | None = None

    def now(self, ask: Callable[[], float]) -> float:
        """The server's time, in seconds since 1970; ``ask`` is called now and then only, and may raise.

        >>> Clock().now(lambda: 1_700_000_000.0) // 10
        170000000.0
        """
        seen, wall, monotonic = self._seen, time.time(), time.monotonic()
        if seen is None or monotonic - seen.monotonic > _EVERY or abs(wall - seen.wall - (monotonic - seen.monotonic)) > _SET:
            seen = self._seen = _Sight(ask(), time.time(), time.monotonic())
        return seen.theirs + time.monotonic() - seen.monotonic
