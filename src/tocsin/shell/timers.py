"""Calls at later times, all made by one thread. It ends when no call is left to make, and does not keep the process alive.

- A call is made late if another one takes long, or if the machine sleeps. It is made once for all times that passed meanwhile.
- A forked child has none of its parent's calls: the parent makes them.
- Where no thread can start, no call is made until another one is added.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress

import attrs

from tocsin.shell.fork_safety import OnUse, forget_in_child
from tocsin.shell.threads import WorkerThread


@attrs.define(eq=False)
class Timer:
    """A call that is made at a time of ``time.monotonic``, and again at each time that it returns, until it returns None.

    If ``call`` raises, it is not made again. ``cancel`` may come during the call, and does not wait for its end.
    """

    call: Callable[[], float | None]
    due: float

    def cancel(self) -> None:
        """Make no further call."""
        _timers.remove(self)


class _Timers:
    """The timers of the process. Each operation takes a constant time, however many there are, except that of the thread."""

    changed = OnUse(threading.Condition)

    def __init__(self) -> None:
        self.forget()
        forget_in_child(self)

    def forget(self) -> None:
        """Start without timers in a forked child."""
        self.timers: dict[Timer, None] = {}
        self.next: float = 0.0
        self.thread: WorkerThread | None = None
        vars(self).pop("changed", None)

    def add(self, timer: Timer) -> None:
        with self.changed:
            self.timers[timer] = None
            thread = None
            if self.thread is None:
                self.next = timer.due
                thread = self.thread = WorkerThread("tocsin_timers", self.work)
            elif timer.due < self.next:
                self.changed.notify_all()
        if thread is not None and not thread.try_start():
            self.thread = None

    def remove(self, timer: Timer) -> None:
        with self.changed:
            self.timers.pop(timer, None)
            if timer.due <= self.next:
                self.changed.notify_all()

    def work(self) -> None:
        """Make the calls when they are due, until none is left. This is the thread's function."""
        while True:
            timer = self.wait()
            if timer is None:
                return
            due = None
            with suppress(BaseException):
                due = timer.call()
            with self.changed:
                if due is None:
                    self.timers.pop(timer, None)
                else:
                    timer.due = due
            del timer  # it may refer to what is over

    def wait(self) -> Timer | None:
        """Wait until a timer is due, and return it; return None if there are no timers any more."""
        with self.changed:
            while self.timers:
                self.next = min(each.due for each in self.timers)
                seconds = self.next - time.monotonic()
                if seconds <= 0.0:
                    return min(self.timers, key=lambda each: each.due)
                self.changed.wait(min(seconds, threading.TIMEOUT_MAX))
            self.thread = None
            return None


_timers = _Timers()


def call_at(due: float, call: Callable[[], float | None]) -> Timer:
    """Have ``call`` made once ``time.monotonic`` shows ``due``; see ``Timer``. Raises nothing."""
    timer = Timer(call, due)
    _timers.add(timer)
    return timer
