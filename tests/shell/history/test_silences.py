"""Silences: what is not sent, what is told afterwards, and that it is told once."""

import logging
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.servers.authority import Authority
from tests.servers.live import live_at
from tests.servers.slack import Reply, SlackServer
from tocsin import (
    DryRun,
    Failed,
    Flow,
    Live,
    LoggingHandler,
    NotificationFailed,
    Running,
    State,
    Success,
    Task,
    callback_factory,
    filters,
    interpreting,
    slack_notifier,
    watch,
)
from tocsin.core.changes import Streak
from tocsin.core.silences import RunEnd
from tocsin.shell.history import run_locks
from tocsin.shell.history.journal import HistoryError
from tocsin.shell.history.looked import look, looked
from tocsin.shell.history.paths import NoFolderError
from tocsin.shell.history.run_locks import try_lock
from tocsin.shell.history.run_record import KeptEnd
from tocsin.shell.history.silences import (
    claimed_silent_ends,
    described,
    due_labels,
    end_silences,
    held_ends,
    note_end,
    silence,
    silence_of,
    silences,
)

pytestmark = pytest.mark.tocsin_live
JOB = Task("load")
ONLY_FAILED = slack_notifier(only_states=[Failed])
ON_CHANGE = slack_notifier(when=filters.on_change())
HOUR = 3600.0
FAILURE = KeptEnd("r1", 1, 1, 1, "Failed", True, "disk full", 5.0, 4.0, None, Streak())


@pytest.fixture(autouse=True)
def folder(state: Path) -> Path:
    return state


@pytest.fixture
def live(authority: Authority, slack_server: SlackServer) -> Iterator[Live]:
    with live_at(authority, slack=slack_server) as made, interpreting(made):
        yield made


def silenced(label: str = "load") -> None:
    silence(label, time.time() - 60, time.time() + HOUR, "a deploy")


def over(label: str = "load") -> None:
    assert end_silences(label, time.time()) == 1


def told(server: SlackServer) -> list[str]:
    """Return what arrived, and forget it."""
    found = [request.json for request in server.requests]
    server.requests.clear()
    return [str(each["attachments"][0]["fallback"]) for each in found if isinstance(each, dict)]


class Flaky(Task):
    well = True

    def run(self) -> None:
        if not self.well:
            raise LookupError("nothing there")


def by_hand(state: State) -> None:
    ONLY_FAILED(JOB, Running(), state)


def by_watch(state: State) -> None:
    with pytest.raises(LookupError) if state.is_failed() else interpreting(DryRun()), watch("load", state_handlers=[ONLY_FAILED]):
        if state.is_failed():
            raise LookupError(state.message)


def well(state: State) -> None:
    """Run a watch, which is live also if it succeeds."""
    with watch("load", state_handlers=[ONLY_FAILED]):
        assert state.is_successful()


def by_flow(state: State) -> None:
    flaky = Flaky(name="load", state_handlers=[ONLY_FAILED])
    flaky.well = state.is_successful()
    Flow("nightly", tasks=[flaky]).run()


WAYS: dict[str, tuple[str, Callable[[State], None]]] = {
    "hand": ("load", by_hand),
    "watch": ("load", lambda state: by_watch(state) if state.is_failed() else well(state)),
    "flow": ("nightly", by_flow),
}


@pytest.mark.usefixtures("live")
@pytest.mark.parametrize("way", WAYS)
def test_what_is_still_broken_is_told_once_by_the_next_run(way: str, slack_server: SlackServer) -> None:
    label, act = WAYS[way]
    silenced(label)
    act(Failed("disk full"))
    act(Failed("disk fuller"))
    assert told(slack_server) == []
    over(label)
    act(Success())
    (said,) = told(slack_server)
    assert "load failed" in said
    act(Success())
    assert told(slack_server) == []
    assert held_ends() == ()


@pytest.mark.usefixtures("live")
@pytest.mark.parametrize("way", WAYS)
def test_what_recovered_in_the_silence_is_not_told(way: str, slack_server: SlackServer) -> None:
    label, act = WAYS[way]
    silenced(label)
    act(Failed("disk full"))
    assert len(due_labels()) == 0
    assert [each.label for each in held_ends() if each.kept is not None] == ["load" if label == "load" else "nightly/load"]
    act(Success())
    over(label)
    act(Success())
    assert told(slack_server) == []


@pytest.mark.usefixtures("live")
def test_the_message_says_which_silence_held_it_back(slack_server: SlackServer) -> None:
    silenced()
    by_hand(Failed("disk full"))
    over()
    by_hand(Failed("disk fuller"))
    fields = [request.json for request in slack_server.requests]
    assert [isinstance(each, dict) and "by a silence until" in str(each) and "(a deploy)" in str(each) for each in fields] == [
        True,
        False,
    ]
    assert ["disk full" in text for text in told(slack_server)] == [True, True]


