"""Starts the command with its environment, its signals and the routes of its output, and has the process.

- The command gets tocsin's descriptors and environment, and the signals that tocsin was started with, ignored or blocked. Python's own
  changes are undone: it ignores SIGPIPE and SIGXFSZ, and may have set ``LC_CTYPE``.
- In the foreground of a terminal the command is in tocsin's process group, so that the terminal's signals reach both; else it is in a
  process group of its own, which a helper process leads.
- A program without ``#!`` is run as a script by ``sh``, as every shell does.
"""

from __future__ import annotations

import errno
import os
import signal

from tocsin.cli.exec.process_group import GroupLeader

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from tocsin.cli.exec.routes import Route

INIT_PID = 1
"""The process id of the first process of a machine or a container, which has to reap orphaned processes."""
NOT_STARTED = 125
NOT_EXECUTABLE = 126
NOT_FOUND = 127
_RESOURCE_ERRORS = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE)  # the machine lacks resources
_PR_SET_DUMPABLE = 4  # of Linux's prctl
_IGNORED_BY_PYTHON = tuple(number for number in (signal.SIGPIPE, getattr(signal, "SIGXFSZ", None)) if number is not None)


def reserve_standard_streams() -> None:
    """Open ``/dev/null``, not inheritable, in place of each closed standard stream, so that no file of tocsin's gets its number."""
    while (low := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(low)


class Child:
    """A started process.

    ``raw`` is its wait status once it has ended, and ``stopped`` the signal that last stopped it, until the caller resets it.

    Args:
        pid: its process id.
        group: the id of the process group that it was started in, None if that is tocsin's own.
        leader: the helper process that leads the group, or only watches tocsin.
    """

    __slots__ = ("_leader", "group", "pid", "raw", "stopped")

    def __init__(self, pid: int, group: int | None = None, leader: GroupLeader | None = None) -> None:
        self.pid: int = pid
        self.group: int | None = group
        self.raw: int | None = None
        self.stopped: int | None = None
        self._leader: GroupLeader | None = leader

    @property
    def has_leader(self) -> bool:
        """Whether it has a helper process."""
        return self._leader is not None

    def reap(self, *, all_children: bool) -> bool:
        """Return whether it has ended. ``all_children`` reaps other children too, as the first process of a container has to."""
        while self.raw is None:
            pid, raw = os.waitpid(-1 if all_children else self.pid, os.WNOHANG | os.WUNTRACED)
            if pid == 0:
                return False
            if pid == self.pid and os.WIFSTOPPED(raw):
                self.stopped = os.WSTOPSIG(raw)
            elif pid == self.pid:
                self.raw = raw
            elif self._leader is not None and pid == self._leader.pid and not os.WIFSTOPPED(raw):
                self._leader.reaped = True
        return True

    def send(self, number: int) -> None:
        """Send a signal to its group, if it has one of its own, and to the process itself if it has left that.

        A process that left and leads a group, as after ``setsid``, gets the signal with that group.
        """
        if self.group is None:
            os.kill(self.pid, number)
            return
        if self._group_exists(self.group):
            os.kill(-self.group, number)
        place = os.getpgid(self.pid)
        if place != self.group:
            os.kill(-place if place == self.pid else self.pid, number)
        else:
            os.kill(self.pid, 0)  # raises if this process may not be sent signals: a group takes them if one member may

    def kill_rest(self) -> None:
        """Kill what is left of its group, and of the group that it led, after it has ended."""
        for group in {self.group or self.pid, self.pid}:
            try:
                if self._group_exists(group):
                    os.kill(-group, signal.SIGKILL)
            except OSError:
                pass  # the group is empty, or may not be sent signals

    def _group_exists(self, group: int) -> bool:
        """Return False if the id may be another group's by now: its leader was reaped, and the process itself is not in it."""
        if self._leader is None or group != self._leader.pid or not self._leader.reaped:
            return True
        return self.raw is None and os.getpgid(self.pid) == group

    def close(self) -> None:
        """End the helper process, after the last signal to the group. Its process id may be another's from then on."""
        if self._leader is not None:
            self._leader.close()
            self._leader = None


class StartFailure:
    """Why a process could not be started: as a text, and as an exit status."""

    __slots__ = ("fault", "status")

    def __init__(self, fault: str, status: int) -> None:
        self.fault: str = fault
        self.status: int = status


def start(
    command: tuple[str, ...],
    environment: Mapping[str, str],
    mask: Collection[int],
    routes: Sequence[Route],
    leader: GroupLeader | None = None,
    *,
    die_with_parent: bool = False,
) -> Child | StartFailure:
    """Start a command with its output connected to the routes and the signals of ``mask`` blocked.

    ``leader`` is its helper process; None to start one if it needs one.
    """
    own_group = not in_foreground()
    leader = leader or start_leader(die_with_parent=die_with_parent)
    group = (0 if leader is None else leader.pid) if own_group else os.getpgrp()

    def spawn(path: str, words: tuple[str, ...]) -> int:
        return os.posix_spawnp(
            path,
            words,
            environment,
            file_actions=[(os.POSIX_SPAWN_DUP2, route.inner, stream) for route in routes for stream in route.streams],
            setpgroup=group,
            setsigmask=mask,
            setsigdef=_IGNORED_BY_PYTHON,
        )

    try:
        pid = _spawn_program(spawn, command)
    except OSError as error:
        if leader is not None:
            leader.close()
        return start_failure(command[0], error)
    if leader is not None:
        leader.watch(pid)
    return Child(pid, (group or pid) if own_group else None, leader)


def start_leader(*, die_with_parent: bool) -> GroupLeader | None:
    """Start the helper process, if the command needs one. Without one, it leads its group itself.

    The helper takes as long to start as the command: so it is started while tocsin loads what starts the command.
    """
    if in_foreground() and not die_with_parent:
        return None
    try:
        return GroupLeader(die_with_parent=die_with_parent)
    except OSError:
        return None


def _spawn_program(spawn: Callable[[str, tuple[str, ...]], int], command: tuple[str, ...]) -> int:
    """Start a program, or a script without ``#!``, and return its process id."""
    try:
        return spawn(command[0], command)
    except OSError as error:
        script = _script(command[0], error)
        if script is None:
            raise
        return spawn("/bin/sh", ("sh", script, *command[1:]))


def in_foreground() -> bool:
    """Whether tocsin's process group is in the foreground of a terminal."""
    for stream in (0, 1, 2):
        try:
            if os.tcgetpgrp(stream) == os.getpgrp():
                return True
        except OSError:
            pass  # no terminal, or not the controlling one
    return False


def inherited_environment(source: str = "/proc/self/environ") -> dict[str, str]:
    """Return the environment that tocsin was started with. ``source`` is the file in which the system shows it, if it does."""
    environment = {**os.environ}
    if "LC_CTYPE" in environment and _is_set_by_python(source):
        del environment["LC_CTYPE"]
    return environment


def _is_set_by_python(source: str) -> bool:
    """Whether Python itself set ``LC_CTYPE``, as it does in the C locale."""
    try:
        with open(source, "rb", buffering=0) as file:  # noqa: PTH123 - pathlib takes long to load
            return not any(each.startswith(b"LC_CTYPE=") for each in file.readall().split(b"\0"))
    except OSError:
        return False


def forbid_reading() -> None:
    """Forbid other processes of this user to read the memory of this one, which holds its environment, as far as the system can.

    Linux shows the environment in ``/proc/PID/environ``, and the memory to a debugger. It refuses both, except to root, where a process
    may not be dumped. A command that is started is another program, and may be dumped again.
    """
    try:
        import ctypes  # slow to load

        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    except (ImportError, AttributeError, OSError):
        pass  # it is no Linux, or this Python has no ctypes


def _script(program: str, error: OSError) -> str | None:
    """Return the path of a program that the system cannot execute for lack of ``#!``."""
    if error.errno != errno.ENOEXEC:
        return None
    folders = [""] if "/" in program else os.get_exec_path()
    paths = (os.path.join(folder, program) for folder in folders)  # noqa: PTH118 - pathlib takes long to load
    return next((path for path in paths if os.access(path, os.X_OK)), None)


def start_failure(program: str, error: OSError) -> StartFailure:
    """Translate the error of a failed start."""
    if error.errno == errno.ENOENT:
        lost = os.path.exists(program) and "/" in program  # noqa: PTH110 - as above
        hint = "; the words of a command are written apart" if any(map(str.isspace, program)) else ""
        why = "the interpreter that it names is missing" if lost else f"there is no such program{hint}"
        return StartFailure(f"{program}: {why}", NOT_FOUND)
    why = os.strerror(error.errno or 0)
    if error.errno in _RESOURCE_ERRORS:
        return StartFailure(f"{program} could not be started: {why}", NOT_STARTED)
    return StartFailure(f"{program} cannot be executed: {why}", NOT_EXECUTABLE)
