"""The routes of the command's output for ``--tail`` and ``--quiet``: pipes and terminals that tocsin copies from.

Without these options there is no route: the output goes straight to tocsin's descriptors. With them:

- Standard output and standard error that are the same pipe, file or terminal share one route, so that their order is kept.
- If tocsin's stream is a terminal, the command gets a terminal too. It has the size of the real one and follows it, and leaves output
  processing to the real one.
- If tocsin's stream is a pipe, the pipe is enlarged: fewer, larger copies are cheaper.
- If no pipe or terminal can be created, the stream is not captured, and its tail is unknown.
"""

from __future__ import annotations

import fcntl
import os
import stat
import termios

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable

_PIPE_SIZE = 1 << 20  # bytes; the capacity that tocsin requests for its pipes


class Route:
    """A pipe or terminal. The command has ``inner`` as its descriptors ``streams``; tocsin copies from ``outer`` to ``target``.

    ``overflow`` changes a target that holds the output back and cannot be written; None for any other target.
    """

    __slots__ = ("inner", "outer", "overflow", "streams", "target", "terminal")

    def __init__(self, streams: tuple[int, ...], *, terminal: bool) -> None:
        self.streams: tuple[int, ...] = streams
        self.target: int = streams[0]
        self.terminal: bool = terminal
        self.overflow: Callable[[OSError], None] | None = None
        outer, inner = os.openpty() if terminal else os.pipe()
        self.outer: int = outer
        self.inner: int = inner
        if terminal:
            _copy_terminal_settings(self.target, self.inner)
            self.resize()
        else:
            enlarge_pipe(self.inner)
            enlarge_pipe(self.target)

    def close_inner(self) -> None:
        """Close tocsin's copy of the command's end, so that ``outer`` reports the end of the output."""
        os.close(self.inner)

    def resize(self) -> bool:
        """Set the size of the terminal to that of the real one. Return whether that is a change."""
        try:
            size = fcntl.ioctl(self.target, termios.TIOCGWINSZ, bytes(8))
            if size == fcntl.ioctl(self.outer, termios.TIOCGWINSZ, bytes(8)):
                return False
            fcntl.ioctl(self.outer, termios.TIOCSWINSZ, size)
        except OSError:
            return False  # the real one is gone
        return True


def enlarge_pipe(pipe: int) -> None:
    """Enlarge a pipe, so that both sides wait less often. The system limits how much a user may have of this."""
    try:  # noqa: SIM105 - contextlib takes long to load
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, max(_PIPE_SIZE, fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ)))
    except (AttributeError, OSError):
        pass  # not supported here, or the limit is reached


def open_routes(*, terminals: bool = True) -> list[Route]:
    """Open the routes of standard output and standard error, for those that are open. Without ``terminals``, all are pipes.

    Raises:
        OSError: a pipe or terminal cannot be created.
    """
    out, err = (_file_identity(stream) for stream in (1, 2))
    if out is not None and out == err:
        return [Route((1, 2), terminal=terminals and os.isatty(1))]
    streams = [stream for stream, file in ((1, out), (2, err)) if file is not None]
    return [Route((stream,), terminal=terminals and os.isatty(stream)) for stream in streams]


def _is_inherited(stream: int) -> bool:
    """Whether the command finds the descriptor open; see ``spawn.reserve_standard_streams``."""
    return not fcntl.fcntl(stream, fcntl.F_GETFD) & fcntl.FD_CLOEXEC


def _file_identity(stream: int) -> tuple[object, ...] | None:
    """Identify the open file of a descriptor, None if it is closed. Two that differ in their flags are different."""
    if not _is_inherited(stream):
        return None
    status = os.fstat(stream)
    return status.st_dev, status.st_ino, stat.S_IFMT(status.st_mode), fcntl.fcntl(stream, fcntl.F_GETFL)


def _copy_terminal_settings(real: int, ours: int) -> None:
    """Copy the settings of the real terminal to tocsin's, and switch off output processing."""
    try:
        settings = termios.tcgetattr(real)
    except termios.error:  # it is gone
        settings = termios.tcgetattr(ours)
    settings[1] &= ~termios.OPOST
    termios.tcsetattr(ours, termios.TCSANOW, settings)
