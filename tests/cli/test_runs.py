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
from tocsin.shell.history.silences import silence
from tocsin.shell.history.store import HistoryStore
from tocsin.shell.redaction import remember


class Kept(State):
    """A state that is neither a failure nor a success."""


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
    assert tocsin("runs", "--open").out == "no runs are open\n"
    assert tocsin("runs", "--label", "a\nb").out == "no runs yet of 'a b': tocsin exec --label=NAME -- COMMAND makes one\n"
    assert not state.exists()


def test_runs_in_the_order_in_which_they_ended(tocsin: Typist) -> None:
    record("r1", Success(), "sums")
    record("r2", TimedOut("took longer than 60 s"))
    record("r3", Failed("exit status 3"), attempts=3)
    record("r4", Failed(), attempts=2)
    HistoryStore.usual().note("r3", "told")
    HistoryStore.usual().note("r4", "failed")
    seen = tocsin("runs", "--all")
    assert (seen.status, seen.err) == (0, "")
    assert seen.out.splitlines() == [
        "r1  sums          ● Success   4 m 12 s  2026-01-02 03:04  -",
        "r2  nightly load  ● TimedOut  4 m 12 s  2026-01-02 03:04  -         took longer than 60 s",
        "r3  nightly load  ● Failed    4 m 12 s  2026-01-02 03:04  told      exit status 3; after 3 attempts",
        "r4  nightly load  ● Failed    4 m 12 s  2026-01-02 03:04  not told  after 2 attempts",
    ]


def test_a_row_a_label(tocsin: Typist) -> None:
    assert tocsin("runs", "--failed").out == "no failed runs\n"
    for number, state in enumerate((Success(), Success(), Failed(), Failed("exit status 3"))):
        record(f"r{number}", state)
    record("s1", Failed(), "sums")
    record("s2", Success(), "sums")
    record("k1", Kept(), "kept")
    HistoryStore.usual().note("r3", "silenced")
    silence("nightly load", AT.timestamp(), time.time() + 3600)
    until = datetime.fromtimestamp(time.time() + 3600, UTC).strftime("%Y-%m-%d %H:%M")
    seen = tocsin("runs")
    assert (seen.status, seen.err) == (0, "")
    assert [row.split("; silent until")[0] for row in seen.out.splitlines()] == [
        "LABEL         STATE      ENDED             STREAK      SUCCESS    TOLD",
        "kept          ● Kept     2026-01-02 03:04                         -",
        "sums          ● Success  2026-01-02 03:04  1 success   50 % of 2  -",
        "nightly load  ● Failed   2026-01-02 03:04  2 failures  50 % of 4  silenced  exit status 3",
    ]
    assert until[:13] in seen.out
    assert [row.split()[0] for row in tocsin("runs", "--failed").out.splitlines()[1:]] == ["nightly"]
    assert [row.split()[0] for row in tocsin("runs", "--limit=1").out.splitlines()[1:]] == ["nightly"]
    assert [row.split()[0] for row in tocsin("runs", "--all", "--failed").out.splitlines()] == ["r2", "r3", "s1"]


@pytest.mark.usefixtures("run_lock")
def test_a_label_whose_run_is_open_or_was_killed(tocsin: Typist) -> None:
    record("r1", Success(), "backup")
    kill("nightly load")
    with_open = open_run("r-new", "new", time.time() - 90)
    assert with_open is not None
    rows = {row.split("  ")[0]: row for row in tocsin("runs").out.splitlines()[1:]}
    with_open.close()
    assert "● Killed" in rows["nightly load"]
    assert rows["nightly load"].endswith("its process was killed; the next start of this label reports it")
    assert re.search(r"● Success .* running for 1 m 3\d s$", rows["backup"])
    assert re.search(r"● Running .* running for 1 m 3\d s$", rows["new"])
    assert [row.split("  ")[0] for row in tocsin("runs", "--failed").out.splitlines()[1:]] == ["nightly load"]


