"""The commands that do without Typer do the same as with it."""

import subprocess
import sys
from pathlib import Path
from typing import Never

import pytest

from tests.cli.terminal_session import PATIENCE, Typist
from tests.cli.test_main import BLOCKED, ends

COMMANDS = ["runs", "check", "outbox status"]
LOADED = "import atexit, sys; atexit.register(lambda: print('typer' in sys.modules)); from tocsin.cli import main; main()"


@pytest.fixture(autouse=True)
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bare_home: Path) -> None:
    """A history of one run, and a webhook without an address."""
    monkeypatch.setenv("TOCSIN_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "http://example.com")
    monkeypatch.setenv("TOCSIN_NOTIFY", "none")
    command = [sys.executable, "-m", "tocsin", "exec", "--label", "load", "--", "true"]  # its end would close this process's queues
    subprocess.run(command, timeout=PATIENCE, check=True)


@pytest.mark.parametrize("line", [*COMMANDS, *(f"{command} --json" for command in COMMANDS)])
def test_they_do_the_same_with_typer_and_without(
    tocsin: Typist, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    with_typer = tocsin(*line.split())
    status = ends(monkeypatch, *line.split())
    assert (status, *capsys.readouterr()) == (with_typer.status, with_typer.out, with_typer.err)
    assert status == ("check" in line)


@pytest.mark.parametrize(("line", "loaded"), [("runs", False), ("runs --json", False), ("runs --all", True)])
def test_they_do_not_load_it(tmp_path: Path, line: str, loaded: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *line.split()], capture_output=True, text=True, timeout=PATIENCE, check=True, cwd=tmp_path
    )
    assert done.stdout.splitlines()[-1] == str(loaded)


def test_they_are_refused_where_it_is_missing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED, "runs"], capture_output=True, text=True, timeout=PATIENCE, check=False, cwd=tmp_path
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("tocsin: runs needs the extra: pip install 'tocsin[cli]'")


def test_an_interrupt_ends_them_as_it_ends_all_commands(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(_: object) -> Never:
        raise KeyboardInterrupt

    monkeypatch.setattr("tocsin.cli.runs.command.runs", interrupted)
    assert ends(monkeypatch, "runs") == 130
    assert capsys.readouterr() == ("", "tocsin: interrupted\n")
