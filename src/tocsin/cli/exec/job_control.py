"""The terminal of a command in a process group of its own: who is in its foreground, and the stops of a shell's job control.

For the shell the command is a part of tocsin's job. But the shell only moves tocsin's group into the foreground, and only sees that
tocsin is stopped. So tocsin passes the terminal on, and stops itself when the command is stopped.
"""

import os
import signal
from collections.abc import Callable

from tocsin.cli.exec.spawn import Child
from tocsin.core.supervisor import Foreground

_TERMINAL = "/dev/tty"  # the controlling terminal of each process


def group_of(child: Child) -> int:
    """Return the process group that the command is in."""
    try:
        return os.getpgid(child.pid)
    except ProcessLookupError:  # it has ended, on a system that then forgets its group
        return child.group or os.getpgrp()


def foreground(child: Child) -> Foreground:
    """Return whose process group is in the foreground of tocsin's controlling terminal."""
    group = _with_terminal(os.tcgetpgrp)
    if group is None:
        return "none"
    return "supervisor" if group == os.getpgrp() else "process" if group in {child.group, group_of(child)} else "other"


class Terminal:
    """Passes the controlling terminal on. While another group has it, tocsin may write to it: it ignores SIGTTOU."""

    def __init__(self) -> None:
        self._before = signal.getsignal(signal.SIGTTOU)

    def give(self, child: Child) -> None:
        """Put the group of the command into the foreground. Do nothing if one of them is gone."""
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        group = group_of(child)
        _with_terminal(lambda terminal: os.tcsetpgrp(terminal, group))

    def take(self) -> None:
        """Put tocsin's group back into the foreground."""
        _with_terminal(lambda terminal: os.tcsetpgrp(terminal, os.getpgrp()))
        signal.signal(signal.SIGTTOU, self._before or signal.SIG_DFL)


def suspend(number: int) -> None:
    """Stop tocsin's process group, until a shell continues it.

    A terminal, too, stops the whole group. Only SIGTSTP, SIGTTIN and SIGTTOU are used: the system ignores these where no shell could
    continue the group.
    """
    stop = signal.SIGTSTP if number == signal.SIGSTOP else number
    before = signal.signal(stop, signal.SIG_DFL)
    os.kill(0, stop)
    signal.signal(stop, before or signal.SIG_DFL)


def _with_terminal(act: Callable[[int], int | None]) -> int | None:
    """Call a function with the controlling terminal. Return None without one."""
    try:
        terminal = os.open(_TERMINAL, os.O_RDWR | os.O_NOCTTY)
    except OSError:
        return None
    try:
        return act(terminal)
    except OSError:
        return None  # the terminal or the group is gone
    finally:
        os.close(terminal)
