"""The history store: its contents, its bounds and its errors."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from stat import S_IMODE
from typing import NoReturn

import attrs
import pytest

from tocsin import Aborted, Failed, Finished, Running, Skipped, State, Success
from tocsin.core.changes import Streak
from tocsin.shell.history import journal
from tocsin.shell.history.journal import HistoryError
from tocsin.shell.history.run_record import RunRecord
from tocsin.shell.history.store import HistoryStore
from tocsin.shell.redaction import remember

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


@pytest.fixture
def store(state: Path) -> HistoryStore:
    """Return the store in the state folder."""
    return HistoryStore.usual()


def ended(run_id: str, state: State | None = None, label: str = "load", at: datetime = AT) -> RunRecord:
    took = timedelta(seconds=3)
    return RunRecord.of(state or Failed("exit status 3"), run_id=run_id, label=label, started=at - took, ended=at, attempts=2, status=3)


def sql(store: HistoryStore, *statements: str) -> None:
    """Change the file without the store."""
    with closing(sqlite3.connect(store.path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


# --- contents -----------------------------------------------------------------------------------------------------------------


def test_without_a_file_there_is_nothing_and_reading_makes_none(store: HistoryStore) -> None:
    assert (store.past("load"), store.history()) == (Streak(), ())
    assert not store.folder.exists()


def test_what_is_recorded_comes_back_as_it_was(store: HistoryStore) -> None:
    first, second = ended("r1"), ended("r2", Success(), label="sums")
    store.record(first)
    store.record(second)
    assert store.history() == (second, first)
    assert store.history("load") == (first,)
    assert store.history(limit=1) == (second,)
    assert (first.kind, first.failed, first.message, first.attempts, first.status) == ("Failed", True, "exit status 3", 2, 3)
    assert first.version


def test_ends_become_a_streak(store: HistoryStore) -> None:
    states = (Failed(), Aborted(), Finished(), Success(), Skipped())
    streaks = [store.record(ended(f"r{at}", state)) for at, state in enumerate(states)]
    assert streaks == [Streak(), Streak(True, 1), Streak(True, 2), Streak(True, 2), Streak(False, 1)]
    assert store.past("load") == Streak(False, 2)
    assert store.past("sums") == Streak()
    assert [run.failed for run in store.history()] == [False, False, None, True, True]


def test_a_run_is_recorded_once(store: HistoryStore) -> None:
    store.record(ended("r1"))
    assert store.record(ended("r1", Success())) == Streak(True, 1) == store.past("load")
    assert len(store.history()) == 1


def test_a_run_need_not_count(store: HistoryStore) -> None:
    store.record(ended("r1"))
    assert store.record(ended("r2"), counts=False) == store.past("load") == Streak(True, 1)
    assert len(store.history()) == 2


def test_an_end_may_count_without_being_recorded(store: HistoryStore) -> None:
    before = [store.advance("load", failed=failed) for failed in (True, True, False)]
    assert before == [Streak(), Streak(True, 1), Streak(True, 2)]
    assert store.past("load") == Streak(False, 1)
    assert store.history() == ()


@pytest.mark.parametrize("label", ["a\nb", "'; DROP TABLE runs; --", "\x1b[31m", "\ud800", "", "é" * 9999, "?1"])
def test_a_label_is_one_line_whatever_it_is(store: HistoryStore, label: str) -> None:
    store.record(ended("r1", label=label))
    assert store.past(label) == Streak(True, 1)
    (run,) = store.history(label)
    assert run.label.isprintable()


def test_a_message_is_one_short_line_without_secrets(store: HistoryStore) -> None:
    remember("TOKEN", "hunter2-and-more")
    store.record(ended("r1", Failed(f"no\x00 route\nfor hunter2-and-more{'!' * 999}")))
    message = store.history()[0].message
    assert message is not None
    assert message.startswith("no route for [TOKEN]!!!")
    assert message.endswith(" more characters)")
    assert len(message) <= 300
    assert b"hunter2" not in store.path.read_bytes()


def test_only_the_user_may_read_it(store: HistoryStore) -> None:
    store.record(ended("r1"))
    assert [S_IMODE(path.stat().st_mode) for path in (store.folder, store.path)] == [0o700, 0o600]
    assert [path.name for path in store.folder.iterdir()] == ["journal.sqlite3"]


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="must be an aware datetime"):
        ended("r1", at=AT.replace(tzinfo=None))


# --- bounds -------------------------------------------------------------------------------------------------------------------


def test_of_each_label_the_last_runs_are_kept(store: HistoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "KEPT", 3)
    store.record(ended("other", label="sums"))
    for number in range(5):
        store.record(ended(f"r{number}"))
    assert [run.run_id for run in store.history()] == ["r4", "r3", "r2", "other"]
    assert store.past("load") == Streak(True, 5)


def test_the_history_is_bounded_in_all(store: HistoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "KEPT_IN_ALL", 3)
    for number in range(5):
        store.record(ended(f"r{number}", label=f"load {number}"))
    assert [run.run_id for run in store.history()] == ["r4", "r3", "r2"]
    assert [store.past(f"load {number}").length for number in range(5)] == [0, 0, 1, 1, 1]


def test_old_runs_can_be_deleted(store: HistoryStore) -> None:
    store.record(ended("old", at=AT))
    store.record(ended("new", label="sums", at=AT + timedelta(days=1)))
    assert store.forget(AT + timedelta(hours=1)) == 1
    assert [run.run_id for run in store.history()] == ["new"]
    assert store.past("load") == Streak(True, 1)  # its streak was updated a moment ago
    assert store.forget(datetime.now(UTC) + timedelta(days=1)) == 1
    assert store.past("load") == Streak()


# --- errors -------------------------------------------------------------------------------------------------------------------

USES: tuple[Callable[[HistoryStore], object], ...] = (
    lambda store: store.past("load"),
    lambda store: store.history(),
    lambda store: store.record(ended("r9")),
    lambda store: store.advance("load", failed=True),
    lambda store: store.forget(AT),
)


@pytest.mark.parametrize("use", USES)
def test_a_file_that_is_no_database(store: HistoryStore, use: Callable[[HistoryStore], object]) -> None:
    store.folder.mkdir()
    store.path.write_bytes(b"dear diary, " * 100)
    with pytest.raises(HistoryError) as caught:
        use(store)
    assert str(caught.value) == (
        f"the history file {store.path} is damaged: file is not a database; "
        "move it away, so that tocsin begins a new one, or set TOCSIN_STATE_DIR to another folder"
    )
    assert store.path.read_bytes() == b"dear diary, " * 100


@pytest.mark.parametrize("use", USES)
def test_a_file_that_is_cut_off(store: HistoryStore, use: Callable[[HistoryStore], object]) -> None:
    for number in range(50):
        store.record(ended(f"r{number}"))
    whole = store.path.read_bytes()
    store.path.write_bytes(whole[:4096] + b"\xff" * 4096 * 3)
    with pytest.raises(HistoryError, match="is damaged: database disk image is malformed; move it away"):
        use(store)


@pytest.mark.parametrize("use", USES)
def test_a_newer_file_is_left_alone(store: HistoryStore, use: Callable[[HistoryStore], object]) -> None:
    store.record(ended("r1"))
    sql(store, "PRAGMA user_version = 2")
    before = store.path.read_bytes()
    newer = r"written by a newer tocsin \(its version is 2, and this tocsin knows 1\); upgrade tocsin, or set TOCSIN_STATE_DIR"
    with pytest.raises(HistoryError, match=newer):
        use(store)
    assert store.path.read_bytes() == before


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE runs SET started = 'soon'",
        "UPDATE runs SET ended = 1e300",
        "UPDATE runs SET attempts = 'some'",
        "UPDATE runs SET kind = x'ff'",
        "UPDATE runs SET label = CAST(x'ff' AS TEXT)",
        "DROP TABLE runs",
    ],
)
def test_rows_that_tocsin_did_not_write(store: HistoryStore, damage: str) -> None:
    store.record(ended("r1"))
    sql(store, damage)
    with pytest.raises(HistoryError, match="is damaged: "):
        store.history()


@pytest.mark.parametrize("damage", ["SET length = -1", "SET length = 'x'", "SET failed = NULL, length = 0"])
def test_a_streak_that_tocsin_did_not_write(store: HistoryStore, damage: str) -> None:
    store.record(ended("r1"))
    sql(store, f"UPDATE streaks {damage}")
    with pytest.raises(HistoryError, match="is damaged: "):
        store.past("load")


def test_a_file_without_tables_is_an_empty_history(store: HistoryStore) -> None:
    store.folder.mkdir()
    store.path.touch()
    assert (store.past("load"), store.history()) == (Streak(), ())
    store.record(ended("r1"))
    assert store.past("load") == Streak(True, 1)


@pytest.mark.parametrize("use", USES)
def test_a_folder_in_place_of_the_file(store: HistoryStore, use: Callable[[HistoryStore], object]) -> None:
    store.path.mkdir(parents=True)
    with pytest.raises(
        HistoryError, match=r"cannot be used: .*; (make it a file that you may read and write, or )?set TOCSIN_STATE_DIR"
    ):
        use(store)


def test_a_folder_that_cannot_be_made(store: HistoryStore) -> None:
    store.folder.touch()
    with pytest.raises(HistoryError, match=r"cannot be used: File exists; set TOCSIN_STATE_DIR to another folder"):
        store.record(ended("r1"))


def test_a_file_that_may_only_be_read(store: HistoryStore) -> None:
    store.record(ended("r1"))
    with journal.reading(store.path) as connection:
        assert connection is not None
        connection.execute("PRAGMA query_only = 1")  # as in a read-only folder, except for the superuser
        with (
            pytest.raises(HistoryError, match="attempt to write a readonly database; make it writable, or"),
            journal.describe_errors(store.path),
        ):
            connection.execute("DELETE FROM runs")


def _filling(store: HistoryStore) -> None:
    with journal.writing(store.path) as connection:
        connection.execute("PRAGMA max_page_count = 1")
        connection.execute("INSERT INTO streaks VALUES (?, 1, 1, 1.0)", ("x" * 99_999,))


def test_a_disk_that_is_full(store: HistoryStore) -> None:
    store.record(ended("r1"))
    with pytest.raises(HistoryError, match="database or disk is full; make room on the disk"):
        _filling(store)
    assert len(store.history()) == 1


def test_a_file_that_another_process_locks(store: HistoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.record(ended("r1"))
    monkeypatch.setattr(journal, "BUSY", 0.01)
    with closing(sqlite3.connect(store.path, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(HistoryError, match="database is locked; another process keeps it locked; end that process"):
            store.record(ended("r2"))
        connection.execute("ROLLBACK")
    store.record(ended("r2"))
    assert store.past("load") == Streak(True, 2)


def _interrupted(store: HistoryStore) -> None:
    with journal.writing(store.path) as connection:
        connection.execute("DELETE FROM runs")
        raise KeyboardInterrupt


def test_what_is_interrupted_is_undone(store: HistoryStore) -> None:
    store.record(ended("r1"))
    with pytest.raises(KeyboardInterrupt):
        _interrupted(store)
    assert len(store.history()) == 1


def test_a_user_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> NoReturn:
        raise OSError(0, "this user has no home folder")

    monkeypatch.setattr("tocsin.shell.history.store.state_folder", homeless)
    with pytest.raises(HistoryError, match="there is no folder for the history: this user has no home folder; set TOCSIN_STATE_DIR"):
        HistoryStore.usual()


@pytest.mark.parametrize("use", USES)
def test_a_python_without_sqlite(store: HistoryStore, use: Callable[[HistoryStore], object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlite3", None)
    with pytest.raises(HistoryError, match="this Python was built without sqlite3; install one that has it"):
        use(store)


def test_an_error_is_one_line_without_a_secret() -> None:
    remember("TOKEN", "hunter2-and-more")
    assert str(HistoryError("the file /hunter2-and-more/\nis damaged")) == "the file /[TOKEN]/ is damaged"


# --- several processes --------------------------------------------------------------------------------------------------------

WRITES = """
import sys
from datetime import UTC, datetime
from tocsin import Failed
from tocsin.shell.history.run_record import RunRecord
from tocsin.shell.history.store import HistoryStore

