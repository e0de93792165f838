"""Copies the command's output unchanged to tocsin's output as it arrives, and keeps its last bytes for ``--tail``.

- Each stream has a thread, which may wait for a slow reader. The loop that forwards signals never waits for one.
- If a pipe holds more than a tail can, the kernel moves the earlier bytes (``splice``), and tocsin never reads them.
- If the reader of tocsin's output closes it, or a write fails, the command's pipe is closed, so that the command sees the same failure.
- A process that the command leaves behind may keep its end of a pipe open for ever. It is not waited for.
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

from tocsin.cli.exec.signal_pipe import STOP_SIGNALS
from tocsin.cli.stderr import complain

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tocsin.cli.exec.routes import Route
    from tocsin.cli.exec.signal_pipe import SignalPipe

MAX_TAIL = 1 << 16  # bytes that a tail may have
_MAY_BECOME_MUCH = range(MAX_TAIL // 2, 2 * MAX_TAIL)  # bytes pending
_NAP = 0.0001  # seconds
_SWITCH_INTERVAL = 0.0005  # seconds that another thread, which may be importing, can delay a copying thread
_GRACE = 0.5  # seconds without a byte, after the end of the command
_NAMES = {1: "standard output", 2: "standard error"}


class Tail:
    """The last bytes of all that was kept, ``MAX_TAIL`` at most. It is thread-safe."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._lock = threading.Lock()

    def keep(self, data: memoryview) -> None:
        """Append the data, and drop bytes from the front that are too old."""
        with self._lock:
            self._kept += data[-MAX_TAIL:]
            if len(self._kept) > 4 * MAX_TAIL:  # seldom, since it moves what it keeps
                del self._kept[:-MAX_TAIL]

    def __bytes__(self) -> bytes:
        with self._lock:
            return bytes(self._kept[-MAX_TAIL:])


class StreamCopy:
    """Copies one route until its end. ``moved`` counts the bytes; ``writing`` is true during a write, which the reader may block."""

    def __init__(self, route: Route, tail: Tail, wake: Callable[[], None]) -> None:
        self.moved: int = 0
        self.writing: bool = False
        self.done: bool = False
        self._route = route
        self._tail = tail
        self._wake = wake
        self._buffer = memoryview(bytearray(2 * MAX_TAIL))
        self._splices = sys.platform == "linux" and not route.terminal

    def run(self) -> None:
        """Copy until the end. Print an error that ends it, unless the reader has closed the stream."""
        try:
            while self._move():
                self.writing = False
        except BrokenPipeError:
            pass
        except OSError as error:
            complain(f"{_NAMES[self._route.streams[0]]}: {error.strerror}")
        finally:
            os.close(self._route.outer)
            self.done = True
            self._wake()

    def _move(self) -> bool:
        """Wait for output and move it. Return whether there was any."""
        if (pending := self._pending()) in _MAY_BECOME_MUCH:
            time.sleep(_NAP)  # a command that writes this much soon writes more, which can be spliced
            pending = self._pending()
        if pending < 2 * MAX_TAIL:
            return self._copy()
        self._splice(pending - MAX_TAIL)
        return True

    def _pending(self) -> int:
        """Return the number of bytes in the pipe, or 0 if it cannot be spliced."""
        return int.from_bytes(fcntl.ioctl(self._route.outer, termios.FIONREAD, bytes(4)), sys.byteorder) if self._splices else 0

    def _splice(self, size: int) -> None:
        """Move up to ``size`` bytes without reading them. The bytes behind them fill a tail."""
        self.writing = True
        try:
            self.moved += os.splice(self._route.outer, self._route.target, size)
        except BlockingIOError:
            self._wait_writable()
        except OSError as error:
            if error.errno == errno.EINVAL:
                self._splices = False  # the target does not support it: a file opened for appending
            else:
                self._overflow(error)

    def _copy(self) -> bool:
        """Wait for output and copy it. Return whether there was any."""
        data = self._buffer[: self._read()]
        self._tail.keep(data)
        size, self.writing = len(data), True
        while data:
            data = data[self._write(data) :]
        return size > 0

    def _read(self) -> int:
        try:
            return os.readv(self._route.outer, [self._buffer])
        except OSError:  # Linux: no process has the other end of the terminal open any more
            return 0

    def _write(self, data: memoryview) -> int:
        try:
            size = os.write(self._route.target, data)
        except BlockingIOError:
            self._wait_writable()
            return 0
        except OSError as error:
            self._overflow(error)
            return 0
        self.moved += size
        return size

    def _overflow(self, error: OSError) -> None:
        """Go on with another target if the present one, which holds the output back, cannot be written. Raise any other error."""
        if self._route.overflow is None:
            raise error
        self._route.overflow(error)

    def _wait_writable(self) -> None:
        """Wait until the target can be written: a process that shares it has made it non-blocking."""
        poll = select.poll()
        poll.register(self._route.target, select.POLLOUT)
        poll.poll()


class OutputTee:
    """Copies all routes, each in a running thread. ``wake`` is called when one has ended."""

    def __init__(self, routes: Sequence[Route], wake: Callable[[], None]) -> None:
        sys.setswitchinterval(_SWITCH_INTERVAL)
        self._tail = Tail()
        self._routes = routes
        self._copies = [StreamCopy(route, self._tail, wake) for route in routes]
        for copy in self._copies:
            threading.Thread(target=copy.run, daemon=True).start()

    def resize(self) -> bool:
        """Set the size of each of tocsin's terminals to that of the real one. Return whether that changed one."""
        changed = [route.resize() for route in self._routes if route.terminal]
        return any(changed)

    def finish(self, signals: SignalPipe, *, wait_for_reader: bool = True) -> int | None:
        """Wait for the remaining output after the command has ended. A stop signal ends the wait and is returned.

        ``wait_for_reader`` waits for a slow reader, as the command itself would have. Processes left behind are not waited for.
        """
        moved = -1
        until = time.monotonic()
        while not all(copy.done for copy in self._copies):
            now = sum(copy.moved for copy in self._copies)
            busy = wait_for_reader and any(copy.writing for copy in self._copies)
            if now != moved or busy:
                moved, until = now, time.monotonic() + _GRACE
            if time.monotonic() >= until:
                return None
            for number in signals.wait(until):
                if number in STOP_SIGNALS:
                    return number
        return None

    def tail(self) -> bytes:
        """Return the end of the output, 64 KiB at most. If that is not all of it, it begins with the beginning of a line."""
        kept = bytes(self._tail)
        return kept if len(kept) < MAX_TAIL else from_line_start(kept)


def from_line_start(data: bytes) -> bytes:
    """Return the data behind its first line break or carriage return: half a line may hold half a secret or half a character.

    >>> from_line_start(b"lf a line\\none\\ntwo"), from_line_start(b"20 %\\r30 %\\nend"), from_line_start(b"one")
    (b'one\\ntwo', b'30 %\\nend', b'one')
    """
    ends = [at for at in (data.find(b"\n"), data.find(b"\r")) if at >= 0]
    return data[min(ends) + 1 :] if ends else data
