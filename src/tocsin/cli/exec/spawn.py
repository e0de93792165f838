"""How the output of a command gets where ours goes, where its tail is wanted: which pipe or terminal stands between.

Without ``--tail`` there is no route: the command has our descriptors, and we never see what passes.

- Standard output and standard error that are one pipe, file or terminal stay one, so that their order is kept.
- Where ours is a terminal, the command gets one too. It changes nothing in the output, which is for the real one to do, it has the
  size of the real one, and follows it.
- Where ours is a pipe, it is made to hold more: the bytes are moved in larger portions, which is what costs.
- Where no pipe or terminal can be had, the stream goes past us, and its tail is not known.

The start of a command: as if we had not been there.

- It gets our descriptors, our environment, and the signals that we were started with, ignored or blocked. What Python changed for
  itself is put back: it ignores SIGPIPE and SIGXFSZ, and may have set ``LC_CTYPE``.
- In the foreground of a terminal it is in our process group, so that the terminal speaks to both; else it leads one of its own.
- A program that has no ``#!`` is a script for ``sh``, as for every shell.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


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


FIRST = 1
"""The process id of the first process of a machine or a container, which has to reap what others leave."""
NOT_STARTED = 125
NOT_EXECUTABLE = 126
NOT_FOUND = 127
_OURS = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE)  # the machine has no room for it
_CHANGED = tuple(number for number in (signal.SIGPIPE, getattr(signal, "SIGXFSZ", None)) if number is not None)


class Child:
    """A process under way, or over: ``raw`` is its wait status then. With ``own_group`` it leads a process group."""

    __slots__ = ("own_group", "pid", "raw")

    def __init__(self, pid: int, *, own_group: bool) -> None:
        self.pid: int = pid
        self.own_group: bool = own_group
        self.raw: int | None = None

    def reap(self, *, everyone: bool) -> bool:
        """Whether it is over; ``everyone`` has other children of ours reaped too, as the first process of a container has to."""
        while self.raw is None:
            pid, raw = os.waitpid(-1 if everyone else self.pid, os.WNOHANG)
            if pid == self.pid:
                self.raw = raw
            if pid == 0:
                return False
        return True

    def send(self, number: int) -> None:
        """Send it a signal, and its group if it leads one."""
        os.kill(-self.pid if self.own_group else self.pid, number)


class Unstarted:
    """Why there is no process: in words, and as an exit status."""

    __slots__ = ("fault", "status")

    def __init__(self, fault: str, status: int) -> None:
        self.fault: str = fault
        self.status: int = status


def start(
    command: tuple[str, ...], environment: Mapping[str, str], mask: Collection[int], routes: Sequence[Route]
) -> Child | Unstarted:
    """Start a command, with its output on the routes, and with the signals of ``mask`` blocked."""
    try:
        try:
            return _spawned(command[0], command, environment, mask, routes)
        except OSError as error:
            script = _script(command[0], error)
            if script is None:
                raise
            return _spawned("/bin/sh", ("sh", script, *command[1:]), environment, mask, routes)
    except OSError as error:
        return unstarted(command[0], error)


def _spawned(
    path: str, words: tuple[str, ...], environment: Mapping[str, str], mask: Collection[int], routes: Sequence[Route]
) -> Child:
    own_group = not in_foreground()
    pid = os.posix_spawnp(
        path,
        words,
        environment,
        file_actions=[(os.POSIX_SPAWN_DUP2, route.inner, stream) for route in routes for stream in route.streams],
        setpgroup=0 if own_group else os.getpgrp(),
        setsigmask=mask,
        setsigdef=_CHANGED,
    )
    return Child(pid, own_group=own_group)


def in_foreground() -> bool:
    """Whether a terminal speaks to our process group."""
    for stream in (0, 1, 2):
        try:
            if os.tcgetpgrp(stream) == os.getpgrp():
                return True
        except OSError:
            pass  # no terminal, or not ours
    return False


def surroundings(given: str = "/proc/self/environ") -> dict[str, str]:
    """Our environment, as we were given it: ``given`` is where the system shows that, if it does."""
    environment = {**os.environ}
    if "LC_CTYPE" in environment and _set_by_python(given):
        del environment["LC_CTYPE"]
    return environment


def _set_by_python(given: str) -> bool:
    """Whether the variable is Python's own doing, as it is in the C locale."""
    try:
        with open(given, "rb", buffering=0) as file:  # noqa: PTH123 - pathlib takes long to load
            return not any(each.startswith(b"LC_CTYPE=") for each in file.readall().split(b"\0"))
    except OSError:
        return False


def _script(program: str, error: OSError) -> str | None:
    """The path of a program that the system does not know how to execute."""
    if error.errno != errno.ENOEXEC:
        return None
    folders = [""] if "/" in program else os.get_exec_path()
    paths = (os.path.join(folder, program) for folder in folders)  # noqa: PTH118 - pathlib takes long to load
    return next((path for path in paths if os.access(path, os.X_OK)), None)


def unstarted(program: str, error: OSError) -> Unstarted:
    """What an error means that kept a program from being started."""
    if error.errno == errno.ENOENT:
        lost = os.path.exists(program) and "/" in program  # noqa: PTH110 - as above
        hint = "; the words of a command are written apart" if any(map(str.isspace, program)) else ""
        why = "the interpreter that it names is missing" if lost else f"there is no such program{hint}"
        return Unstarted(f"{program}: {why}", NOT_FOUND)
    why = os.strerror(error.errno or 0)
    if error.errno in _OURS:
        return Unstarted(f"{program} could not be started: {why}", NOT_STARTED)
    return Unstarted(f"{program} cannot be executed: {why}", NOT_EXECUTABLE)
