"""Runs another program, which fails and says why on its standard error."""

import os
import subprocess

from tocsin import watch
from tocsin.core.notifiers import Notifier


def export(path: str) -> str:
    done = subprocess.run(
        ["cat", path], check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "LC_ALL": "C"}
    )
    return done.stdout


def main(*handlers: Notifier) -> None:
    with watch("nightly export", state_handlers=handlers):
        export("rows-of-yesterday.csv")
