"""Worker threads, calls in a thread with a limited wait for the result, and the periodic checks of a service.

No thread can start while the interpreter shuts down, or if the system has no more threads. ``try_start`` says so.
"""

import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from typing import Generic, TypeVar

_T = TypeVar("_T")


class WorkerThread:
    """A thread that runs ``work``. As a daemon thread, the default, it does not keep the program alive.

    It holds a ``thread`` of the class that ``threading`` has when it is made. gevent replaces that class, and a thread of a subclass of
    the one before counts as alive for ever.
    """

    def __init__(self, name: str, work: Callable[[], object], *, daemon: bool = True) -> None:
        self.thread: threading.Thread = threading.Thread(target=work, name=name, daemon=daemon)

    @property
    def ident(self) -> int | None:
        """The identifier of the thread; None before its start."""
        return self.thread.ident

    def start(self) -> None:
        """Start the thread. Raises RuntimeError if no thread can start."""
        self.thread.start()

    def join(self, seconds: float | None = None) -> None:
        """Wait for the end of the thread, at most ``seconds``. Raises RuntimeError in the thread itself, and before its start."""
        self.thread.join(seconds)

    def is_alive(self) -> bool:
        """Return whether the thread has started and has not ended."""
        return self.thread.is_alive()

    def try_start(self) -> bool:
        """Start the thread. Return False if no thread can start."""
        try:
            self.thread.start()
        except RuntimeError:
            return False
        return True


class CallThread(WorkerThread, Generic[_T]):
    """A thread that runs ``call`` in a copy of the context. A call that takes too long is left behind: it cannot be stopped."""

    def __init__(self, name: str, call: Callable[[], _T], *, daemon: bool = True) -> None:
        context = copy_context()
        super().__init__(name, lambda: context.run(self._enter, call), daemon=daemon)
        self._results: list[_T] = []
        self._errors: list[BaseException] = []

    def _enter(self, call: Callable[[], _T]) -> None:
        try:
            self._results.append(call())
        except BaseException as error:  # raised again in the thread that waits
            self._errors.append(error)

    def wait(self, seconds: float) -> bool:
        """Wait at most ``seconds`` for the end of the call. Return whether it has ended."""
        self.thread.join(seconds)
        return bool(self._results or self._errors)

    def result(self) -> _T:
        """Return the result of the ended call, or raise its exception. This may be called once."""
        if self._errors:
            raise self._errors.pop()  # removed, since its traceback refers to this thread
        return self._results.pop()


class PeriodicCheck:
    """A check that a service makes again and again, in a thread of its own.

    Args:
        name: the name of the thread.
        check: makes the check. It raises nothing.
        is_wanted: whether there may be anything to check.
        interval: seconds between the starts of two checks, at least.
    """

    def __init__(self, name: str, check: Callable[[], object], is_wanted: Callable[[], bool], interval: float = 30.0) -> None:
        self._name = name
        self._check = check
        self._is_wanted = is_wanted
        self._interval = interval
        self._next = 0.0
        self._thread: WorkerThread | None = None

    def run(self) -> None:
        """Start a check, unless the last one was a short while ago or has not ended. Raise nothing."""
        now, is_checking = time.monotonic(), self._thread is not None and self._thread.is_alive()
        if is_checking or now < self._next or not self._is_wanted():
            return
        self._next = now + self._interval
        self._thread = WorkerThread(self._name, self._check)
        self._thread.try_start()
