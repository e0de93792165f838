"""The health and counters of ``tocsin outbox drain --watch``, and the HTTP pages that show them.

- ``/metrics`` is for Prometheus, ``/ready`` and ``/live`` for the service manager.
- The service is live while its loop runs, and ready while it reaches the outbox. So a database that is down makes it unready, and does
  not cause a restart.
- The outbox is counted at most once every five seconds, however often the metrics are read: counting a million messages takes a moment.
"""

import platform
import threading
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING

from tocsin.cli.outbox.http_server import Page, Pages
from tocsin.core.outbox.metrics import CONTENT_TYPE, DrainCounters, Readings, exposition
from tocsin.core.outbox.model import Row
from tocsin.core.outbox.status import DestinationStatus, destination_statuses
from tocsin.shell.errors import OutboxError
from tocsin.shell.redaction import redact

if TYPE_CHECKING:
    from tocsin.shell.outbox.store import Store

FRESH = 60.0
"""Seconds after which the loop counts as stopped, or the outbox as not reached."""

_COUNT_AGE = 5.0  # seconds for which a count of the outbox is reused


class Health:
    """The health and the counters of the service. It is thread-safe.

    Args:
        clock: returns seconds that never decrease.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.counters: DrainCounters = DrainCounters()
        self.error: str | None = None
        self._clock = clock
        self._lock = threading.Lock()
        self._round_at: float | None = None
        self._reached_at: float | None = None

    def count(self, rows: Sequence[Row]) -> None:
        """Count messages that were tried and updated in the outbox."""
        with self._lock:
            self.counters = self.counters.after_try(rows)

    def note_round(self) -> None:
        """Note that the loop has started a round."""
        self._round_at = self._clock()

    def note_reached(self) -> None:
        """Note that the outbox has answered."""
        self._reached_at = self._clock()

    def set_error(self, error: str) -> bool:
        """Note that the outbox cannot be used. Return whether it could be used before."""
        with self._lock:
            before, self.error = self.error, error
        return before is None

    def clear_error(self) -> bool:
        """Note that the outbox can be used. Return whether it could not be used before."""
        with self._lock:
            before, self.error = self.error, None
        return before is not None

    @property
    def alive(self) -> bool:
        """Whether the loop runs."""
        return self._is_fresh(self._round_at)

    @property
    def ready(self) -> bool:
        """Whether the loop runs and reaches the outbox."""
        return self.alive and self.error is None and self._is_fresh(self._reached_at)

    def _is_fresh(self, then: float | None) -> bool:
        return then is not None and self._clock() - then <= FRESH


class Metrics:
    """The pages of the service: metrics of the outbox and of the worker here, readiness and liveness."""

    def __init__(self, store: "Store", health: Health) -> None:
        self._store = store
        self._health = health
        self._lock = threading.Lock()
        self._readings: Readings | None = None
        self._read_at = -_COUNT_AGE
        self._newest: int | None = None  # the number of the newest row at the last look
        self._enqueued = 0
        self._build = (("version", version("tocsin")), ("python_version", platform.python_version()))

    @property
    def pages(self) -> Pages:
        """The pages by path."""
        return {"/metrics": self._metrics, "/ready": self._ready, "/live": self._live}

    def _metrics(self) -> Page:
        with self._lock:
            if self._readings is None or time.monotonic() - self._read_at >= _COUNT_AGE:
                self._readings = self._read()
                self._read_at = time.monotonic()
        return Page(redact(exposition(self._readings)), content_type=CONTENT_TYPE)

    def _read(self) -> Readings:
        try:
            statuses = self._statuses() if self._health.error is None else None
            return Readings(self._store.now(), statuses, self._health.counters, self._enqueued, self._build)
        except OutboxError:
            return Readings(time.time(), None, self._health.counters, self._enqueued, self._build)

    def _statuses(self) -> Sequence[DestinationStatus]:
        """Return the status of each destination, and count the messages that were put in since the last look."""
        if not self._store.exists:
            self._newest = 0  # all rows of the file to come are new
            return ()
        statuses = destination_statuses(self._store.census())
        inserted, self._newest = self._store.inserted_after(self._newest)
        self._enqueued += inserted
        return statuses

    def _ready(self) -> Page:
        if self._health.ready:
            return Page("ready\n")
        reason = self._health.error or f"the outbox was not reached in the last {FRESH:.0f} seconds"
        return Page(redact(f"{reason}\n"), HTTPStatus.SERVICE_UNAVAILABLE)

    def _live(self) -> Page:
        return Page("alive\n") if self._health.alive else Page("worker loop has stopped\n", HTTPStatus.SERVICE_UNAVAILABLE)
