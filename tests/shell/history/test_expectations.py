"""The store of expectations: what it knows of runs, and its claims."""

import os
import sys
import time
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tocsin import Failed, Success
from tocsin.core.absence import Daily, Every, Expectation, LastRun, Seen, ToldMiss
from tocsin.shell.history.expectations import ExpectationStore
from tocsin.shell.history.journal import HistoryError
from tocsin.shell.history.paths import has_expectations
from tocsin.shell.history.run_locks import open_run
from tocsin.shell.history.run_record import RunRecord
from tocsin.shell.history.store import HistoryStore

NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = timedelta(hours=1)
LOAD = Expectation("load", Every(24 * HOUR), HOUR, NOW - 30 * HOUR)
SUMS = Expectation("sums", Daily(time_of_day(3), ZoneInfo("Europe/Berlin")), timedelta(0), NOW)


@pytest.fixture
def store(state: Path) -> ExpectationStore:
    """Return the store in the state folder."""
    return ExpectationStore.usual()


def record(run_id: str, at: datetime, *, failed: bool = False, label: str = "load") -> None:
    state = Failed() if failed else Success()
    HistoryStore.usual().record(RunRecord.of(state, run_id=run_id, label=label, started=at, ended=at + timedelta(minutes=1)))


def seen(store: ExpectationStore, now: datetime = NOW) -> Seen:
    found = store.find("load", now)
    assert found is not None
    return found.seen


def test_what_is_put_comes_back(store: ExpectationStore) -> None:
    assert not has_expectations()
    assert not store.contents(NOW).stored
    assert store.put(SUMS)
    assert store.put(LOAD)
    assert has_expectations()
    assert [each.expected for each in store.contents(NOW).stored] == [LOAD, SUMS]
    assert store.find("other", NOW) is None


def test_a_history_without_expectations_has_none(store: ExpectationStore, state: Path) -> None:
    (state / "expected").mkdir(parents=True)
    assert not store.contents(NOW).stored
    record("r1", NOW)
    assert not store.contents(NOW).stored


def test_there_is_no_folder_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TOCSIN_STATE_DIR", "XDG_STATE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_000)
    assert not has_expectations()
    with pytest.raises(HistoryError, match="there is no folder for the history: this user has no home folder"):
        ExpectationStore.usual()


def test_the_last_run_is_the_one_that_started_last(store: ExpectationStore) -> None:
    store.put(LOAD)
    assert seen(store) == Seen()
    record("r2", NOW - HOUR, failed=True)
    record("r1", NOW - 3 * HOUR)  # it took longer, and so ended later
    assert seen(store) == Seen(LastRun(NOW - HOUR, failed=True))


def test_a_run_far_in_the_future_is_of_a_clock_that_was_wrong(store: ExpectationStore) -> None:
    store.put(LOAD)
    record("r1", NOW - HOUR)
    record("r2", NOW + 400 * 24 * HOUR)
    assert seen(store) == Seen(LastRun(NOW - HOUR, failed=False))


def test_an_open_run_and_a_killed_one_have_started(store: ExpectationStore) -> None:
    store.put(LOAD)
    record("r1", NOW - 3 * HOUR)
    lock = open_run("r2", "load", (NOW - HOUR).timestamp(), 60.0)
    other = open_run("r3", "other", NOW.timestamp())
    assert lock is not None
    assert other is not None
    found = seen(store)
    assert found.last == LastRun(NOW - HOUR, ended=False)
    assert [(run.started, run.limit) for run in found.underway] == [(NOW - HOUR, timedelta(minutes=1))]
    lock.forget()  # as if its process had been killed
    other.close()
    assert seen(store) == Seen(LastRun(NOW - HOUR, ended=False))
    Path(lock.path).unlink()


def test_of_what_is_watched_in_python_the_streak_says_when_it_ran(store: ExpectationStore) -> None:
    store.put(LOAD)
    began = time.time()
    HistoryStore.usual().advance("load", failed=True)
    last = seen(store, datetime.now(UTC)).last
    assert last is not None
    assert (last.failed, began <= last.started.timestamp() <= time.time()) == (True, True)


def test_what_a_check_saw_is_known_when_the_history_has_lost_it(store: ExpectationStore) -> None:
    store.put(LOAD)
    record("r1", NOW - HOUR, failed=True)
    store.note(store.contents(NOW).stored[0], NOW)
    store.note(store.contents(NOW).stored[0], NOW)  # nothing new
    HistoryStore.usual().forget(NOW + HOUR)
    assert seen(store) == Seen(LastRun(NOW - HOUR, failed=None))


def test_a_clock_that_was_ahead_when_it_was_expected(store: ExpectationStore) -> None:
    store.put(Expectation("load", Every(HOUR), HOUR, NOW + 900 * HOUR))
    store.note(store.contents(NOW).stored[0], NOW)
    assert store.contents(NOW).stored[0].expected.since == NOW


def test_what_was_told_is_remembered_until_it_recovers(store: ExpectationStore) -> None:
    store.put(LOAD)
    for told in (ToldMiss(NOW), ToldMiss(NOW, NOW - HOUR), None):
        store.tell("load", told)
        assert store.contents(NOW).stored[0].told == told
    store.tell("load", ToldMiss(NOW))
    assert not store.put(LOAD)  # the same once more
    assert store.contents(NOW).stored[0].told == ToldMiss(NOW)
    assert store.put(Expectation("load", Every(HOUR), HOUR, NOW))
    assert store.contents(NOW).stored[0].told is None


def test_one_has_the_claim(store: ExpectationStore, state: Path) -> None:
    store.put(LOAD)
    claim = store.claim("load")
    assert claim is not None
    assert store.claim("load") is None
    assert store.claim("sums") is not None
    claim.close()
    claim.close()
    assert store.claim("load") is not None
    assert store.remove("load")
    assert not store.remove("load")
    assert len(list((state / "expected").iterdir())) == 1


def test_where_there_are_no_locks_each_has_a_claim(store: ExpectationStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put(LOAD)
    monkeypatch.setitem(sys.modules, "fcntl", None)
    assert store.claim("load") is not None
    assert store.claim("load") is not None


def test_a_folder_that_cannot_be_used(store: ExpectationStore, state: Path) -> None:
    state.mkdir()
    (state / "expected").write_text("")
    with pytest.raises(HistoryError, match="cannot be used: File exists"):
        store.put(LOAD)
    with pytest.raises(HistoryError, match="cannot be used: Not a directory"):
        store.claim("load")


def test_what_tocsin_did_not_write_is_damage(store: ExpectationStore, state: Path) -> None:
    import sqlite3
    from contextlib import closing

    store.put(LOAD)
    with closing(sqlite3.connect(state / "journal.sqlite3", isolation_level=None)) as connection:
        connection.execute("UPDATE expectations SET grace = 'long'")
    with pytest.raises(HistoryError, match="is damaged: no number of seconds"):
        store.contents(NOW)
