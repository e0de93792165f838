"""What waits to be sent to one destination, and the thread that sends it: each has its own, so that a dead Slack holds up no mail.

- A lane is bounded. Where it is full, what waits is folded into a digest, so that nothing is dropped and no memory runs out.
- Its thread is started when something comes, and ends when nothing has come for a while. Of one that dies, what it was sending is
  reported; another takes over.
"""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import Context

import attrs

from tocsin.core.delivery.combining import describe_unfinished, outcome_at_exit, outcome_in_digest
from tocsin.core.delivery.destinations import Destination, audience
from tocsin.core.delivery.digest import fold
from tocsin.core.delivery.digest_summary import DigestSummary
from tocsin.core.effects import Message
from tocsin.core.messages.text import describe
from tocsin.core.outcomes import Ambiguous, Outcome, Rejected
from tocsin.shell import log
from tocsin.shell.adapters import clock, time_limits
from tocsin.shell.adapters.redaction import redact
from tocsin.shell.interpreters.base import Batching, Interpreter, execute

_LINGER = 1.0  # seconds that an idle thread waits for more

OnSettled = Callable[[Outcome], None]


@attrs.define(eq=False)
class QueuedMessage:
    """A message that waits, who wants to know what became of it, and the context that it is sent in."""

    message: Message
    settled: tuple[OnSettled, ...]
    context: Context
    over: bool = False

    @property
    def count(self) -> int:
        """How many messages it stands for."""
        content = self.message.content
        return content.count if isinstance(content, DigestSummary) else 1

    def settle(self, outcome: Outcome) -> None:
        """Tell whoever wants to know, once."""
        known = outcome_in_digest(outcome, self.message) if self.count > 1 else outcome
        settled, self.settled, self.over = self.settled, (), True
        for tell in settled:
            with suppress(Exception):
                tell(known)


_Folding = tuple[Message, list[Message]]
"""A digest, and what went into it."""


