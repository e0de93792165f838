"""A run that has nothing to tell loads nothing that tells, and leaves the same in the history."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import attrs
import pytest

from tests.cli.terminal_session import PATIENCE
from tocsin import Failed, Running, State, Success
from tocsin.cli.exec.deferred import DeferredNotifier, may_defer, record
from tocsin.cli.exec.notifier import command_handlers
from tocsin.cli.exec.notifier_protocol import OpenRun
from tocsin.cli.exec.options import STATES, Options, parse_arguments
from tocsin.core.command_end import PARENTS, is_told, kind_of_end
from tocsin.core.endings import outcome
from tocsin.core.supervisor import Ended
from tocsin.core.transitions import transition
from tocsin.shell.config.load import loaded
from tocsin.shell.history.run_locks import RunLock, open_run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere each run loads what tells")

HOOK = {"SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/T0/B0/x"}
LOADED = "tocsin.cli.exec.notifier"
PROGRAM = f"import atexit, sys; atexit.register(lambda: print({LOADED!r} in sys.modules)); from tocsin.cli import script; script()"
RUN = OpenRun(run_id="r1", label="load", started=1_000_000.123456, monotonic=1.0, pid=1)
WELL = Ended(status=0, began=1_000_000.123456, started=1_000_000.2, ended=1_000_003.5)


def options(*words: str) -> Options:
    parsed = parse_arguments([*words, "--", "true"])
    assert parsed is not None
    return parsed


def never() -> "Heard":
    raise AssertionError("there is nothing to tell")


@attrs.define
class Heard:
    """What a notifier heard."""

    calls: list[str] = attrs.field(factory=list[str])

    def started(self) -> None:
        self.calls.append("started")

    def ended(self, ended: Ended) -> float | None:
        self.calls.append(f"ended {ended.status}")
        return 7.0

    def still_running(self, seconds: float, tail: bytes) -> None:
        self.calls.append(f"still running {seconds} {tail!r}")

    def close(self) -> None:
        self.calls.append("closed")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder without a configuration, and a webhook in the environment."""
    for name in [name for name in os.environ if name.startswith(("TOCSIN_", "EMAIL_", "XDG_"))]:
        monkeypatch.delenv(name)
    for name, value in {"HOME": str(tmp_path / "home"), **HOOK}.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "home" / "work").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "home" / "work")
    return tmp_path / "home"


# --- who decides ------------------------------------------------------------------------------------------------------------------


def test_the_names_are_those_of_the_kinds() -> None:
    for kind in (Running, Success):
        assert PARENTS[kind.__name__] == {parent.__name__ for parent in kind.__mro__ if issubclass(parent, State)}


@pytest.mark.parametrize("kind", [Running, Success])
@pytest.mark.parametrize("option", ["--only", "--ignore"])
def test_a_configured_notifier_is_told_of_the_same_states(home: Path, kind: type[State], option: str) -> None:
    config = loaded(os.environ, home).configuration
    for name in ["", *STATES]:
        chosen = options(*([option, name.lower()] if name else []))
        (handler,) = command_handlers(chosen, config, None)
        assert is_told(kind.__name__, chosen.only, chosen.ignore) is handler.concerns(kind)


@pytest.mark.parametrize("status", [0, 3])
@pytest.mark.parametrize("timed_out", [False, True])
@pytest.mark.parametrize("fault", [None, "no such file"])
@pytest.mark.parametrize("stopped_by", [None, 15])
@pytest.mark.parametrize("expected", [{0}, {3}, {0, 3}])
def test_an_end_means_the_state_that_the_machine_enters(
    status: int, timed_out: bool, fault: str | None, stopped_by: int | None, expected: set[int]
) -> None:
    ended = Ended(status=status, timed_out=timed_out, fault=fault, stopped_by=stopped_by, began=0.0, started=0.0, ended=1.0)
    event = outcome(ended, datetime(2026, 1, 1, tzinfo=UTC), expected=expected)
    kind = kind_of_end(status, timed_out=timed_out, is_fault=fault is not None, is_stopped=stopped_by is not None, expected=expected)
    assert type(transition(Running(), event).unwrap()).__name__ == kind