@pytest.mark.parametrize(("since", "ids"), [("2h", ["new"]), ("2026-01-01", ["old", "new"]), ("2026-01-02T03:05", ["new"])])
def test_what_ended_since_then(tocsin: Typist, since: str, ids: list[str]) -> None:
    record("old", Failed())
    now = datetime.now(UTC)
    HistoryStore.usual().record(RunRecord.of(Success(), run_id="new", label="nightly load", started=now, ended=now))
    assert [row.split()[0] for row in tocsin("runs", "--all", "--since", since).out.splitlines()] == ids
    assert f" % of {len(ids)} " in tocsin("runs", "--since", since).out


@pytest.mark.parametrize("since", ["yesterday", "", "9999999w"])
def test_a_time_that_is_none(tocsin: Typist, since: str) -> None:
    seen = tocsin("runs", f"--since={since}")
    assert (seen.status, seen.out) == (2, "")
    assert seen.err == f"tocsin: --since takes an age such as 2h or 7d, or a date such as 2026-01-31, not {since!r}\n"


def test_all_of_one_run(tocsin: Typist) -> None:
    record("abc1", Failed("exit status 3"), attempts=2, status=3)
    record("abd2", Success())
    HistoryStore.usual().note("abc1", "told")
    seen = tocsin("runs", "show", "abc")
    assert (seen.status, seen.err) == (0, "")
    assert seen.out.splitlines() == [
        "run          abc1",
        "label        nightly load",
        "state        ● Failed",
        "message      exit status 3",
        "started      2026-01-02 02:59:53 +0000",
        "ended        2026-01-02 03:04:05 +0000",
        "took         4 m 12 s",
        "attempts     2",
        "exit status  3",
        "told         yes: a message about its end was accepted",
    ]
    assert tocsin("runs", "show", "abd2").out.splitlines()[-1] == "told      not known"
    assert json.loads(tocsin("runs", "show", "abc1", "--json").out)["told"] == "told"
    seen = tocsin("runs", "show", "ab")
    assert (seen.status, seen.out) == (1, "")
    assert seen.err == "tocsin: several runs have an id that begins with 'ab': write more of it (abd2, abc1)\n"
    for wrong in ("x%", ""):
        seen = tocsin("runs", "show", wrong)
        assert (seen.status, seen.out) == (1, "")
        assert seen.err == f"tocsin: there is no run {wrong!r} in the history: tocsin runs --all shows the ids\n"


@pytest.mark.usefixtures("run_lock")
def test_a_run_that_is_open_or_was_killed(tocsin: Typist) -> None:
    kill("nightly load")
    facts = {row.split("  ")[0]: row for row in tocsin("runs", "show", "r-open").out.splitlines()}
    assert list(facts) == ["run", "label", "state", "started", "process"]
    assert facts["state"].endswith("● Running")
    rows = tocsin("runs", "show", "r-killed").out.splitlines()
    assert rows[2].endswith("● Killed")
    assert rows[-1].startswith("told     not yet: its process was killed")
    assert json.loads(tocsin("runs", "show", "r-killed", "--json").out)["label"] == "nightly load"


@pytest.mark.usefixtures("run_lock")
def test_what_is_open_comes_last(tocsin: Typist) -> None:
    record("r1", Success())
    kill("nightly load")
    ended, killed, running = tocsin("runs", "--all").out.splitlines()
    assert ended.startswith("r1        nightly load  ● Success")
    assert re.fullmatch(
        r"r-killed  nightly load  ● Killed +1970-01-01 00:00 +its process was killed; the next start of this label reports it", killed
    )
    assert re.fullmatch(rf"r-open    backup        ● Running  1 m 3\d s +20\d\d-\d\d-\d\d \d\d:\d\d +process {os.getpid()}", running)
    assert tocsin("runs", "--open").out.splitlines()[0].startswith("r-killed  nightly load  ● Killed")
    assert tocsin("runs", "--open", "--label=backup").out.splitlines()[0].startswith("r-open  backup  ● Running")


def test_of_one_label_and_no_more_than_asked_for(tocsin: Typist) -> None:
    for number in range(25):
        record(f"r{number}", Success(str(number)))
    record("other", Success(), "sums")
    assert len(tocsin("runs", "--all").out.splitlines()) == 20
    seen = tocsin("runs", "--label=nightly load", "--limit=2")
    assert [line.split()[-1] for line in seen.out.splitlines()] == ["23", "24"]
    seen = tocsin("runs", "--all", f"--limit={10**20}")
    assert (seen.status, len(seen.out.splitlines()), seen.err) == (0, 26, "")


