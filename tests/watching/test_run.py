"""A watched body adds notes and a link to its message, and its report describes the run."""

import asyncio
import logging
import re
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from html import unescape

import pytest

from tests.watching.watched_bodies import raised, raising
from tocsin import (
    Failed,
    Flow,
    FunctionTask,
    LoggingHandler,
    Pending,
    Recording,
    Running,
    Skipped,
    State,
    Success,
    TimedOut,
    callback_factory,
    signals,
    slack_notifier,
    watch,
)
from tocsin.core.effects import PostToSlack
from tocsin.core.messages.content import Content
from tocsin.watching import current_run


def fields(recording: Recording) -> dict[str, str]:
    """Return the fields of the last message."""
    last = recording.effects[-1]
    assert isinstance(last, PostToSlack)
    return {field.title: field.value for field in last.payload.fields}


def test_the_sentences_are_plain(notifications: Recording) -> None:
    with watch("nightly load", state_handlers=[slack_notifier]):
        pass
    texts = [effect.payload.fallback for effect in notifications.effects if isinstance(effect, PostToSlack)]
    assert [text.partition(" after ")[0] for text in texts] == ["nightly load started", "nightly load succeeded"]


def test_notes_and_the_link_are_in_the_message_of_the_end(notifications: Recording) -> None:
    with watch("load", state_handlers=[slack_notifier]) as run:
        run.note("7 rows were skipped")
        run.note("3 were late")
        run.link("https://example.com/runs/7")
    first, last = notifications.effects
    assert isinstance(first, PostToSlack)
    assert isinstance(last, PostToSlack)
    assert (first.payload.title_link, last.payload.title_link) == (None, "https://example.com/runs/7")
    assert fields(notifications)["Note"] == "7 rows were skipped\n3 were late"


def test_a_decorated_function_reaches_its_run(notifications: Recording) -> None:
    @watch(state_handlers=[slack_notifier])
    def load() -> None:
        run = current_run()
        assert run is not None
        run.note(f"this is {run.name}")

    load()
    assert fields(notifications)["Note"] == "this is load"
    assert current_run() is None


class Url:
    """A URL of another library."""

    def __str__(self) -> str:
        return "https://example.com/runs/7"


class Mute:
    """It cannot be worded."""

    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__


class Exiting:
    """It ends the program where it is worded."""

    def __str__(self) -> str:
        raise SystemExit("no words")


class Text(str):
    """A text with a will of its own."""

    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError("no words")

    def __len__(self) -> int:
        raise RuntimeError("no length")


NOTES: list[tuple[object, str]] = [
    ("7 rows", "7 rows"),
    (0.125, "0.125"),
    (None, "None"),
    (b"bytes", "b'bytes'"),
    ({"rows": 7}, "{'rows': 7}"),
    (Url(), "https://example.com/runs/7"),
    (Mute(), "<Mute object whose str raised RuntimeError>"),
    (Exiting(), "<Exiting object whose str raised SystemExit>"),
    (Text("a text"), "<Text object whose str raised RuntimeError>"),
]


@pytest.mark.parametrize(("value", "shown"), NOTES, ids=[type(value).__name__ for value, _ in NOTES])
def test_anything_can_be_noted(value: object, shown: str, notifications: Recording) -> None:
    with watch("load", state_handlers=[slack_notifier]) as run:
        run.note(value)
    assert unescape(fields(notifications)["Note"]) == shown


def test_notes_have_a_bound(notifications: Recording) -> None:
    began = time.monotonic()
    with watch("load", state_handlers=[slack_notifier]) as run:
        run.note("x" * 200_000_000)
        for number in range(100_000):
            run.note(number)
    assert time.monotonic() - began < 10
    assert fields(notifications)["Note"].startswith("xxxxx")


def test_the_str_of_a_link_may_be_one_and_none_takes_it_away(notifications: Recording) -> None:
    with watch("load", state_handlers=[slack_notifier]) as run:
        run.link(Url())
    with watch("load", state_handlers=[slack_notifier]) as run:
        run.link("https://example.com")
        run.link(None)
    assert [post.payload.title_link for post in notifications.slack[1::2]] == ["https://example.com/runs/7", None]


WRONG_LINKS: list[tuple[object, str]] = [
    ("javascript:alert(1)", "'javascript:alert(1)'"),
    ("not a link", "'not a link'"),
    (3, "'3'"),
    (Mute(), "'<Mute object whose str raised RuntimeError>'"),
    ("x" * 3000, "'" + "x" * 162 + "… (2,839 more characters)"),
]


@pytest.mark.parametrize(("wrong", "shown"), WRONG_LINKS)
def test_a_wrong_link_is_a_line_in_the_log(
    wrong: object, shown: str, caplog: pytest.LogCaptureFixture, notifications: Recording
) -> None:
    with watch("load", state_handlers=[slack_notifier]) as run:
        run.link("https://example.com")
        run.link(wrong)
    assert notifications.slack[-1].payload.title_link == "https://example.com"
    (line,) = caplog.messages
    assert line == f"tocsin: the link {shown} of 'load' is no http(s) URL, and is in no message"


class Raising(logging.Handler):
    """A handler of a user's that raises."""

    def emit(self, record: logging.LogRecord) -> None:
        raise RuntimeError(record.getMessage())