@pytest.mark.usefixtures("live")
def test_a_recovery_from_a_failure_that_was_told_is_told_after_the_silence(slack_server: SlackServer) -> None:
    ON_CHANGE(JOB, Running(), Failed("disk full"))
    assert len(told(slack_server)) == 1
    silenced()
    ON_CHANGE(JOB, Running(), Success())
    ON_CHANGE(JOB, Running(), Success())
    assert told(slack_server) == []
    assert [each.state.held for each in held_ends()] == ["recovery"]
    over()
    ON_CHANGE(JOB, Running(), Success())
    (said,) = told(slack_server)
    assert "recovered after a failure" in said


@pytest.mark.usefixtures("live")
def test_a_failure_that_a_policy_tells_once_is_told_with_its_place_in_the_streak(slack_server: SlackServer) -> None:
    after_two = slack_notifier(when=filters.after(2))
    silenced()
    for _ in range(4):
        after_two(JOB, Running(), Failed("disk full"))
    over()
    after_two(JOB, Running(), Failed("disk full"))
    (said,) = told(slack_server)
    assert "the 2nd failure in a row" in said


@pytest.mark.usefixtures("live")
def test_callbacks_and_dry_runs_are_not_silenced(slack_server: SlackServer, capsys: pytest.CaptureFixture[str]) -> None:
    called = list[State]()
    silenced()
    with watch("load", state_handlers=[callback_factory(lambda _, state: called.append(state), State.is_successful)]):
        pass
    assert len(called) == 1
    with interpreting(DryRun()):
        by_hand(Failed("disk full"))
    assert "disk full" in capsys.readouterr().out
    assert told(slack_server) == []
    assert [each.state.held for each in held_ends()] == [None]


@pytest.mark.usefixtures("live")
def test_a_failure_inside_a_silent_run_is_told_by_the_run_around_it(slack_server: SlackServer) -> None:
    silenced("inner")
    with pytest.raises(LookupError), watch("outer", state_handlers=[ONLY_FAILED]), watch("inner", state_handlers=[ONLY_FAILED]) as run:
        raise LookupError("nothing there")
    assert ["outer failed" in text for text in told(slack_server)] == [True]
    assert run.report is None or "silenced until" in run.report.explain()


@pytest.mark.usefixtures("live")
def test_a_logger_is_told_of_once(slack_server: SlackServer) -> None:
    logger, handler = logging.getLogger("silences.test"), LoggingHandler(state_handlers=[slack_notifier])
    logger.addHandler(handler)
    try:
        silenced("silences.test")
        logger.error("disk full")
        over("silences.test")
        logger.error("disk fuller")
    finally:
        logger.removeHandler(handler)
    assert [text.rpartition(": ")[2] for text in told(slack_server)] == ["disk full", "disk fuller"]


@pytest.mark.usefixtures("live")
def test_a_message_that_is_given_up_is_not_told_again_and_a_run_under_way_may_bring_the_recovery(slack_server: SlackServer) -> None:
    silenced()
    by_hand(Failed("disk full"))
    over()
    slack_server.replies.append(Reply(403, "action_prohibited"))
    by_hand(Success())
    assert len(told(slack_server)) == 1
    assert held_ends() == ()
    silenced()
    by_hand(Failed("disk full"))
    over()
    note_end("load", RunEnd(failed=False, wanted=False, silenced=False), FAILURE, None)
    assert held_ends() == ()


PROGRAM = """
import sys
from tests.shell.history.test_silences import JOB
from tocsin import Retrying, Running, interpreting, slack_notifier
from tocsin.effects import Delivered

class Sending:
    notify = "live"

    def __call__(self, effect):
        print(effect.content.state, flush=True)
        sys.stdin.readline()
        return Delivered()

print("ready", flush=True)
sys.stdin.readline()
with interpreting(Sending()):
    slack_notifier(JOB, Running(), Retrying(run_count=1))
print("done", flush=True)
"""
"""A run that has not ended. The process says what it sends, and waits before each answer."""


