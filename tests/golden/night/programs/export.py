"""Runs another program, which fails and says why on its standard error."""

import os
import subprocess

from tocsin import watch
from tocsin.core.notifiers import Notifier


def export(path: str) -> str:
    command, settings = ["cat", path], {**os.environ, "LC_ALL": "C"}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=settings).stdout


def main(*handlers: Notifier) -> None:
    with watch("nightly export", state_handlers=handlers):
        export("rows-of-yesterday.csv")
