"""The background thread that drains an outbox while a program runs.

- It sends the messages of its own program and those that other processes left.
- It starts with the first message or by ``attend()``. It looks for due messages every few seconds, and when it is woken.
- Another process may send the messages of this program, and cannot wake it. So it looks them up: every few seconds, and several times a
  second while the program waits for them.
- At exit, the program waits for its own messages that are not delayed. Unsent messages stay in the outbox for the next worker, and one
  line of the log says so, unless a daemon is seen that sends them.
- Each callback gets the final outcome of its message, whichever process sent it. A message that this process delivered is delivered,
  whatever its row says. One whose row is gone, or whose file was moved or replaced, is not waited for.
- A forked child starts without messages: those of its parent are in the database, and the parent waits for them.
"""

import math
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import islice

from tocsin.core.delivery.combining import outcome_in_digest
from tocsin.core.outbox.batches import Batch
from tocsin.core.outbox.model import GONE, WAITING, Row, Status, outcome_of_row
from tocsin.core.outcomes import Delivered, Outcome
from tocsin.core.text import one_line
from tocsin.shell import environment, log, queues
from tocsin.shell.adapters.time_limits import Deadline
from tocsin.shell.errors import OutboxError
from tocsin.shell.fork_safety import OnUse, forget_in_child, new_event
from tocsin.shell.interpreter import OnSettled
from tocsin.shell.outbox.store import Store
from tocsin.shell.outbox.worker import OnBatch, Worker
from tocsin.shell.redaction import redact
from tocsin.shell.threads import WorkerThread

_Identity = tuple[int, int] | None
WorkerFactory = Callable[[OnBatch], Worker]
"""Builds the worker, which calls ``OnBatch`` after each attempt."""

# Seconds between two looks into the outbox:
_INTERVAL = 5.0  # while messages wait
_INTERVAL_IDLE = 30.0  # while none waits: another process may have stored one and died
_INTERVAL_ERROR = 15.0  # after an error of the database
_INTERVAL_SENDING = 0.5  # while threads send: a thread that is about to end may miss a new message
_INTERVAL_MIN = 0.1
_INTERVAL_WOKEN = 0.05  # however often it is woken
_INTERVAL_WAITED_FOR = 0.2  # at which the program's own messages are looked up while it waits for them

_KEYS_PER_LOOK = 500
_FINAL_WAIT = 2.0  # seconds for messages that are being sent once the exit timeout is over


