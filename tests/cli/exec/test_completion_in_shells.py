"""Completion in bash, zsh and fish themselves, by the functions that ``tocsin --install-completion`` and the page install.

Each test starts one shell, which completes several lines. It asks the ``tocsin`` on its ``PATH``, as a person's does.
"""

import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.cli.exec.terminals import Screen
from tests.cli.terminal_session import PATIENCE
from tests.docs.pages import ROOT
from tocsin.core.states import Success
from tocsin.shell.history.run_record import RunRecord
from tocsin.shell.history.store import HistoryStore

BASH, ZSH, FISH = (shutil.which(name) for name in ("bash", "zsh", "fish"))
NOW = datetime(2026, 1, 1, tzinfo=UTC)
LABEL = "nightly@db,a+b%1/2"
OTHERS = ("nice $(reboot)", "ni`ht", "ni'ht")  # which a shell would evaluate
LINES = {
    "exec --not": "exec --notify",
    "exec --notify=p": "exec --notify=print",
    "exec --only failed,ti": "exec --only failed,timedout",
    "exec --label ni": f"exec --label {LABEL}",
    "exec --label nightly@d": f"exec --label {LABEL}",
    "exec --quiet -- cat re": "exec --quiet -- cat report.txt",  # a file of the command
    "exec --env-file re": "exec --env-file report.txt",
}
"""What is typed behind ``tocsin``, and what it is completed to."""

IN_ZSH = """
autoload -Uz compinit && compinit -u -D
source completion
unsetopt auto_list beep
answer() {
    for BUFFER in "${(@f)$(<lines)}"; do
        CURSOR=$#BUFFER
        zle complete-word
        print -r -- "$BUFFER" >> completed
    done
    exit
}
zle -N zle-line-init answer
"""
IN_BASH = """
PS1='ready '
source completion
bind -x '"\\C-xw": printf "%s\\n" "$READLINE_LINE" >> completed'
bind 'set enable-bracketed-paste off'
"""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with the command, a file, a history of runs, and the lines to complete."""
    script = tmp_path / "tocsin"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tocsin "$@"\n')
    script.chmod(0o755)
    (tmp_path / "report.txt").touch()
    (tmp_path / "lines").write_text("".join(f"tocsin {line}\n" for line in LINES))
    store = HistoryStore(tmp_path / "state")
    for number, label in enumerate((LABEL, *OTHERS)):
        store.record(RunRecord.of(Success(), run_id=f"r-{number}", label=label, started=NOW, ended=NOW, attempts=1, status=0))
    return tmp_path


def surroundings(desk: Path, **more: str) -> dict[str, str]:
    """Return the environment of a person at the desk."""
    measured = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE")}
    folders = {"HOME": str(desk), "TOCSIN_STATE_DIR": str(desk / "state"), "ZDOTDIR": str(desk)}
    return {"PATH": f"{desk}:{os.environ['PATH']}", "TERM": "dumb", "LC_ALL": "C.UTF-8", **folders, **measured, **more}


def install(desk: Path, shell: str) -> None:
    """Put the function that ``--install-completion`` would install into the file ``completion``."""
    asked = surroundings(desk, _TOCSIN_COMPLETE=f"source_{shell}")
    script = subprocess.run([desk / "tocsin"], env=asked, cwd=desk, capture_output=True, text=True, check=True, timeout=PATIENCE).stdout
    (desk / "completion").write_text(script)


def completed(desk: Path) -> dict[str, str]:
    """Return what became of each line."""
    found = (desk / "completed").read_text().splitlines()
    return dict(zip(LINES, (line.removeprefix("tocsin ").rstrip(" ") for line in found), strict=True))


def of_the_page() -> str:
    """Return the lines for bash of the page, for where the extra is not installed."""
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"^```sh\n(_tocsin\(\).*?)^```$", page, re.MULTILINE | re.DOTALL)
    return str(script)


@pytest.mark.skipif(ZSH is None, reason="there is no zsh here")
def test_zsh_completes(desk: Path) -> None:
    install(desk, "zsh")
    (desk / ".zshrc").write_text(IN_ZSH)
    screen = Screen()
    end = screen.theirs
    command, here = [ZSH or "", "-i"], surroundings(desk)
    subprocess.run(command, stdin=end, stdout=end, stderr=end, cwd=desk, env=here, start_new_session=True, check=True, timeout=PATIENCE)
    os.close(screen.theirs)
    screen.close()
    assert completed(desk) == LINES


@pytest.mark.skipif(FISH is None, reason="there is no fish here")
def test_fish_completes(desk: Path) -> None:
    install(desk, "fish")
    asked = 'source completion; while read line; set found (complete -C "$line"); echo (string split \\t -- $found[1])[1]; end < lines'
    command = [FISH or "", "--no-config", "-c", asked]
    done = subprocess.run(command, cwd=desk, env=surroundings(desk), capture_output=True, text=True, check=True, timeout=PATIENCE)
    assert done.stderr == ""
    suggested = dict(zip(LINES, done.stdout.splitlines(), strict=True))
    assert suggested == {line: whole.rpartition(" ")[2] for line, whole in LINES.items()}


@pytest.mark.skipif(BASH is None, reason="there is no bash here")
@pytest.mark.parametrize("source", ["installed", "page"])
def test_bash_completes(desk: Path, source: str) -> None:
    install(desk, "bash")
    if source == "page":
        (desk / "completion").write_text(of_the_page())
    (desk / "bashrc").write_text(IN_BASH)
    screen = Screen()
    end = screen.theirs
    command = [BASH or "", "--noprofile", "--rcfile", "bashrc", "-i"]
    here = surroundings(desk)
    with subprocess.Popen(command, stdin=end, stdout=end, stderr=end, cwd=desk, env=here, start_new_session=True) as process:
        os.close(screen.theirs)
        screen.shows("ready ")
        for line in LINES:
            screen.type(f"tocsin {line}\t\x18w\x15")  # Tab; write the line into the file; kill the line
        screen.type("exit\n")
        assert process.wait(PATIENCE) == 0
    screen.close()
    assert completed(desk) == LINES
