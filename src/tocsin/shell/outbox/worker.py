"""Sends what is due in an outbox: a thread for each destination, so that a dead Slack holds up no mail.

- What is claimed is sent within half of its lease; what there is no time for is released.
- The rows of a destination go one after another. After an answer that puts one off, the destination rests for a while: the others of
  that claim are released, so that one message which is never accepted holds up no other.
- What was delivered is removed after thirty days; nothing else ever is.
- An answer is noted at once. Where the database does not take it, it is tried again before anything else is claimed: a message that
  arrived is not to be sent again for want of a note.
"""

import platform
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from random import SystemRandom

from tocsin.core.delivery.digest import singly
from tocsin.core.delivery.retry import RetryPolicy
from tocsin.core.effects import Message
from tocsin.core.messages.text import describe, one_line
from tocsin.core.outbox.batches import Batch, make_batches
from tocsin.core.outbox.model import Row, Status
from tocsin.core.outbox.state_machine import POLICY, Answered, Grouped, Refused, Released, RowEvent, Unreadable, rest_after
from tocsin.core.outcomes import DeliveryError, Outcome
from tocsin.shell import log
from tocsin.shell.adapters import clock, time_limits
from tocsin.shell.adapters.redaction import redact
from tocsin.shell.environment import run_id
from tocsin.shell.interpreters.base import Interpreter, execute
from tocsin.shell.outbox.codec import decode
from tocsin.shell.outbox.errors import OutboxError
from tocsin.shell.outbox.store import Store

Event = tuple[str, RowEvent]
"""What happened to the row of this key."""

OnBatch = Callable[[Batch, Outcome, Sequence[Row]], None]
"""Who is told of each message that was tried: what it was, how it went, and its rows from then on."""

KEPT = 30 * 86_400.0
"""For how many seconds what was delivered is kept, so that it can be looked at, and is not sent again if it is announced again."""

_TIDYING = 3600.0  # seconds between two looks for what is older
_TIDIED = 5000  # rows that are removed at one look: each takes its time
_PAUSE = 0.5  # seconds between two tries to note an answer
_STALE = 5.0  # seconds that the two clocks may differ by over half a lease: the machine was suspended


def _unheard(_: Batch, __: Outcome, ___: Sequence[Row]) -> None:
    pass


class _DestinationThread:
    """One destination that is being worked on."""

    def __init__(self, work: "Callable[[_DestinationThread], None]", goal: str) -> None:
        self.goal = goal
        self.thread = threading.Thread(target=work, args=(self,), name="tocsin_outbox", daemon=True)
        self.nudge = threading.Event()
        self.sending: frozenset[str] = frozenset()
        self.claimed = False


class _Lease:
    """What is left of the time in which everything that was claimed has to be sent: by both clocks, of which one stands still while the
    machine is suspended, and the other may be set.
    """

    def __init__(self, name: str, seconds: float, at: float) -> None:
        self.name = name
        self._at = at
        self._began = time.monotonic()
        self.ends = self._began + seconds / 2
        self._by_the_wall = time.time() + seconds / 2

    @property
    def now(self) -> float:
        """The moment by the clock of the database, which need not be asked: it may be away just when an answer is to be noted."""
        return self._at + (time.monotonic() - self._began)

    @property
    def over(self) -> bool:
        """Whether nothing more may be sent."""
        return time.monotonic() >= self.ends or time.time() >= self._by_the_wall + _STALE


