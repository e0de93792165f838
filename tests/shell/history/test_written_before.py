"""A journal that an earlier tocsin wrote is read and gone on with by this one."""

import json
import shutil
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.terminal_session import Typist
from tocsin import Failed, Success
from tocsin.core.changes import Streak
from tocsin.shell.history.run_locks import KilledRun, killed_runs, open_run, open_runs
from tocsin.shell.history.run_record import RunRecord
from tocsin.shell.history.store import HistoryStore

DATA = Path(__file__).parents[2] / "data"
BEFORE = json.loads((DATA / "journal.json").read_text(encoding="utf-8"))
LATER = datetime(2026, 2, 1, tzinfo=UTC)


@pytest.fixture
def journal(state: Path) -> HistoryStore:
    """A copy of the journal, in the state folder."""
    shutil.copytree(DATA / "journal", state)
    return HistoryStore.usual()


@pytest.fixture
def tocsin(journal: HistoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typist:
    """Types commands in a folder of its own, in UTC."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    return Typist(tmp_path, capsys)


def standing(run: RunRecord) -> dict[str, object]:
    return {
        "run_id": run.run_id,
        "label": run.label,
        "started": run.started.isoformat(),
        "ended": run.ended.isoformat(),
        "kind": run.kind,
        "failed": run.failed,
        "message": run.message,
        "attempts": run.attempts,
        "status": run.status,
        "version": run.version,
    }


def token(run: KilledRun) -> dict[str, object]:
    return {"run_id": run.run_id, "label": run.label, "started": run.started, "pid": run.pid}


def tables(journal: HistoryStore) -> Mapping[str, list[list[object]]]:
    """All that is in the file, as SQLite says it."""
    with closing(sqlite3.connect(journal.path)) as connection:
        return {name: [list(row) for row in connection.execute(f"SELECT * FROM {name} ORDER BY 1")] for name in BEFORE["tables"]}  # noqa: S608


def test_there_is_an_end_and_a_streak_of_each_kind() -> None:
    assert {run["failed"] for run in BEFORE["runs"]} == {True, False, None}
    assert {run["kind"] for run in BEFORE["runs"]} >= {
        "Success",
        "Failed",
        "Aborted",
        "TimedOut",
        "TriggerFailed",
        "Skipped",
        "Stalled",
    }
    assert {(failed, length > 1) for failed, length in BEFORE["streaks"].values()} == {
        (None, False),
        *((failed, many) for failed in (True, False) for many in (True, False)),
    }


def test_the_text_is_what_is_in_the_file(journal: HistoryStore) -> None:
    assert tables(journal) == BEFORE["tables"]


def test_the_runs_are_read_as_they_were_kept(journal: HistoryStore) -> None:
    assert [standing(run) for run in journal.history(limit=1000)] == BEFORE["runs"]


def test_a_run_that_is_there_is_not_added_again(journal: HistoryStore) -> None:
    for run in journal.history(limit=1000):
        journal.record(run)
    assert tables(journal) == BEFORE["tables"]


def test_what_is_read_is_written_in_the_same_way(journal: HistoryStore, tmp_path: Path) -> None:
    other = HistoryStore(tmp_path / "other")
    for run in reversed(journal.history(limit=1000)):
        other.record(run)
    assert tables(other)["runs"] == BEFORE["tables"]["runs"]


def test_the_streaks_are_read_as_they_were_kept(journal: HistoryStore) -> None:
    assert {label: Streak(*streak) for label, streak in BEFORE["streaks"].items()} == {
        label: journal.past(label) for label in BEFORE["streaks"]
    }


@pytest.mark.parametrize("label", [label for label, (failed, _) in BEFORE["streaks"].items() if failed is not None])
def test_a_streak_goes_on(label: str, journal: HistoryStore) -> None:
    before = Streak(*BEFORE["streaks"][label])
    for state, after in ((Failed(), before.then(failed=True)), (Success(), Streak(failed=False, length=1))):
        run = RunRecord.of(
            state, run_id=f"later {type(state).__name__}", label=label, started=LATER, ended=LATER + timedelta(seconds=1)
        )
        journal.record(run)
        assert journal.past(label) == after
        assert journal.history(label)[0] == run


def test_the_runs_that_were_killed_are_found_and_claimed_once(journal: HistoryStore) -> None:
    assert [token(run) for run in killed_runs()] == BEFORE["killed"]
    assert open_runs() == ()
    assert all(run.claim() and not run.claim() for run in killed_runs())
    assert killed_runs() == ()
    assert [path.name for path in (journal.folder / "open").iterdir()] == ["newer"]


def test_a_run_of_today_is_told_apart_from_them(journal: HistoryStore) -> None:
    now = open_run("today", "backup", 1.5)
    assert now is not None
    assert [token(run) for run in killed_runs()] == BEFORE["killed"]
    assert [run.run_id for run in open_runs()] == ["today"]
    now.close()


def test_they_are_listed_for_programs(tocsin: Typist) -> None:
    seen = tocsin("runs", "--limit=1000", "--json")
    assert (seen.status, seen.err) == (0, "")
    assert json.loads(seen.out) == BEFORE["shown"]


def test_they_are_listed_for_people(tocsin: Typist) -> None:
    seen = tocsin("runs", "--limit=1000")
    assert (seen.status, seen.err) == (0, "")
    lines = seen.out.splitlines()
    kinds = [run["kind"] for run in reversed(BEFORE["runs"])] + ["Killed"] * len(BEFORE["killed"])
    labels = [run["label"] for run in (*reversed(BEFORE["runs"]), *BEFORE["killed"])]
    for line, kind, label in zip(lines, kinds, labels, strict=True):
        assert line.startswith(label)
        assert f"● {kind} " in line
