"""Copies the output of a command to where ours goes, byte for byte and as it comes, and keeps the last of it.

- Each stream has a thread, which waits for whoever is slow: the loop that passes signals on waits for nobody.
- Where more is in the pipe than a tail could ever hold, the kernel moves what comes before that, and we do not look at it.
- When the reader of our output leaves, or takes no more, the command's pipe is closed, so that it meets what it would have met.
- What the command left behind may keep its end of a pipe open for ever, and is not waited for.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import sys
import termios
import threading
import time

from tocsin.cli.exec.signal_pipe import STOPPING
from tocsin.cli.exec.stderr import complain

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tocsin.cli.exec.signal_pipe import SignalPipe
    from tocsin.cli.exec.spawn import Route

MAX_LINES = 1 << 16  # bytes that a tail may have
_SOME = range(MAX_LINES // 2, 2 * MAX_LINES)
_NAP = 0.0001  # seconds
_TURN = 0.0005  # seconds that another thread, which may be loading libraries, keeps a pump waiting
_GRACE = 0.5  # seconds without a byte, after the end of the command


class Tail:
    """The last bytes of all that was kept, ``MAX_LINES`` at most."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._lock = threading.Lock()

    def keep(self, data: memoryview) -> None:
        """Keep the end of it. Any thread may."""
        with self._lock:
            self._kept += data[-MAX_LINES:]
            if len(self._kept) > 4 * MAX_LINES:  # seldom, since it moves what it keeps
                del self._kept[:-MAX_LINES]

    def __bytes__(self) -> bytes:
        with self._lock:
            return bytes(self._kept[-MAX_LINES:])


class StreamCopy:
    """Moves what comes along one route, until its end; ``moved`` counts the bytes, and it is ``writing`` while somebody takes them."""

    def __init__(self, route: Route, tail: Tail, wake: Callable[[], None]) -> None:
        self.moved: int = 0
        self.writing: bool = False
        self.done: bool = False
        self._route = route
        self._tail = tail
        self._wake = wake
        self._room = memoryview(bytearray(2 * MAX_LINES))
        self._splices = sys.platform == "linux" and not route.terminal

    def run(self) -> None:
        """Move it all. What stops it is said, unless it is that the reader has left."""
        try:
            while self._move():
                self.writing = False
        except BrokenPipeError:
            pass
        except OSError as error:
            complain(f"{_NAMES[self._route.target]}: {error.strerror}")
        finally:
            os.close(self._route.outer)
            self.done = True
            self._wake()

    def _move(self) -> bool:
        """Whether something came, which was moved; waits for it."""
        if (there := self._pending()) in _SOME:
            time.sleep(_NAP)  # where that much comes, more comes, and may be spliced
            there = self._pending()
        if there < 2 * MAX_LINES:
            return self._copied()
        self._splice(there - MAX_LINES)
        return True

    def _pending(self) -> int:
        """How many bytes are there, if it is of use to know."""
        return int.from_bytes(fcntl.ioctl(self._route.outer, termios.FIONREAD, bytes(4)), sys.byteorder) if self._splices else 0

    def _splice(self, size: int) -> None:
        """Move so many bytes unseen, or less: what comes after them is as much as a tail may have."""
        self.writing = True
        try:
            self.moved += os.splice(self._route.outer, self._route.target, size)
        except BlockingIOError:
            self._patiently()
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            self._splices = False  # this target takes no such thing: a file that is appended to

    def _copied(self) -> bool:
        """Whether something came, which was copied; waits for it."""
        data = self._room[: self._read()]
        self._tail.keep(data)
        size, self.writing = len(data), True
        while data:
            data = data[self._written(data) :]
        return size > 0

    def _read(self) -> int:
        try:
            return os.readv(self._route.outer, [self._room])
        except OSError:  # so Linux says that nobody has the other end of a terminal any more
            return 0

    def _written(self, data: memoryview) -> int:
        try:
            size = os.write(self._route.target, data)
        except BlockingIOError:
            self._patiently()
            return 0
        self.moved += size
        return size

    def _patiently(self) -> None:
        """Wait until the target takes more: whoever shares it asked for it not to wait by itself."""
        poll = select.poll()
        poll.register(self._route.target, select.POLLOUT)
        poll.poll()


class OutputTee:
    """A pump for each route, under way. ``wake`` is called when one is done."""

    def __init__(self, routes: Sequence[Route], wake: Callable[[], None]) -> None:
        sys.setswitchinterval(_TURN)
        self._tail = Tail()
        self._routes = routes
        self._pumps = [StreamCopy(route, self._tail, wake) for route in routes]
        for pump in self._pumps:
            threading.Thread(target=pump.run, daemon=True).start()

    def resize(self) -> None:
        """Give each terminal of ours the size of the real one."""
        for route in self._routes:
            if route.terminal:
                route.resize()

    def settle(self, listening: SignalPipe, *, patient: bool = True) -> int | None:
        """Wait for what is still on its way when the command has ended; a signal that asks us to end ends that, and is returned.

        A reader that is slow is waited for if ``patient``, as the command would have waited; what the command left behind is not.
        """
        moved = -1
        until = time.monotonic()
        while not all(pump.done for pump in self._pumps):
            now = sum(pump.moved for pump in self._pumps)
            busy = patient and any(pump.writing for pump in self._pumps)
            if now != moved or busy:
                moved, until = now, time.monotonic() + _GRACE
            if time.monotonic() >= until:
                return None
            for number in listening.wait(until):
                if number in STOPPING:
                    return number
        return None

    def tail(self, lines: int) -> bytes:
        """The last lines, 64 KiB of them at most."""
        return last_lines(bytes(self._tail), lines)


_NAMES = {1: "standard output", 2: "standard error"}


def last_lines(data: bytes, lines: int) -> bytes:
    """The last of the lines; one that is not ended yet counts.

    >>> last_lines(b"one\\ntwo\\nthree\\n", 2), last_lines(b"one\\ntwo", 1)
    (b'two\\nthree\\n', b'two')
    """
    ending = b"\n" if data.endswith(b"\n") else b""
    return b"\n".join(data.removesuffix(b"\n").split(b"\n")[-lines:]) + ending
