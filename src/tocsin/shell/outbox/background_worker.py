"""Drains an outbox while a program runs: what it puts there itself, and what others left there.

- It starts with the first message, or when it is asked to; it looks for more every few seconds, and when it is woken.
- What the program itself put in is waited for at exit, if it is not put off already. What is left then stays in the outbox, for
  whoever drains it next; that is said in one line.
- Who wants to know what became of a message is told so once it is over, by whomever it was sent.
- A forked child starts without: what its parent put in is its parent's, and in the database.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import islice

from tocsin.core.delivery.combining import outcome_in_digest
from tocsin.core.messages.text import one_line
from tocsin.core.outbox.batches import Batch
from tocsin.core.outbox.model import GONE, WAITING, Row, Status, outcome_of_row
from tocsin.core.outcomes import Outcome
from tocsin.shell import environment, log, queues
from tocsin.shell.adapters.redaction import redact
from tocsin.shell.adapters.time_limits import Deadline
from tocsin.shell.fork_safety import forget_in_child
from tocsin.shell.outbox.errors import OutboxError
from tocsin.shell.outbox.store import Store
from tocsin.shell.outbox.worker import OnBatch, Worker

OnSettled = Callable[[Outcome], None]
Drains = Callable[[OnBatch], Worker]
"""Makes what drains, which tells of each message that was tried."""

# Seconds between two looks:
_EVERY = 5.0  # while something waits
_IDLE = 30.0  # while nothing does: others may have put something in, and died
_AFTER_A_FAULT = 15.0
_AT_WORK = 0.5  # while somebody sends: what comes as he ends may have been missed by him
_SOONEST = 0.1
_BREATH = 0.05  # however often it is woken
_SEEN_AT_ONCE = 500  # keys that are asked for at once
_LAST = 2.0  # seconds for what is being sent when nobody waits any more


class BackgroundWorker:
    """Has an outbox drained in the background.

    Args:
        store: the outbox.
        drains: makes what drains it.
        exit_timeout: how long to wait at exit for what the program put in, in seconds.
    """

    def __init__(self, store: Store, drains: Drains, exit_timeout: float) -> None:
        self.exit_timeout = exit_timeout
        self._store = store
        self._drains = drains
        self.forget()
        forget_in_child(self)

    def forget(self) -> None:
        """Start afresh, as a child does."""
        self._drainer = self._drains(self._noted)
        self._mine: dict[str, list[OnSettled]] = {}
        self._kept: dict[str, None] = {}  # what is known to have been put in: of the others, that they are not there says nothing
        self._put_off: set[str] = set()
        self._changed = threading.Condition()
        self._wake = threading.Event()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._look_at = 0.0
        self._said = ""

    @property
    def deadline(self) -> Deadline:
        """When all is to be done."""
        return self._drainer.deadline

    @property
    def idle(self) -> bool:
        """Whether nobody is at work any more."""
        return self._thread is None or self._ended.is_set()

    def expect(self, key: str, on_settled: OnSettled) -> None:
        """This program is about to put that in, and ``settled`` wants to know what becomes of it."""
        with self._changed:
            if not self._ended.is_set():
                self._mine.setdefault(key, []).append(on_settled)

    def keeps(self, keys: Sequence[str]) -> None:
        """These were put in."""
        with self._changed:
            self._kept.update((key, None) for key in keys if key in self._mine)

    def disown(self, key: str, on_settled: OnSettled) -> None:
        """It could not be put in."""
        with self._changed:
            told = [tell for tell in self._mine.pop(key, []) if tell is not on_settled]
            if told:
                self._mine[key] = told

    def wake(self) -> None:
        """There is something to be sent."""
        self.attend()
        self._wake.set()

    def attend(self) -> None:
        """See to it that somebody drains."""
        with self._changed:
            if self._thread is not None or self._ended.is_set():
                return
            thread = self._thread = threading.Thread(target=self._work, name="tocsin_outbox", daemon=True)
        if not queues.register(self):
            self._thread = None
            return
        try:
            thread.start()
        except RuntimeError:  # the interpreter shuts down, or the system has no more threads: it is in the outbox
            self._thread = None

    def wait(self, until: float) -> bool:
        """Wait until all that this program put in is over, or put off, or for a moment of ``time.monotonic``; whether all is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._mine.keys() <= self._put_off, max(until - time.monotonic(), 0.0))
            return not self._mine

    def hurry(self) -> None:
        """Cut pauses short."""
        self._drainer.hurry()
        self._wake.set()

    def take_time(self) -> None:
        """There is no hurry any more."""
        self._drainer.take_time()

    def give_up(self) -> None:
        """Nothing more is sent; what is being sent has a moment to end."""
        self._ended.set()
        self._wake.set()
        now = time.monotonic()
        left = max(self.deadline.moment - now, _LAST)
        self.deadline.moment = min(self.deadline.moment, now)  # there is no other try
        self._drainer.stop(min(left, self.exit_timeout))
        with self._changed:
            self._mine.clear()
            self._kept.clear()
            self._changed.notify_all()

    def left(self) -> str | None:
        """What to say of what is left."""
        count = len(self._mine)
        if not count:
            return None
        messages, them = ("1 message waits", "it") if count == 1 else (f"{count:,} messages wait", "them")
        return f"{messages} in the outbox at {self._store.place}: the next program with it sends {them}, or tocsin outbox drain"

    def _work(self) -> None:
        while not self._ended.is_set():
            pause = self._turn()
            self._ended.wait(_BREATH)  # to look at each message that is put in would slow down who puts them in
            self._wake.wait(max(pause - _BREATH, 0.0))
            self._wake.clear()

    def _turn(self) -> float:
        """Have sent what is due; the seconds until somebody should look again."""
        if environment.override() is not None:
            return _EVERY
        try:
            agenda = self._store.agenda()
            self._drainer.start(agenda.due)
            self._look()
        except OutboxError as fault:
            self._say(str(fault))
            return _AFTER_A_FAULT
        self._said = ""
        if agenda.due:
            return _AT_WORK
        return _IDLE if agenda.next is None else min(max(agenda.next, _SOONEST), _EVERY)

    def _say(self, fault: str) -> None:
        """Say it once, until all is well again."""
        if fault != self._said:
            self._said = fault
            with suppress(Exception):  # a handler of logging that somebody wrote may raise
                log.logger.error("%s", redact(one_line(f"tocsin: {fault}")))

    def _look(self) -> None:
        """See what became of messages of ours that somebody else may have sent."""
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + _EVERY
        with self._changed:
            asked = tuple(islice(self._kept, _SEEN_AT_ONCE))
            for key in asked:  # it is the last to be asked for again
                self._kept.pop(key)
                self._kept[key] = None
        found = {row.key: row for row in self._store.find(asked)}
        for key in asked:
            if self._drainer.holds(key):  # it tells more than the row does
                continue
            row = found.get(key)
            self._seen(key, None if row is None else row.status, GONE if row is None else outcome_of_row(row))

    def _noted(self, parcel: Batch, outcome: Outcome, rows: Sequence[Row]) -> None:
        known = outcome if parcel.digest is None else outcome_in_digest(outcome, parcel.message)
        for row in rows:
            self._seen(row.key, row.status, known)
        self._wake.set()  # what is put off may be due sooner than anybody would look

    def _seen(self, key: str, status: Status | None, outcome: Outcome) -> None:
        """Somebody saw how the row stands; where it is over, whoever wants to know is told."""
        with self._changed:
            over = status not in WAITING
            if over or status is not Status.DELAYED:
                self._put_off.discard(key)
            elif key in self._mine:
                self._put_off.add(key)
            told = self._mine.pop(key, []) if over else []
            if over:
                self._kept.pop(key, None)
            self._changed.notify_all()
        for tell in told:
            with suppress(Exception):
                tell(outcome)
        queues.announce()