@pytest.mark.usefixtures("run_lock")
def test_the_same_for_programs(tocsin: Typist) -> None:
    record("r1", Failed("exit status 3"), status=3)
    kill("café")
    seen = tocsin("runs", "--all", "--json")
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
        "state": {"kind": "Failed", "message": "exit status 3"},
        "failed": True,
        "attempts": 1,
        "exit_status": 3,
        "told": None,
    }
    assert killed.pop("process") != os.getpid()
    assert killed == {"run_id": "r-killed", "label": "café", "started": "1970-01-01T00:00:00+00:00"}
    assert (running["run_id"], running["process"]) == ("r-open", os.getpid())


def test_json_of_nothing(tocsin: Typist) -> None:
    assert json.loads(tocsin("runs", "--all", "--json").out) == {"runs": [], "killed": [], "running": [], "overdue": []}
    assert json.loads(tocsin("runs", "--json").out) == {"labels": []}


@pytest.mark.usefixtures("run_lock")
def test_labels_for_programs(tocsin: Typist) -> None:
    record("r1", Failed("exit status 3"), status=3)
    HistoryStore.usual().note("r1", "told")
    kill("café")
    silence("café", 0.0, 1e10)
    seen = tocsin("runs", "--json")
    assert seen.out.isascii()
    killed, load, backup = json.loads(seen.out)["labels"]
    assert load["last"]["run_id"] == "r1"
    assert load["last"]["told"] == "told"
    assert {
        name: load[name]
        for name in ("label", "failing", "streak", "success_rate", "runs", "killed", "running", "overdue", "silent_until")
    } == {
        "label": "nightly load",
        "failing": True,
        "streak": {"failed": True, "length": 1},
        "success_rate": 0.0,
        "runs": 1,
        "killed": None,
        "running": None,
        "overdue": None,
        "silent_until": None,
    }
    assert (killed["label"], killed["last"], killed["killed"]["run_id"]) == ("café", None, "r-killed")
    assert (killed["success_rate"], killed["silent_until"]) == (None, "2286-11-20T17:46:40+00:00")
    assert backup["running"]["run_id"] == "r-open"


def test_a_history_that_cannot_be_read_is_one_line(tocsin: Typist, state: Path) -> None:
    state.mkdir()
    (state / "journal.sqlite3").write_text("dear diary, " * 100)
    seen = tocsin("runs")
    assert (seen.status, seen.out) == (2, "")
    assert seen.err.startswith(f"tocsin: the history file {state / 'journal.sqlite3'} is damaged: file is not a database; move it away")
    assert seen.err.count("\n") == 1
    assert tocsin("runs", "show", "r1").status == 2
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
    first, second, third = tocsin("runs", "--all").out.splitlines()
    assert "[b]hunter2-and-more[/b]" in first
    assert "[red]no [TOKEN][/red]" in first
    assert "\x1b[31m" not in first
    assert "\x1b[38;2;235;0;0m● MyFailed" in first
    assert "\x1b[38;2;40;167;69m● MySuccess" in second
    assert "\x1b[38;2;105;105;105m● MyState" in third


def test_nothing_since_then(tocsin: Typist) -> None:
    record("r1", Success())
    assert tocsin("runs", "--since", "2999-01-01").out == "no runs have ended since 2999-01-01\n"
    assert tocsin("runs", "--since", "2999-01-01", "--label=load").out == "no runs of 'load' have ended since 2999-01-01\n"


def test_silences_that_cannot_be_read_hide_no_run(tocsin: Typist, state: Path) -> None:
    record("r1", Success())
    (state / "silences.sqlite3").write_text("this is no database" * 100)
    seen = tocsin("runs")
    assert seen.status == 0
    assert "● Success" in seen.out
    assert "is damaged" in seen.err
    assert seen.err.count("\n") == 1


@pytest.mark.parametrize("limit", ["0", "some"])
def test_a_limit_that_is_none(tocsin: Typist, limit: str) -> None:
    assert tocsin("runs", f"--limit={limit}").status == 2
