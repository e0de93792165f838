"""Sends the due messages of an outbox, on one thread for each destination, so that a dead Slack delays no mail.

- Claimed rows are sent within the first half of their lease. Rows for which no time is left are released.
- The rows of a destination are sent one after another. After an answer that delays one, the destination pauses and the other rows of
  the claim are released, so that a message which is never accepted blocks no other.
- Delivered rows are removed after thirty days; other rows are never removed.
- Rows that wait since a moment in the future are repaired: at the first look, once a minute, and when the clock was set back.
- An answer is recorded at once. If the database refuses it, it is recorded before anything else is claimed, so that a delivered message
  is not sent again.
"""

import platform
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from random import SystemRandom

import attrs

from tocsin.core.delivery.combining import narrowed
from tocsin.core.delivery.digest import MIN_INTERVAL, THRESHOLD, singly
from tocsin.core.delivery.rendering import attachments_of, tells_of_failure, with_stored_files
from tocsin.core.delivery.retry import RetryPolicy
from tocsin.core.effects import Message
from tocsin.core.outbox.batches import Batch, make_batches
from tocsin.core.outbox.model import Row, Status
from tocsin.core.outbox.state_machine import POLICY, Grouped, OutcomeKnown, RefusedEvent, Released, RowEvent, Unreadable, rest_after
from tocsin.core.outcomes import Delivered, DeliveryError, Outcome
from tocsin.core.text import describe, one_line
from tocsin.shell import log
from tocsin.shell.adapters import clock, time_limits
from tocsin.shell.environment import run_id
from tocsin.shell.errors import OutboxError
from tocsin.shell.fork_safety import OnUse, new_event, new_lock
from tocsin.shell.interpreter import Interpreter, execute
from tocsin.shell.outbox.codec import decode, encode
from tocsin.shell.outbox.store import Agenda, Store
from tocsin.shell.redaction import redact
from tocsin.shell.threads import WorkerThread

Event = tuple[str, RowEvent]
"""The key of a row, and the event that happened to it."""

OnBatch = Callable[[Batch, Outcome, Sequence[Row]], None]
"""Called after each attempt to send a batch, with the batch, the outcome and the new rows, without those that could not be recorded."""

RETENTION = 30 * 86_400.0
"""Seconds for which a delivered row is kept. It can be shown, and the same announcement is not sent twice."""

_PURGE_INTERVAL = 3600.0  # seconds between two searches for delivered rows older than that
_PURGE_LIMIT = 5000  # rows that are removed at a time, since each takes time
_REWIND_INTERVAL = 60.0  # seconds between two searches for rows that wait since a moment in the future
_CLOCK_STEP = 1.0  # seconds by which the clock has gone back against the monotonic one when it was set
_RETRY_PAUSE = 0.5  # seconds between two attempts to record an answer
_CLOCK_TOLERANCE = 5.0  # seconds by which the two clocks may differ over half a lease; beyond it, the machine was suspended


class _DestinationThread(WorkerThread):
    """The thread that sends to one destination."""

    def __init__(self, work: "Callable[[_DestinationThread], None]", destination: str) -> None:
        super().__init__("tocsin_outbox", lambda: work(self))
        self.destination = destination
        self.nudge = threading.Event()
        self.sending: frozenset[str] = frozenset()
        self.claimed = False


class _Lease:
    """The time left to send the rows of a claim.

    Two clocks measure it: the monotonic one stands still while the machine is suspended, and the wall clock may be set.
    """

    def __init__(self, name: str, seconds: float, start: float) -> None:
        self.name = name
        self._start = start
        self._started = time.monotonic()
        self.ends = self._started + seconds / 2
        self._ends_by_wall_clock = time.time() + seconds / 2

    @property
    def now(self) -> float:
        """The time by the clock of the database, without asking it: it may be unreachable when an answer is recorded."""
        return self._start + (time.monotonic() - self._started)

    @property
    def over(self) -> bool:
        """Whether nothing more may be sent under this lease."""
        return time.monotonic() >= self.ends or time.time() >= self._ends_by_wall_clock + _CLOCK_TOLERANCE


