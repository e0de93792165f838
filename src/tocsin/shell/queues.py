"""All that waits to be sent in this process: its lanes, the wait for them, and what becomes of them at exit and after a fork.

- ``flush`` has what waits sent now, as far as that can be: pauses between tries and between digests are cut short, the pace is kept.
- At exit there is a last flush, no longer than the patience that the lanes were given. What is left then is reported, in one line for
  each destination, and whoever wants to know is told that it was not sent. From then on nothing is queued any more.
- A forked child starts with no lanes: what its parent has yet to send is its parent's. A child of ``multiprocessing`` ends without
  what is done at exit, so there the last flush is a part of what that module does at the end.
- No signal handler is installed: one who is killed by a signal flushes nothing.

The exit status of a program that Ctrl-C ended.
"""

import atexit
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Literal, Protocol

from tocsin.core.delivery.destinations import Destination
from tocsin.core.messages.text import quote
from tocsin.shell import fork_safety, log
from tocsin.shell.adapters.time_limits import Deadline
from tocsin.shell.destination_queue import DestinationQueue, QueuedMessage
from tocsin.shell.interpreters.base import Interpreter


class Queue(Protocol):
    """Something that waits to be sent in this process, and is waited for at exit: a lane, or what a program put into an outbox."""

    exit_timeout: float
    """How long to wait for it at exit, in seconds."""

    @property
    def deadline(self) -> Deadline:
        """When all is to be done."""
        ...

    @property
    def idle(self) -> bool:
        """Whether nothing waits, and nobody is there to wait for it."""
        ...

    def wait(self, until: float) -> bool:
        """Wait until nothing waits, or for a moment of ``time.monotonic``; whether nothing is left."""
        ...

    def hurry(self) -> None:
        """Cut pauses short, until as many have said ``take_time`` as have said this."""
        ...

    def take_time(self) -> None:
        """There is no hurry any more, for one of those who were in one."""
        ...

    def give_up(self) -> None:
        """Nothing is sent any more."""
        ...

    def left(self) -> str | None:
        """What to say of what is left; None where nothing is."""
        ...


Put = Literal["queued", "full", "closed"]
"""What became of an attempt to queue something."""

EXIT_TIMEOUT = 10.0
"""How long a program waits for what is still to be sent, in seconds, where nothing else is said."""

_TRYING = 0.9  # of the last wait: then there is time to hear what became of the last try
_FIRST = 100  # the priority of our part in the end of a child of multiprocessing: before its queues are joined


class _Queues:
    """What one process has to send. ``lost`` are the seconds that it has waited for that in vain, in a row."""

    def __init__(self, *, forked: bool) -> None:
        self.forked = forked
        self.closed = False
        self.lost = 0.0
        self.lanes: dict[tuple[int, str, str], DestinationQueue] = {}
        self.attendants: tuple[Queue, ...] = ()
        self.lock = threading.RLock()
        self.ended = threading.Condition()

    def put(self, inner: Interpreter, destination: Destination, max_queue: int, exit_timeout: float, entry: QueuedMessage) -> Put:
        """Have the entry sent. One lock for all, so that no lane is let go of that somebody is about to use."""
        key = (id(inner), destination.channel, destination.name)  # an id is nobody else's, as long as the lane keeps what has it
        with self.lock:
            if self.closed:
                return "closed"
            lane = self.lanes.get(key)
            if lane is None:
                if not self.queues:
                    _at_end_of_child()
                self.lanes = {other: held for other, held in self.lanes.items() if not held.idle}
                lane = self.lanes[key] = DestinationQueue(inner, destination, max_queue, exit_timeout, self.announce)
            room, foldings = lane.put(entry)
        for whole, messages in foldings:
            log.folded(whole, messages)
        lane.start()
        return "queued" if room else "full"

    def attend(self, queue: Queue) -> bool:
        """Have the queue waited for at exit; False where it is too late."""
        with self.lock:
            if self.closed:
                return False
            if not self.queues:
                _at_end_of_child()
            self.attendants = (*(other for other in self.attendants if not other.idle and other is not queue), queue)
        return True

    @property
    def queues(self) -> tuple[Queue, ...]:
        """All that waits."""
        return (*self.lanes.values(), *self.attendants)

    def close(self) -> tuple[Queue, ...]:
        """Take nothing more; the queues, which are nobody's from now on."""
        with self.lock:
            queues, self.lanes, self.attendants, self.closed = self.queues, {}, (), True
        return queues

    def announce(self) -> None:
        """Some messages have ended."""
        with self.ended:
            self.ended.notify_all()


_here = _Queues(forked=False)


def is_child() -> bool:
    """Whether this process was forked off one that had loaded tocsin, or is one of multiprocessing's: many end without notice."""
    return _here.forked or _is_of_multiprocessing()


def put(inner: Interpreter, destination: Destination, max_queue: int, exit_timeout: float, entry: QueuedMessage) -> Put:
    """Have the entry sent by ``inner``, in the lane of its destination, if there is room, and it is not too late."""
    return _here.put(inner, destination, max_queue, exit_timeout, entry)


