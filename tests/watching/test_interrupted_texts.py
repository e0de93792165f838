"""People are told of an exception whose own text raises a KeyboardInterrupt, and then the interrupt goes on."""

import logging
import re
import sys
from collections.abc import Callable

import pytest

from tests.laws.test_hostile import Interrupting
from tocsin import (
    Aborted,
    Change,
    Failed,
    Flow,
    FunctionTask,
    LoggingHandler,
    Recording,
    Running,
    State,
    Task,
    TimedOut,
    Tracked,
    install_excepthook,
    interpreting,
    slack_notifier,
    watch,
)
from tocsin.core.endings import spoken, stand_in
from tocsin.core.machine import HandlerErrors
from tocsin.core.states import KINDS

TOLD = "job failed: Interrupting: &lt;its text was interrupted&gt;"


class InterruptingTimeOut(TimeoutError):
    """A time-out whose text raises a KeyboardInterrupt."""

    def __str__(self) -> str:
        raise KeyboardInterrupt


def untimed(text: str) -> str:
    """Return a sentence without how long it took, which is more on a busy machine."""
    return re.sub(r" after (less than 1 ms|[0-9.]+ m?s)", "", text)


def unchanged(_: Tracked, __: State, ___: State) -> None: ...


def by_watch(error: BaseException) -> None:
    with watch("job", state_handlers=[unchanged, slack_notifier(only_states=[Failed])]):
        raise error


def by_task(error: BaseException) -> None:
    def job() -> None:
        raise error

    Flow("flow", tasks=[FunctionTask(job, state_handlers=[slack_notifier(only_states=[Failed])])]).run()


def by_handler(error: BaseException) -> None:
    slack_notifier(Task("job"), Running(), Failed(None, error))


def by_log(error: BaseException) -> None:
    record = logging.LogRecord("job", logging.ERROR, "x.py", 3, "it failed", (), (type(error), error, None))
    LoggingHandler(state_handlers=[slack_notifier]).handle(record)


WAYS = [by_watch, by_task, by_handler, by_log]


def told(way: Callable[[BaseException], None], error: BaseException) -> list[str]:
    """Return what people are told of the end, after which the interrupt goes on."""
    with interpreting(Recording()) as recording, pytest.raises(KeyboardInterrupt):
        way(error)
    return [untimed(post.payload.fallback) for post in recording.slack]


@pytest.mark.parametrize("way", [by_watch, by_task, by_handler])
@pytest.mark.parametrize("group", [False, True])
def test_people_are_told_once_and_the_interrupt_goes_on(way: Callable[[BaseException], None], group: bool) -> None:
    error = ExceptionGroup("two", [OSError("late"), Interrupting()]) if group else Interrupting()
    (text,) = told(way, error)
    assert text == (TOLD.replace("Interrupting", "OSError") if group else TOLD)


def test_a_record_is_told_with_its_own_text() -> None:
    assert told(by_log, Interrupting()) == [TOLD.replace("failed: ", "failed: it failed: ")]


@pytest.mark.parametrize("way", [by_watch, by_task])
def test_a_time_out_stays_one(way: Callable[[BaseException], None]) -> None:
    assert told(way, InterruptingTimeOut()) == ["job timed out: InterruptingTimeOut: &lt;its text was interrupted&gt;"]


def test_the_report_of_a_block_knows_how_it_ended() -> None:
    with interpreting(Recording()), pytest.raises(KeyboardInterrupt), watch("job", state_handlers=[slack_notifier]) as run:
        raise Interrupting
    assert run.report is not None
    assert type(run.report.state) is Failed


@pytest.mark.parametrize(("mode", "job"), [("record", "job started"), ("fail", None)])
def test_a_handler_that_raises_one_is_a_fault_and_people_are_told(mode: HandlerErrors, job: str | None) -> None:
    def broken(_: Task, __: State, new: State) -> None:
        if new.is_running():
            raise Interrupting

    work = Task("job", state_handlers=[broken, slack_notifier])
    with interpreting(Recording()) as recording, pytest.raises(KeyboardInterrupt):
        Flow("flow", tasks=[work], state_handlers=[slack_notifier(only_states=[Aborted])]).run(handler_errors=mode)
    first, *others = [post.payload.fallback for post in recording.slack]
    assert (others == []) is (job is None)  # in the mode "fail" such a failure is announced to nobody
    assert "flow was aborted" in (others or [first])[-1]
    assert job in {None, first}


def test_a_handler_that_returns_a_state_with_one_is_told() -> None:
    def spoils(_: Task, __: State, new: State) -> State:
        return Failed(result=Interrupting()) if new.is_successful() else new

    work = FunctionTask(lambda: 1, name="job", state_handlers=[spoils, slack_notifier(only_states=[Failed])])
    with interpreting(Recording()) as recording, pytest.raises(KeyboardInterrupt):
        Flow("flow", tasks=[work]).run()
    assert [untimed(post.payload.fallback) for post in recording.slack] == [TOLD]


def test_a_formatter_that_raises_one_is_noted_and_people_are_told() -> None:
    def unworded(_: Change) -> str:
        raise Interrupting

    with interpreting(Recording()) as recording, pytest.raises(KeyboardInterrupt):
        slack_notifier(Task("job"), Running(), Failed("full"), message=unworded)
    (post,) = recording.slack
    assert post.payload.fallback == "job failed: full"
    (note,) = (field.value for field in post.payload.fields if field.title == "Note")
    assert "unworded raised Interrupting: &lt;its text was interrupted&gt;" in note


def test_an_uncaught_exception_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "excepthook", lambda *_: None)
    restore = install_excepthook(state_handlers=[slack_notifier], name="job")
    try:
        with interpreting(Recording()) as recording:
            sys.excepthook(Interrupting, error := Interrupting(), None)
            sys.excepthook(InterruptingTimeOut, InterruptingTimeOut(), None)
    finally:
        restore()
    assert isinstance(error, Interrupting)
    late = "job timed out: InterruptingTimeOut: &lt;its text was interrupted&gt;"
    assert [post.payload.fallback for post in recording.slack] == [TOLD, late]


@pytest.mark.parametrize("base", [TimeoutError, OSError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_a_stand_in_means_the_same(base: type[BaseException]) -> None:
    other = stand_in(base("x"))
    assert type(other).__name__ == base.__name__
    assert isinstance(other, TimeoutError) is (base is TimeoutError)
    assert isinstance(other, Exception) is issubclass(base, Exception)
    assert isinstance(other, KeyboardInterrupt) is (base is KeyboardInterrupt)


def test_a_state_of_a_users_own_kind_has_one_too() -> None:
    class Full(TimedOut):
        def __init__(self, disk: str) -> None:
            super().__init__(f"{disk} is full", Interrupting())

    other = spoken(Full("sda"))
    assert (type(other), other.message, repr(other.result)) == (TimedOut, "sda is full", "Interrupting('<its text was interrupted>')")
    assert spoken(state := Failed("no exception")) is state
    assert type(other) in KINDS
