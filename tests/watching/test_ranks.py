"""``ranks=True``: of a distributed training, rank 0 tells of everything, and the other ranks of failures of their own."""

import logging
import subprocess
import sys
import time
from contextlib import suppress
from datetime import timedelta

import pytest

from tocsin import (
    Failed,
    Recording,
    Running,
    State,
    TimedOut,
    WatchedRun,
    current_run,
    filters,
    gmail_notifier,
    signals,
    slack_notifier,
    watch,
)
from tocsin.core.ranks import RANKS
from tocsin.core.validation import invoke

USUAL = [slack_notifier, gmail_notifier]


@pytest.fixture(autouse=True)
def _no_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the variables of a launcher that runs the tests."""
    for variable in (*RANKS, "GROUP_RANK"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def rank(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Be a process of this rank."""
    monkeypatch.setenv("RANK", str(request.param))


third = pytest.mark.parametrize("rank", [3], indirect=True)


def subjects(recording: Recording) -> list[str]:
    return [mail.mail.subject.partition(" after")[0] for mail in recording.mail]


@pytest.mark.usefixtures("rank")
@pytest.mark.parametrize("rank", [0, "", "first", -1], indirect=True)
def test_rank_0_and_what_has_no_rank_tell_of_everything(notifications: Recording) -> None:
    with watch("train", state_handlers=USUAL, ranks=True) as run:
        run.say("an epoch is over")
    assert run.name == "train"
    assert subjects(notifications) == ["train started", "train: an epoch is over", "train succeeded"]


