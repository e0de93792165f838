"""The queues of this process: waiting for them, the flush at exit, and their state after a fork.

- ``flush`` sends all waiting messages as soon as possible: it cuts pauses between attempts and between digests short, and keeps the
  rate limits.
- At exit a last flush takes at most the exit timeout of the queues. Remaining messages are reported in one line for each destination,
  and their ``on_settled`` callbacks get an outcome that says so. From then on nothing is queued.
- A forked child starts without queues: the parent sends its own messages. A ``multiprocessing`` child runs no ``atexit`` functions, so
  its last flush is registered with that module's own exit functions.
- No signal handler is installed: a process killed by a signal flushes nothing.
- A program that Ctrl-C ended keeps the exit status of an interrupt.
"""

import atexit
import math
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Literal, Protocol

from tocsin.core.delivery.destinations import Destination
from tocsin.core.text import quote
from tocsin.shell import log
from tocsin.shell.adapters.time_limits import Deadline
from tocsin.shell.destination_queue import DestinationQueue, QueuedMessage
from tocsin.shell.fork_safety import OnUse, forget_in_child, new_reentrant_lock
from tocsin.shell.interpreter import Interpreter


class Queue(Protocol):
    """A queue of this process that is flushed at exit: a destination's, or the program's messages in an outbox."""

    exit_timeout: float
    """Seconds that the program waits for it at exit."""

    @property
    def deadline(self) -> Deadline:
        """When all work must be done."""
        ...

    @property
    def idle(self) -> bool:
        """Whether no message waits and no thread runs."""
        ...

    def wait(self, until: float) -> bool:
        """Wait until the queue is empty, or until a time of ``time.monotonic``. Return whether it is empty."""
        ...

    def hurry(self) -> None:
        """Cut pauses short until each ``hurry()`` is undone by a ``take_time()``."""
        ...

    def take_time(self) -> None:
        """Undo one ``hurry()``."""
        ...

    def give_up(self) -> None:
        """Stop sending for good: the process ends."""
        ...

    def left(self) -> str | None:
        """Return the report of unfinished messages; None if there are none."""
        ...


Put = Literal["queued", "full", "closed"]
"""The result of an attempt to queue a message."""

EXIT_TIMEOUT = 10.0
"""Default seconds that a program waits at exit for unsent messages."""

_SENDING_SHARE = 0.9  # of the last wait; the rest is for the outcome of the last attempt
_FINALIZE_PRIORITY = 100  # in a multiprocessing child: before multiprocessing joins its own queues


class _Queues:
    """The queues of this process. ``lost`` is the number of seconds of consecutive waits that ended without success."""

    lock = OnUse(new_reentrant_lock)
    progress = OnUse(threading.Condition)

    def __init__(self) -> None:
        self.forget()
        self.forked = False
        forget_in_child(self)

    def forget(self) -> None:
        """Start without queues in a forked child."""
        self.forked = True
        self.closed = False
        self.lost = 0.0
        self.by_destination: dict[tuple[int, str, str], DestinationQueue] = {}
        self.others: tuple[Queue, ...] = ()
        for made in ("lock", "progress"):
            vars(self).pop(made, None)

    def put(self, inner: Interpreter, destination: Destination, max_queue: int, exit_timeout: float, entry: QueuedMessage) -> Put:
        """Queue the entry for its destination, to be sent by ``inner``, if there is room and the process is not ending.

        One lock covers all queues, so that none is removed while another thread is about to use it.
        """
        key = (id(inner), destination.channel, destination.name)  # the id stays unique: the queue keeps the interpreter alive
        with self.lock:
            if self.closed:
                return "closed"
            queue = self.by_destination.get(key)
            if queue is None:
                if not self.queues:
                    _finish_at_end_of_child()
                self.by_destination = {other: kept for other, kept in self.by_destination.items() if not kept.idle}
                queue = self.by_destination[key] = DestinationQueue(inner, destination, max_queue, exit_timeout, self.announce)
            room, foldings = queue.put(entry)
        for whole, messages in foldings:
            log.folded(whole, messages)
        queue.start()
        return "queued" if room else "full"

    def register(self, queue: Queue) -> bool:
        """Have another module's queue flushed, by ``flush`` and at exit; return False if the process is already ending."""
        with self.lock:
            if self.closed:
                return False
            if not self.queues:
                _finish_at_end_of_child()
            self.others = (*(other for other in self.others if not other.idle and other is not queue), queue)
        return True

    @property
    def queues(self) -> tuple[Queue, ...]:
        """All queues of the process."""
        return (*self.by_destination.values(), *self.others)

    def close(self) -> tuple[Queue, ...]:
        """Accept nothing more; remove and return the queues."""
        with self.lock:
            queues, self.by_destination, self.others, self.closed = self.queues, {}, (), True
        return queues

    def announce(self) -> None:
        """Wake waiting threads: some messages have a final outcome."""
        with self.progress:
            self.progress.notify_all()


_here = _Queues()


def is_child() -> bool:
    """Whether a process that had loaded tocsin forked this one, or multiprocessing started it: many such end without notice."""
    return _here.forked or _is_of_multiprocessing()


def is_ending() -> bool:
    """Return whether the process ends: nothing is queued any more, and what is not sent soon is never sent by it."""
    return _here.closed


