"""SIGTERM and an interrupt from the keyboard, as a service obeys them: what it does is ended in order, and that is no failure.

- The handler writes a byte, and whoever waits is woken by it: it takes no lock, which the thread that it interrupts might hold.
- A signal that was ignored when we started stays ignored. A second interrupt is one of somebody who will not wait.
"""

import select
import signal
import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress
from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Ending:
    """Whether it is time to end."""

    def __init__(self) -> None:
        self.is_due = False
        self._waits, self._wakes = socket.socketpair()
        self._wakes.setblocking(False)

    def wait(self, seconds: float) -> bool:
        """Wait until it is time to end, for so long at most; whether it is."""
        if not self.is_due:
            select.select([self._waits], [], [], max(seconds, 0.0))
        return self.is_due

    def come(self, number: int, _: FrameType | None) -> None:
        """A signal came."""
        if self.is_due and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.is_due = True
        with suppress(BlockingIOError):
            self._wakes.send(b"\0")

    def close(self) -> None:
        """Nobody waits any more."""
        self._waits.close()
        self._wakes.close()


@contextmanager
def ended() -> Generator[Ending]:
    """Inside, SIGTERM and SIGINT say that it is time to end; afterwards all is as before."""
    ending = Ending()
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
