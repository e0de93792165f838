"""The queue of one destination and its sending thread. A dead Slack thus delays no mail.

- A queue is bounded. When it is full, its messages are folded into a digest for each audience, and later ones are folded into that. A
  digest keeps counts, not contents: nothing is dropped, and memory stays bounded.
- The attachments that wait are bounded too, by ``WAITING_LIMIT``: a message beyond that goes without its files.
- An edit takes the place of an earlier one of its run. It waits only while there is room for messages.
- Its thread starts with a message and ends after one idle second. If it dies, the messages that it was sending are reported, and a new
  thread takes over.
"""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import Context

import attrs

from tocsin.core.attachments import WAITING_LIMIT
from tocsin.core.delivery.combining import describe_unfinished, outcome_at_exit, outcome_in_digest
from tocsin.core.delivery.destinations import Destination, audience
from tocsin.core.delivery.digest import fold
from tocsin.core.delivery.rendering import attachments_of, with_attachments, without_files
from tocsin.core.effects import Message, is_edit
from tocsin.core.messages.digest_summary import DigestSummary
from tocsin.core.outcomes import Ambiguous, Outcome, Rejected, Withheld
from tocsin.core.text import describe
from tocsin.shell import log
from tocsin.shell.adapters import clock, time_limits
from tocsin.shell.interpreter import Batching, Interpreter, OnSettled, execute, ignore_outcome, together
from tocsin.shell.redaction import redact
from tocsin.shell.threads import WorkerThread

_IDLE_SECONDS = 1.0  # seconds that an idle thread waits for more
_SUPERSEDED = Withheld("a newer one, or a message, took its place")


@attrs.define(eq=False)
class QueuedMessage:
    """A queued message, the callback for its final outcome, and the context in which it is sent."""

    message: Message
    on_settled: OnSettled
    context: Context
    is_settled: bool = False

    @property
    def attached(self) -> int:
        """The bytes of the files that it holds in memory."""
        files = attachments_of(self.message)
        return sum(len(each.content) for each in files) if files else 0

    @property
    def is_edit(self) -> bool:
        """Whether it only edits a message."""
        return is_edit(self.message)

    @property
    def count(self) -> int:
        """The number of messages that it stands for; more than 1 for a digest, none for an edit."""
        if self.is_edit:
            return 0
        content = self.message.content
        return content.count if isinstance(content, DigestSummary) else 1

    def settle(self, outcome: Outcome) -> None:
        """Pass the final outcome to the callback, once."""
        known = outcome_in_digest(outcome, self.message) if self.count > 1 else outcome
        on_settled, self.on_settled, self.is_settled = self.on_settled, ignore_outcome, True
        with suppress(Exception):
            on_settled(known)


_Folding = tuple[Message, list[Message]]
"""A digest and the messages in it."""


