"""Signals and wake-ups of other threads, delivered through one pipe while a command runs.

- The interpreter writes the number of each signal into the pipe as it arrives, also before the command starts. Threads write a zero to
  wake the reader. One loop reads the pipe.
- The signal handler notes when a child ended, since the loop may start late: its module is loaded after the command has started.
- A signal that was ignored when tocsin started stays ignored, for the command too. The command gets the signal mask that tocsin was
  started with; tocsin itself receives these signals whatever the mask says.
"""

from __future__ import annotations

import os
import select
import signal
import time

TYPE_CHECKING = False

if TYPE_CHECKING:
    from types import FrameType
    from typing import Self

STOP_SIGNALS = frozenset({signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM})
"""Signals that ask a command to end."""
FORWARDED_SIGNALS = STOP_SIGNALS | {signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGCONT, signal.SIGWINCH}
"""Signals that tocsin forwards to the command."""
TERMINAL_SIGNALS = frozenset({signal.SIGINT, signal.SIGQUIT, signal.SIGWINCH})
"""Signals that a terminal sends to its whole foreground process group, the command included."""

_LONGEST_WAIT = 86_400.0  # seconds; poll limits its time-out


class SignalPipe:
    """Signals and wake-ups in one queue. While it is open, in the main thread, signals have no other effect.

    ``mask`` is the set of signals that were blocked before. ``child_changed`` is when a child last ended, stopped or continued, in
    seconds since 1970 and by ``time.monotonic``.
    """

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        for end in (self._reader, self._writer):
            os.set_blocking(end, False)
        self._poll = select.poll()
        self._poll.register(self._reader, select.POLLIN)
        handled = {*(number for number in FORWARDED_SIGNALS if signal.getsignal(number) is not signal.SIG_IGN), signal.SIGCHLD}
        self.child_changed: tuple[float, float] = (0.0, 0.0)
        self._wakeup = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)  # before the handlers, so that none is lost
        self._before = {number: signal.signal(number, self._handle) for number in handled}
        self.mask: frozenset[int] = frozenset(signal.pthread_sigmask(signal.SIG_UNBLOCK, handled))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, self.mask)
        self._poll.unregister(self._reader)
        os.close(self._reader)
        writer, self._writer = self._writer, -1
        os.close(writer)

    def add(self, number: signal.Signals) -> None:
        """Deliver another signal through the pipe, unless it is ignored."""
        if number not in self._before and signal.getsignal(number) is not signal.SIG_IGN:
            self._before[number] = signal.signal(number, self._handle)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})

    def remove(self, number: signal.Signals) -> None:
        """Undo ``add``."""
        if number in self._before:
            signal.signal(number, self._before.pop(number) or signal.SIG_DFL)

    def _handle(self, number: int, _: FrameType | None) -> None:
        """Note the time of SIGCHLD. The interpreter has already written the signal's number into the pipe."""
        if number == signal.SIGCHLD:
            self.child_changed = time.time(), time.monotonic()

    def wake(self) -> None:
        """Make ``wait`` return. Any thread may call it, also after the pipe is closed."""
        try:  # noqa: SIM105 - contextlib takes long to load
            os.write(self._writer, b"\0")
        except OSError:
            pass  # a full pipe wakes the reader anyway; a closed one has none

    def wait(self, until: float) -> list[int]:
        """Wait for a signal, for ``wake``, or until a time of ``time.monotonic``. Return the numbers of the signals that arrived."""
        rest = min(max(until - time.monotonic(), 0), _LONGEST_WAIT)
        if not self._poll.poll(rest * 1000 + (rest > 0)):  # a millisecond too late rather than too early
            return []
        return [number for number in os.read(self._reader, 4096) if number]