def register(queue: Queue) -> bool:
    """Have a queue of somebody else's waited for at exit, and flushed; False where it is too late for that."""
    return _here.attend(queue)


def announce() -> None:
    """Some messages have ended."""
    _here.announce()


def wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    """Have what waits sent, until the condition holds, which is asked whenever messages have ended.

    False where ``seconds`` were not enough.
    """
    here, began = _here, time.monotonic()
    with _hurried(here.queues), here.ended:
        held = here.ended.wait_for(condition, max(seconds, 0.0))
    lose(0.0 if held else time.monotonic() - began, succeeded=held)
    return held


def lose(seconds: float, *, succeeded: bool = False) -> None:
    """Note that somebody waited so long in vain for something to be sent; or not in vain, so that all is well again."""
    _here.lost = 0.0 if succeeded else _here.lost + seconds


def left_of_exit_timeout(exit_timeout: float) -> float:
    """What is left of somebody's patience, in seconds, after all that was waited in vain."""
    return max(exit_timeout - _here.lost, 0.0)


def flush(deadline: float | None = None) -> bool:
    """Wait until all that is queued in this process was sent, or has failed.

    What was queued by a run, a watch or a ``Background`` goes out by itself, and at exit it is waited for; ``flush`` is for those who
    want to know now. In a coroutine, ``await asyncio.to_thread(tocsin.flush)`` keeps the loop going.

    Args:
        deadline: how long to wait at most, in seconds; None: ten, as at exit.

    Returns:
        Whether nothing is left. What is left is reported, in one line for each destination, and goes on waiting.

    Raises:
        ValueError: the deadline is negative or not a number.

    >>> from tocsin import flush
    >>> flush()
    True
    """
    most, began = seconds(deadline, "flush"), time.monotonic()
    done = _flushed(_here.queues, most)
    lose(time.monotonic() - began, succeeded=done)
    return done


def seconds(deadline: float | None, asked_by: str) -> float:
    """A deadline, ten seconds where there is none; a ValueError where it makes no sense."""
    if deadline is None:
        return EXIT_TIMEOUT
    if not _is_wait(deadline):
        raise ValueError(f"{asked_by} takes a deadline in seconds, 0 or more, not {quote(deadline)}")
    return deadline


def _is_wait(value: object) -> bool:
    return isinstance(value, float | int) and not isinstance(value, bool) and 0 <= value < math.inf


def finish(most: float | None = None) -> None:
    """Wait for the last time, ``most`` seconds, or what is left of the lanes' patience; what is left is given up, and said.

    What was waited in vain before counts, so that all of it is no longer than that patience.
    """
    queues = _here.close()
    seconds = left_of_exit_timeout(max((queue.exit_timeout for queue in queues), default=0.0)) if most is None else most
    for queue in queues:
        queue.deadline.moment = time.monotonic() + _TRYING * seconds
    try:
        _flushed(queues, seconds)
    except KeyboardInterrupt:
        _report(queues)
    finally:
        for queue in queues:
            queue.give_up()


def _at_exit() -> None:
    queues = bool(_here.queues)
    finish()
    if queues:
        exit_as_interrupted(getattr(sys, "last_type", None))  # of the exception that ended the program


def _flushed(queues: tuple[Queue, ...], seconds: float) -> bool:
    until = time.monotonic() + seconds
    with _hurried(queues):
        done = [queue.wait(until) for queue in queues]
    if all(done):
        return True
    _report(queues)
    return False


@contextmanager
def _hurried(queues: tuple[Queue, ...]) -> Generator[None]:
    """Inside, pauses are cut short."""
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
            with suppress(Exception):  # a handler of logging that somebody wrote may raise
                log.logger.error("tocsin: %s", left)


def _is_of_multiprocessing() -> bool:
    known = sys.modules.get("multiprocessing.process")  # which is not worth loading
    parent: object = None if known is None else known.parent_process()
    return parent is not None


def _at_end_of_child() -> None:
    """See to the end of a child of multiprocessing, which ends without what is done at exit."""
    if _is_of_multiprocessing():
        from multiprocessing.util import Finalize

        Finalize(None, finish, exitpriority=_FIRST)


def _after_fork() -> None:
    global _here  # noqa: PLW0603 - one value, replaced as a whole
    _here = _Queues(forked=True)


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has none
    os.register_at_fork(before=fork_safety.wait_for_locks, after_in_child=_after_fork)


def exit_as_interrupted(kind: object) -> None:
    """Have Python exit as Ctrl-C asks (by SIGINT, status 130 in a shell) where ``kind`` is what ended it.

    Python knows only that the last source text which it evaluated was interrupted, and importing a module may well evaluate some.
    """
    if kind is KeyboardInterrupt:
        with suppress(KeyboardInterrupt):
            exec("raise KeyboardInterrupt")  # noqa: S102 - our own words
