"""What the threads of a service know of it: whether it goes its rounds, whether it reaches the outbox, and what it has sent.

It is ready when it reaches the outbox, and alive as long as it goes its rounds: a database that is down makes it unready, and is no
reason to start it anew.
"""

import threading
import time
from collections.abc import Callable, Sequence

from tocsin.core.outbox.reckoning import Reckoning
from tocsin.core.outbox.rows import Row

FRESH = 60.0
"""For how many seconds a sign of life counts."""


class Board:
    """Where it is written; from any thread.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.reckoning: Reckoning = Reckoning()
        self.broken: str | None = None
        self._clock = clock
        self._lock = threading.Lock()
        self._turned: float | None = None
        self._reached: float | None = None

    def note(self, rows: Sequence[Row]) -> None:
        """A message was tried, and that is noted in the outbox."""
        with self._lock:
            self.reckoning = self.reckoning.noted(rows)

    def turn(self) -> None:
        """Another round begins."""
        self._turned = self._clock()

    def reach(self) -> None:
        """The outbox answered."""
        self._reached = self._clock()

    def breaks(self, fault: str) -> bool:
        """The outbox cannot be used; whether that is news."""
        with self._lock:
            before, self.broken = self.broken, fault
        return before is None

    def mends(self) -> bool:
        """It can be used; whether that is news."""
        with self._lock:
            before, self.broken = self.broken, None
        return before is not None

    @property
    def alive(self) -> bool:
        """Whether it goes its rounds."""
        return self._fresh(self._turned)

    @property
    def ready(self) -> bool:
        """Whether it does, and reaches the outbox."""
        return self.alive and self.broken is None and self._fresh(self._reached)

    def _fresh(self, then: float | None) -> bool:
        return then is not None and self._clock() - then <= FRESH