def test_a_logging_handler_that_raises_does_not_reach_the_body() -> None:
    logger, handler = logging.getLogger("tocsin"), Raising()
    logger.addHandler(handler)
    try:
        with watch("load", state_handlers=[]) as run:
            run.link("no link")
        run.note("too late")
        run.link("https://example.com/too-late")
    finally:
        logger.removeHandler(handler)


def test_what_is_said_too_late_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with watch("tardy", state_handlers=[]) as run:
        pass
    run.note("one more thing")
    run.link("https://example.com")
    assert caplog.messages == [
        "tocsin: a note about 'tardy' came after its run had ended, and is in no message",
        "tocsin: a link about 'tardy' came after its run had ended, and is in no message",
    ]


def test_there_is_a_report_once_it_is_over() -> None:
    with watch("load", state_handlers=[slack_notifier]) as run:
        during = run.report
    report = run.report
    assert during is None
    assert report is not None
    assert (report.name, report.run_id, type(report.state)) == ("load", run.run_id, Success)
    assert report.explain().splitlines() == [
        "load: Pending → Running()",
        "    slack_notifier: withheld: recorded",
        "load: Running → Success()",
        "    slack_notifier: withheld: recorded",
    ]
    assert repr(run) == "<WatchedRun 'load'>"


@pytest.mark.parametrize("only", [[Failed], [Running], [Success]])
def test_a_report_also_has_the_changes_that_all_handlers_ignore(only: list[type[State]]) -> None:
    with watch("load", state_handlers=[slack_notifier(only_states=only)]) as run:
        pass
    first, second = run.report, run.report
    assert first is not None
    assert second is not None
    assert [(type(each.change.old), type(each.change.new)) for each in first.changes] == [(Pending, Running), (Running, Success)]
    assert first.changes == second.changes
    assert len(first.deliveries) == sum(kind in only for kind in (Running, Success))


def test_what_a_handler_answers_is_on_the_report_alone() -> None:
    def skipping(tracked_obj: object, old: State, new: State) -> State:
        return Skipped("never mind")

    with watch("load", state_handlers=[skipping]) as run:
        pass
    report = run.report
    assert report is not None
    assert [each.settled for each in report.changes] == [Skipped("never mind")] * 2
    assert report.state == Success()


def test_on_failure_is_called_after_all_handlers_and_only_then(notifications: Recording) -> None:
    def alarm(run: object, state: State) -> None: ...

    with watch("fine", state_handlers=[], on_failure=alarm):
        pass
    assert notifications.effects == ()
    with pytest.raises(ValueError, match="no rows"), watch("load", state_handlers=[slack_notifier], on_failure=alarm) as run:
        raise ValueError("no rows")
    assert re.findall(r"PostToSlack\(|CallBack\(", repr(notifications.effects)) == ["PostToSlack(", "PostToSlack(", "CallBack("]
    assert run.report is not None


def test_a_signal_is_its_state(notifications: Recording) -> None:
    signal = signals.SKIP("nothing new")
    with pytest.raises(signals.SKIP), watch("load", state_handlers=[slack_notifier]):
        raise signal
    assert fields(notifications)["Message"] == "nothing new"


def test_a_state_that_is_signalled_again_is_no_change() -> None:
    kept: list[State] = []
    handler = callback_factory(lambda run, state: kept.append(state), State.is_running)

    def keep(tracked_obj: object, old: State, new: State) -> None:
        kept.append(new)

    with watch("load", state_handlers=[keep]) as run:
        again = signals.ENDRUN(kept[0])
        assert raised(raising(again)) is again
    assert run.report is not None
    with pytest.raises(signals.ENDRUN), watch("load", state_handlers=[keep, handler]) as run:
        raise signals.ENDRUN(kept[-1])
    assert run.report is not None
    assert run.report.state is kept[-1]


async def a_task_that_raises(error: Exception) -> None:
    raise error


async def grouped(*errors: Exception) -> None:
    async with asyncio.TaskGroup() as tasks:
        for error in errors:
            tasks.create_task(a_task_that_raises(error))


async def mixed() -> None:
    raise BaseExceptionGroup("two tasks", [asyncio.CancelledError(), OSError("disk full")])


BY_LEAVES: list[tuple[Callable[[], Coroutine[object, object, None]], type[State]]] = [
    (lambda: grouped(TimeoutError("late"), TimeoutError("later")), TimedOut),
    (lambda: grouped(signals.SKIP("nothing new"), signals.SKIP("nor here")), Skipped),
    (lambda: grouped(TimeoutError("late"), OSError("disk full")), Failed),
    (mixed, Failed),
]


@pytest.mark.parametrize(("main", "kind"), BY_LEAVES)
def test_a_group_means_the_same_by_a_watch_in_a_flow_and_in_a_log(
    main: Callable[[], Coroutine[object, object, None]], kind: type[State], notifications: Recording
) -> None:
    def body() -> None:
        asyncio.run(main())

    handlers = [slack_notifier(ignore_states=[Running])]
    with suppress(BaseException), watch("load", state_handlers=handlers):
        body()
    Flow("load", tasks=[FunctionTask(body, name="load", state_handlers=handlers)]).run()
    logger, handler = logging.getLogger("load"), LoggingHandler(state_handlers=handlers)
    logger.addHandler(handler)
    try:
        body()
    except BaseException:
        logger.exception("it did not work")
    finally:
        logger.removeHandler(handler)
    assert [post.content.state for post in notifications.slack if isinstance(post.content, Content)] == [kind.__name__] * 3
