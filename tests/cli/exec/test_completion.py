"""Completion of the options of ``tocsin exec`` in bash, zsh and fish, without the libraries of the extra ``cli``."""

import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.cli.outbox.test_completion import suggested
from tests.cli.prefork import Prefork
from tests.cli.terminal_session import PATIENCE
from tocsin.cli.completion import answer, main, suggestions
from tocsin.cli.exec.options import parser
from tocsin.core.states import Success
from tocsin.shell.history.run_record import RunRecord
from tocsin.shell.history.store import HistoryStore

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BLOCKED = """
import sys
sys.modules.update(dict.fromkeys(("rich", "typer", "click")))
sys.argv = ["tocsin"]
from tocsin.cli import main
main()
"""
"""Runs ``tocsin`` as where the extra is not installed."""


def values(*words: str) -> list[str]:
    """Return the suggestions for the last word."""
    return [value for value, _ in suggestions(words[:-1], words[-1], parser())]


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HistoryStore:
    """A history with runs under some labels."""
    monkeypatch.setenv("TOCSIN_STATE_DIR", str(tmp_path / "state"))
    store = HistoryStore(tmp_path / "state")
    for number, label in enumerate(("load", "backup", "load", "$(reboot)", "it's", "a b", "clean/up-2")):
        store.record(RunRecord.of(Success(), run_id=f"r-{number}", label=label, started=NOW, ended=NOW, attempts=1, status=0))
    return store


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--no"], ["--notify"]),
        (["--label", "x", "--lo"], ["--lock"]),
        (["--label=x", "--quiet", "--qu"], ["--quiet"]),
        (["--he"], ["--help"]),
        (["--notify", ""], ["live", "print", "none"]),
        (["--notify=p"], ["--notify=print"]),
        (["--notify", "=", "p"], ["print"]),  # as bash splits it
        (["--notify", "="], ["live", "print", "none"]),
        (["--only", "failed,ti"], ["failed,timedout"]),
        (["--ignore", "ru"], ["running"]),
        (["--mention", "U0123ABCD,h"], ["U0123ABCD,here"]),
        (["--mention="], ["--mention=here", "--mention=channel", "--mention=everyone"]),
        (["--retries", "--"], []),
        (["--env-file", ""], []),  # files
        (["--", "--no"], []),
        (["--quiet", "--", ""], []),
        (["true", "--no"], []),
        (["--label", "--", "--lo"], ["--lock"]),  # the label is --
        (["--xyzzy", "--lo"], ["--lock"]),
        (["--xyzzy=1"], []),
        (["x"], []),
    ],
)
def test_what_is_suggested(words: list[str], found: list[str]) -> None:
    assert values(*words) == found


def test_all_options_are_suggested_with_what_they_mean() -> None:
    found = dict(suggestions([], "", parser()))
    assert found["--tail"] == "show the last N lines of its output"
    assert all(found.values())


@pytest.mark.usefixtures("history")
def test_labels_of_the_history_that_no_shell_evaluates() -> None:
    assert values("--label", "") == ["clean/up-2", "load", "backup"]
    assert values("--label=lo") == ["--label=load"]


def test_a_damaged_history_suggests_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_STATE_DIR", str(tmp_path))
    (tmp_path / "journal.sqlite3").write_text("dear diary, " * 100)
    assert values("--label", "") == []


