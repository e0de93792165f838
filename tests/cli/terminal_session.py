"""Runs ``tocsin`` commands: in this process, which is fast, or in a process of its own, which is real."""

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
    """The exit status and the outputs of a command."""

    status: int
    out: str
    err: str


@attrs.frozen
class Typist:
    """Runs commands in this process, in ``folder``."""

    folder: Path
    capture: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str) -> Seen:
        """Run ``tocsin`` with the arguments."""
        with pytest.raises(SystemExit) as left:
            app(args=list(arguments), prog_name="tocsin")
        out, err = self.capture.readouterr()
        assert isinstance(left.value.code, int)
        return Seen(left.value.code, out, err)

    def run(self, source: str, *options: str, file: str = "flows.py") -> Seen:
        """Write a file and run ``tocsin run`` on it with the options. By default no notification is sent."""
        (self.folder / file).write_text(source)
        return self("run", file, "--notify=none", *options)


def started(folder: Path, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
    """Start the command in a process of its own, with an environment that holds neither secrets nor ``TOCSIN_NOTIFY``."""
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
    """Run the command in a process of its own and wait for its end."""
    with started(folder, *arguments, **environment) as process:
        out, err = process.communicate(timeout=PATIENCE)
    return Seen(process.returncode, out, err)


def lines(seen: Seen) -> list[list[str]]:
    """Return the cells of each line."""
    return [[cell.strip() for cell in line.split("  ") if cell] for line in seen.out.splitlines()]