class BackgroundWorker:
    """Drains an outbox in the background.

    Args:
        store: the outbox.
        make_worker: builds the worker that sends.
        exit_timeout: seconds to wait at exit for the messages of this program.
    """

    _changed = OnUse(threading.Condition)
    _wake = OnUse(new_event)
    _ended = OnUse(new_event)

    def __init__(self, store: Store, make_worker: WorkerFactory, exit_timeout: float) -> None:
        self.exit_timeout = exit_timeout
        self._store = store
        self._make_worker = make_worker
        self.forget()
        forget_in_child(self)

    def forget(self) -> None:
        """Reset the worker in a forked child."""
        self._worker = self._make_worker(self._on_batch)
        self._callbacks: dict[str, list[OnSettled]] = {}
        self._stored: dict[str, _Identity] = {}  # ordered keys, with the file; only for these, a missing row means that it was removed
        self._delayed: set[str] = set()
        for made in ("_changed", "_wake", "_ended"):
            vars(self).pop(made, None)
        self._thread: WorkerThread | None = None
        self._last_look = -math.inf
        self._hurries = 0
        self._outages = log.Outages()

    @property
    def deadline(self) -> Deadline:
        """The deadline of all attempts to send."""
        return self._worker.deadline

    @property
    def idle(self) -> bool:
        """Whether the thread has not started or has been told to end."""
        return self._thread is None or self._ended.is_set()

    def expect(self, key: str, on_settled: OnSettled) -> None:
        """Register a callback for a message that this program is about to store."""
        with self._changed:
            if not self._ended.is_set():
                self._callbacks.setdefault(key, []).append(on_settled)

    def mark_stored(self, keys: Sequence[str]) -> None:
        """Remember that the messages of these keys were stored."""
        identity = self._store.identity
        with self._changed:
            self._stored.update((key, identity) for key in keys if key in self._callbacks)

    def disown(self, key: str, on_settled: OnSettled) -> None:
        """Remove the callback of a message that could not be stored."""
        with self._changed:
            remaining = [callback for callback in self._callbacks.pop(key, []) if callback is not on_settled]
            if remaining:
                self._callbacks[key] = remaining

    def wake(self) -> None:
        """Look for due messages now. Starts the thread if necessary."""
        self.attend()
        self._wake.set()

    def attend(self) -> None:
        """Start the thread, unless it was started before."""
        with self._changed:
            if self._thread is not None or self._ended.is_set():
                return
            thread = self._thread = WorkerThread("tocsin_outbox", self._work)
        if not queues.register(self) or not thread.try_start():  # the messages stay in the outbox
            self._thread = None

    def wait(self, until: float) -> bool:
        """Wait until each message of this program is settled or delayed, but not beyond ``until``; return whether all are settled.

        Args:
            until: a time of ``time.monotonic()``.
        """
        self._give_up_moved()
        with self._changed:
            self._changed.wait_for(lambda: self._callbacks.keys() <= self._delayed, max(until - time.monotonic(), 0.0))
            return not self._callbacks

    def hurry(self) -> None:
        """Cut pauses short until each ``hurry()`` is undone by a ``take_time()``."""
        with self._changed:
            self._hurries += 1
        self._worker.hurry()
        self._wake.set()

    def take_time(self) -> None:
        """Undo one ``hurry()``."""
        with self._changed:
            self._hurries -= 1
        self._worker.take_time()

    def give_up(self) -> None:
        """Send nothing more. Messages that are being sent have a bounded time to end."""
        self._ended.set()
        self._wake.set()
        now = time.monotonic()
        left = max(self.deadline.moment - now, _FINAL_WAIT)
        self.deadline.moment = min(self.deadline.moment, now)  # no further attempt
        self._worker.stop(min(left, self.exit_timeout))
        with self._changed:
            self._callbacks.clear()
            self._stored.clear()
            self._changed.notify_all()

    def left(self) -> str | None:
        """Return the line to log about unsettled messages of this program, if there are any, and no daemon is seen that sends them."""
        count = len(self._callbacks)
        if not count or self._store.has_daemon():
            return None
        messages, them = ("1 message waits", "it") if count == 1 else (f"{count:,} messages wait", "them")
        return f"{messages} in the outbox at {self._store.place}: the next program with it sends {them}, or tocsin outbox drain"

    def _work(self) -> None:
        while not self._ended.is_set():
            pause = self._turn()
            self._ended.wait(_INTERVAL_WOKEN)  # a look at each new message would slow down the threads that store them
            self._wake.wait(max(pause - _INTERVAL_WOKEN, 0.0))
            self._wake.clear()

    def _turn(self) -> float:
        """Start to send what is due, and return the seconds until the next look."""
        if environment.override() is not None:
            return _INTERVAL
        try:
            agenda = self._worker.agenda()
            self._worker.start(agenda.due)
            self._look_up_stored()
        except OutboxError as error:
            self.report(str(error))
            return _INTERVAL_SENDING if self._hurries else _INTERVAL_ERROR
        self._outages.clear()
        if agenda.due:
            pause = _INTERVAL_SENDING
        else:
            pause = _INTERVAL_IDLE if agenda.next is None else min(max(agenda.next, _INTERVAL_MIN), _INTERVAL)
        return min(pause, self._until_look()) if self._stored else pause

    def report(self, error: str) -> None:
        """Log an error of the database, unless it was logged and no look has succeeded since: a look and a message may both meet it."""
        if self._outages.begins(error):
            text = f"tocsin: {error}; until then, messages are sent without it, and are lost if the process dies"
            with suppress(Exception):  # a logging handler of the user may raise
                log.logger.error("%s", one_line(redact(text)))

    def _until_look(self) -> float:
        """Return the seconds until the messages of this program are looked up again."""
        interval = _INTERVAL_WAITED_FOR if self._hurries else _INTERVAL
        return max(self._last_look + interval - time.monotonic(), 0.0)

    def _look_up_stored(self) -> None:
        """Look up messages of this program that another process may have sent: some at a time, and more at once if some were."""
        if self._until_look() > 0.0:
            return
        self._last_look = time.monotonic()
        self._give_up_moved()
        with self._changed:
            keys = tuple(islice(self._stored, _KEYS_PER_LOOK))
            for key in keys:  # to the end, so that each key has its turn
                self._stored[key] = self._stored.pop(key)
        found = {row.key: row for row in self._store.find(keys)}
        for key in keys:
            if self._worker.holds(key):  # the worker reports more than the row holds
                continue
            row = found.get(key)
            if row is None or row.status not in WAITING:
                self._last_look = -math.inf
            self._update(key, None if row is None else row.status, GONE if row is None else outcome_of_row(row))

    def _give_up_moved(self) -> None:
        """Settle the messages whose file was replaced, except those being sent. A missing file is made anew at the next look."""
        identity = self._store.identity
        if identity is None:
            return
        with self._changed:
            moved = [key for key, kept in self._stored.items() if kept != identity]
        for key in moved:
            if not self._worker.holds(key):
                self._update(key, None, GONE)

    def _on_batch(self, batch: Batch, outcome: Outcome, rows: Sequence[Row]) -> None:
        own_outcome = outcome if batch.digest is None else outcome_in_digest(outcome, batch.message)
        for row in rows:
            self._update(row.key, row.status, own_outcome)
        if isinstance(own_outcome, Delivered) and len(rows) < len(batch.rows):
            for row in batch.rows:  # also those that are no longer in the outbox
                self._update(row.key, Status.DELIVERED, own_outcome)
        self._wake.set()  # a delayed message may be due before the next look

    def _update(self, key: str, status: Status | None, outcome: Outcome) -> None:
        """Take in the status of a row (None: it was removed), and call the callbacks if the message is settled."""
        with self._changed:
            is_settled = status not in WAITING
            if is_settled or status is not Status.DELAYED:
                self._delayed.discard(key)
            elif key in self._callbacks:
                self._delayed.add(key)
            callbacks = self._callbacks.pop(key, []) if is_settled else []
            if is_settled:
                self._stored.pop(key, None)
            self._changed.notify_all()
        for callback in callbacks:
            with suppress(Exception):
                callback(outcome)
        queues.announce()