@pytest.mark.parametrize(
    ("environment", "answered"),
    [
        ({"_TOCSIN_COMPLETE": "complete_bash", "COMP_WORDS": "tocsin exec --loc", "COMP_CWORD": "2"}, ("--lock", 0)),
        ({"_TOCSIN_COMPLETE": "complete_bash", "COMP_WORDS": "tocsin exec --quiet ", "COMP_CWORD": "3"}, None),
        ({"_TOCSIN_COMPLETE": "complete_bash", "COMP_WORDS": "tocsin exec --label 'a b --loc", "COMP_CWORD": "5"}, ("", 0)),
        ({"_TOCSIN_COMPLETE": "complete_bash", "COMP_WORDS": "tocsin ex", "COMP_CWORD": "1"}, None),
        ({"_TOCSIN_COMPLETE": "complete_bash", "COMP_WORDS": "tocsin runs --l", "COMP_CWORD": "2"}, None),
        ({"_TOCSIN_COMPLETE": "complete_bash", "COMP_WORDS": "tocsin exec", "COMP_CWORD": "x"}, None),
        ({"_TOCSIN_COMPLETE": "complete_bash", "COMP_WORDS": "tocsin exec --only @", "COMP_CWORD": "3"}, ("", 0)),
        ({"_TOCSIN_COMPLETE": "complete_powershell"}, None),
        (
            {"_TOCSIN_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "tocsin exec --kill"},
            ("""_arguments '*: :(("--kill-after":"kill it KILL if it still runs this long after that 10 s"))'""", 0),
        ),
        (
            {"_TOCSIN_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "tocsin exec --notify li"},
            ("""_arguments '*: :(("live"))'""", 0),
        ),
        ({"_TOCSIN_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "tocsin exec -- "}, ("_files", 0)),
        ({"_TOCSIN_COMPLETE": "complete_fish", "_TYPER_COMPLETE_ARGS": "tocsin exec --notify=p"}, ("--notify=print", 0)),
        (
            {"_TOCSIN_COMPLETE": "complete_fish", "_TYPER_COMPLETE_ARGS": "tocsin exec --qu"},
            ("--quiet\thold its output back, and write it only if the run fails", 0),
        ),
        (
            {
                **dict.fromkeys(["_TYPER_COMPLETE_FISH_ACTION"], "is-args"),
                "_TOCSIN_COMPLETE": "complete_fish",
                "_TYPER_COMPLETE_ARGS": "tocsin exec --qu",
            },
            ("", 0),
        ),
        (
            {
                **dict.fromkeys(["_TYPER_COMPLETE_FISH_ACTION"], "is-args"),
                "_TOCSIN_COMPLETE": "complete_fish",
                "_TYPER_COMPLETE_ARGS": "tocsin exec -- ",
            },
            ("", 1),
        ),
    ],
)
def test_each_shell_is_answered_in_its_way(environment: Mapping[str, str], answered: tuple[str, int] | None) -> None:
    found = answer(environment)
    if answered is None and "exec --quiet" in environment.get("COMP_WORDS", ""):
        assert found is not None
        assert found[0].startswith("--label\n--tail\n")
    else:
        assert found == answered


def test_a_line_is_completed(prefork: Prefork, tmp_path: Path) -> None:
    assert suggested(prefork, tmp_path, "tocsin exec --no") == ["--notify"]
    assert suggested(prefork, tmp_path, "tocsin exec --quiet -- tr") == []
    assert suggested(prefork, tmp_path, "tocsin exe") == ["exec"]
    assert list(tmp_path.iterdir()) == []


def without_extra(**asked: str) -> "subprocess.CompletedProcess[str]":
    """Ask for a completion where the extra is not installed."""
    measured = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE")}
    env = {"_TOCSIN_COMPLETE": "complete_bash", **measured, **asked}
    return subprocess.run([sys.executable, "-c", BLOCKED], env=env, capture_output=True, text=True, check=False, timeout=PATIENCE)


def test_no_extra_is_needed() -> None:
    done = without_extra(COMP_WORDS="tocsin exec --no", COMP_CWORD="2")
    assert (done.returncode, done.stdout, done.stderr) == (0, "--notify\n", "")
    done = without_extra(COMP_WORDS="tocsin runs --l", COMP_CWORD="2")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


def test_nothing_is_written_for_another_command(monkeypatch: pytest.MonkeyPatch) -> None:
    written = list[str]()
    monkeypatch.setenv("_TOCSIN_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "tocsin runs")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert main(written.append) is None
    monkeypatch.setenv("COMP_WORDS", "tocsin exec -- x")
    monkeypatch.setenv("COMP_CWORD", "3")
    assert main(written.append) == 0
    assert written == []


@pytest.mark.parametrize(
    ("typed", "suggested"),
    [
        ("--st", "--state"),
        ("--state time", "timedout"),
        ("--to g", "gmail"),
        ("--notify=n", "none"),
        ("'the disk is full' --li", ""),
    ],
)
def test_the_options_of_send_are_completed_too(typed: str, suggested: str) -> None:
    words = ["tocsin", "send", *typed.replace("=", " = ").split(" ")]
    answered = answer({"_TOCSIN_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)})
    assert answered == (suggested, 0)