class DestinationQueue:
    """What waits for one destination.

    Args:
        inner: what sends it.
        destination: where to.
        max_queue: how many messages may wait before they are folded.
        exit_timeout: how long to wait for it at exit, in seconds.
        ended: called each time that some messages have ended.
    """

    def __init__(
        self, inner: Interpreter, destination: Destination, max_queue: int, exit_timeout: float, ended: Callable[[], None]
    ) -> None:
        self.destination = destination
        self.exit_timeout = exit_timeout
        self._nudge = threading.Event()
        self.deadline: time_limits.Deadline = time_limits.Deadline()
        self._hurried = 0
        self._ended = ended
        self._inner = inner
        self._max_queue = max_queue
        self._waiting: deque[QueuedMessage] = deque()
        self._sending: tuple[QueuedMessage, ...] = ()
        self._incompressible = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def put(self, entry: QueuedMessage) -> tuple[bool, list[_Folding]]:
        """Take the entry, if there is room, or room can be made; and what was folded for that. Then somebody has to ``start`` it."""
        with self._changed:
            foldings = self._make_room() if len(self._waiting) >= self._max_queue else []
            if len(self._waiting) >= self._max_queue:
                return False, foldings
            self._waiting.append(entry)
            self._changed.notify_all()
        return True, foldings

    def _make_room(self) -> list[_Folding]:
        """Fold what waits. Nobody's code runs here: locks are held."""
        if self._incompressible:
            return []
        waiting, self._waiting = self._waiting, deque()  # into which a signal handler may well put more
        groups: dict[object, list[QueuedMessage]] = {}
        for entry in waiting:
            groups.setdefault(audience(entry.message), []).append(entry)
        wholes = [_whole(group) for group in groups.values()]
        self._waiting.extendleft(reversed([entry for whole in wholes for entry in whole]))
        self._incompressible = len(self._waiting) >= self._max_queue  # nothing more is to be gained before some were taken
        pairs = zip(groups.values(), wholes, strict=True)
        return [(whole[0].message, [entry.message for entry in group]) for group, whole in pairs if len(whole) < len(group)]

    def start(self) -> None:
        """See to it that somebody sends what waits. No lock may be held: where no thread can be had, that is the caller."""
        with self._changed:
            if self._thread is not None or not self._waiting:
                return
            thread = self._thread = threading.Thread(target=self._work, name="tocsin_delivery", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter shuts down, or the system has no more threads
            with time_limits.with_deadline(time.monotonic() + self.exit_timeout):
                self._send_all(linger=0.0)
        except BaseException:
            self._thread = thread if thread.ident is not None else None  # it may have come after the start, too
            raise

    @property
    def idle(self) -> bool:
        """Whether nothing waits, and nothing is there to wait for it."""
        return self._thread is None and not self._waiting

    @property
    def waiting(self) -> int:
        """How many messages wait."""
        return sum(entry.count for entry in tuple(self._waiting))

    @property
    def sending(self) -> int:
        """How many messages are being sent, so that they may have arrived."""
        return sum(entry.count for entry in self._sending)

    def wait(self, until: float) -> bool:
        """Wait until all have ended, or for a moment of ``time.monotonic``; whether they have."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._sending, max(until - time.monotonic(), 0.0))

    def left(self) -> str | None:
        """What to say of what has not ended; None where all has."""
        waiting, sending = self.waiting, self.sending
        return describe_unfinished(str(self.destination), waiting, sending) if waiting or sending else None

    def hurry(self) -> None:
        """Cut pauses short, until as many have said ``take_time`` as have said this."""
        with self._changed:
            self._hurried += 1
            self._nudge.set()

    def take_time(self) -> None:
        """There is no hurry any more, for one of those who were in one."""
        with self._changed:
            self._hurried -= 1
            if not self._hurried:
                self._nudge.clear()

    def give_up(self) -> None:
        """Nothing is sent any more: whoever wants to know is told."""
        with self._changed:
            waiting, self._waiting = self._waiting, deque()
        for entry in self._sending:
            entry.settle(outcome_at_exit(started=True))
        for entry in waiting:
            entry.settle(outcome_at_exit(started=False))
        self._ended()

    def _work(self) -> None:
        """Send what comes, until nothing has come for a while; on a thread of our own, which nothing but that can end."""
        try:
            with clock.hurried_by(self._nudge), time_limits.with_shared_deadline(self.deadline):
                self._send_all(_LINGER)
        except BaseException:  # noqa: S110 - somebody who kills threads, or somebody's code; what it was sending is settled
            pass
        self.start()

    def _send_all(self, linger: float) -> None:
        try:
            while entries := self._take(linger):
                self._send(entries)
        except BaseException as error:
            self._died(error)
            raise

    def _take(self, linger: float) -> tuple[QueuedMessage, ...]:
        with self._changed:
            self._sending = ()
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._waiting, linger)
            if not self._waiting:
                self._thread = None
                return ()
            self._incompressible = False
            if self._hurried:  # one nudge ends one wait, and each batch has one of its own
                self._nudge.set()
            if isinstance(self._inner, Batching):
                self._sending, self._waiting = tuple(self._waiting), deque()
            else:
                self._sending = (self._waiting.popleft(),)
            return self._sending

    def _send(self, entries: tuple[QueuedMessage, ...]) -> None:
        outcomes = entries[-1].context.copy().run(_outcomes, self._inner, [entry.message for entry in entries])
        alike = Counter[int]()
        for entry, outcome in zip(entries, outcomes, strict=True):
            alike[id(outcome)] += entry.count
        for entry, outcome in zip(entries, outcomes, strict=True):
            count = alike.pop(id(outcome), 0)
            if count and not entry.over:  # what was folded shares an outcome, and a line; what was given up had one
                with suppress(Exception):  # a handler of logging that somebody wrote may raise
                    log.complain(entry.message, outcome, more=count - 1)
            entry.settle(outcome)
        self._ended()

    def _died(self, error: BaseException) -> None:
        reason = redact(f"the thread that sent it died of {describe(error)}: it may have arrived")
        for entry in self._sending:
            with suppress(Exception):
                log.complain(entry.message, Ambiguous(reason))
            entry.settle(Ambiguous(reason))
        with self._changed:
            self._sending, self._thread = (), None
            self._changed.notify_all()
        self._ended()


def _whole(group: list[QueuedMessage]) -> list[QueuedMessage]:
    """One in place of several entries to one audience; they themselves, where they cannot be folded."""
    messages = [entry.message for entry in group]
    try:
        whole = fold(messages)
    except Exception:  # a time zone of somebody's own, say
        return group
    return [QueuedMessage(whole, tuple(tell for entry in group for tell in entry.settled), group[-1].context)]


def _outcomes(inner: Interpreter, messages: Sequence[Message]) -> Sequence[Outcome]:
    """What became of each; an interpreter that breaks its promises has rejected them."""
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
