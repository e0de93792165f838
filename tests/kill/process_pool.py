"""Starts lives, and ends them: each is a process of its own, forked from one that has everything loaded, so that its start is quick."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Literal

import attrs

from tests.kill.programs import NURSERY
from tests.servers.scripts import environment
from tests.servers.slack import SlackServer

Does = Literal["flow", "drain", "steps"]


@attrs.frozen(kw_only=True)
class Order:
    """What a life is to do.

    Args:
        does: a flow of ``count`` tasks called ``name``; to send what others left; or one message, or twelve of them, step by step.
        url: of the outbox.
        notes: the file for what the outbox acknowledged.
        trail: the file for the steps.
        most: how many messages go singly.
        lease: in seconds.
        die_at: the step that is not taken.
        from_birth: whether its seconds count from its birth; else from when it is up, as a flow is just before its first task.
        environment: in addition to the nursery's.
    """

    does: Does
    url: str
    notes: str
    name: str = "load"
    count: int = 1
    trail: str = os.devnull
    most: int = 1_000_000
    lease: float = 1.0
    die_at: int = 0
    from_birth: bool = True
    environment: Mapping[str, str] = attrs.field(factory=dict[str, str])


class Nursery:
    """Lives one life after another.

    Args:
        server: whom they tell.
        bundle: the certificates that they trust.
        folder: where they live.

    Attributes:
        kills: how many lives were ended.
        lives: how many there were.
    """

    def __init__(self, server: SlackServer, bundle: Path, folder: Path) -> None:
        self.kills = 0
        self.lives = 0
        self._child: int | None = None
        self._log = folder / "log"
        usual = {name: value for name, value in environment(server, bundle, folder).items() if not name.startswith("COVERAGE")}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", NURSERY],
                env=usual,
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    @property
    def log(self) -> str:
        """What the lives said of themselves."""
        return self._log.read_text()

    def begin(self, order: Order, seconds: float | None = None) -> None:
        """Begin a life that is ended after so many seconds, if it has not ended before."""
        self.lives += 1
        self._to.write(f"{json.dumps({**attrs.asdict(order), 'seconds': seconds})}\n")
        self._to.flush()
        self._child = self._heard()

    def end(self) -> int:
        """Wait for its end: its status, or how it was killed, below 0."""
        status, self._child = self._heard(), None
        self.kills += status == -signal.SIGKILL
        return status

    def kill(self) -> None:
        """Kill it now; may be called from another thread."""
        with suppress(ProcessLookupError):  # it has just ended by itself
            if self._child is not None:
                os.killpg(self._child, signal.SIGKILL)

    def live(self, order: Order, seconds: float | None = None) -> int:
        """A whole life; how it ended."""
        self.begin(order, seconds)
        return self.end()

    def close(self) -> None:
        """Let the nursery end, and the life in it, if there is one."""
        self.kill()
        self._process.kill()
        self._process.wait()
        self._to.close()
        self._from.close()

    def _heard(self) -> int:
        """The next that the nursery says; an error where it has ended."""
        line = self._from.readline()
        assert line, self.log
        return int(line)

    @property
    def _to(self) -> IO[str]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def _from(self) -> IO[str]:
        assert self._process.stdout is not None
        return self._process.stdout
