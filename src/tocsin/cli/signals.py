"""Handling of SIGTERM and SIGINT in commands.

``terminable``, for ``tocsin run``: SIGTERM raises ``SystemExit`` in the main thread, so that the flow's abort is announced.

- A handler that the user's code installs meanwhile is kept.
- Some senders signal both the process and its group: a signal within a second of the last one is the same one, and does not interrupt
  the handling of the first.
- Outside the main thread, where no signal arrives, it does nothing.

``graceful_stop``, for the commands that send from the outbox: a signal wakes the main thread, which then ends the sending in order.

- The handler writes a byte to a socket. It takes no lock, which the interrupted thread might hold. It raises no exception either:
  after an exception in ``Thread.join``, Python takes that thread for ended.
- A second SIGINT raises ``KeyboardInterrupt``: it ends the wait at once.

For both, a signal that was ignored when tocsin started stays ignored.
"""

import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from types import FrameType

TERMINATED = 128 + signal.SIGTERM
"""The exit status of a program that SIGTERM ended, as shells have it."""

Stopped = Callable[[], bool]
"""Returns whether SIGTERM arrived."""

_SAME_SIGNAL = 1.0  # seconds
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def terminable() -> Generator[Stopped]:
    """Make SIGTERM raise ``SystemExit(143)`` in the main thread. Restore the handler afterwards."""
    times: list[float] = []

    def handle(_: int, __: FrameType | None) -> None:
        times.append(time.monotonic())
        if len(times) == 1 or times[-1] - times[-2] > _SAME_SIGNAL:
            raise SystemExit(TERMINATED)

    before = signal.getsignal(signal.SIGTERM)
    if threading.current_thread() is not threading.main_thread() or before in (signal.SIG_IGN, None):
        yield lambda: False
        return
    signal.signal(signal.SIGTERM, handle)
    try:
        yield lambda: bool(times)
    finally:
        if signal.getsignal(signal.SIGTERM) is handle:
            signal.signal(signal.SIGTERM, before)


class GracefulStop:
    """A request to stop that a thread can wait for. ``signal`` is the first signal that arrived."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)

    @property
    def is_due(self) -> bool:
        """Whether a signal arrived."""
        return self.signal is not None

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for a signal, for ``wake``, or for the time to pass. Return whether a signal arrived."""
        if not self.is_due:
            select.select([self._reader], [], [], seconds)
        return self.is_due

    def wake(self) -> None:
        """Make ``wait`` return, now and from now on. Any thread may call it."""
        with suppress(OSError):  # a full socket wakes the reader anyway; a closed one has none
            self._writer.send(b"\0")

    def handle(self, number: int, _: FrameType | None) -> None:
        """Handle a signal: note it and wake the waiting thread."""
        if self.is_due and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = self.signal or number
        self.wake()

    def close(self) -> None:
        """Close the sockets. ``wait`` must not be called any more."""
        self._reader.close()
        self._writer.close()


@contextmanager
def graceful_stop() -> Generator[GracefulStop]:
    """Make SIGTERM and SIGINT request a stop. Restore the handlers afterwards."""
    stop = GracefulStop()
    before = {number: signal.getsignal(number) for number in _STOP_SIGNALS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, stop.handle)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        stop.close()
