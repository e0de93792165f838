"""A blank value is left away, and the sentence of a group of exceptions names the gravest one."""

import logging
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.golden.golden_messages import change
from tocsin import (
    Aborted,
    Change,
    Failed,
    LoggingHandler,
    Pending,
    Recording,
    Running,
    State,
    Task,
    TimedOut,
    filters,
    interpreting,
    slack_notifier,
    watch,
)
from tocsin.core.messages.content import Content, compose, is_blank
from tocsin.core.messages.slack import slack_message
from tocsin.core.states import KINDS
from tocsin.watching import current_run

BLANK = ["", " ", " \n ", "\u200b", "\t\u00ad\r\n", "\ufeff\u2060"]
ENDS: list[Callable[[str], State]] = [Failed, Aborted, TimedOut, lambda text: Failed(None, ValueError(text))]


def titles(content: Content) -> list[str]:
    return [line.title for line in content.lines]


@pytest.mark.parametrize("blank", BLANK)
def test_a_blank_message_is_no_message(blank: str) -> None:
    content = compose(change("t", Running(), Failed(blank)))
    assert content.sentence == "t failed"
    assert titles(content) == ["Host", "Environment", "Run id"]


@pytest.mark.parametrize("blank", BLANK)
def test_an_exception_without_a_text_is_its_type(blank: str) -> None:
    content = compose(change("t", Running(), Failed(None, ValueError(blank))))
    assert content.sentence.strip("\u200b\u00ad\ufeff\u2060 \ufffd:") == "t failed: ValueError"


@pytest.mark.parametrize("blank", BLANK)
def test_a_blank_text_of_a_formatter_and_a_blank_remark_leave_the_message_as_it_is(blank: str) -> None:
    failed = change("t", Running(), Failed("disk full"))
    assert compose(failed, message=blank, remark=blank) == compose(failed)


TEXTS = st.sampled_from(BLANK) | st.text(max_size=3)


@given(st.lists(TEXTS, max_size=4), st.sampled_from(ENDS), TEXTS)
def test_no_line_is_blank_and_no_sentence_ends_in_a_colon(notes: list[str], end: Callable[[str], State], text: str) -> None:
    content = compose(change(text, Running(), end(text)), message=text, remark=text, notes=tuple(notes))
    assert not any(is_blank(line.text) for line in content.lines)
    assert not any(field.value in {"", "``````"} for field in slack_message(content).fields)
    assert not content.sentence.endswith((": ", "()"))
    assert content.name.strip() == content.name != ""


@pytest.mark.parametrize("name", ["", "  ", "\n"])
def test_what_has_a_blank_name_is_called_by_its_type(name: str) -> None:
    assert compose(change(name, Running(), Failed())).sentence == "<Job without a name> failed"


def test_notes_and_arguments_that_are_blank_are_left_away() -> None:
    @watch(state_handlers=[slack_notifier], show_arguments=True)
    def job() -> None:
        run = current_run()
        assert run is not None
        for note in ("", "one", " \n", 2):
            run.note(note)

    with interpreting(Recording()) as recording:
        job()
    fields = {field.title: field.value for field in recording.slack[-1].payload.fields}
    assert fields["Note"] == "one\n2"
    assert "Arguments" not in fields


def test_a_log_record_without_a_text(notifications: Recording) -> None:
    LoggingHandler(state_handlers=[slack_notifier]).handle(logging.makeLogRecord({"name": "job", "msg": " ", "levelno": 40}))
    assert notifications.slack[0].payload.fallback == "job failed"


class Unusual(Failed):
    """A kind of a user's."""

    __slots__ = ()


@pytest.mark.parametrize("kind", [*KINDS, Unusual])
def test_the_article_fits_the_kind(kind: type[State]) -> None:
    article = "an" if kind in {Aborted, Unusual} else "a"
    assert compose(change("t", Pending(), kind())).headline == f"t is now in {article} {kind.__name__} state"


def test_the_sentence_of_a_group_names_the_gravest_in_it() -> None:
    inner = ValueError("no rows")
    try:
        raise inner
    except ValueError:
        pass
    group = ExceptionGroup("unhandled errors in a TaskGroup", [TimeoutError("late"), ExceptionGroup("more", [inner])])
    content = compose(change("load", Running(), Failed(None, group)), traceback=True)
    assert content.sentence == (
        "load failed: ValueError: no rows, in ExceptionGroup: unhandled errors in a TaskGroup (2 sub-exceptions)"
        "; also TimeoutError: late"
    )
    (error,) = (line.text for line in content.lines if line.title == "Error")
    assert error.splitlines() == [
        "ValueError: no rows, in ExceptionGroup: more (1 sub-exception), "
        "in ExceptionGroup: unhandled errors in a TaskGroup (2 sub-exceptions)",
        "also TimeoutError: late",
    ]
    (frames,) = (line.text for line in content.lines if line.title.startswith("Traceback"))
    assert "test_the_sentence_of_a_group" in frames


def test_a_group_of_what_was_never_raised_shows_its_own_frames() -> None:
    try:
        raise ExceptionGroup("two", [ValueError("a"), ValueError("b")])
    except ExceptionGroup as error:
        content = compose(change("load", Running(), Failed(None, error)), traceback=True)
    assert any(line.title.startswith("Traceback") for line in content.lines)


class Remarking(filters.Filter):
    """A filter with a blank remark."""

    def __call__(self, change: Change) -> bool:
        return True

    def remark(self, change: Change) -> str:
        return " "


def test_a_blank_remark_of_a_users_filter_is_left_away() -> None:
    with interpreting(Recording()) as recording:
        slack_notifier(Task("t"), Running(), Failed("full"), when=Remarking())
    assert recording.slack[0].payload.fallback == "t failed: full"
