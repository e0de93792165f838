"""Runs of which no end was heard: they are told by one of the processes that are alive, and by none twice."""

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import attrs
import pytest

from tests.eventually import eventually
from tests.servers.authority import Authority
from tests.servers.live import live_at
from tests.servers.scripts import environment, texts
from tests.servers.slack import Reply, SlackServer
from tocsin import DryRun, Failed, Live, Retrying, filters, interpreting, slack_notifier
from tocsin.core import events as e
from tocsin.core.integrations.foreign import Engine, ForeignRun
from tocsin.integrations import no_end
from tocsin.integrations.no_end import tell_overdue, tell_overdue_by_configuration
from tocsin.integrations.observer import Observer
from tocsin.shell.config.load import configuration
from tocsin.shell.handlers.attach import attached
from tocsin.shell.history.foreign_runs import FILE, ForeignRunStore, OpenRun, has_foreign_runs
from tocsin.shell.history.journal import BUSY_READING, HistoryError
from tocsin.shell.history.store import HistoryStore

pytestmark = pytest.mark.tocsin_live

HOUR = timedelta(hours=1)
LOAD = ForeignRun(
    "load", "r1", "nightly", 3, 2, 3, link="https://example.com/runs/1", host="worker-1", started=datetime.now(UTC) - 3 * HOUR
)
HANDLERS = attached([slack_notifier])
SENTENCE = "load[3] was aborted"


@attrs.frozen
class Record:
    """What an engine of the tests says."""

    run: ForeignRun
    event: e.Event


# not that of the store: the thread of an observer outlives its test
ENGINE = Engine[Record]("Jenny", lambda record: record.run, lambda record: (record.event,))