class Worker:
    """Claims what is due, and sends it by ``inner``.

    Args:
        store: the outbox.
        inner: what sends.
        policy: how often a message is tried, and for how long.
        threshold: how many messages to the same people may go singly, where no more wait.
        min_interval: how many seconds lie at least between two digests, unless somebody is in a hurry.
        lease: for how long a claim lasts, in seconds.
        batch_size: how many rows are claimed at once.
        on_batch: who is told of each message that was tried.
    """

    def __init__(
        self,
        store: Store,
        inner: Interpreter,
        *,
        policy: RetryPolicy = POLICY,
        threshold: int = 10,
        min_interval: float = 10.0,
        lease: float = 60.0,
        batch_size: int = 1000,
        on_batch: OnBatch = _unheard,
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
        self._owed: list[Event] = []
        self._workers: dict[str, _DestinationThread] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._hurried = 0
        self._tidy_at = 0.0
        self._fault: OutboxError | None = None

    def turn(self) -> bool:
        """Send all that is due now, and wait for it. Whether there was anything.

        Raises:
            OutboxError: the database cannot be used.
        """
        workers = self.start(self._store.agenda().due)
        for worker in workers:
            worker.thread.join()
        self._raise()
        return any(worker.claimed for worker in workers)

    def start(self, due: Sequence[str]) -> tuple[_DestinationThread, ...]:
        """Have sent what is due at these destinations, and wait for none of it; who works on it.

        Raises:
            OutboxError: the database cannot be used; or could not, the last time.
        """
        if self._stopping.is_set():
            return ()
        self._raise()
        self._pay()
        self._tidy()
        with self._lock:
            self._workers = {goal: worker for goal, worker in self._workers.items() if worker.thread.is_alive()}
            idle = [goal for goal in due if goal not in self._workers]
            workers = [_DestinationThread(self._work, goal) for goal in idle]
            started = tuple(worker for worker in workers if _started(worker))
            self._workers.update((worker.goal, worker) for worker in started)
        return started

    def _raise(self) -> None:
        """Raise what ended one who worked."""
        fault, self._fault = self._fault, None
        if fault is not None:
            raise OutboxError(str(fault))

    @property
    def sending(self) -> int:
        """How many rows are being sent, so that they may have arrived."""
        return sum(len(worker.sending) for worker in tuple(self._workers.values()))

    def holds(self, key: str) -> bool:
        """Whether this very row is being sent, or who wants to know is being told how that went."""
        return any(key in worker.sending for worker in tuple(self._workers.values()))

    def hurry(self) -> None:
        """Cut pauses short, until as many have said ``take_time`` as have said this."""
        self._hurried += 1
        for worker in tuple(self._workers.values()):
            worker.nudge.set()

    def take_time(self) -> None:
        """There is no hurry any more, for one of those who were in one."""
        self._hurried -= 1

    def stop(self, seconds: float = 0.0) -> None:
        """Claim nothing more, and release what is not being sent; wait so long for what is."""
        self._stopping.set()
        self.hurry()
        until = time.monotonic() + seconds
        for worker in tuple(self._workers.values()):
            with suppress(RuntimeError):  # it is the caller's own
                worker.thread.join(max(until - time.monotonic(), 0.0))

    def _work(self, worker: _DestinationThread) -> None:
        try:
            with clock.hurried_by(worker.nudge), time_limits.with_shared_deadline(self.deadline):
                while not self._stopping.is_set() and self._claimed(worker):
                    pass
        except OutboxError as fault:
            self._fault = fault
        except Exception as error:  # what was claimed comes back when the lease has ended
            with suppress(Exception):
                log.logger.error("%s", redact(one_line(f"tocsin: the outbox could not be drained: {describe(error)}")))

    def _claimed(self, worker: _DestinationThread) -> bool:
        """Send what is due now; whether there may be more."""
        if self._hurried:  # one nudge ends one wait
            worker.nudge.set()
        with self._lock:
            self._claims += 1
            name = f"{self._name}.{self._claims}"
        lease = _Lease(name, self._lease, self._store.now())
        rows = self._store.claim(worker.goal, lease.name, seconds=self._lease, most=self._batch_size)
        if not rows:
            return False
        worker.claimed = True
        threshold = singly(self._threshold, time_limits.seconds_left())
        with time_limits.with_deadline(lease.ends):
            return self._send_all(make_batches(self._read(rows, lease), lease.now, threshold), lease, worker)

    def _read(self, rows: Sequence[Row], lease: _Lease) -> list[tuple[Row, Message]]:
        """The message in each row. One that holds none for us is given up, and kept."""
        readable: list[tuple[Row, Message]] = []
        for row in rows:
            message = decode(row)
            if isinstance(message, str):
                with suppress(Exception):  # a handler of logging that somebody wrote may raise
                    log.logger.error("%s", redact(f"tocsin: {message}"))
                self._note([(row.key, Unreadable(lease.now, lease.name, message))])
            else:
                readable.append((row, message))
        return readable

    def _send_all(self, waiting: Sequence[Batch], lease: _Lease, worker: _DestinationThread) -> bool:
        for number, parcel in enumerate(waiting):
            if self._stopping.is_set() or lease.over:
                self._note(self._releases(waiting[number:], lease, 0.0))
                return not self._stopping.is_set()
            try:
                rest = self._send(parcel, lease, worker)
            except OutboxError:
                self._owe(self._releases(waiting[number:], lease, 0.0))  # of what was sent, the answer is owed before
                raise
            if rest is not None:
                self._note(self._releases(waiting[number + 1 :], lease, rest))
                return False
        if any(parcel.digest for parcel in waiting) and not self._hurried:
            clock.SystemTimer().wait(self._min_interval)  # meanwhile more can come that the next digest folds
        return True

    def _send(self, parcel: Batch, lease: _Lease, worker: _DestinationThread) -> float | None:
        """Send the parcel, and note how it went; for how many seconds its destination is to rest, if it was put off."""
        begun = self._note([(row.key, Grouped(lease.now, lease.name, parcel.digest or row.key)) for row in parcel.rows])
        if len(begun) < len(parcel.rows) or lease.over:  # somebody else has the others, or noting that took too long
            self._note(self._releases([parcel], lease, 0.0))
            return None
        worker.sending = frozenset(row.key for row in parcel.rows)
        try:
            outcome = execute(self._inner, parcel.message)
            at, draw = lease.now, SystemRandom().random()
            rows = self._note([(row.key, Answered(at, lease.name, outcome, draw, self._policy)) for row in parcel.rows])
            with suppress(Exception):  # a handler of logging that somebody wrote may raise
                _say(parcel, outcome, rows)
            self._on_batch(parcel, outcome, rows)
        finally:
            worker.sending = frozenset()
        put_off = any(row.status is Status.DELAYED for row in rows)
        return rest_after(outcome, self._policy) if put_off and isinstance(outcome, DeliveryError) else None

    @staticmethod
    def _releases(rest: Sequence[Batch], lease: _Lease, pause: float) -> list[Event]:
        at = lease.now
        return [(row.key, Released(at, lease.name, at + pause)) for parcel in rest for row in parcel.rows]

    def _note(self, events: Sequence[Event]) -> tuple[Row, ...]:
        """Have the rows follow the events, for as long as the lease leaves time; those that did."""
        until = time.monotonic() + self._lease / 2
        while True:
            try:
                return tuple(row for row in self._store.advance(events) if not isinstance(row, Refused)) if events else ()
            except OutboxError:
                if time.monotonic() + _PAUSE >= until or self._stopping.wait(_PAUSE):
                    self._owe(events)
                    raise

    def _owe(self, events: Sequence[Event]) -> None:
        """Note them when that can be done; but not that something was begun: it was not."""
        with self._lock:
            self._owed.extend(event for event in events if not isinstance(event[1], Grouped))

    def _tidy(self) -> None:
        """Remove what was delivered long ago, now and then."""
        if time.monotonic() >= self._tidy_at:
            self._tidy_at = time.monotonic() + _TIDYING
            self._store.purge(self._store.now() - KEPT, most=_TIDIED)

    def _pay(self) -> None:
        """Note what could not be noted when it happened."""
        with self._lock:
            owed, self._owed = self._owed, []
        try:
            if owed:
                self._store.advance(owed)
        except OutboxError:
            self._owe(owed)
            raise


def _started(worker: _DestinationThread) -> bool:
    try:
        worker.thread.start()
    except RuntimeError:  # the interpreter shuts down, or the system has no more threads
        return False
    return True


def _say(parcel: Batch, outcome: Outcome, rows: Sequence[Row]) -> None:
    """Have the log know what failed: of what is put off, once; of what is given up, too."""
    put_off = [row for row in rows if row.status is Status.DELAYED]
    if not put_off:
        log.complain(parcel.message, outcome, more=len(parcel.rows) - 1)
    elif isinstance(outcome, DeliveryError) and any(row.attempts == 1 for row in put_off):
        log.logger.warning("%s; the outbox goes on trying", log.failure(parcel.message, outcome, len(parcel.rows) - 1))
