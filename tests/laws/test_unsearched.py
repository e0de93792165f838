"""Half a secret beside a cut is in no message, whatever is left out of the text later: blanks, rulers, controls."""

from collections.abc import Callable
from datetime import UTC, datetime
from subprocess import CalledProcessError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin import Change, Failed, Running, Task
from tocsin.core.events import Said
from tocsin.core.messages.content import Content, compose
from tocsin.core.messages.email import mail
from tocsin.core.messages.errors import traceback_lines
from tocsin.core.messages.said import compose_said
from tocsin.core.messages.slack import slack_message
from tocsin.core.text import worded
from tocsin.core.validation import invoke

SECRET = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
AT = datetime(2026, 1, 1, tzinfo=UTC)
FILLS = (" ", "\n", "-", "\n----", "\r", "\x00", "\x1b[1m", "x", "x ", " \t")


def without(text: str) -> str:
    return text.replace(SECRET, "[SECRET]")


def change(state: Failed) -> Change:
    return Change(Task("load"), Running(), state, AT, "r1", "load")


def error(text: str) -> Content:
    return compose(change(Failed(ValueError(text))))


def caused(text: str) -> Content:
    failure = ValueError("no rows")
    failure.__cause__ = KeyError(text)
    failure.add_note(text)
    return compose(change(Failed(failure)))


def standard_error(text: str) -> Content:
    return compose(change(Failed(CalledProcessError(1, ["load"], stderr=text))))


def message(text: str) -> Content:
    return compose(change(Failed(worded(text))))


def said(text: str) -> Content:
    return compose_said(change(Failed()), Said(AT, text=without(worded(text))))


def shown(content: Content) -> str:
    clean = content.redacted(without)
    letter = mail(clean)
    return "\n".join((slack_message(clean).to_json(), letter.subject, letter.plain))


def has_a_part(text: str) -> bool:
    return any(SECRET[at : at + 8] in text for at in range(len(SECRET) - 7))


@pytest.mark.parametrize("make", [error, caused, standard_error, message, said])
@given(
    before=st.sampled_from([0, 9_900, 10_000, 19_990, 20_000, 49_980, 50_000, 100_000]),
    after=st.sampled_from([0, 9_930, 9_960, 9_990, 20_000, 49_960, 100_000]),
    fill=st.sampled_from(FILLS),
    other=st.sampled_from(FILLS),
)
def test_no_part_of_a_secret_stands_beside_a_cut(
    make: Callable[[str], Content], before: int, after: int, fill: str, other: str
) -> None:
    text = f"{other * (before // len(other))}\n{SECRET}\n{fill * (after // len(fill))}boom"
    assert not has_a_part(shown(make(text)))


def test_no_part_of_a_secret_stands_at_the_end_of_a_source_line() -> None:
    for width in range(100, 1_200, 7):
        source = f"def fails():\n    return dict({'a' * width}=1, url='{SECRET}', rest={'b' * 50!r}) and 1 / 0\n"
        names = dict[str, object]()
        exec(compile(source, "fails.py", "exec"), names)  # noqa: S102 - a line of any length
        fails = names["fails"]
        assert callable(fails)
        with pytest.raises(ZeroDivisionError) as caught:
            invoke(fails)
        assert not has_a_part(without("\n".join(traceback_lines(caught.value))))
