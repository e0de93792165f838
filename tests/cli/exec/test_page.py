"""The shell sessions in the page of ``tocsin exec`` show what really happens."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT
from tocsin.cli.exec.options import parser

PAGE = (ROOT / "docs" / "exec.md").read_text(encoding="utf-8")
SESSIONS = re.findall(r"^```shell-session\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def shell(tmp_path: Path) -> Path:
    """A folder with the command, as an installation has it."""
    script = tmp_path / "tocsin"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tocsin "$@"\n')
    script.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize("session", SESSIONS, ids=lambda session: str(session).partition("\n")[0])
def test_a_session_shows_the_real_output(session: str, shell: Path) -> None:
    typed = "\n".join(line.removeprefix("$ ") for line in session.splitlines() if line.startswith("$ "))
    shown = "".join(f"{line}\n" for line in session.splitlines() if not line.startswith("$ "))
    environment = {**os.environ, "PATH": f"{shell}:{os.environ['PATH']}", "HOME": str(shell), "TOCSIN_STATE_DIR": str(shell / "state")}
    done = subprocess.run(
        ["/bin/sh", "-c", f"exec 2>&1\n{typed}"], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == shown


def test_the_tables_have_each_option_of_the_help() -> None:
    offered = set(re.findall(r"^  (--[a-z-]+)", parser().format_help(), re.MULTILINE))
    tables = re.findall(r"^\| Option \| \|\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    assert offered == {option for table in tables for option in re.findall(r"^\| `(--[a-z-]+)", table, re.MULTILINE)}
    assert "--label" in offered


def test_there_are_sessions() -> None:
    assert len(SESSIONS) == PAGE.count("```shell-session") > 4
