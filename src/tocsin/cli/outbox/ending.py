"""SIGTERM and an interrupt from the keyboard, as those obey them who send: what is being sent is ended in order.

- The handler writes a byte, and whoever waits is woken by it: it takes no lock, which the thread that it interrupts might hold. Nor
  does it raise anything: of a thread whose ``join`` is left by an exception, Python believes that it has ended.
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
