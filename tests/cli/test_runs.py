"""``tocsin runs``: the runs that are open, those that were killed, and how the others ended."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.terminal_session import Typist
from tocsin import Failed, State, Success, TimedOut
from tocsin.shell.history.run_locks import RunLock, open_run
from tocsin.shell.history.run_record import RunRecord
from tocsin.shell.history.store import HistoryStore
from tocsin.shell.redaction import remember

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty history, in UTC."""
    monkeypatch.setenv("TOCSIN_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    return tmp_path / "state"


@pytest.fixture
def run_lock() -> Iterator[RunLock]:
    """An open run of this process."""
    run_lock = open_run("r-open", "backup", time.time() - 90)
    assert run_lock is not None
    yield run_lock
    run_lock.close()


def record(run_id: str, state: State, label: str = "nightly load", *, attempts: int = 1, status: int | None = None) -> None:
    took = timedelta(seconds=252)
    run = RunRecord.of(state, run_id=run_id, label=label, started=AT - took, ended=AT, attempts=attempts, status=status)
    HistoryStore.usual().record(run)


def kill(label: str) -> None:
    program = (
        "import os, sys; from tocsin.shell.history.run_locks import open_run\n"
        "lock = open_run('r-killed', sys.argv[1], 0.0); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", program, label], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL


def test_nothing_yet(tocsin: Typist, state: Path) -> None:
    assert tocsin("runs").out == "no runs yet: tocsin exec --label=NAME -- COMMAND makes one\n"
    assert tocsin("runs", "--open").out == "no runs are open: tocsin exec --label=NAME -- COMMAND makes one\n"
    assert tocsin("runs", "--label", "a\nb").out == "no runs yet of 'a b': tocsin exec --label=NAME -- COMMAND makes one\n"
    assert not state.exists()


def test_runs_in_the_order_in_which_they_ended(tocsin: Typist) -> None:
    record("r1", Success(), "sums")
    record("r2", TimedOut("took longer than 60 s"))
    record("r3", Failed("exit status 3"), attempts=3)
    record("r4", Failed(), attempts=2)
    seen = tocsin("runs")
    assert (seen.status, seen.err) == (0, "")
    assert seen.out.splitlines() == [
        "sums          ● Success   4 m 12 s  2026-01-02 03:04",
        "nightly load  ● TimedOut  4 m 12 s  2026-01-02 03:04  took longer than 60 s",
        "nightly load  ● Failed    4 m 12 s  2026-01-02 03:04  exit status 3; after 3 attempts",
        "nightly load  ● Failed    4 m 12 s  2026-01-02 03:04  after 2 attempts",
    ]


@pytest.mark.usefixtures("run_lock")
def test_what_is_open_comes_last(tocsin: Typist) -> None:
    record("r1", Success())
    kill("nightly load")
    ended, killed, running = tocsin("runs").out.splitlines()
    assert ended.startswith("nightly load  ● Success")
    assert re.fullmatch(
        r"nightly load  ● Killed +1970-01-01 00:00  its process was killed; the next start of this label reports it", killed
    )
    assert re.fullmatch(rf"backup        ● Running  1 m 3\d s +20\d\d-\d\d-\d\d \d\d:\d\d  process {os.getpid()}", running)
    assert tocsin("runs", "--open").out.splitlines()[0].startswith("nightly load  ● Killed")
    assert tocsin("runs", "--open", "--label=backup").out.splitlines()[0].startswith("backup  ● Running")


def test_of_one_label_and_no_more_than_asked_for(tocsin: Typist) -> None:
    for number in range(25):
        record(f"r{number}", Success(str(number)))
    record("other", Success(), "sums")
    assert len(tocsin("runs").out.splitlines()) == 20
    seen = tocsin("runs", "--label=nightly load", "--limit=2")
    assert [line.split()[-1] for line in seen.out.splitlines()] == ["23", "24"]
    seen = tocsin("runs", f"--limit={10**20}")
    assert (seen.status, len(seen.out.splitlines()), seen.err) == (0, 26, "")


@pytest.mark.usefixtures("run_lock")
def test_the_same_for_programs(tocsin: Typist) -> None:
    record("r1", Failed("exit status 3"), status=3)
    kill("café")
    seen = tocsin("runs", "--json")
    assert seen.out.isascii()
    assert seen.out.count("\n") == 1
    whole = json.loads(seen.out)
    (ended,), (killed,), (running,) = whole["runs"], whole["killed"], whole["running"]
    assert ended.pop("version")
    assert ended == {
        "run_id": "r1",
        "label": "nightly load",
        "started": "2026-01-02T02:59:53+00:00",
        "ended": "2026-01-02T03:04:05+00:00",
        "duration": 252.0,
        "state": "Failed",
        "failed": True,
        "message": "exit status 3",
        "attempts": 1,
        "exit_status": 3,
    }
    assert killed.pop("process") != os.getpid()
    assert killed == {"run_id": "r-killed", "label": "café", "started": "1970-01-01T00:00:00+00:00"}
    assert (running["run_id"], running["process"]) == ("r-open", os.getpid())


def test_json_of_nothing(tocsin: Typist) -> None:
    assert json.loads(tocsin("runs", "--json").out) == {"runs": [], "killed": [], "running": [], "overdue": []}


def test_a_history_that_cannot_be_read_is_one_line(tocsin: Typist, state: Path) -> None:
    state.mkdir()
    (state / "journal.sqlite3").write_text("dear diary, " * 100)
    seen = tocsin("runs")
    assert (seen.status, seen.out) == (2, "")
    assert seen.err.startswith(f"tocsin: the history file {state / 'journal.sqlite3'} is damaged: file is not a database; move it away")
    assert seen.err.count("\n") == 1
    assert tocsin("runs", "--open").status == 0


def test_a_kind_of_ones_own_and_hostile_words(tocsin: Typist, monkeypatch: pytest.MonkeyPatch) -> None:
    remember("TOKEN", "hunter2-and-more")
    for number, parent in enumerate((Failed, Success, State)):
        record(
            f"r{number}",
            type(f"My{parent.__name__}", (parent,), {})("[red]no hunter2-and-more[/red]\x1b[31m"),
            "[b]hunter2-and-more[/b]",
        )
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "200")
    first, second, third = tocsin("runs").out.splitlines()
    assert "[b]hunter2-and-more[/b]" in first
    assert "[red]no [TOKEN][/red]\ufffd[31m" in first
    assert "\x1b[38;2;235;0;0m● MyFailed" in first
    assert "\x1b[38;2;40;167;69m● MySuccess" in second
    assert "\x1b[38;2;105;105;105m● MyState" in third


@pytest.mark.parametrize("limit", ["0", "some"])
def test_a_limit_that_is_none(tocsin: Typist, limit: str) -> None:
    assert tocsin("runs", f"--limit={limit}").status == 2
