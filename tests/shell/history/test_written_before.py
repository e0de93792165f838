"""This version reads and continues a history that an earlier version wrote."""

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
def store(state: Path) -> HistoryStore:
    """Return a copy of the stored history in the state folder."""
    shutil.copytree(DATA / "journal", state)
    return HistoryStore.usual()


@pytest.fixture
def tocsin(store: HistoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typist:
    """Type commands in a folder of its own, in UTC."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    return Typist(tmp_path, capsys)


def record(run: RunRecord) -> dict[str, object]:
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


def killed(run: KilledRun) -> dict[str, object]:
    return {"run_id": run.run_id, "label": run.label, "started": run.started, "pid": run.pid}


def tables(store: HistoryStore) -> Mapping[str, list[list[object]]]:
    """Return all rows of the file."""
    with closing(sqlite3.connect(store.path)) as connection:
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


def test_the_text_is_what_is_in_the_file(store: HistoryStore) -> None:
    assert tables(store) == BEFORE["tables"]


def test_the_runs_are_read_as_they_were_kept(store: HistoryStore) -> None:
    assert [record(run) for run in store.history(limit=1000)] == BEFORE["runs"]


def test_a_run_that_is_there_is_not_added_again(store: HistoryStore) -> None:
    for run in store.history(limit=1000):
        store.record(run)
    assert tables(store) == BEFORE["tables"]


def test_what_is_read_is_written_in_the_same_way(store: HistoryStore, tmp_path: Path) -> None:
    other = HistoryStore(tmp_path / "other")
    for run in reversed(store.history(limit=1000)):
        other.record(run)
    assert tables(other)["runs"] == BEFORE["tables"]["runs"]


def test_the_streaks_are_read_as_they_were_kept(store: HistoryStore) -> None:
    assert {label: Streak(*streak) for label, streak in BEFORE["streaks"].items()} == {
        label: store.past(label) for label in BEFORE["streaks"]
    }


@pytest.mark.parametrize("label", [label for label, (failed, _) in BEFORE["streaks"].items() if failed is not None])
def test_a_streak_goes_on(label: str, store: HistoryStore) -> None:
    before = Streak(*BEFORE["streaks"][label])
    for state, after in ((Failed(), before.then(failed=True)), (Success(), Streak(failed=False, length=1))):
        run = RunRecord.of(
            state, run_id=f"later {type(state).__name__}", label=label, started=LATER, ended=LATER + timedelta(seconds=1)
        )
        store.record(run)
        assert store.past(label) == after
        assert store.history(label)[0] == run


def test_the_runs_that_were_killed_are_found_and_claimed_once(store: HistoryStore) -> None:
    assert [killed(run) for run in killed_runs()] == BEFORE["killed"]
    assert open_runs() == ()
    for run in killed_runs():
        lock = run.claim()
        assert lock is not None
        assert (run.end, run.claim()) == (None, None)
        lock.close()
    assert killed_runs() == ()
    assert [path.name for path in (store.folder / "open").iterdir()] == ["newer"]


def test_a_run_of_today_is_told_apart_from_them(store: HistoryStore) -> None:
    now = open_run("today", "backup", 1.5)
    assert now is not None
    assert [killed(run) for run in killed_runs()] == BEFORE["killed"]
    assert [run.run_id for run in open_runs()] == ["today"]
    now.close()


def test_they_are_listed_for_programs(tocsin: Typist) -> None:
    seen = tocsin("runs", "--all", "--limit=1000", "--json")
    assert (seen.status, seen.err) == (0, "")
    shown = json.loads(seen.out)
    assert [run.pop("told") for run in shown["runs"]] == [None] * len(shown["runs"])  # that version did not keep it
    for run in shown["runs"]:  # that version had the parts of the state beside each other
        assert set(run["state"]) == {"kind", "message"}
        run.update(state=run["state"]["kind"], message=run["state"]["message"])
    assert shown == {**BEFORE["shown"], "overdue": []}


def test_whether_anybody_was_told_is_kept_beside_what_is_there(store: HistoryStore) -> None:
    run = store.history(limit=1)[0]
    store.note(run.run_id, "queued")
    store.note(run.run_id, "told")
    store.note("no such run", "told")
    assert store.told() == {run.run_id: "told"}
    assert tables(store) == BEFORE["tables"]
    store.forget(LATER)
    assert store.told() == {}


def test_they_are_listed_for_people(tocsin: Typist) -> None:
    seen = tocsin("runs", "--all", "--limit=1000")
    assert (seen.status, seen.err) == (0, "")
    lines = seen.out.splitlines()
    kinds = [run["kind"] for run in reversed(BEFORE["runs"])] + ["Killed"] * len(BEFORE["killed"])
    labels = [run["label"] for run in (*reversed(BEFORE["runs"]), *BEFORE["killed"])]
    for line, kind, label in zip(lines, kinds, labels, strict=True):
        assert f"  {label}  " in line
        assert f"● {kind} " in line
