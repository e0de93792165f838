"""How the output of a command gets where ours goes, where its tail is wanted: which pipe or terminal stands between.

Without ``--tail`` there is no route: the command has our descriptors, and we never see what passes.

- Standard output and standard error that are one pipe, file or terminal stay one, so that their order is kept.
- Where ours is a terminal, the command gets one too. It changes nothing in the output, which is for the real one to do, it has the
  size of the real one, and follows it.
- Where ours is a pipe, it is made to hold more: the bytes are moved in larger portions, which is what costs.
- Where no pipe or terminal can be had, the stream goes past us, and its tail is not known.
"""

from __future__ import annotations

import fcntl
import os
import stat

PIPE = 1 << 20  # bytes that a pipe of ours may hold, where it can


class Route:
    """From ``inner``, which the command writes to as the descriptors ``streams``, by ``outer``, which we read, to ``target``."""

    __slots__ = ("inner", "outer", "streams", "target", "terminal")

    def __init__(self, streams: tuple[int, ...], *, terminal: bool) -> None:
        self.streams: tuple[int, ...] = streams
        self.target: int = streams[0]
        self.terminal: bool = terminal
        outer, inner = os.openpty() if terminal else os.pipe()
        self.outer: int = outer
        self.inner: int = inner
        if terminal:
            _like(self.target, self.inner)
            self.resize()
        else:
            widen(self.inner)
            widen(self.target)

    def begun(self) -> None:
        """Leave the command's end to the command, so that we notice when nobody has it any more."""
        os.close(self.inner)

    def resize(self) -> None:
        """Give the terminal, if it is one, the size of the real one."""
        import termios

        try:  # noqa: SIM105 - contextlib takes long to load
            fcntl.ioctl(self.outer, termios.TIOCSWINSZ, fcntl.ioctl(self.target, termios.TIOCGWINSZ, bytes(8)))
        except OSError:
            pass  # the real one is gone


def widen(pipe: int) -> None:
    """Have a pipe hold more, so that neither side waits so often; a user may have only so much of that."""
    try:  # noqa: SIM105 - contextlib takes long to load
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, max(PIPE, fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ)))
    except (AttributeError, OSError):
        pass  # this system has no such thing, or no more of it


def routes() -> list[Route]:
    """The routes of standard output and standard error, in so far as they are open; OSError where one cannot be had."""
    out, err = (_file(stream) for stream in (1, 2))
    if out is not None and out == err:
        return [Route((1, 2), terminal=os.isatty(1))]
    return [Route((stream,), terminal=os.isatty(stream)) for stream, file in ((1, out), (2, err)) if file is not None]


def inherited(stream: int) -> bool:
    """Whether a command would find the descriptor open; see ``occupy``."""
    return not fcntl.fcntl(stream, fcntl.F_GETFD) & fcntl.FD_CLOEXEC


def occupy() -> None:
    """Put something that no command inherits in the place of standard streams that are closed, lest a file of ours get there."""
    while (low := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(low)


def _file(stream: int) -> tuple[object, ...] | None:
    """What a descriptor means; two that write to one file in different ways are two."""
    if not inherited(stream):
        return None
    status = os.fstat(stream)
    return status.st_dev, status.st_ino, stat.S_IFMT(status.st_mode), fcntl.fcntl(stream, fcntl.F_GETFL)


def _like(real: int, ours: int) -> None:
    """Have our terminal behave as the real one does, and leave the output as it is."""
    import termios

    try:
        settings = termios.tcgetattr(real)
    except termios.error:  # it is gone
        settings = termios.tcgetattr(ours)
    settings[1] &= ~termios.OPOST
    termios.tcsetattr(ours, termios.TCSANOW, settings)