@pytest.fixture
def live(tmp_path: Path, authority: Authority, slack_server: SlackServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    """An interpreter that sends to the test server; the state folder is the test's own."""
    monkeypatch.setenv("TOCSIN_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("SLACK_WEBHOOK_URL", slack_server.url)
    configuration.cache_clear()
    with live_at(authority, slack=slack_server) as made:
        yield made
    configuration.cache_clear()


@pytest.fixture
def store(live: Live) -> ForeignRunStore:
    """A store in which the end of a run is overdue."""
    made = ForeignRunStore.usual()
    now = datetime.now(UTC)
    made.put(OpenRun(LOAD, "Loom", now - 3 * HOUR, now - HOUR))
    return made


def check(live: Live) -> None:
    tell_overdue(lambda: live, lambda _: HANDLERS)


def waiting(store: ForeignRunStore) -> list[str]:
    return [each.foreign.run_id for each in store.due(datetime.now(UTC) + 1000 * HOUR)]


def test_an_overdue_run_is_told_once(store: ForeignRunStore, live: Live, slack_server: SlackServer) -> None:
    check(live)
    check(live)
    (text,) = texts(slack_server)
    assert text.startswith(SENTENCE)
    assert (
        text.endswith("no end was heard of within 3 h 0 min: it may still run, or its worker may be lost") or "no end was heard" in text
    )
    assert waiting(store) == []


def test_what_is_kept_is_what_was_heard(store: ForeignRunStore) -> None:
    (found,) = store.due(datetime.now(UTC))
    assert attrs.evolve(found.foreign, started=None) == attrs.evolve(LOAD, started=None)
    plain = ForeignRun("plain", "r2")
    store.put(OpenRun(plain, "Loom", datetime.now(UTC), datetime.now(UTC)))
    assert plain in [each.foreign for each in store.due(datetime.now(UTC))]


def test_a_message_that_fails_is_told_by_a_later_check(store: ForeignRunStore, live: Live, slack_server: SlackServer) -> None:
    slack_server.replies = [Reply(status=403, body="action_prohibited")]
    check(live)
    assert waiting(store) == ["r1"]
    check(live)
    assert len(slack_server.requests) == 1
    (due,) = store.due(datetime.now(UTC) + HOUR)
    store.postpone(due, datetime.now(UTC))  # as it is five minutes later
    check(live)
    assert len(texts(slack_server)) == 2
    assert waiting(store) == []


def test_a_run_that_another_process_tells_is_left_to_it(store: ForeignRunStore, live: Live, slack_server: SlackServer) -> None:
    (due,) = store.due(datetime.now(UTC))
    lock = store.claim(due)
    assert lock is not None
    check(live)
    assert not slack_server.requests
    lock.close()
    check(live)
    assert len(slack_server.requests) == 1


def test_a_run_that_was_heard_of_since_is_not_told(store: ForeignRunStore, live: Live, slack_server: SlackServer) -> None:
    (due,) = store.due(datetime.now(UTC))
    now = datetime.now(UTC)
    store.put(OpenRun(LOAD, "Loom", now, now + HOUR))
    assert store.claim(due) is None
    store.told(due)
    check(live)
    assert not slack_server.requests
    assert waiting(store) == ["r1"]


def test_a_late_event_of_an_earlier_attempt_changes_nothing(store: ForeignRunStore) -> None:
    now, again = datetime.now(UTC), attrs.evolve(LOAD, attempt=3)
    store.put(OpenRun(again, "Loom", now, now))
    store.end(LOAD, now)
    assert [each.foreign.attempt for each in store.due(now)] == [3]
    store.put(OpenRun(LOAD, "Loom", now, now))
    assert [each.foreign.attempt for each in store.due(now)] == [3]
    store.end(again, now)
    store.put(OpenRun(again, "Loom", now, now))
    assert store.due(now) == ()


def test_what_ended_is_forgotten_after_an_hour(store: ForeignRunStore, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    store.end(LOAD, now - 2 * HOUR)
    store.put(OpenRun(attrs.evolve(LOAD, run_id="r2"), "Loom", now, now))
    with closing(sqlite3.connect(tmp_path / "state" / FILE)) as connection:
        assert connection.execute("SELECT run_id FROM runs").fetchall() == [("r2",)]


def test_a_flow_and_its_task_of_one_name_are_two_runs(store: ForeignRunStore) -> None:
    now, flow = datetime.now(UTC), ForeignRun("nightly", "r5")
    store.put(OpenRun(flow, "Loom", now, now))
    store.end(ForeignRun("nightly", "r5", "nightly"), now)
    assert flow in [each.foreign for each in store.due(now)]


def test_a_hook_does_not_wait_long_for_a_locked_file_and_then_leaves_it_alone(
    store: ForeignRunStore, live: Live, tmp_path: Path, slack_server: SlackServer, caplog: pytest.LogCaptureFixture
) -> None:
    observer = Observer(ENGINE, [slack_notifier], no_end_after=HOUR)
    with closing(sqlite3.connect(tmp_path / "state" / FILE, isolation_level=None)) as connection, interpreting(live):
        connection.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        for event in (e.Started(datetime.now(UTC), None), e.Succeeded(datetime.now(UTC))):
            observer.observe(partial(Record, LOAD, event))
        assert time.monotonic() - began < BUSY_READING
    assert len(slack_server.requests) == 2
    assert caplog.text.count("nobody is told of runs of other engines") == 1


class Named:
    """A handler whose repr has an address."""

    def __call__(self, *_: object) -> None:
        """Do nothing."""


def test_the_same_hook_in_another_process_is_the_same(live: Live) -> None:
    owners = set[str]()
    for _ in range(2):  # as in two processes: functions and objects of other addresses

        def handler(*_: object) -> None:
            pass

        observer = Observer(ENGINE, [slack_notifier, handler, Named()], no_end_after=HOUR)
        observer.observe(lambda: Record(LOAD, e.Started(datetime.now(UTC), None)))
        owners |= {each.owner for each in ForeignRunStore.usual().due(datetime.now(UTC) + 2 * HOUR)}
    assert len(owners) == 1


def test_one_hook_does_not_tell_the_runs_of_another(live: Live, slack_server: SlackServer) -> None:
    linked = slack_notifier(only_states=[Failed], title_link="https://example.com")
    others = Observer(ENGINE, [linked], no_end_after=timedelta(seconds=0.3))
    others.watch_for_ends()
    with interpreting(live):
        Observer(ENGINE, [slack_notifier(only_states=[Failed])], no_end_after=timedelta(seconds=0.3)).observe(
            lambda: Record(attrs.evolve(LOAD, link=None), e.Started(datetime.now(UTC), None))
        )
        eventually(lambda: len(slack_server.requests) == 1)
        eventually(lambda: waiting(ForeignRunStore.usual()) == [])
    assert "example.com" not in str(slack_server.requests[0].body)


def test_the_daemon_waits_longer_and_tells_whom_the_configuration_names(
    store: ForeignRunStore, live: Live, slack_server: SlackServer
) -> None:
    now = datetime.now(UTC)
    store.put(OpenRun(attrs.evolve(LOAD, run_id="r2"), "Loom", now - HOUR, now - no_end.DAEMON_WAITS / 2))
    tell_overdue_by_configuration(lambda: live)
    assert [text.split(" was")[0] for text in texts(slack_server)] == ["load[3]"]
    assert waiting(store) == ["r2"]


def test_runs_of_another_engine_are_left_to_its_hooks(store: ForeignRunStore, live: Live, slack_server: SlackServer) -> None:
    tell_overdue(lambda: live, lambda _: HANDLERS, owner="Jacquard")
    assert not slack_server.requests


def test_nobody_is_told_in_a_dry_run(store: ForeignRunStore, live: Live, capsys: pytest.CaptureFixture[str]) -> None:
    tell_overdue(lambda: live, lambda _: ())
    tell_overdue(DryRun, lambda _: HANDLERS)
    assert capsys.readouterr().out == ""
    assert waiting(store) == ["r1"]


def test_policies_count_it_as_a_failure(store: ForeignRunStore, live: Live, slack_server: SlackServer) -> None:
    tell_overdue(lambda: live, lambda _: attached([slack_notifier(when=filters.after(1))]))
    assert len(slack_server.requests) == 1
    assert HistoryStore.usual().past("nightly/load").failures == 1


def test_where_no_run_is_open_there_is_no_file(live: Live) -> None:
    assert not has_foreign_runs()
    check(live)
    store = ForeignRunStore.usual()
    assert store.due(datetime.now(UTC)) == ()
    assert store.claim(OpenRun(LOAD, "Loom", datetime.now(UTC), datetime.now(UTC))) is None


@pytest.mark.skipif(os.name != "posix", reason="another folder elsewhere")
def test_without_a_home_folder_there_are_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    monkeypatch.setenv("TOCSIN_STATE_DIR", "state")
    assert not has_foreign_runs()


def test_a_file_that_is_damaged_while_it_is_told_is_logged(
    store: ForeignRunStore, live: Live, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def damage(*_: object) -> None:
        (tmp_path / "state" / FILE).write_text("dear diary, " * 100)

    tell_overdue(lambda: live, lambda _: attached([damage]))
    assert "people may be told again of 'load'" in caplog.text
    with pytest.raises(HistoryError):
        store.claim(OpenRun(LOAD, "Loom", datetime.now(UTC), datetime.now(UTC)))


def test_a_row_that_tocsin_did_not_write_is_left_out(store: ForeignRunStore, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "state" / FILE)) as connection:
        connection.execute("UPDATE runs SET heard = 'long ago'")
        connection.commit()
    assert store.due(datetime.now(UTC)) == ()


def test_ctrl_c_while_it_is_told_releases_the_claim(store: ForeignRunStore, live: Live, slack_server: SlackServer) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tell_overdue(lambda: live, lambda _: attached([interrupt]))
    check(live)
    assert len(slack_server.requests) == 1


def test_a_process_that_ends_before_its_message_went_leaves_it_to_the_next_check(store: ForeignRunStore) -> None:
    (due,) = store.due(datetime.now(UTC))
    lock = store.claim(due)
    assert lock is not None
    no_end._settle(store, due, lock, "cut off")
    again = store.claim(due)
    assert again is not None
    again.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
def test_a_forked_child_has_a_thread_of_its_own(live: Live) -> None:
    watcher = no_end.NoEnd("Jenny", HOUR, lambda: HANDLERS, "")
    watcher.watch()
    child = os.fork()
    if child == 0:
        os._exit(0 if watcher._thread is None else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_a_file_that_cannot_be_used_is_logged_once(
    store: ForeignRunStore, live: Live, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "diary").write_text("dear diary, " * 100)
    (tmp_path / "diary").replace(tmp_path / "state" / FILE)  # at once: a thread that checks may read half of what is written
    observer = Observer(ENGINE, [slack_notifier(only_states=[Failed])], no_end_after=HOUR)
    with interpreting(live):
        observer.observe(lambda: Record(LOAD, e.Started(datetime.now(UTC), None)))
    check(live)
    check(live)
    assert caplog.text.count("nobody is told of runs of other engines whose end is not heard of") == 1
    with pytest.raises(HistoryError):
        store.due(datetime.now(UTC))


def test_a_fault_of_a_check_is_one_line_in_the_log(store: ForeignRunStore, live: Live, caplog: pytest.LogCaptureFixture) -> None:
    def broken(_: object) -> tuple[()]:
        raise RuntimeError("broken")

    for _ in range(2):
        tell_overdue(lambda: live, broken)
    assert [line for line in caplog.messages if "broken" in line] == [
        "tocsin: nobody is told of runs of other engines whose end is not heard of: RuntimeError: broken"
    ]
    assert waiting(store) == ["r1"]


def test_rows_that_nobody_told_are_deleted_after_a_month(store: ForeignRunStore, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "state" / FILE)) as connection:
        connection.execute("UPDATE runs SET due = due - 31 * 24 * 3600.0")
        connection.commit()
    now = datetime.now(UTC)
    store.put(OpenRun(attrs.evolve(LOAD, run_id="r9"), "Loom", now, now + HOUR))
    assert waiting(store) == ["r9"]


# --- observers ----------------------------------------------------------------------------------------------------------------


def test_an_observer_tells_from_a_thread_of_its_process(live: Live, slack_server: SlackServer) -> None:
    observer = Observer(ENGINE, [slack_notifier(only_states=[Failed])], no_end_after=timedelta(milliseconds=200))
    assert "0:00:00.2" in repr(observer._no_end)
    with interpreting(live):
        observer.observe(lambda: Record(LOAD, e.Started(datetime.now(UTC), None)))
        eventually(lambda: len(slack_server.requests) == 1)
        eventually(lambda: waiting(ForeignRunStore.usual()) == [])
        observer.observe(lambda: Record(LOAD, e.Succeeded(datetime.now(UTC))))  # an end that is heard late
    assert texts(slack_server)[0].startswith(SENTENCE)


@attrs.frozen
class Several:
    """What an engine of the tests says at once."""

    run: ForeignRun
    events: tuple[e.Event, ...]


def test_a_retry_that_is_said_with_the_next_start_is_told_and_the_next_attempt_is_waited_for(
    live: Live, slack_server: SlackServer
) -> None:
    now, engine = datetime.now(UTC), Engine[Several]("Jenny", lambda record: record.run, lambda record: record.events)
    events = (e.Signalled(now, state=Retrying(None, OSError("reset")), attempt=1), e.Started(now, None))
    with interpreting(live):
        Observer(engine, [slack_notifier], no_end_after=HOUR).observe(lambda: Several(LOAD, events))
    assert texts(slack_server) == ["load[3] will be tried again: OSError: reset", "load[3] started"]
    assert [each.foreign.attempt for each in ForeignRunStore.usual().due(now + 2 * HOUR)] == [2]


def test_an_end_that_is_heard_is_waited_for_no_more(live: Live) -> None:
    observer = Observer(ENGINE, [slack_notifier(only_states=[Failed])], no_end_after=HOUR)
    with interpreting(live):
        observer.observe(lambda: Record(LOAD, e.Started(datetime.now(UTC), None)))
        assert waiting(ForeignRunStore.usual()) == ["r1"]
        observer.observe(lambda: Record(LOAD, e.Succeeded(datetime.now(UTC))))
    assert waiting(ForeignRunStore.usual()) == []
    observer.watch_for_ends()
    Observer(ENGINE, [slack_notifier]).watch_for_ends()


WORKER = """
import os, sys
from datetime import UTC, datetime, timedelta
from tocsin import Failed, slack_notifier
from tocsin.core import events as e
from tocsin.core.integrations.foreign import Engine, ForeignRun
from tocsin.integrations.observer import Observer

engine = Engine("Loom", lambda run: run, lambda run: (e.Started(datetime.now(UTC), None),))
observer = Observer(engine, [slack_notifier(only_states=[Failed])], no_end_after=timedelta(milliseconds=float(sys.argv[1])))
observer.observe(lambda: ForeignRun("load", "r1"))
os.kill(os.getpid(), 9)
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX's")
def test_the_run_of_a_worker_that_was_killed_is_told_by_another_process(
    live: Live, slack_server: SlackServer, ca_bundle: Path, tmp_path: Path
) -> None:
    env = {**environment(slack_server, ca_bundle, tmp_path), "TOCSIN_STATE_DIR": str(tmp_path / "state")}
    ran = subprocess.run([sys.executable, "-c", WORKER, "1"], env=env, check=False, timeout=60)
    assert ran.returncode == -9
    check(live)
    (text,) = texts(slack_server)
    assert text.startswith("load was aborted: no end was heard of within")