# --- what it leaves ---------------------------------------------------------------------------------------------------------------


def ran(folder: Path, *words: str) -> str:
    """Run ``tocsin exec`` three times, and return whether what tells was loaded."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    environment |= {"TOCSIN_STATE_DIR": str(folder)}
    command = [sys.executable, "-c", PROGRAM, "exec", "--label", "nightly\tload", *words]
    loads = [subprocess.run(command, env=environment, stdout=-1, text=True, timeout=PATIENCE, check=True).stdout for _ in range(3)]
    assert not list((folder / "open").iterdir())
    (whether,) = {each.strip() for each in loads}
    return whether


def rows(folder: Path) -> list[tuple[object, ...]]:
    """Return all that the history holds, but ids and times."""
    with sqlite3.connect(folder / "journal.sqlite3") as connection:
        runs = "label, typeof(started), typeof(ended), kind, failed, message, attempts, status, version"
        found = connection.execute(f"SELECT {runs} FROM runs ORDER BY number").fetchall()  # noqa: S608 - our own names
        found += connection.execute("SELECT label, failed, length FROM streaks").fetchall()
        found += connection.execute("SELECT told FROM told").fetchall()
        found += connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name").fetchall()
    connection.close()
    return found


def test_the_history_is_the_same(home: Path) -> None:
    short, whole = home / "short", home / "whole"
    assert ran(short, "--only", "failed", "--", "true") == "False"
    assert ran(whole, "--only", "failed", "--retries", "1", "--", "true") == "True"
    assert rows(short) == rows(whole)
    assert rows(short)[3] == ("nightly load", 0, 3)


def test_a_kill_before_the_run_is_settled_leaves_its_end(home: Path) -> None:
    left: list[str] = []
    for what in (lambda: record(RUN, WELL), told_by_all):
        lock = open_run("r1", "load", RUN.started)
        assert isinstance(lock, RunLock)
        what()
        left.append(Path(lock.path).read_text().splitlines()[-1])
        lock.close()
        (home / ".local/state/tocsin/journal.sqlite3").unlink()
    assert left[0] == left[1]
    assert json.loads(left[0])["end"][4:8] == ["Success", False, None, 1_000_003.5]


def told_by_all() -> None:
    """Record the same end by the notifier that tells."""
    program = (
        "from tests.cli.exec.test_deferred import RUN, WELL, options\nfrom tocsin.cli.exec.notifier import CommandNotifier\n"
        "told = CommandNotifier(options('--only', 'failed'), RUN)\ntold.started()\ntold.ended(WELL)\ntold.close()"
    )
    subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[3], timeout=PATIENCE, check=True)


def test_where_there_is_no_folder_nothing_is_recorded(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tocsin.cli.exec.deferred.has_folder", lambda: False)
    assert record(RUN, WELL)
    assert not (home / ".local").exists()


# --- when it is loaded ------------------------------------------------------------------------------------------------------------


def deferred(make: Callable[[], Heard], *words: str) -> DeferredNotifier:
    return DeferredNotifier(options(*words), RUN, make)


def test_a_success_of_which_nobody_is_told_makes_no_notifier(home: Path) -> None:
    for words in (("--only", "failed"), ("--ignore", "success"), ("--only", "failed", "--tail", "5")):
        run = deferred(never, *words)
        run.started()
        assert run.ended(WELL) is None
        run.close()


@pytest.mark.parametrize(
    "ended", [attrs.evolve(WELL, status=3), attrs.evolve(WELL, timed_out=True), attrs.evolve(WELL, fault="no such file")]
)
def test_a_failure_makes_one_that_hears_of_the_start_first(home: Path, ended: Ended) -> None:
    heard = Heard()
    run = deferred(lambda: heard, "--only", "failed")
    run.started()
    assert run.ended(ended) == 7.0
    run.close()
    assert heard.calls == ["started", f"ended {ended.status}", "closed"]


@pytest.mark.parametrize("words", [(), ("--only", "running"), ("--expect", "0,3", "--only", "failed")])
def test_so_does_what_people_may_be_told_of(home: Path, words: tuple[str, ...]) -> None:
    heard = Heard()
    run = deferred(lambda: heard, *words)
    run.started()
    run.ended(attrs.evolve(WELL, status=3) if "--expect" in words else WELL)
    assert heard.calls[0] == "started"


def test_so_does_a_run_that_goes_on(home: Path) -> None:
    heard = Heard()
    run = deferred(lambda: heard, "--only", "failed", "--still-running", "1h")
    run.still_running(3600.0, b"x")
    run.ended(WELL)
    assert heard.calls == ["still running 3600.0 b'x'", "ended 0"]


def test_so_does_a_history_that_cannot_be_used(home: Path) -> None:
    (home / ".local/state/tocsin/journal.sqlite3").mkdir(parents=True)
    heard = Heard()
    run = deferred(lambda: heard, "--only", "failed")
    run.started()
    assert run.ended(WELL) == 7.0
    assert heard.calls == ["started", "ended 0"]


@pytest.mark.parametrize(
    "words",
    [("--notify", "print"), ("--ping", "PING"), ("--explain",), ("--on-change",), ("--on-change", "--after", "2"), ("--retries", "1")],
)
def test_an_option_that_asks_for_more_makes_it_at_once(home: Path, words: tuple[str, ...]) -> None:
    assert may_defer(options("--only", "failed"))
    assert not may_defer(options("--only", "failed", *words))


@pytest.mark.parametrize(
    "variables",
    [
        {"TOCSIN_NOTIFY": "none"},
        {"TOCSIN_CONFIG": "other.toml"},
        {"TOCSIN_SLACK_MENTION": "here"},
        {"SLACK_WEBHOOK_URL": ""},
        {"SLACK_WEBHOOK_URL": "", "EMAIL_USERNAME": "me@example.com"},
        {"HOME": "home"},
        {"XDG_CONFIG_HOME": "config"},
    ],
)
def test_so_does_a_setting(home: Path, variables: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_ENV", "production")
    assert may_defer(options("--only", "failed"))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert not may_defer(options("--only", "failed"))


@pytest.mark.parametrize(
    "path",
    [
        ".config/tocsin/tocsin.toml",
        ".config/tocsin/secrets.toml",
        "work/tocsin.toml",
        "tocsin.toml",
        ".local/state/tocsin/silences.sqlite3",
        ".local/state/tocsin/expected/x",
    ],
)
def test_so_does_a_file(home: Path, path: str) -> None:
    (home / path).parent.mkdir(parents=True, exist_ok=True)
    if "expected" not in path:
        assert may_defer(options("--only", "failed"))
    (home / path).touch()
    assert not may_defer(options("--only", "failed"))


@pytest.mark.parametrize(
    "path", [".local/state/tocsin/silences.sqlite3", ".local/state/tocsin/expected/x", ".config/tocsin/tocsin.toml"]
)
def test_so_does_a_file_that_comes_while_the_command_runs(home: Path, path: str) -> None:
    heard = Heard()
    run = deferred(lambda: heard, "--only", "failed")
    run.started()
    (home / path).parent.mkdir(parents=True)
    (home / path).touch()
    assert run.ended(WELL) == 7.0
    assert heard.calls == ["started", "ended 0"]


def test_so_does_a_run_that_was_killed(home: Path) -> None:
    killed = open_run("k1", "true", 1.0)
    assert isinstance(killed, RunLock)
    assert may_defer(options("--only", "failed"))
    killed.forget()
    assert not may_defer(options("--only", "failed"))


def test_so_does_a_folder_that_is_gone(home: Path) -> None:
    (home / "work").rmdir()
    assert not may_defer(options("--only", "failed"))


def test_mail_is_a_recipient_too(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLACK_WEBHOOK_URL")
    monkeypatch.setenv("EMAIL_USERNAME", "me@example.com")
    monkeypatch.setenv("EMAIL_PASSWORD", "abcdefghijklmnop")
    assert may_defer(options("--ignore", Failed.__name__.lower()))
