"""SIGTERM, as a command of ours obeys it: what runs in the main thread is left by ``SystemExit``, so that people hear of its end.

- A signal that was ignored when we started stays ignored; a handler that the user's code installs meanwhile is theirs, and stays.
- Some senders send it twice, to the process and to its group: one that comes within a second of the last is the same one, and does not
  break off what is done about it.
- Nothing of this happens outside the main thread, where no signal arrives.

SIGTERM and an interrupt from the keyboard, as those obey them who send: what is being sent is ended in order.

- The handler writes a byte, and whoever waits is woken by it: it takes no lock, which the thread that it interrupts might hold. Nor
  does it raise anything: of a thread whose ``join`` is left by an exception, Python believes that it has ended.
- A signal that was ignored when we started stays ignored. A second interrupt is one of somebody who will not wait.
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
"""Whether SIGTERM came."""

_SAME = 1.0  # seconds


@contextmanager
def terminable() -> Generator[Stopped]:
    """Inside, SIGTERM raises ``SystemExit(143)`` in the main thread; afterwards all is as before."""
    came: list[float] = []

    def come(_: int, __: FrameType | None) -> None:
        came.append(time.monotonic())
        if len(came) == 1 or came[-1] - came[-2] > _SAME:
            raise SystemExit(TERMINATED)

    before = signal.getsignal(signal.SIGTERM)
    if threading.current_thread() is not threading.main_thread() or before in (signal.SIG_IGN, None):
        yield lambda: False
        return
    signal.signal(signal.SIGTERM, come)
    try:
        yield lambda: bool(came)
    finally:
        if signal.getsignal(signal.SIGTERM) is come:
            signal.signal(signal.SIGTERM, before)


_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class GracefulStop:
    """Whether it is time to end."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self._waits, self._wakes = socket.socketpair()
        self._wakes.setblocking(False)

    @property
    def is_due(self) -> bool:
        """Whether a signal came."""
        return self.signal is not None

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until a signal comes, or somebody wakes us, for so long at most; whether it is time to end."""
        if not self.is_due:
            select.select([self._waits], [], [], seconds)
        return self.is_due

    def wake(self) -> None:
        """Have nobody wait any longer."""
        with suppress(OSError):  # it is full, and so nobody waits; or closed
            self._wakes.send(b"\0")

    def come(self, number: int, _: FrameType | None) -> None:
        """A signal came."""
        if self.is_due and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = self.signal or number
        self.wake()

    def close(self) -> None:
        """Nobody waits any more."""
        self._waits.close()
        self._wakes.close()


@contextmanager
def graceful_stop() -> Generator[GracefulStop]:
    """Inside, SIGTERM and SIGINT say that it is time to end; afterwards all is as before."""
    ending = GracefulStop()
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, ending.come)
    try:
        yield ending
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        ending.close()
