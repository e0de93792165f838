"""The outbox as the interpreter uses it: a store of messages, and a background worker that sends them.

After an error of the database, no message is stored until a thread of its own has written to it: a caller would have to wait for each
attempt. It tries every second, so that messages are stored again soon after an outage.
"""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from tocsin.core.effects import Message
from tocsin.core.outbox.model import Row
from tocsin.core.text import describe
from tocsin.shell import log
from tocsin.shell.errors import OutboxBusy, OutboxError
from tocsin.shell.fork_safety import OnUse, forget_in_child, new_event, new_lock
from tocsin.shell.interpreter import OnSettled, loosely
from tocsin.shell.outbox.background_worker import BackgroundWorker, WorkerFactory
from tocsin.shell.outbox.codec import new_row
from tocsin.shell.outbox.errors import needs_person
from tocsin.shell.outbox.store import Store
from tocsin.shell.redaction import redact
from tocsin.shell.threads import WorkerThread

_T = TypeVar("_T")

_PROBE_PAUSE = 1.0  # seconds between two attempts to write to the database after an error
_ERROR_PAUSE = 30.0  # seconds without a new attempt of a caller; and between two attempts if only a person can mend the error


class OutboxClient:
    """Stores messages in ``store`` and sends them by the worker of ``make_worker``. ``exit_timeout`` is that of ``Outbox``."""

    _closed = OnUse(new_event)
    _lock = OnUse(new_lock)

    def __init__(self, store: Store, make_worker: WorkerFactory, exit_timeout: float) -> None:
        self._store = store
        self._worker = BackgroundWorker(store, make_worker, exit_timeout)
        self._outages = log.Outages()
        self.forget()
        forget_in_child(self)

    def forget(self) -> None:
        """Reset the client in a forked child, which has no thread that tries to write."""
        self._error: OutboxError | None = None
        self._paused_until = 0.0
        self._prober: WorkerThread | None = None
        for name in ("_closed", "_lock"):
            vars(self).pop(name, None)

    @property
    def far(self) -> bool:
        """Whether the database is on a server, which may accept a connection and not answer."""
        return self._store.far

    def say(self, error: OutboxError) -> None:
        """Log that messages are not stored; once, until the next message is stored."""
        if self._outages.begins(self.place):
            self._worker.report(str(error))

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
        self._closed.set()
        self._worker.give_up()
        self._store.close()

    def keep(self, messages: Sequence[Message], on_settled: Sequence[OnSettled]) -> None:
        """Commit the messages. If that succeeds, each callback gets the final outcome of its message later.

        Raises:
            OutboxError: no message was stored.
        """
        error = self._error
        if error is not None and time.monotonic() < self._paused_until:
            raise OutboxError(str(error))
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
        """Run ``act``. After an error of the database, ``keep`` fails at once until the database can be written, or for 30 seconds."""
        try:
            return act()
        except OutboxBusy:
            raise
        except OutboxError as error:
            self._pause(error)
            with self._lock:
                if self._prober is None and not self._closed.is_set():
                    prober = self._prober = WorkerThread("tocsin_outbox", self._probe)
                    if not prober.try_start():
                        self._prober = None
            raise

    def _pause(self, error: OutboxError) -> None:
        self._error, self._paused_until = error, time.monotonic() + _ERROR_PAUSE

    def _probe(self) -> None:
        """Try to write to the database until that succeeds, then store messages again."""
        pause = _PROBE_PAUSE
        while not self._closed.wait(pause):
            try:
                self._store.probe()
            except OutboxError as error:
                self._pause(error)
                pause = _ERROR_PAUSE if needs_person(error) else _PROBE_PAUSE
            else:
                break
        with self._lock:
            self._error = self._prober = None
        self._worker.wake()

    @staticmethod
    def _rows(messages: Sequence[Message], at: float) -> list[Row]:
        try:
            return [new_row(message, at) for message in messages]
        except Exception as error:  # a message that user code built may hold anything
            raise OutboxError(redact(f"a message cannot be kept in the outbox: {describe(error)}")) from None
