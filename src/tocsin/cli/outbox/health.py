"""What the threads of a service know of it: whether it goes its rounds, whether it reaches the outbox, and what it has sent.

It is ready when it reaches the outbox, and alive as long as it goes its rounds: a database that is down makes it unready, and is no
reason to start it anew.

The pages of a service that drains: ``/metrics`` for Prometheus, ``/ready`` and ``/live`` for whoever looks after it.

However often it is asked, the outbox is counted once in a few seconds: to count a million messages takes a moment.
"""

import threading
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING

from tocsin.cli.outbox.http_server import Page, Pages
from tocsin.core.outbox.metrics import CONTENT_TYPE, DrainCounters, Readings, exposition
from tocsin.core.outbox.model import Row
from tocsin.core.outbox.status import DestinationStatus, destination_statuses
from tocsin.shell.adapters.redaction import redact
from tocsin.shell.outbox.errors import OutboxError

if TYPE_CHECKING:
    from tocsin.shell.outbox.store import Store

FRESH = 60.0
"""For how many seconds a sign of life counts."""


class Health:
    """Where it is written; from any thread.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.reckoning: DrainCounters = DrainCounters()
        self.broken: str | None = None
        self._clock = clock
        self._lock = threading.Lock()
        self._turned: float | None = None
        self._reached: float | None = None

    def note(self, rows: Sequence[Row]) -> None:
        """A message was tried, and that is noted in the outbox."""
        with self._lock:
            self.reckoning = self.reckoning.after_try(rows)

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


_FRESH = 5.0  # seconds for which a count is good


class Metrics:
    """What is known of an outbox, and of those who drain it here."""

    def __init__(self, store: "Store", board: Health) -> None:
        self._store = store
        self._board = board
        self._lock = threading.Lock()
        self._readings: Readings | None = None
        self._read_at = -_FRESH

    @property
    def pages(self) -> Pages:
        """All there is."""
        return {"/metrics": self._metrics, "/ready": self._ready, "/live": self._live}

    def _metrics(self) -> Page:
        with self._lock:
            if self._readings is None or time.monotonic() - self._read_at >= _FRESH:
                self._readings = self._read()
                self._read_at = time.monotonic()
        return Page(redact(exposition(self._readings)), content_type=CONTENT_TYPE)

    def _read(self) -> Readings:
        try:
            counted = self._counted() if self._board.broken is None else None
            return Readings(self._store.now(), counted, self._board.reckoning)
        except OutboxError:
            return Readings(time.time(), None, self._board.reckoning)

    def _counted(self) -> Sequence[DestinationStatus]:
        return destination_statuses(self._store.census()) if self._store.exists else ()

    def _ready(self) -> Page:
        if self._board.ready:
            return Page("ready\n")
        why = self._board.broken or "it has not reached the outbox of late"
        return Page(redact(f"{why}\n"), HTTPStatus.SERVICE_UNAVAILABLE)

    def _live(self) -> Page:
        return Page("alive\n") if self._board.alive else Page("it goes its rounds no more\n", HTTPStatus.SERVICE_UNAVAILABLE)
