"""The pages of a service that drains: ``/metrics`` for Prometheus, ``/ready`` and ``/live`` for whoever looks after it.

However often it is asked, the outbox is counted once in a few seconds: to count a million messages takes a moment.
"""

import threading
import time
from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING

from tocsin.cli.outbox.board import Board
from tocsin.cli.outbox.serving import Page, Pages
from tocsin.core.outbox.metrics import CONTENT_TYPE, Readings, exposition
from tocsin.core.outbox.standing import Standing, standings
from tocsin.shell.adapters.redaction import redact
from tocsin.shell.outbox.faults import OutboxFault

if TYPE_CHECKING:
    from tocsin.shell.outbox.store import Store

_FRESH = 5.0  # seconds for which a count is good


class Metrics:
    """What is known of an outbox, and of those who drain it here."""

    def __init__(self, store: "Store", board: Board) -> None:
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
        except OutboxFault:
            return Readings(time.time(), None, self._board.reckoning)

    def _counted(self) -> Sequence[Standing]:
        return standings(self._store.census()) if self._store.exists else ()

    def _ready(self) -> Page:
        if self._board.ready:
            return Page("ready\n")
        why = self._board.broken or "it has not reached the outbox of late"
        return Page(redact(f"{why}\n"), HTTPStatus.SERVICE_UNAVAILABLE)

    def _live(self) -> Page:
        return Page("alive\n") if self._board.alive else Page("it goes its rounds no more\n", HTTPStatus.SERVICE_UNAVAILABLE)