store, at = HistoryStore.usual(), datetime.now(UTC)
for number in range(int(sys.argv[2])):
    store.record(RunRecord.of(Failed(), run_id=f"{sys.argv[1]}-{number}", label="load", started=at, ended=at))
    print(number, flush=True)
"""


def writer(name: str, times: int) -> "subprocess.Popen[str]":
    """Start a process that records failures of one label, and prints a line after each."""
    return subprocess.Popen([sys.executable, "-c", WRITES, name, str(times)], stdout=subprocess.PIPE, text=True)


def test_processes_take_turns(store: HistoryStore) -> None:
    writers = [writer(f"w{number}", 15) for number in range(4)]
    for process in writers:
        with process:
            assert process.communicate(timeout=120)[0].endswith("14\n")
    assert len(store.history(limit=999)) == 60
    assert store.past("load") == Streak(True, 60)


@pytest.mark.parametrize("lines", [1, 2, 5, 9])
def test_a_process_that_is_killed_leaves_all_of_a_run_or_nothing(store: HistoryStore, lines: int) -> None:
    with writer("w", 9999) as process:
        assert process.stdout is not None
        for _ in range(lines):
            process.stdout.readline()
        process.kill()
    runs = store.history(limit=9999)
    assert len(runs) >= lines
    assert store.past("load") == Streak(True, len(runs))
    store.record(ended("after"))
    assert store.past("load") == Streak(True, len(runs) + 1)


def test_a_transaction_that_its_process_did_not_end_is_undone(store: HistoryStore) -> None:
    store.record(ended("r1"))
    dies = (
        "import os, signal, sys; from pathlib import Path; from tocsin.shell.history.store import writing\n"
        "with writing(Path(sys.argv[1])) as connection:\n"
        "    connection.execute('PRAGMA cache_size = 1')\n"
        "    connection.execute('DELETE FROM runs')\n"
        "    for number in range(500): connection.execute('INSERT INTO streaks VALUES (?, 1, 1, 1.0)', (str(number) * 500,))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", dies, store.path], check=False, timeout=60)
    assert done.returncode == -9
    assert (store.folder / "journal.sqlite3-journal").exists()
    assert [run.run_id for run in store.history()] == ["r1"]
    assert store.past("load") == Streak(True, 1)


def test_what_is_kept_is_a_value() -> None:
    run = ended("r1")
    assert run == attrs.evolve(run)
    assert run != attrs.evolve(run, status=4)
    assert RunRecord.of(Running(), run_id="r", label="l", started=AT, ended=AT).failed is None
