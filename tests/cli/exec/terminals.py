"""A terminal to run a command in; the test is its keyboard and its screen."""

import fcntl
import os
import struct
import subprocess
import termios
from collections.abc import Callable
from select import select

from tests.cli.exec.commands import Watch, Watched, also, nothing
from tests.cli.terminal_session import PATIENCE

SIZE = (33, 101)  # lines and columns


class Terminal:
    """A terminal that has a command under ``tocsin exec`` in its foreground; ``streams`` of it are the terminal."""

    def __init__(
        self,
        watch: Watch,
        *words: str,
        streams: tuple[int, ...] = (0, 1, 2),
        told: str = "",
        before: Callable[[], object] = nothing,
    ) -> None:
        self._ours, theirs = os.openpty()
        self.resize(*SIZE)
        given = [theirs if stream in streams else None for stream in (0, 1, 2)]
        stdin, stdout, stderr = (subprocess.PIPE if each is None else each for each in given)
        self.watched: Watched = watch(
            *words, told=told, before=also(_become(theirs, before)), stdin=stdin, stdout=stdout, stderr=stderr, keep=[theirs]
        )
        os.close(theirs)
        self._seen = b""

    def resize(self, lines: int, columns: int) -> None:
        """Give the terminal another size."""
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._ours, text.encode())

    def shows(self, text: str) -> str:
        """Wait until the text appears. Return what appeared before it."""
        while text.encode() not in self._seen:
            self._look()
        before, _, self._seen = self._seen.partition(text.encode())
        return before.decode()

    def _look(self) -> None:
        ready, _, _ = select([self._ours], [], [], PATIENCE)
        assert ready, self._seen
        self._seen += os.read(self._ours, 4096)

    def close(self) -> None:
        """Take the terminal away."""
        os.close(self._ours)


def _become(terminal: int, before: Callable[[], object]) -> Callable[[], None]:
    def become() -> None:  # pragma: no cover - between fork and exec nothing is measured
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
        os.close(terminal)
        before()

    return become
