"""All that can happen to us while a command runs comes through one pipe, so that nothing is lost and nothing interrupts anything.

- The interpreter writes the number of each signal into it as it comes, also before the command is started; threads write a zero when
  they have something to say. One loop reads it.
- That loop may be late, since it has to be loaded first. So the moment when a child ended is noted as the signal comes.
- A signal that was ignored when we started stays ignored, and so it is for the command. The command gets the mask of signals that we
  were started with; we ourselves listen whatever it says.
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

STOPPING = frozenset({signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM})
"""Signals that ask a command to end."""
PASSED_ON = STOPPING | {signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGCONT, signal.SIGWINCH}
"""Signals that a command is to get when we get them."""
TERMINALS = frozenset({signal.SIGINT, signal.SIGQUIT, signal.SIGWINCH})
"""Signals that a terminal sends to all that it has in the foreground, the command among them."""

_LONGEST = 86_400.0  # seconds; what poll may be asked to wait is limited


class SignalPipe:
    """Signals, and words of other threads, in one queue; while it is open, in the main thread, no signal does anything else.

    ``mask`` are the signals that were blocked before, and ``child_changed`` is when a child last ended, was stopped or went on, in
    seconds since 1970.
    """

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        for end in (self._reader, self._writer):
            os.set_blocking(end, False)
        self._poll = select.poll()
        self._poll.register(self._reader, select.POLLIN)
        heard = {*(number for number in PASSED_ON if signal.getsignal(number) is not signal.SIG_IGN), signal.SIGCHLD}
        self.child_changed: float = 0.0
        self._wakeup = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)  # first, lest one come that is not in the pipe
        self._before = {number: signal.signal(number, self._come) for number in heard}
        self.mask: frozenset[int] = frozenset(signal.pthread_sigmask(signal.SIG_UNBLOCK, heard))

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

    def _come(self, number: int, _: FrameType | None) -> None:
        """That it came stands in the pipe already."""
        if number == signal.SIGCHLD:
            self.child_changed = time.time()

    def wake(self) -> None:
        """Have ``wait`` return. Any thread may call it, also when nobody listens any more."""
        try:  # noqa: SIM105 - contextlib takes long to load
            os.write(self._writer, b"\0")
        except OSError:
            pass  # it is full, and will wake us, or closed

    def wait(self, until: float) -> list[int]:
        """The numbers of the signals that came; waits for one, or for ``wake``, or until a moment of ``time.monotonic``."""
        rest = min(max(until - time.monotonic(), 0), _LONGEST)
        if not self._poll.poll(rest * 1000 + (rest > 0)):  # a millisecond too late rather than too early
            return []
        return [number for number in os.read(self._reader, 4096) if number]
