"""The command, typed: in this process for speed, or in one of its own for truth."""

import os
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from tocsin.cli.app import app

PATIENCE = 60.0  # seconds that a process may take

HEAD = "from tocsin import *\n"
GOOD = f"""{HEAD}
@task(state_handlers=[slack_notifier(only_states=[Success])])
def add(x, y=1):
    return x + y

with Flow("sums") as flow:
    add(1)
"""
BAD = f"""{HEAD}
@task(state_handlers=[slack_notifier(only_states=[Failed])])
def divide(x):
    return 1 / x

with Flow("sums") as flow:
    divide(0)
"""


@attrs.frozen
class Seen:
    """What a command left behind."""

    status: int
    out: str
    err: str


@attrs.frozen
class Typist:
    """Types commands in this process, in ``folder``."""

    folder: Path
    capture: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str) -> Seen:
        """Type ``tocsin`` and the arguments."""
        with pytest.raises(SystemExit) as left:
            app(args=list(arguments), prog_name="tocsin")
        out, err = self.capture.readouterr()
        assert isinstance(left.value.code, int)
        return Seen(left.value.code, out, err)

    def run(self, source: str, *options: str, file: str = "flows.py") -> Seen:
        """Write a file, and type ``tocsin run`` with it and the options; notifications are left out if not asked for."""
        (self.folder / file).write_text(source)
        return self("run", file, "--notify=none", *options)


def started(folder: Path, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
    """The command, under way in a process of its own, that finds no secret and is not told to be silent."""
    return subprocess.Popen(
        [sys.executable, "-m", "tocsin", *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONUTF8": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def typed(folder: Path, *arguments: str, **environment: str) -> Seen:
    """The command in a process of its own, when it has ended."""
    with started(folder, *arguments, **environment) as process:
        out, err = process.communicate(timeout=PATIENCE)
    return Seen(process.returncode, out, err)


def lines(seen: Seen) -> list[list[str]]:
    """The cells of each line."""
    return [[cell.strip() for cell in line.split("  ") if cell] for line in seen.out.splitlines()]