put: Callable[[Interpreter, Destination, int, float, QueuedMessage], Put] = _here.put
register: Callable[[Queue], bool] = _here.register
announce: Callable[[], None] = _here.announce


def wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    """Send waiting messages without pauses until the condition holds. Return False if it does not hold within ``seconds``.

    The condition is checked whenever messages have a final outcome.
    """
    here, began = _here, time.monotonic()
    with _hurried(here.queues), here.progress:
        succeeded = here.progress.wait_for(condition, max(seconds, 0.0))
    lose(0.0 if succeeded else time.monotonic() - began, succeeded=succeeded)
    return succeeded


def lose(seconds: float, *, succeeded: bool = False) -> None:
    """Add a wait without success to the time lost; a successful wait resets it to zero."""
    _here.lost = 0.0 if succeeded else _here.lost + seconds


def left_of_exit_timeout(exit_timeout: float) -> float:
    """Return the seconds left of an exit timeout after the time lost in waits without success."""
    return max(exit_timeout - _here.lost, 0.0)


def flush(deadline: float | None = None) -> bool:
    """Wait until all messages queued in this process were sent or have failed.

    Messages queued by a run, a watch or a ``Background`` are sent without a call of ``flush``, and the program waits for them at exit;
    ``flush`` waits for them now. In a coroutine, ``await asyncio.to_thread(tocsin.flush)`` does not block the event loop.

    Args:
        deadline: seconds to wait at most; None means ten, as at exit.

    Returns:
        Whether the queues are empty. Remaining messages are reported in one line for each destination, and stay queued.

    Raises:
        ValueError: the deadline is negative or not a number.

    >>> from tocsin import flush
    >>> flush()
    True
    """
    limit, began = seconds(deadline, "flush"), time.monotonic()
    done = _flush(_here.queues, limit)
    lose(time.monotonic() - began, succeeded=done)
    return done


def flush_of(inner: Interpreter, limit: float) -> bool:
    """Flush the queues whose messages ``inner`` sends, for at most ``limit`` seconds. Return whether they are empty."""
    return _flush(tuple(queue for (sender, *_), queue in (*_here.by_destination.items(),) if sender == id(inner)), limit)


def seconds(deadline: float | None, asked_by: str) -> float:
    """Return the deadline in seconds; ten if it is None. Raise ValueError if it is negative or not a number."""
    if deadline is None:
        return EXIT_TIMEOUT
    if not _is_wait(deadline):
        raise ValueError(f"{asked_by} takes a deadline in seconds, 0 or more, not {quote(deadline)}")
    return deadline


def _is_wait(value: object) -> bool:
    return isinstance(value, float | int) and not isinstance(value, bool) and 0 <= value < math.inf


def finish(limit: float | None = None) -> None:
    """Flush the queues for the last time; report and give up remaining messages.

    Args:
        limit: seconds to wait at most. None means the longest exit timeout of the queues, less the time already lost in waits without
            success.
    """
    queues = _here.close()
    seconds = left_of_exit_timeout(max((queue.exit_timeout for queue in queues), default=0.0)) if limit is None else limit
    for queue in queues:
        queue.deadline.moment = time.monotonic() + _SENDING_SHARE * seconds
    try:
        _flush(queues, seconds)
    except KeyboardInterrupt:
        _report(queues)
    finally:
        for queue in queues:
            queue.give_up()


def _at_exit() -> None:
    queues = bool(_here.queues)
    finish()
    if queues:
        exit_as_interrupted(getattr(sys, "last_type", None))  # the exception that ended the program


def _flush(queues: tuple[Queue, ...], seconds: float) -> bool:
    until = time.monotonic() + seconds
    with _hurried(queues):
        done = [queue.wait(until) for queue in queues]
    if all(done):
        return True
    _report(queues)
    return False


@contextmanager
def _hurried(queues: tuple[Queue, ...]) -> Generator[None]:
    """Cut the queues' pauses short inside the block."""
    for queue in queues:
        queue.hurry()
    try:
        yield
    finally:
        for queue in queues:
            queue.take_time()


def _report(queues: tuple[Queue, ...]) -> None:
    for queue in queues:
        left = queue.left()
        if left is not None:
            with suppress(Exception):  # a user's logging handler may raise
                log.logger.error("tocsin: %s", left)


def _is_of_multiprocessing() -> bool:
    module = sys.modules.get("multiprocessing.process")  # not imported for this: it is slow to load
    parent: object = None if module is None else module.parent_process()
    return parent is not None


def _finish_at_end_of_child() -> None:
    """Register ``finish`` with multiprocessing, whose children run no ``atexit`` functions."""
    if _is_of_multiprocessing():
        from multiprocessing.util import Finalize

        Finalize(None, finish, exitpriority=_FINALIZE_PRIORITY)


atexit.register(_at_exit)


def exit_as_interrupted(kind: object) -> None:
    """Have Python exit as after Ctrl-C (by SIGINT, status 130 in a shell) if the program ended by a KeyboardInterrupt (``kind``).

    Python remembers only whether the source text that it evaluated last was interrupted, and an import in between may evaluate some.
    """
    if kind is KeyboardInterrupt:
        with suppress(KeyboardInterrupt):
            exec("raise KeyboardInterrupt")  # noqa: S102 - a constant
