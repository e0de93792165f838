"""Starts and kills processes. Each is forked from a parent that has loaded all modules, so that its start is quick."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Literal

import attrs

from tests.kill.programs import PROGRAM
from tests.servers.scripts import environment
from tests.servers.slack import SlackServer

Does = Literal["flow", "drain", "steps", "exec", "fail"]


@attrs.frozen(kw_only=True)
class Job:
    """What a process does.

    Args:
        does: ``flow`` runs a flow of ``count`` tasks called ``name``, ``drain`` sends what other processes left, ``steps`` sends one
            message, or twelve, step by step, ``exec`` runs a command under ``tocsin exec``, ``fail`` fails under a policy.
        url: of the outbox.
        notes: the file for the acknowledged messages.
        trail: the file for the steps.
        most: the number of messages up to which they are sent singly.
        lease: in seconds.
        die_at: the step before which the process kills itself; 0 for none.
        from_start: whether the time limit counts from the start of the process; if not, from just before the first task of a flow.
        words: the arguments of ``tocsin exec`` after its label.
        environment: variables in addition to those of the pool.
    """

    does: Does
    url: str = ""
    notes: str = os.devnull
    name: str = "load"
    count: int = 1
    trail: str = os.devnull
    most: int = 1_000_000
    lease: float = 1.0
    die_at: int = 0
    from_start: bool = True
    words: Sequence[str] = ()
    environment: Mapping[str, str] = attrs.field(factory=dict[str, str])


class ProcessPool:
    """Runs one process after another.

    Args:
        server: the server to which they send.
        bundle: the certificates that they trust.
        folder: their working directory.

    Attributes:
        kills: how many processes were killed.
        runs: how many were started.
    """

    def __init__(self, server: SlackServer, bundle: Path, folder: Path) -> None:
        self.kills = 0
        self.runs = 0
        self._child: int | None = None
        self._log = folder / "log"
        usual = {name: value for name, value in environment(server, bundle, folder).items() if not name.startswith("COVERAGE")}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM],
                env=usual,
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    @property
    def log(self) -> str:
        """The standard error of the processes."""
        return self._log.read_text()

    def start(self, job: Job, seconds: float | None = None) -> None:
        """Start a process that is killed after these seconds, unless it has ended."""
        self.runs += 1
        self._stdin.write(f"{json.dumps({**attrs.asdict(job), 'seconds': seconds})}\n")
        self._stdin.flush()
        self._child = self._read_number()

    def wait(self) -> int:
        """Wait for its end, and return its exit status, or the negative number of the signal."""
        status, self._child = self._read_number(), None
        self.kills += status == -signal.SIGKILL
        return status

    def kill(self) -> None:
        """Kill the process now. Any thread may call this."""
        with suppress(ProcessLookupError):  # it has just ended by itself
            if self._child is not None:
                os.killpg(self._child, signal.SIGKILL)

    def run(self, job: Job, seconds: float | None = None) -> int:
        """Start a process and wait for its end."""
        self.start(job, seconds)
        return self.wait()

    def close(self) -> None:
        """Kill the pool and its process, if there is one."""
        self.kill()
        self._process.kill()
        self._process.wait()
        self._stdin.close()
        self._stdout.close()

    def _read_number(self) -> int:
        """Return the next number that the pool prints; fail if it has ended."""
        line = self._stdout.readline()
        assert line, self.log
        return int(line)

    @property
    def _stdin(self) -> IO[str]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def _stdout(self) -> IO[str]:
        assert self._process.stdout is not None
        return self._process.stdout
