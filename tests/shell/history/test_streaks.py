"""Streaks: which handlers read and write them, and when they do not."""

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import ClassVar, Literal, Never

import attrs
import pytest
from returns.io import IOResult

from tests.servers.authority import Authority
from tests.servers.live import live_at
from tests.servers.slack import Reply, SlackServer
from tocsin import (
    DryRun,
    Failed,
    Flow,
    Interpreter,
    Live,
    NotificationFailed,
    Recording,
    Running,
    State,
    StateHandler,
    Success,
    Task,
    callback_factory,
    filters,
    install_excepthook,
    interpreting,
    slack_notifier,
    watch,
)
from tocsin.core.changes import UNREMEMBERED, Streak
from tocsin.core.effects import Effect
from tocsin.core.outbox.model import WAITING
from tocsin.core.outcomes import DeliveryError, Receipt, Rejected, Retryable
from tocsin.interpreters import Outbox
from tocsin.shell.history.journal import writing
from tocsin.shell.history.run_locks import KilledRun, left_ends, open_end, open_run
from tocsin.shell.history.run_record import KeptEnd
from tocsin.shell.history.store import HistoryStore
from tocsin.shell.history.streaks import _use_store
from tocsin.shell.interpreter import result_of

pytestmark = pytest.mark.tocsin_live
JOB = Task("load")
ON_CHANGE = slack_notifier(when=filters.on_change())


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a history of its own."""
    monkeypatch.setenv("TOCSIN_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def live(authority: Authority, slack_server: SlackServer) -> Iterator[Live]:
    with live_at(authority, slack=slack_server) as made:
        yield made


def announce(*states: State) -> None:
    for state in states:
        ON_CHANGE(JOB, Running(), state)


@attrs.frozen
class Broken:
    """A printing interpreter that always fails."""

    notify: ClassVar[Literal["print"]] = "print"

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        return result_of(Rejected("no paper"))


class Flaky(Task):
    """A task that fails unless ``well``."""

    well = True

    def run(self) -> None:
        if not self.well:
            raise LookupError("nothing there")


def test_a_handler_by_itself_remembers(live: Live, slack_server: SlackServer) -> None:
    with interpreting(live):
        announce(Success(), Failed(), Failed(), Success())
    assert [b"recovered after" in request.body for request in slack_server.requests] == [False, True]
    assert HistoryStore.usual().past("load") == Streak(failed=False, length=1)


def test_flows_and_tasks_remember_from_run_to_run(live: Live, slack_server: SlackServer) -> None:
    flaky = Flaky(name="fetch", state_handlers=[ON_CHANGE])
    flow = Flow("nightly", tasks=[flaky], state_handlers=[slack_notifier(when=filters.after(2))])
    for well in (True, False, False, True):
        flaky.well = well
        flow.run(interpreter=live)
    assert [b"fetch" in request.body for request in slack_server.requests] == [True, False, True]
    assert HistoryStore.usual().past("nightly/fetch") == Streak(failed=False, length=1)
    assert HistoryStore.usual().past("nightly") == Streak(failed=False, length=1)


def test_an_undelivered_end_is_announced_the_next_time(live: Live, slack_server: SlackServer) -> None:
    slack_server.replies += [Reply(500, "")] * 2
    flaky = Flaky(name="fetch", state_handlers=[ON_CHANGE])
    flaky.well = False
    flow = Flow("nightly", tasks=[flaky])
    with interpreting(live):
        for _ in range(4):
            flow.run()
        assert len(slack_server.requests) == 3
        slack_server.replies.append(Reply(500, ""))
        with pytest.raises(NotificationFailed):
            announce(Failed())
        assert HistoryStore.usual().past("load") == Streak()
        announce(Failed(), Failed())
    assert len(slack_server.requests) == 5
    assert HistoryStore.usual().past("nightly/fetch") == Streak(failed=True, length=2)


def test_an_undelivered_end_of_a_watch_is_announced_the_next_time_too(live: Live, slack_server: SlackServer) -> None:
    slack_server.replies.append(Reply(500, ""))
    with interpreting(live):
        for _ in range(3):
            with pytest.raises(LookupError), watch("fetch", state_handlers=[ON_CHANGE]):
                raise LookupError
    assert len(slack_server.requests) == 2


def test_the_end_before_handlers_changed_it_is_retracted(live: Live, slack_server: SlackServer) -> None:
    slack_server.replies.append(Reply(500, ""))

    def excused(task: Task, old: State, new: State) -> State:
        return Success() if new.is_failed() else new

    flaky = Flaky(name="fetch", state_handlers=[ON_CHANGE, excused])
    flaky.well = False
    Flow("nightly", tasks=[flaky]).run(interpreter=live)
    assert len(slack_server.requests) == 1
    assert HistoryStore.usual().past("nightly/fetch") == Streak()


def test_a_dry_run_that_fails_retracts_nothing(live: Live) -> None:
    with interpreting(live):
        announce(Failed())
    with interpreting(Broken()), pytest.raises(NotificationFailed):
        announce(Success())
    assert HistoryStore.usual().past("load") == Streak(failed=True, length=1)


def test_runs_that_end_at_the_same_moment_count_in_order(live: Live, slack_server: SlackServer) -> None:
    barrier = threading.Barrier(4)

    @watch("fetch", state_handlers=[slack_notifier(when=filters.after(3))])
    def fail() -> None:
        barrier.wait(30)
        raise LookupError

    with ThreadPoolExecutor(4) as pool, interpreting(live):
        running = [pool.submit(fail) for _ in range(4)]
        errors = [each.exception(30) for each in running]
    assert [type(error) for error in errors] == [LookupError] * 4
    assert len(slack_server.requests) == 1
    assert HistoryStore.usual().past("fetch") == Streak(failed=True, length=4)


def test_an_end_is_not_retracted_after_another_end() -> None:
    store = HistoryStore.usual()
    before = store.advance("load", failed=True)
    store.advance("load", failed=True)
    store.retract("load", failed=True, before=before)
    assert store.past("load") == Streak(failed=True, length=2)
    store.retract("load", failed=True, before=Streak(failed=True, length=1))
    assert store.past("load") == Streak(failed=True, length=1)
    store.retract("load", failed=True, before=Streak())
    assert store.past("load") == Streak()


def test_handlers_without_memory_leave_no_file(live: Live, folder: Path) -> None:
    Flow("nightly", tasks=[Flaky()], state_handlers=[slack_notifier]).run(interpreter=live)
    assert not folder.exists()


@pytest.mark.parametrize(("interpreter", "shown"), [(DryRun(), 1), (Recording(), 0)])
def test_a_dry_run_reads_the_history_and_a_test_does_not(
    interpreter: Interpreter, shown: int, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        HistoryStore.usual().advance("load", failed=True)
    with interpreting(interpreter):
        announce(Success(), Success())
    assert capsys.readouterr().out.count("recovered after") == 6 * shown
    assert HistoryStore.usual().past("load") == Streak(failed=True, length=2)


def test_what_is_withheld_by_the_environment_is_not_remembered(live: Live, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("TOCSIN_NOTIFY", "none")
    with interpreting(live):
        announce(Failed())
    assert not folder.exists()


def test_a_broken_history_costs_a_log_line_and_no_message(
    live: Live, slack_server: SlackServer, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder.write_text("")
    with interpreting(live):
        announce(Failed(), Failed())
    assert len(slack_server.requests) == 2
    (said,) = [record.getMessage() for record in caplog.records]
    assert said.endswith("this run will not be remembered")


def test_a_function_call_is_no_delivery(live: Live, slack_server: SlackServer) -> None:
    slack_server.replies.append(Reply(500, ""))
    called = list[State]()
    both: list[StateHandler] = [ON_CHANGE, callback_factory(lambda _, state: called.append(state), State.is_failed)]
    with interpreting(live):
        for _ in range(3):
            with pytest.raises(LookupError), watch("fetch", state_handlers=both):
                raise LookupError
    assert (len(slack_server.requests), len(called)) == (2, 3)


# --- ends that killed processes left --------------------------------------------------------------------------------------------

DIES = """
import os, sys
from tests.shell.history.test_streaks import ACTS, DIED
from tocsin import interpreting

