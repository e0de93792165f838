"""The helper process that leads the command's process group, and kills the command if tocsin dies.

- A process that leads a group cannot call ``setsid``. So the helper leads the group, and the command is an ordinary member of it.
- The id of a group stays in use until its leader is reaped. So tocsin reaps the helper after the last signal to the group.
- The helper reads a pipe whose other end only tocsin has. It ends when tocsin does, however tocsin ends.
- With ``--die-with-parent`` tocsin writes the command's process id into the pipe. At the end of the pipe the helper kills that process,
  the group that it leads, if it has made one, and its own group. If tocsin dies between the start of the command and that write, a
  command that has left the group already lives on.
- Every signal with a name is blocked in the helper, so that signals to the group do not end it.
- The helper is a shell, since a shell starts in a third of the time that it takes to fork this Python.
"""

from __future__ import annotations

import os
import signal

_SHELL = "/bin/sh"
_WAITS = "read -r pid; read -r end"
_KILLS = f'{_WAITS}; kill -s KILL -- "$pid" "-$pid"; kill -s KILL 0'


class GroupLeader:
    """The helper process. Its process id is that of the group. ``reaped`` says whether it has ended and was waited for.

    Args:
        die_with_parent: whether to kill the command when tocsin dies.

    Raises:
        OSError: the process cannot be started.
    """

    __slots__ = ("_die_with_parent", "_pipe", "pid", "reaped")

    def __init__(self, *, die_with_parent: bool) -> None:
        reader, self._pipe = os.pipe()
        try:
            self.pid: int = os.posix_spawn(
                _SHELL,
                ("sh", "-c", _KILLS if die_with_parent else _WAITS, "tocsin exec"),
                {},
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, reader, 0),
                    (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                    (os.POSIX_SPAWN_DUP2, 1, 2),
                ],
                setpgroup=0,
                setsigmask=tuple(signal.Signals),
            )
        except OSError:
            os.close(self._pipe)
            raise
        finally:
            os.close(reader)
        self._die_with_parent: bool = die_with_parent
        self.reaped: bool = False

    def watch(self, pid: int) -> None:
        """Tell the helper the process id of the command, if it has to kill it."""
        if self._die_with_parent:
            try:  # noqa: SIM105 - contextlib takes long to load
                os.write(self._pipe, b"%d\n" % pid)
            except BrokenPipeError:
                pass  # someone has killed the helper

    def close(self) -> None:
        """End the helper without a signal to the command. The group gets no signal after this."""
        if not self.reaped:
            os.kill(self.pid, signal.SIGKILL)  # before the pipe closes, whose end would make it kill the command
            os.waitpid(self.pid, 0)
            self.reaped = True
        os.close(self._pipe)