def started() -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def go_on(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


@pytest.mark.skipif(os.name != "posix", reason="run locks need POSIX")
@pytest.mark.usefixtures("live")
def test_of_several_processes_one_tells_it_and_if_that_is_killed_the_next_one_does() -> None:
    silenced()
    by_hand(Failed("disk full"))
    over()
    with started() as first, started() as second, started() as third:
        assert [line(each) for each in (first, second, third)] == ["ready"] * 3
        go_on(first)
        assert line(first) == "Failed"
        go_on(second)
        assert line(second) == "Retrying"  # another process tells the failure
        first.send_signal(signal.SIGKILL)
        first.wait(60)
        go_on(third)
        assert line(third) == "Failed"
        go_on(third)
        assert line(third) == "Retrying"
        assert held_ends() == ()
        first.communicate(timeout=60)
        second.communicate(timeout=60)
        third.communicate(timeout=60)


def test_it_leaves_no_file_and_costs_no_read_where_nobody_is_silent(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not look().silences
    assert (silences(0.0), held_ends(), due_labels(), end_silences("load", 0.0)) == ((), (), (), 0)
    assert not folder.exists()
    monkeypatch.delenv("TOCSIN_STATE_DIR")
    monkeypatch.setattr("tocsin.shell.history.paths.state_folder", _no_folder)
    looked.forget()
    assert not look().silences


def _no_folder() -> str:
    raise NoFolderError(0, "no home")


def test_silences_that_have_ended_are_deleted_by_the_next_one() -> None:
    silence("old", 10.0, 20.0)
    silence("later", 500.0, 900.0)
    made = silence("load\nof x", 100.0, 200.0)
    assert made.label == "load of x"
    assert silences(150.0) == (made,)
    assert silences(600.0) == ()  # the one of a clock that was set back since is gone too
    assert end_silences("load\nof x", 150.0) == 1
    assert described(silence("x", 0.0, 0.5)).startswith("until ")


def test_a_broken_file_silences_nothing_and_costs_one_line(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    silence("load", time.time() - 1, time.time() + HOUR)
    note_end("load", RunEnd(failed=True, wanted=True, silenced=True), FAILURE, silence_of("load"))
    over()
    (claimed,) = claimed_silent_ends(["load", "other"])
    (folder / "silences.sqlite3").write_text("dear diary, " * 100)
    assert silence_of("load") is None
    note_end("load", RunEnd(failed=True, wanted=True, silenced=True), FAILURE, None)
    assert due_labels() == ()
    claimed.release(told=True)
    with pytest.raises(HistoryError):
        silences(0.0)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 1
    assert "is damaged" in said[0]


def test_rows_of_another_program_are_an_error_and_what_is_told_meanwhile_is_let_go(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silence("load", time.time() - 1, time.time() + HOUR)
    note_end("load", RunEnd(failed=True, wanted=True, silenced=True), FAILURE, None)
    over()
    monkeypatch.setattr("tocsin.shell.history.silences.due_labels", lambda: ("load", "gone"))  # as they were a moment ago
    (claimed,) = claimed_silent_ends(["gone", "load"])
    assert claimed.label == "load"
    claimed.release(told=False)
    with closing(sqlite3.connect(folder / "silences.sqlite3", isolation_level=None)) as connection:
        connection.execute("INSERT INTO silences (label, since, until) VALUES ('x', 'soon', 'late')")
        connection.execute("UPDATE held SET broken_before = 'perhaps'")
    with pytest.raises(HistoryError, match="is damaged: no time"):
        silences(0.0)
    assert list(claimed_silent_ends(["load"])) == []


def test_a_lock_is_of_one_process_and_needs_a_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = try_lock("silence-1")
    assert lock is not None
    assert try_lock("silence-1") is None
    lock.close()
    assert not list((folder / "open").iterdir())
    monkeypatch.setattr(run_locks, "_can_lock", lambda: False)  # as on Windows
    lock, other = try_lock("silence-1"), try_lock("silence-1")
    assert lock is not None
    assert other is not None
    lock.close()
    other.close()
    assert try_lock("no/name") is None


@pytest.mark.skipif(os.name != "posix", reason="limits of POSIX")
def test_a_file_that_cannot_be_written_gives_no_lock(folder: Path) -> None:
    import resource

    (folder / "open" / "silence-2").mkdir(parents=True)
    assert try_lock("silence-2") is None
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        lock = try_lock("silence-1")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert lock is None
    lock = try_lock("silence-1")
    assert lock is not None
    lock.close()


def test_an_end_whose_message_was_cut_off_is_left_to_the_next_process() -> None:
    silenced()
    note_end("load", RunEnd(failed=True, wanted=True, silenced=True), FAILURE, None)
    over()
    (claimed,) = claimed_silent_ends(["load"])
    assert list(claimed_silent_ends(["load"])) == []
    claimed.release(told=False)
    (again,) = claimed_silent_ends(["load"])
    assert (again.kept, again.silence) == (FAILURE, "")
    again.release(told=True)
    assert held_ends() == ()


@pytest.mark.usefixtures("live")
def test_a_damaged_history_costs_the_run_id_and_no_message(folder: Path, slack_server: SlackServer) -> None:
    silenced()
    by_hand(Failed("disk full"))
    over()
    (folder / "journal.sqlite3").write_text("dear diary, " * 100)
    by_hand(Failed("disk fuller"))
    assert ["disk full:" in text or text.endswith("disk full") for text in told(slack_server)] == [True, False]


@pytest.mark.usefixtures("live")
def test_an_error_of_a_handler_called_by_hand_is_still_raised(slack_server: SlackServer) -> None:
    silenced("other")
    slack_server.replies.append(Reply(403, "action_prohibited"))
    with pytest.raises(NotificationFailed):
        by_hand(Failed("disk full"))
    assert held_ends() == ()