@pytest.mark.usefixtures("rank")
@pytest.mark.parametrize("rank", ["first"], indirect=True)
def test_a_rank_that_is_no_number_is_one_line(notifications: Recording, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        with watch("train", state_handlers=USUAL, ranks=True):
            pass
    (record,) = [record for record in caplog.records if record.name == "tocsin"]
    assert record.levelno == logging.ERROR
    assert (
        record.getMessage() == "tocsin: RANK is 'first', which is no number from 0 on: this process tells of everything, as rank 0 does"
    )


@third
@pytest.mark.usefixtures("rank")
def test_another_rank_tells_of_its_failure_and_of_nothing_else(notifications: Recording) -> None:
    with watch("train", state_handlers=USUAL, ranks=True, still_running=timedelta(milliseconds=100)) as run:
        run.say("an epoch is over")
        run.progress(1, 2)
        time.sleep(0.3)
    assert run.name == "train (rank 3)"
    assert notifications.effects == ()
    with suppress(ValueError), watch("train", state_handlers=USUAL, ranks=True) as run:
        run.note("at step 7")
        raise ValueError("nan")
    assert subjects(notifications) == ["train (rank 3) failed"]
    assert len(notifications.slack) == 1
    assert ("Note", "at step 7") in [(field.title, field.value) for field in notifications.slack[0].payload.fields]


@third
@pytest.mark.usefixtures("rank")
@pytest.mark.parametrize(
    ("error", "told"), [(KeyboardInterrupt(), False), (SystemExit(3), True), (TimeoutError(), True), (signals.SKIP(), False)]
)
def test_an_interruption_is_no_failure_of_one_rank(error: BaseException, told: bool, notifications: Recording) -> None:
    with suppress(BaseException), watch("train", state_handlers=USUAL, ranks=True):
        raise error
    assert len(notifications.mail) == told


@third
@pytest.mark.usefixtures("rank")
def test_filters_of_a_notifier_hold(notifications: Recording) -> None:
    handlers = [slack_notifier(only_states=[Running]), gmail_notifier(ignore_states=[TimedOut])]
    for error in (TimeoutError(), ValueError("nan")):
        with suppress(Exception), watch("train", state_handlers=handlers, ranks=True):
            raise error
    assert subjects(notifications) == ["train (rank 3) failed"]
    assert notifications.slack == ()


@third
@pytest.mark.usefixtures("rank")
def test_handlers_of_the_users_are_called_for_failures_alone(notifications: Recording) -> None:
    called: list[tuple[str, str]] = []

    def foreign(run: WatchedRun, old: State, new: State) -> State:
        called.append((run.name, type(new).__name__))
        return new

    def failed(run: WatchedRun, state: State) -> None:
        called.append((run.name, f"on_failure {type(state).__name__}"))

    with watch("train", state_handlers=[foreign], on_failure=failed, ranks=True) as run:
        pass
    with suppress(ValueError), watch("train", state_handlers=[foreign], on_failure=failed, ranks=True):
        raise ValueError("nan")
    assert called == [("train (rank 3)", "Failed")]
    assert [type(effect).__name__ for effect in notifications.effects] == ["CallBack"]
    assert run.report is not None
    lines = run.report.explain().splitlines()
    assert f"    {foreign.__qualname__}: called" in lines


@third
@pytest.mark.usefixtures("rank")
def test_the_report_says_why_nothing_was_told(notifications: Recording) -> None:
    with watch("train", state_handlers=USUAL, ranks=True) as run:
        pass
    assert run.report is not None
    assert "    slack_notifier: not sent: it is no failure of this process, and rank 0 tells of all else" in run.report.explain()


@third
@pytest.mark.usefixtures("rank")
def test_a_policy_remembers_what_is_not_told(notifications: Recording) -> None:
    handlers = [gmail_notifier(when=filters.on_change())]
    for error in (None, ValueError("nan"), ValueError("nan"), None, ValueError("nan")):
        with suppress(ValueError), watch("train", state_handlers=handlers, ranks=True):
            if error is not None:
                raise error
    assert subjects(notifications)[0] == "train (rank 3) failed"


@third
@pytest.mark.usefixtures("rank")
def test_without_the_option_each_rank_tells_of_everything(notifications: Recording) -> None:
    with watch("train", state_handlers=USUAL):
        pass
    assert subjects(notifications) == ["train started", "train succeeded"]


@third
@pytest.mark.usefixtures("rank")
def test_the_rank_is_read_when_the_run_begins(notifications: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    @watch(state_handlers=USUAL, ranks=True)
    def train() -> str:
        run = current_run()
        assert run is not None
        return run.name

    assert train() == "train (rank 3)"
    monkeypatch.setenv("RANK", "4")
    assert train() == "train (rank 4)"
    monkeypatch.delenv("RANK")
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setenv("NODE_RANK", "2")
    assert train() == "train (node 2, rank 1)"


def test_a_switch_is_no_other_value() -> None:
    with pytest.raises(TypeError, match=r"^watch: ranks takes True or False, not 1$"):
        invoke(watch, "train", ranks=1)
    with pytest.raises(TypeError, match="watch takes a function or options, not both"):
        invoke(watch, len, ranks=True)


PROGRAM = """
import sys, tocsin
with tocsin.watch("train", state_handlers=[tocsin.slack_notifier], ranks=True):
    if int(sys.argv[1]) == 2:
        raise ValueError("nan")
"""


def test_four_processes_send_what_one_reader_wants() -> None:
    import os

    environment = {name: text for name, text in os.environ.items() if name not in RANKS} | {"TOCSIN_NOTIFY": "print"}
    told = ""
    for number in range(4):
        ran = {**environment, "RANK": str(number), "LOCAL_RANK": str(number), "WORLD_SIZE": "4"}
        command = [sys.executable, "-c", PROGRAM, str(number)]
        told += subprocess.run(command, env=ran, capture_output=True, text=True, timeout=60, check=False).stdout
    assert told.count("Slack, to the webhook") == 3
    assert told.index("train started") < told.index("train succeeded") < told.index("train (rank 2) failed")


def test_a_failure_of_rank_0_has_no_number(notifications: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "0")
    with suppress(ValueError), watch("train", state_handlers=[gmail_notifier(only_states=[Failed])], ranks=True):
        raise ValueError("nan")
    assert subjects(notifications) == ["train failed"]