class Dying:
    notify = "live"

    def __call__(self, effect):
        if sys.argv[2:] and not os.fork():
            print("forked", flush=True)
            os.read(0, 1)
            os._exit(0)
        os.kill(os.getpid(), 9)

with interpreting(Dying()):
    ACTS[sys.argv[1]](DIED)
"""
DIED = "it died"


def _by_hand(error: str) -> None:
    announce(Failed(error) if error else Success())


def _by_watch(error: str) -> None:
    with watch("load", state_handlers=[ON_CHANGE]):
        if error:
            raise LookupError(error)


class Failing(Task):
    """A task that fails with the error, if it is one."""

    error = ""

    def run(self) -> None:
        if self.error:
            raise LookupError(self.error)


def _by_flow(error: str) -> None:
    task = Failing(name="load", state_handlers=[ON_CHANGE])
    task.error = error
    Flow("nightly", tasks=[task]).run()


def _by_excepthook(error: str) -> None:
    restore = install_excepthook([ON_CHANGE], name="load")
    try:
        sys.excepthook(LookupError, LookupError(error), None)
    finally:
        restore()


ACTS: dict[str, Callable[[str], None]] = {
    "hand": _by_hand,
    "watch": _by_watch,
    "flow": _by_flow,
    "excepthook": _by_excepthook,
}


@pytest.mark.skipif(os.name != "posix", reason="run locks need POSIX")
@pytest.mark.parametrize("by", ACTS)
def test_the_next_start_announces_an_end_whose_message_was_not_safe(by: str, live: Live, slack_server: SlackServer) -> None:
    done = subprocess.run([sys.executable, "-c", DIES, by], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    (left,) = left_ends()
    kept = KeptEnd.parsed(left.end)
    assert kept is not None
    with interpreting(live):
        ACTS[by]("")
    bodies = [request.body.decode() for request in slack_server.requests]
    assert DIED in bodies[0]
    assert kept.run_id not in bodies[0]  # the history keeps only runs of tocsin exec
    assert ["recovered after a failure" in body for body in bodies[1:]] == ([] if by == "excepthook" else [True])
    assert left_ends() == ()


@pytest.mark.skipif(os.name != "posix", reason="fork needs POSIX")
def test_a_child_that_outlives_its_parent_does_not_hold_an_end_back() -> None:
    words = [sys.executable, "-c", DIES, "watch", "fork"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "forked\n"
        assert process.wait(60) == -signal.SIGKILL
        assert len(left_ends()) == 1  # the child lives until its input is closed


class Busy:
    """A service that accepts no message now."""

    notify: ClassVar[Literal["live"]] = "live"

    def __call__(self, effect: Effect, /) -> Retryable:
        return Retryable("busy")


@pytest.mark.skipif(os.name != "posix", reason="run locks need POSIX")
def test_a_message_that_an_outbox_has_committed_is_safe_before_it_is_sent(folder: Path, tmp_path: Path) -> None:
    with closing(Outbox(Busy(), f"sqlite:///{tmp_path}/outbox.sqlite")) as outbox, interpreting(outbox):
        announce(Failed())
        assert list((folder / "open").iterdir()) == []
        assert [row.status in WAITING for row in outbox._client._store.rows()] == [True]
    assert HistoryStore.usual().past("load") == Streak(failed=True, length=1)


def leave(before: Streak = UNREMEMBERED, label: str = "load", end: str | None = None) -> KeptEnd:
    """Leave a failure as a killed process does."""
    kept = KeptEnd("r-1", 1, 1, 1, "TimedOut", True, "too slow", 1.0, 0.0, None, before)
    lock = open_end(os.urandom(8).hex(), label, kept.at, kept.line() if end is None else end)
    assert lock is not None
    os.close(int(str(lock._file)))
    return kept


@pytest.mark.parametrize("counted", [True, False])
def test_an_end_counts_once_wherever_the_process_was_killed(counted: bool, live: Live, slack_server: SlackServer) -> None:
    leave()
    if counted:
        HistoryStore.usual().advance("load", failed=True)
    with interpreting(live):
        announce(Failed())
    (request,) = slack_server.requests
    assert b"too slow" in request.body
    assert HistoryStore.usual().past("load") == Streak(failed=True, length=2)


def test_a_callback_is_not_called_for_an_end_of_before(live: Live, slack_server: SlackServer) -> None:
    leave()
    called: list[str] = []

    def note(_: object, state: State) -> None:
        called.append(type(state).__name__)

    callback = callback_factory(note, lambda state: state.is_finished())
    with interpreting(live), watch("load", state_handlers=[callback, ON_CHANGE]):
        pass
    assert b"too slow" in slack_server.requests[0].body
    assert called == ["Success"]


def test_an_end_is_judged_by_the_policy_in_force(live: Live, slack_server: SlackServer) -> None:
    HistoryStore.usual().advance("load", failed=True)
    leave(before=Streak(failed=True, length=1))
    with interpreting(live):
        announce(Failed())
    assert slack_server.requests == []
    assert left_ends() == ()
    assert HistoryStore.usual().past("load") == Streak(failed=True, length=3)


def test_a_function_of_the_users_is_not_called_again(live: Live, slack_server: SlackServer) -> None:
    leave()
    seen = list[State]()

    def note(_: object, __: State, new: State) -> State:
        seen.append(new)
        return new

    with interpreting(live), watch("load", state_handlers=[note, ON_CHANGE]):
        assert len(slack_server.requests) == 1
    assert [type(state) for state in seen] == [Running, Success]


def test_an_end_that_is_given_up_is_forgotten(live: Live, slack_server: SlackServer) -> None:
    leave()
    slack_server.replies.append(Reply(500, ""))
    with interpreting(live):
        announce(Failed())
    assert [b"too slow" in request.body for request in slack_server.requests] == [True, False]
    assert left_ends() == ()
    assert HistoryStore.usual().past("load") == Streak(failed=True, length=1)


@pytest.mark.parametrize("end", ['{"end": 1}', '{"end": []}', "{", '{"end": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]}'])
def test_an_end_of_another_version_is_left_alone(end: str, live: Live, slack_server: SlackServer) -> None:
    leave(end=end)
    leave(label="another")
    with interpreting(live):
        announce(Success())
    assert slack_server.requests == []
    assert len(left_ends()) == 2


def test_a_dry_run_leaves_it(slack_server: SlackServer, capsys: pytest.CaptureFixture[str]) -> None:
    leave()
    with interpreting(DryRun()):
        announce(Success())
    assert "too slow" not in capsys.readouterr().out
    assert len(left_ends()) == 1
    assert slack_server.requests == []


@pytest.mark.skipif(os.name != "posix", reason="run locks need POSIX")
def test_of_two_starts_one_announces_it_and_the_other_does_not_wait(live: Live, slack_server: SlackServer) -> None:
    leave()
    (left,) = left_ends()
    found = left_ends

    def claimed_meanwhile() -> tuple[KilledRun, ...]:
        runs = found()
        assert left.claim() is not None
        return runs

    with interpreting(live), pytest.MonkeyPatch.context() as patched:
        patched.setattr("tocsin.shell.history.streaks.left_ends", claimed_meanwhile)
        announce(Success())
    assert slack_server.requests == []


def test_an_end_that_has_no_file_is_announced_all_the_same(
    live: Live, slack_server: SlackServer, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.mkdir()
    (folder / "open").write_text("")
    with interpreting(live):
        announce(Failed(), Failed())
    assert len(slack_server.requests) == 1
    assert "if this process is killed now, nobody tells of its run" in capsys.readouterr().err


def test_a_cause_that_the_lock_of_the_run_has_met_is_not_logged_again(
    folder: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.write_text("this is no folder")
    assert open_run("r-1", "load", 1.0) is None
    assert capsys.readouterr().err.count("File exists; set TOCSIN_STATE_DIR") == 1
    announce_live = slack_notifier(when=filters.on_change(), webhook_secret="NOT_SET")
    with pytest.raises(NotificationFailed):
        announce_live(JOB, Running(), Failed())
    assert "history" not in caplog.text


def test_a_history_that_cannot_be_used_is_logged_once_whatever_follows_from_it(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder.mkdir()
    (folder / "journal.sqlite3").write_text("dear diary, " * 100)
    past = Streak()
    for consequence in ("this run will not be remembered", "this run will be remembered"):
        assert _use_store(lambda store: store.past("load"), consequence) == past
    assert caplog.text.count("is damaged") == 1


def test_a_full_disk_is_told_once(folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def full(*_: object) -> Never:
        raise OSError(errno.ENOSPC, "No space left on device")

    def fill(store: HistoryStore) -> Streak:
        store.past("load")
        with writing(store.path) as connection:
            connection.execute("PRAGMA max_page_count = 1")
            connection.execute("INSERT INTO streaks VALUES (?, 1, 1, 1.0)", ("x" * 99_999,))
        return Streak()

    assert _use_store(fill, "x") == Streak()
    assert caplog.text.count("database or disk is full; make room on the disk, or set TOCSIN_STATE_DIR") == 1
    caplog.clear()
    monkeypatch.setenv("TOCSIN_STATE_DIR", f"{folder}-2")
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        assert open_run("r-1", "load", 1.0) is None
    assert _use_store(fill, "x") == Streak()
    assert caplog.text == ""