class DestinationQueue:
    """The messages that wait for one destination.

    Args:
        inner: the interpreter that sends them.
        destination: the destination.
        max_queue: the number of messages that may wait before they are folded.
        exit_timeout: seconds that the program waits for the queue at exit.
        on_progress: called each time that messages have a final outcome.
    """

    def __init__(
        self, inner: Interpreter, destination: Destination, max_queue: int, exit_timeout: float, on_progress: Callable[[], None]
    ) -> None:
        self.destination = destination
        self.exit_timeout = exit_timeout
        self._nudge = threading.Event()
        self.deadline: time_limits.Deadline = time_limits.Deadline()
        self._hurried = 0
        self._on_progress = on_progress
        self._inner = inner
        self._max_queue = max_queue
        self._waiting: deque[QueuedMessage] = deque()
        self._sending: tuple[QueuedMessage, ...] = ()
        self._incompressible = False
        self._changed = threading.Condition()
        self._thread: WorkerThread | None = None

    def put(self, entry: QueuedMessage) -> tuple[bool, list[_Folding]]:
        """Add the entry if there is room, or fold it into what waits for its audience. Call ``start`` afterwards.

        Returns:
            Whether the entry waits now, and what was folded.
        """
        with self._changed:
            if entry.is_edit and not self._has_room_for_edit(entry):
                entry.settle(_SUPERSEDED)
                return True, []
            if entry.attached and sum(each.attached for each in self._waiting) + entry.attached > WAITING_LIMIT:
                entry.message = _without_files(entry.message)
            foldings = self._make_room() if len(self._waiting) >= self._max_queue else []
            if len(self._waiting) >= self._max_queue:
                folding = self._fold_in(entry)
                return folding is not None, foldings if folding is None else [*foldings, folding]
            self._waiting.append(entry)
            self._changed.notify_all()
        return True, foldings

    def _has_room_for_edit(self, edit: QueuedMessage) -> bool:
        """Return whether there is room for an edit once those of its run are dropped."""
        self._drop_edits(edit.message.key.run_id)
        return len(self._waiting) < self._max_queue

    def _drop_edits(self, run_id: str | None = None) -> None:
        """Drop the waiting edits of a run, or those of all runs."""
        for entry in tuple(self._waiting):
            if entry.is_edit and run_id in {None, entry.message.key.run_id}:
                self._waiting.remove(entry)
                entry.settle(_SUPERSEDED)

    def _fold_in(self, entry: QueuedMessage) -> _Folding | None:
        """Fold the entry into the last one that waits for its audience; return None if there is none, or if they cannot be folded."""
        people = audience(entry.message)
        for place in range(len(self._waiting) - 1, -1, -1):
            last = self._waiting[place]
            if audience(last.message) == people:
                whole = _fold([last, entry])
                if len(whole) > 1:
                    return None
                self._waiting[place] = whole[0]
                return whole[0].message, [last.message, entry.message]
        return None

    def _make_room(self) -> list[_Folding]:
        """Fold the waiting messages. No user code runs here, since locks are held."""
        self._drop_edits()
        if self._incompressible or len(self._waiting) < self._max_queue:
            return []
        waiting, self._waiting = self._waiting, deque()  # a signal handler may add to it
        groups: dict[object, list[QueuedMessage]] = {}
        for entry in waiting:
            groups.setdefault(audience(entry.message), []).append(entry)
        folded = [_fold(group) for group in groups.values()]
        self._waiting.extendleft(reversed([entry for entries in folded for entry in entries]))
        self._incompressible = len(self._waiting) >= self._max_queue  # folding again gains nothing before some were sent
        pairs = zip(groups.values(), folded, strict=True)
        return [(entries[0].message, [entry.message for entry in group]) for group, entries in pairs if len(entries) < len(group)]

    def start(self) -> None:
        """Start the thread if messages wait. The caller holds no lock: if no thread can start, the caller itself sends."""
        if self._has_thread():  # it looks for messages once more before it ends, holding the lock with which they were put
            return
        with self._changed:
            if self._has_thread() or not self._waiting:
                return
            thread = self._thread = WorkerThread("tocsin_delivery", self._work)
        try:
            started = thread.try_start()
        except BaseException:
            self._thread = thread if thread.ident is not None else None  # the exception may have come after the start
            raise
        if not started:
            with time_limits.with_deadline(time.monotonic() + self.exit_timeout):
                self._send_all(idle_seconds=0.0)

    def _has_thread(self) -> bool:
        return self._thread is not None

    @property
    def idle(self) -> bool:
        """Whether no message waits and no thread runs."""
        return not self._has_thread() and not self._waiting

    @property
    def waiting(self) -> int:
        """The number of waiting messages."""
        return sum(entry.count for entry in tuple(self._waiting))

    @property
    def sending(self) -> int:
        """The number of messages that are being sent and may have arrived."""
        return sum(entry.count for entry in self._sending)

    def wait(self, until: float) -> bool:
        """Wait until the queue is empty, or until a time of ``time.monotonic``. Return whether it is empty."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._sending, max(until - time.monotonic(), 0.0))

    def left(self) -> str | None:
        """Return the report of unfinished messages; None if there are none."""
        waiting, sending = self.waiting, self.sending
        return describe_unfinished(str(self.destination), waiting, sending) if waiting or sending else None

    def hurry(self) -> None:
        """Cut pauses short until each ``hurry()`` is undone by a ``take_time()``."""
        with self._changed:
            self._hurried += 1
            self._nudge.set()

    def take_time(self) -> None:
        """Undo one ``hurry()``."""
        with self._changed:
            self._hurried -= 1
            if not self._hurried:
                self._nudge.clear()

    def give_up(self) -> None:
        """Settle all remaining messages as not sent, since the process ends."""
        with self._changed:
            waiting, self._waiting = self._waiting, deque()
        for entry in self._sending:
            entry.settle(outcome_at_exit(started=True))
        for entry in waiting:
            entry.settle(outcome_at_exit(started=False))
        self._on_progress()

    def _work(self) -> None:
        """Send messages until none has come for ``_IDLE_SECONDS``. This is the thread's function; no exception ends the queue."""
        try:
            with clock.hurried_by(self._nudge), time_limits.with_shared_deadline(self.deadline):
                self._send_all(_IDLE_SECONDS)
        except BaseException:  # noqa: S110 - a killed thread, or an exception of user code; its messages are settled
            pass
        self.start()

    def _send_all(self, idle_seconds: float) -> None:
        try:
            while entries := self._take(idle_seconds):
                self._send(entries)
        except BaseException as error:
            self._fail(error)
            raise

    def _take(self, idle_seconds: float) -> tuple[QueuedMessage, ...]:
        with self._changed:
            self._sending = ()
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._waiting, idle_seconds)
            if not self._waiting:
                self._thread = None
                return ()
            self._incompressible = False
            if self._hurried:  # one nudge ends one wait, and each batch needs its own
                self._nudge.set()
            if isinstance(self._inner, Batching):
                self._sending, self._waiting = tuple(self._waiting), deque()
            else:
                self._sending = (self._waiting.popleft(),)
            return self._sending

    def _send(self, entries: tuple[QueuedMessage, ...]) -> None:
        outcomes = entries[-1].context.copy().run(_outcomes, self._inner, [entry.message for entry in entries])
        same_outcome = Counter[int]()
        for entry, outcome in zip(entries, outcomes, strict=True):
            same_outcome[id(outcome)] += entry.count
        for entry, outcome in zip(entries, outcomes, strict=True):
            count = 0 if entry.is_edit else same_outcome.pop(id(outcome), 0)
            if count and not entry.is_settled:  # folded messages share an outcome and a log line; given-up messages had theirs
                with suppress(Exception):  # a user's logging handler may raise
                    log.complain(entry.message, outcome, more=count - 1)
            entry.settle(outcome)
        self._on_progress()

    def _fail(self, error: BaseException) -> None:
        reason = redact(f"the thread that sent it died of {describe(error)}: it may have arrived")
        for entry in self._sending:
            with suppress(Exception):
                log.complain(entry.message, Ambiguous(reason))
            entry.settle(Ambiguous(reason))
        with self._changed:
            self._sending, self._thread = (), None
            self._changed.notify_all()
        self._on_progress()


def _without_files(message: Message) -> Message:
    try:
        return without_files(message)
    except Exception:  # of a user's time zone class, for example
        return with_attachments(message, ())


def _fold(group: list[QueuedMessage]) -> list[QueuedMessage]:
    """Return one entry in place of several to one audience; the entries themselves if they cannot be folded."""
    messages = [entry.message for entry in group]
    try:
        whole = fold(messages)
    except Exception:  # of a user's time zone class, for example
        return group
    return [QueuedMessage(whole, together([entry.on_settled for entry in group]), group[-1].context)]


def _outcomes(inner: Interpreter, messages: Sequence[Message]) -> Sequence[Outcome]:
    """Return the outcome of each message; ``Rejected`` if the interpreter breaks its contract."""
    if not isinstance(inner, Batching):
        return [execute(inner, message) for message in messages]
    name = type(inner).__name__
    try:
        outcomes = tuple(inner.batch(messages))
    except Exception as error:
        return [Rejected(redact(f"the interpreter {name} raised {describe(error)}"))] * len(messages)
    if len(outcomes) == len(messages):
        return outcomes
    return [Rejected(f"the interpreter {name} answered {len(outcomes)} outcomes to {len(messages)} messages")] * len(messages)
