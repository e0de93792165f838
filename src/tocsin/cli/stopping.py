"""SIGTERM, as a command of ours obeys it: what runs in the main thread is left by ``SystemExit``, so that people hear of its end.

- A signal that was ignored when we started stays ignored; a handler that the user's code installs meanwhile is theirs, and stays.
- Some senders send it twice, to the process and to its group: one that comes within a second of the last is the same one, and does not
  break off what is done about it.
- Nothing of this happens outside the main thread, where no signal arrives.
"""

import signal
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
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
