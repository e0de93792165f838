"""Starts commands under ``tocsin exec`` and reads what the notifier recorded."""

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
"""Runs a short program, quickly and without coverage measurement."""

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
"""Prints the signals that it receives, and exits with 7 at SIGUSR2. It uses ``sigwait``, since handlers interrupt each other."""

FOLLOWS = """
import os, signal
heard = {signal.SIGWINCH, signal.SIGINT, signal.SIGUSR2}
for number in heard:
    signal.signal(number, lambda *_: None)
signal.pthread_sigmask(signal.SIG_BLOCK, heard)
print("ready", flush=True)
while signal.sigwait(heard) == signal.SIGWINCH:
    size = os.get_terminal_size(1)
    print("is", size.lines, size.columns, flush=True)
"""
"""Prints the size of its terminal at each SIGWINCH, up to SIGINT or SIGUSR2."""

USUAL = {"PYTHONUNBUFFERED": ""}
"""Resets a setting of Python that a test machine may have changed."""


@attrs.frozen
class Watched:
    """A running ``tocsin exec``, in a process without a terminal."""

    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def out(self) -> IO[bytes]:
        """The standard output, not read yet."""
        assert self.process.stdout is not None
        return self.process.stdout

    @property
    def err(self) -> IO[bytes]:
        """The standard error, not read yet."""
        assert self.process.stderr is not None
        return self.process.stderr

    def send(self, *numbers: int) -> None:
        """Send signals to tocsin only."""
        for number in numbers:
            os.kill(self.process.pid, number)

    def wait(self) -> int:
        """Wait for the end and return the exit status."""
        return self.process.wait(PATIENCE)

    def done(self, given: bytes | None = None) -> tuple[int, bytes, bytes]:
        """Wait for the end. Return the exit status and the rest of both outputs."""
        out, err = self.process.communicate(given, PATIENCE)
        return self.process.returncode, out, err

    @property
    def told(self) -> list[tuple[str, object]]:
        """The calls that the notifier recorded."""
        calls: list[tuple[str, object]] = []
        with self.log.open("rb") as file:
            while file.peek(1):
                calls.append(pickle.load(file))
        return calls

    @property
    def ended(self) -> list[Ended]:
        """How the attempts ended."""
        return [value for _, value in self.told if isinstance(value, Ended)]

    @property
    def made(self) -> OpenRun:
        """The run that the notifier was made for."""
        (run,) = [value for _, value in self.told if isinstance(value, OpenRun)]
        return run


def nothing() -> None:  # pragma: no cover - between fork and exec nothing is measured
    """Do nothing in the new process before it becomes tocsin."""


@attrs.frozen
class Watch:
    """Starts commands under ``tocsin exec``, in ``folder``."""

    folder: Path
    processes: "list[subprocess.Popen[bytes]]" = attrs.field(factory=list)

    def close(self) -> None:
        """Kill the processes that a failed test has left, and close their outputs."""
        for process in self.processes:
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
        """Run ``tocsin exec`` with the words. ``before`` is called in the new process, which inherits the descriptors ``keep``."""
        log = self.folder / "told"
        process = subprocess.Popen(
            [sys.executable, DRIVER, log, *words],
            env={**os.environ, "TOCSIN_STATE_DIR": str(self.folder / "state"), "TEST_NOTIFIER": told, **USUAL, **environment},
            cwd=self.folder,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            pass_fds=keep,
            start_new_session=True,
            preexec_fn=before,  # noqa: PLW1509 - it takes no lock
        )
        self.processes.append(process)
        return Watched(process, log)


def also(act: Callable[[], object]) -> Callable[[], None]:
    """Return a function that calls ``act`` in the new process before it becomes tocsin."""

    def do() -> None:  # pragma: no cover - between fork and exec nothing is measured
        act()

    return do


def blocking(*numbers: int) -> Callable[[], None]:
    """Block signals in the new process and in those that it starts."""
    return also(lambda: signal.pthread_sigmask(signal.SIG_BLOCK, numbers))


def ignoring(number: int) -> Callable[[], None]:
    """Ignore a signal in the new process, as ``nohup`` does."""
    return also(lambda: signal.signal(number, signal.SIG_IGN))
