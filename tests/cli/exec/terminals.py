"""A terminal to run a command in; the test is its keyboard and its screen."""

import fcntl
import os
import shutil
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from select import select

from tests.cli.exec.commands import DRIVER, USUAL, Watch, Watched, also, nothing
from tests.cli.terminal_session import PATIENCE

BASH = shutil.which("bash") or "bash"
SIZE = (33, 101)  # lines and columns


class Screen:
    """A terminal, of which ``theirs`` is the end for a process."""

    def __init__(self) -> None:
        self._ours, self.theirs = os.openpty()
        self._seen = b""
        self.resize(*SIZE)

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


class Terminal(Screen):
    """A terminal that has a command under ``tocsin exec`` in its foreground; ``streams`` of it are the terminal."""

    def __init__(
        self,
        watch: Watch,
        *words: str,
        streams: tuple[int, ...] = (0, 1, 2),
        told: str = "",
        before: Callable[[], object] = nothing,
    ) -> None:
        super().__init__()
        given = [self.theirs if stream in streams else None for stream in (0, 1, 2)]
        stdin, stdout, stderr = (subprocess.PIPE if each is None else each for each in given)
        self.watched: Watched = watch(
            *words,
            told=told,
            before=also(_become(self.theirs, before)),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            keep=[self.theirs],
        )
        os.close(self.theirs)


class Shell(Screen):
    """An interactive bash in a terminal. ``./run`` is ``tocsin exec``, whose notifier writes the file ``log``."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.log: Path = folder / "told"
        (folder / "bashrc").write_text("PS1='$ '; set -b\n")
        run = folder / "run"
        run.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{DRIVER}" "{self.log}" "$@"\n')
        run.chmod(0o755)
        self.process: subprocess.Popen[bytes] = subprocess.Popen(
            [BASH, "--noprofile", "--noediting", "--rcfile", "bashrc", "-i"],
            env={**os.environ, "TOCSIN_STATE_DIR": str(folder / "state"), **USUAL},
            cwd=folder,
            stdin=self.theirs,
            stdout=self.theirs,
            stderr=self.theirs,
            start_new_session=True,
            preexec_fn=also(_become(self.theirs, nothing)),  # noqa: PLW1509 - it takes no lock
            pass_fds=[self.theirs],
        )
        os.close(self.theirs)
        self.shows("$ ")

    def foreground(self) -> None:
        """Put the stopped or running job into the foreground."""
        self.type("fg\n")
        self._wait_until_the_shell(has_terminal=False)

    def _wait_until_the_shell(self, *, has_terminal: bool) -> None:
        until = time.monotonic() + PATIENCE
        while (os.tcgetpgrp(self._ours) == self.process.pid) is not has_terminal:
            assert time.monotonic() < until, self._seen
            time.sleep(0.005)

    def status(self) -> int:
        """Return the exit status of the last job that was in the foreground."""
        self._wait_until_the_shell(has_terminal=True)
        self.type("echo $((2*21)):$?:\n")
        self.shows("42:")
        return int(self.shows(":"))

    def close(self) -> None:
        """Take the terminal away, which ends the shell and its jobs."""
        super().close()
        self.process.wait(PATIENCE)


def _become(terminal: int, before: Callable[[], object]) -> Callable[[], None]:
    def become() -> None:  # pragma: no cover - between fork and exec nothing is measured
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
        os.close(terminal)
        before()

    return become
