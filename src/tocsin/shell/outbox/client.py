"""The outbox as the interpreter uses it: a store of messages, and a background worker that sends them."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

from tocsin.core.effects import Message
from tocsin.core.outbox.model import Row
from tocsin.core.text import describe, one_line
from tocsin.shell import log
from tocsin.shell.errors import OutboxBusy, OutboxError
from tocsin.shell.interpreter import OnSettled, loosely
from tocsin.shell.outbox.background_worker import BackgroundWorker, WorkerFactory
from tocsin.shell.outbox.codec import new_row
from tocsin.shell.outbox.store import Store
from tocsin.shell.redaction import redact

_T = TypeVar("_T")

_ERROR_PAUSE = 30.0  # seconds without a new attempt after the database could not be written: each caller would wait for it


class OutboxClient:
    """Stores messages in ``store`` and sends them by the worker of ``make_worker``. ``exit_timeout`` is that of ``Outbox``."""

    def __init__(self, store: Store, make_worker: WorkerFactory, exit_timeout: float) -> None:
        self._store = store
        self._worker = BackgroundWorker(store, make_worker, exit_timeout)
        self._error: OutboxError | None = None
        self._paused_until = 0.0
        self._outages = log.Outages()

    @property
    def far(self) -> bool:
        """Whether the database is on a server, which may accept a connection and not answer."""
        return self._store.far

    def say(self, error: OutboxError) -> None:
        """Log that messages are not stored; once, until the next message is stored."""
        if self._outages.begins(self.place):
            text = f"tocsin: {error}; until then, messages are sent without it, and are lost if the process dies"
            with suppress(Exception):  # a logging handler of the user may raise
                log.logger.error("%s", redact(one_line(text)))

    @property
    def place(self) -> str:
        """The path or the URL of the outbox, without a password."""
        return self._store.place

    def attend(self) -> None:
        """Send what other processes left, unless the file of the outbox does not exist."""
        if self._store.exists:
            self._worker.wake()

    def close(self) -> None:
        """Stop sending and close the database. Unsent messages stay in it."""
        self._worker.give_up()
        self._store.close()

    def keep(self, messages: Sequence[Message], on_settled: Sequence[OnSettled]) -> None:
        """Commit the messages. If that succeeds, each callback gets the final outcome of its message later.

        Raises:
            OutboxError: no message was stored.
        """
        if self._error is not None and time.monotonic() < self._paused_until:
            raise OutboxError(str(self._error))
        rows = self._rows(messages, self._guarded(self._store.now))
        callbacks = [(row.key, loosely(callback)) for row, callback in zip(rows, on_settled, strict=True)]
        for key, callback in callbacks:
            self._worker.expect(key, callback)
        try:
            self._guarded(lambda: self._store.put(rows))
        except BaseException:
            for key, callback in callbacks:
                self._worker.disown(key, callback)
            raise
        self._outages.ends(self.place)
        self._worker.mark_stored([row.key for row in rows])
        self._worker.wake()

    def _guarded(self, act: Callable[[], _T]) -> _T:
        """Run ``act``. After an error of the database, ``keep`` fails at once for 30 seconds."""
        try:
            return act()
        except OutboxBusy:
            raise
        except OutboxError as error:
            self._error, self._paused_until = error, time.monotonic() + _ERROR_PAUSE
            raise

    @staticmethod
    def _rows(messages: Sequence[Message], at: float) -> list[Row]:
        try:
            return [new_row(message, at) for message in messages]
        except Exception as error:  # a message that user code built may hold anything
            raise OutboxError(redact(f"a message cannot be kept in the outbox: {describe(error)}")) from None