class Worker:
    """Claims due rows and sends them by ``inner``.

    Args:
        store: the outbox.
        inner: sends one message.
        on_batch: called after each attempt to send a message.
        policy: how often a message is tried, and for how long.
        threshold: the number of waiting messages to one audience up to which they are sent singly; more become a digest.
        min_interval: seconds between two digests, at least, except during ``hurry()``.
        lease: seconds for which a claim lasts.
        batch_size: rows claimed at once, at most.
    """

    _lock = OnUse(new_lock)
    _stopping = OnUse(new_event)

    def __init__(
        self,
        store: Store,
        inner: Interpreter,
        on_batch: OnBatch = lambda _, __, ___: None,
        *,
        policy: RetryPolicy = POLICY,
        threshold: int = THRESHOLD,
        min_interval: float = MIN_INTERVAL,
        lease: float = 60.0,
        batch_size: int = 1000,
    ) -> None:
        self.deadline: time_limits.Deadline = time_limits.Deadline()
        self._store = store
        self._inner = inner
        self._policy = policy
        self._threshold = threshold
        self._min_interval = min_interval
        self._lease = lease
        self._batch_size = batch_size
        self._on_batch = on_batch
        self._name = f"{platform.node()[:60]}.{run_id()}"
        self._claims = 0
        self._unrecorded: list[Event] = []
        self._threads: dict[str, _DestinationThread] = {}
        self._hurries = 0
        self._purge_at = 0.0
        self._rewind_at = 0.0
        self._offset = 0.0
        self._error: OutboxError | None = None

    def turn(self) -> bool:
        """Send all rows that are due now, wait until that is done, and return whether there were any.

        Raises:
            OutboxError: the database cannot be used.
        """
        started = self.start(self.agenda().due)
        for each in started:
            each.join()
        self._raise()
        return any(each.claimed for each in started)

    def agenda(self) -> Agenda:
        """Return what there is to send.

        Raises:
            OutboxError: the database cannot be used.
        """
        now = time.monotonic()
        offset = self._store.now() - now
        if now >= self._rewind_at or offset < self._offset - _CLOCK_STEP:
            self._rewind_at, self._offset = now + _REWIND_INTERVAL, offset  # before it, so that an error costs one look
            self._store.rewind()
        return self._store.agenda()

    def start(self, due: Sequence[str]) -> tuple[_DestinationThread, ...]:
        """Start a thread for each of these destinations that has none, and return the started threads without waiting.

        Raises:
            OutboxError: the database cannot be used, or an earlier thread could not use it.
        """
        if self._stopping.is_set():
            return ()
        self._raise()
        self._record_late()
        self._purge()
        with self._lock:
            self._threads = {destination: each for destination, each in self._threads.items() if each.is_alive()}
            idle = [destination for destination in due if destination not in self._threads]
            started = tuple(each for each in [_DestinationThread(self._work, destination) for destination in idle] if each.try_start())
            self._threads.update((each.destination, each) for each in started)
        return started

    def _raise(self) -> None:
        """Raise the error that ended a thread."""
        error, self._error = self._error, None
        if error is not None:
            raise OutboxError(str(error))

    @property
    def sending(self) -> int:
        """The number of rows that are being sent, and so may have arrived."""
        return sum(len(each.sending) for each in tuple(self._threads.values()))

    def holds(self, key: str) -> bool:
        """Whether this row is being sent, or ``on_batch`` is being called for it."""
        return any(key in each.sending for each in tuple(self._threads.values()))

    def hurry(self) -> None:
        """Cut pauses short until each ``hurry()`` is undone by a ``take_time()``."""
        self._hurries += 1
        for each in tuple(self._threads.values()):
            each.nudge.set()

    def take_time(self) -> None:
        """Undo one ``hurry()``."""
        self._hurries -= 1

    def stop(self, seconds: float = 0.0) -> None:
        """Claim nothing more, release rows that are not being sent, and wait at most ``seconds`` for those that are."""
        self._stopping.set()
        self.hurry()
        deadline = time.monotonic() + seconds
        for each in tuple(self._threads.values()):
            with suppress(RuntimeError):  # the calling thread cannot join itself
                each.join(max(deadline - time.monotonic(), 0.0))

    def _work(self, own: _DestinationThread) -> None:
        try:
            with clock.hurried_by(own.nudge), time_limits.with_shared_deadline(self.deadline):
                while not self._stopping.is_set() and self._send_claim(own):
                    pass
        except OutboxError as error:
            self._error = error
        except Exception as error:  # the claimed rows can be claimed again when the lease has ended
            with suppress(Exception):
                log.logger.error("%s", one_line(redact(f"tocsin: the outbox could not be drained: {describe(error)}")))

    def _send_claim(self, own: _DestinationThread) -> bool:
        """Claim rows that are due and send them; return whether there may be more."""
        if self._hurries:  # one nudge ends one wait
            own.nudge.set()
        with self._lock:
            self._claims += 1
            name = f"{self._name}.{self._claims}"
        lease = _Lease(name, self._lease, self._store.now())
        rows = self._store.claim(own.destination, lease.name, seconds=self._lease, most=self._batch_size)
        if not rows:
            return False
        own.claimed = True
        threshold = singly(self._threshold, time_limits.seconds_left())
        with time_limits.with_deadline(lease.ends):
            return self._send_all(make_batches(self._decode(rows, lease), lease.now, threshold), lease, own)

    def _decode(self, rows: Sequence[Row], lease: _Lease) -> list[tuple[Row, Message]]:
        """Return the rows with their messages. A row without a readable message becomes dead, and is kept."""
        readable: list[tuple[Row, Message]] = []
        for row in rows:
            message = decode(row)
            if isinstance(message, str):
                with suppress(Exception):  # a logging handler of the user may raise
                    log.logger.error("%s", redact(f"tocsin: {message}"))
                self._record([(row.key, Unreadable(lease.now, lease.name, message))])
            else:
                readable.append((row, message))
        return readable

    def _send_all(self, batches: Sequence[Batch], lease: _Lease, own: _DestinationThread) -> bool:
        """Send the batches while the lease lasts; return whether to claim again."""
        for index, batch in enumerate(batches):
            if self._stopping.is_set() or lease.over:
                self._record(self._releases(batches[index:], lease, 0.0))
                return not self._stopping.is_set()
            try:
                pause = self._send(batch, lease, own)
            except OutboxError:
                self._record_later(self._releases(batches[index:], lease, 0.0))  # after the answer, which wins if the batch was sent
                raise
            if pause is not None:
                self._record(self._releases(batches[index + 1 :], lease, pause))
                return False
        if any(batch.digest for batch in batches) and not self._hurries:
            clock.SystemTimer().wait(self._min_interval)  # further messages may come for the next digest
        return True

    def _send(self, batch: Batch, lease: _Lease, own: _DestinationThread) -> float | None:
        """Send the batch and record the answer; return the seconds that its destination pauses if the batch was delayed."""
        message = self._with_files(batch)
        begun = self._record([(row.key, Grouped(lease.now, lease.name, batch.digest or row.key)) for row in batch.rows])
        if len(begun) < len(batch.rows) or lease.over:  # another worker has the other rows, or recording took too long
            self._record(self._releases([batch], lease, 0.0))
            return None
        own.sending = frozenset(row.key for row in batch.rows)
        try:
            outcome = execute(self._inner, message)
            at, draw = lease.now, SystemRandom().random()
            known = OutcomeKnown(at, lease.name, outcome, draw, self._policy, tells_of_failure(batch.message))
            try:
                rows = self._record([(row.key, attrs.evolve(known, rest=_rest(row, outcome))) for row in batch.rows])
            except OutboxError:
                self._on_batch(batch, outcome, ())  # a delivery is one, whether or not it can be recorded
                raise
            with suppress(Exception):  # a logging handler of the user may raise
                _log_failure(batch, outcome, rows)
            self._on_batch(batch, outcome, rows)
        finally:
            own.sending = frozenset()
        delayed = any(row.status is Status.DELAYED for row in rows)
        return rest_after(outcome, self._policy) if delayed and isinstance(outcome, DeliveryError) else None

    def _with_files(self, batch: Batch) -> Message:
        """Return the message of the batch with its files, which no claim reads: of a thousand rows, one has them in memory."""
        if not attachments_of(batch.message):
            return batch.message
        files = self._store.files(batch.rows[0].key)
        try:
            return batch.message if files is None else with_stored_files(batch.message, files)
        except ValueError as error:  # a damaged row; the message goes without them, and names them
            with suppress(Exception):  # a logging handler of the user may raise
                log.logger.error("%s", one_line(redact(f"tocsin: the files of {batch.rows[0].key} are not sent: {error}")))
            return batch.message

    @staticmethod
    def _releases(batches: Sequence[Batch], lease: _Lease, pause: float) -> list[Event]:
        at = lease.now
        return [(row.key, Released(at, lease.name, at + pause)) for batch in batches for row in batch.rows]

    def _record(self, events: Sequence[Event]) -> tuple[Row, ...]:
        """Apply the events to their rows, with retries for half a lease; return the rows that changed."""
        deadline = time.monotonic() + self._lease / 2
        while True:
            try:
                return tuple(row for row in self._store.advance(events) if not isinstance(row, RefusedEvent)) if events else ()
            except OutboxError:
                if time.monotonic() + _RETRY_PAUSE >= deadline or self._stopping.wait(_RETRY_PAUSE):
                    self._record_later(events)
                    raise

    def _record_later(self, events: Sequence[Event]) -> None:
        """Keep the events for ``_record_late``, except ``Grouped`` ones: their sending did not begin."""
        with self._lock:
            self._unrecorded.extend(event for event in events if not isinstance(event[1], Grouped))

    def _purge(self) -> None:
        """Remove old delivered rows, once an hour."""
        if time.monotonic() >= self._purge_at:
            self._purge_at = time.monotonic() + _PURGE_INTERVAL
            self._store.purge(self._store.now() - RETENTION, most=_PURGE_LIMIT)

    def _record_late(self) -> None:
        """Record the events that could not be recorded when they happened."""
        with self._lock:
            events, self._unrecorded = self._unrecorded, []
        try:
            if events:
                self._store.advance(events)
        except OutboxError:
            self._record_later(events)
            raise


def _rest(row: Row, outcome: Outcome) -> tuple[int, str] | None:
    """Return version and body of the message to those recipients of a delivered mail that were refused for now."""
    if not isinstance(outcome, Delivered) or not outcome.later:
        return None
    message = decode(row)
    rest = None if isinstance(message, str) else narrowed(message, outcome)
    if rest is None:
        return None
    encoded = encode(rest)
    return encoded.version, encoded.body


def _log_failure(batch: Batch, outcome: Outcome, rows: Sequence[Row]) -> None:
    """Log a failed attempt: each one that ends a message, and the first one that delays it."""
    delayed = [row for row in rows if row.status is Status.DELAYED]
    if not delayed:
        log.complain(batch.message, outcome, more=len(batch.rows) - 1)
    elif isinstance(outcome, Delivered | DeliveryError) and any(row.attempts == 1 for row in delayed):
        more = len(batch.rows) - 1
        told = batch.message
        said = log.refusal(told, outcome, more) if isinstance(outcome, Delivered) else log.failure(told, outcome, more)
        log.logger.warning("%s; the outbox goes on trying", said)
