"""Commands to watch over, and what is left of them."""

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import IO

import attrs

from tests.cli.terminal_session import PATIENCE
from tocsin.cli.exec.notifier_protocol import OpenRun
from tocsin.core.supervisor import Ended

DRIVER = Path(__file__).with_name("driver.py")
PYTHON = (sys.executable, "-S", "-c")
"""Runs a program of a few lines, at once and unmeasured."""

HEARS = """
import os, signal, sys
heard = [number for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGQUIT,
    signal.SIGALRM, signal.SIGWINCH, signal.SIGCONT) if signal.getsignal(number) is not signal.SIG_IGN]
for number in heard:
    signal.signal(number, lambda *_: None)
signal.pthread_sigmask(signal.SIG_BLOCK, heard)
print("ready", flush=True)
number = 0
while number != signal.SIGUSR2:
    number = signal.sigwait(heard)
    print(number.name, flush=True)
sys.exit(7)
"""
"""Says which signals it gets; leaves with 7 at SIGUSR2. It waits for them, since a handler may be called while another one prints."""


USUAL = {"PYTHONUNBUFFERED": ""}
"""Python as people have it, also where a machine for tests has it otherwise."""


@attrs.frozen
class Watched:
    """A command under ``tocsin exec``, under way in a process without a terminal."""

    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def out(self) -> IO[bytes]:
        """Its standard output, unread."""
        assert self.process.stdout is not None
        return self.process.stdout

    @property
    def err(self) -> IO[bytes]:
        """Its standard error, unread."""
        assert self.process.stderr is not None
        return self.process.stderr

    def send(self, *numbers: int) -> None:
        """Send signals to tocsin, and to nobody else."""
        for number in numbers:
            os.kill(self.process.pid, number)

    def wait(self) -> int:
        """Its exit status."""
        return self.process.wait(PATIENCE)

    def done(self, given: bytes | None = None) -> tuple[int, bytes, bytes]:
        """Its exit status, and the rest of what it writes."""
        out, err = self.process.communicate(given, PATIENCE)
        return self.process.returncode, out, err

    @property
    def told(self) -> list[tuple[str, object]]:
        """What people were told."""
        said: list[tuple[str, object]] = []
        with self.log.open("rb") as file:
            while file.peek(1):
                said.append(pickle.load(file))
        return said

    @property
    def ended(self) -> list[Ended]:
        """How the attempts ended."""
        return [value for _, value in self.told if isinstance(value, Ended)]

    @property
    def made(self) -> OpenRun:
        """The run that was told of."""
        (run,) = [value for _, value in self.told if isinstance(value, OpenRun)]
        return run


def nothing() -> None:  # pragma: no cover - between fork and exec nothing is measured
    """A new process is to do nothing before it becomes tocsin."""


@attrs.frozen
class Watch:
    """Starts commands under ``tocsin exec``, in ``folder``."""

    folder: Path
    begun: "list[subprocess.Popen[bytes]]" = attrs.field(factory=list)

    def close(self) -> None:
        """End what goes on, which only a test that failed leaves, and let go of its output."""
        for process in self.begun:
            process.kill()
            with process:
                pass

    def __call__(
        self,
        *words: str,
        told: str = "",
        before: Callable[[], object] = nothing,
        stdin: int | None = subprocess.DEVNULL,
        stdout: int | IO[bytes] | None = subprocess.PIPE,
        stderr: int | None = subprocess.PIPE,
        keep: Sequence[int] = (),
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> Watched:
        """Type ``tocsin exec`` and the words; ``before`` is called in the new process, and it inherits what is in ``keep``."""
        log = self.folder / "told"
        process = subprocess.Popen(
            [sys.executable, DRIVER, log, *words],
            env={**os.environ, "TOCSIN_STATE_DIR": str(self.folder / "state"), "TEST_TELLING": told, **USUAL, **environment},
            cwd=self.folder,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            pass_fds=keep,
            start_new_session=True,
            preexec_fn=before,  # noqa: PLW1509 - it takes no lock
        )
        self.begun.append(process)
        return Watched(process, log)


def also(act: Callable[[], object]) -> Callable[[], None]:
    """What a new process is to do before it becomes tocsin."""

    def do() -> None:  # pragma: no cover - between fork and exec nothing is measured
        act()

    return do


def blocking(*numbers: int) -> Callable[[], None]:
    """Have a new process, and those that it starts, be sent signals only once they ask for them."""
    return also(lambda: signal.pthread_sigmask(signal.SIG_BLOCK, numbers))


def ignoring(number: int) -> Callable[[], None]:
    """Have a new process ignore a signal, as ``nohup`` does."""
    return also(lambda: signal.signal(number, signal.SIG_IGN))
