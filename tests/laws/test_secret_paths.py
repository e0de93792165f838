"""Laws of messages: wherever a whole secret stood in a user's text, nothing of it is left on any path that a message takes."""

import html
import string
from collections.abc import Callable
from datetime import UTC, datetime

import attrs
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.laws.secret_paths import PATHS
from tocsin.core.attachments import Attachment
from tocsin.core.changes import Change
from tocsin.core.delivery.rendering import redacted_message
from tocsin.core.effects import Message, PostToSlack, SendEmail
from tocsin.core.events import Detail, Facts
from tocsin.core.notifiers import GmailNotifier, SlackNotifier
from tocsin.core.secrets import KnownForms, is_word, secret_parts
from tocsin.core.states import Failed, Running

AT = datetime(2026, 1, 1, tzinfo=UTC)
RUN = 8  # characters
LETTERS = "".join(chr(code) for code in range(32, 127)) + "äßéλжñ€漢"

texts = st.text(st.sampled_from(f"{string.ascii_letters} \n<&>`*\"'\\"), max_size=400)


def values(least: int, most: int) -> st.SearchStrategy[str]:
    drawn = st.text(st.sampled_from(LETTERS), min_size=least, max_size=most)
    return drawn.filter(lambda value: value == value.strip() and "://" not in value)


secrets, short = values(12, 60), values(8, 11)
tokens = st.text(st.sampled_from(string.ascii_letters + string.digits), min_size=12, max_size=24).filter(lambda text: not is_word(text))


@attrs.frozen
class Job:
    name: str


def messages(source: str, redact: Callable[[str], str]) -> list[Message]:
    """Return the messages about a failure whose every text of the user's is the source, from both notifiers."""
    state = Failed(source, result=ValueError(source))
    details = (Detail("Last lines", source, quoted=True), Detail(source, source))
    facts = Facts(details=details, attachments=(Attachment(source, b"abc", "image/png"),))
    change = Change(Job("load"), Running(), state, AT, "r1", "load", facts=facts)
    made: list[Message] = []
    app = SlackNotifier(token_secret="T", channel="#c")
    for notifier in (SlackNotifier(traceback=True), GmailNotifier(message=lambda _: source), app):
        for effect in notifier(change):
            assert isinstance(effect, PostToSlack | SendEmail)
            made.append(redacted_message(effect, redact))
    return made


def unescaped(text: str) -> str:
    """Return a text as a reader sees it: without JSON's escapes, entities, and what breaks up markup."""
    return html.unescape(text.replace("\\n", "\n").replace('\\"', '"').replace("\\\\", "\\")).replace("\u200b", "")


def hider(*values: str) -> Callable[[str], str]:
    forms = {form: f"[S{number}]" for number, value in enumerate(values) for form in secret_parts(value, used=True)}
    known = sorted(forms.items(), key=lambda form: len(form[0]), reverse=True)
    return KnownForms(known).redacted


def runs(value: str) -> list[str]:
    return [value[start : start + RUN] for start in range(len(value) - RUN + 1)]


def left(value: str, said: list[str]) -> list[str]:
    """Return the runs of a value that are in the texts, as written or as read."""
    everything = "\n".join([*said, *map(unescaped, said)])
    return [run for run in runs(value) if run in everything]


@pytest.mark.parametrize("path", PATHS)
@given(value=secrets, before=texts, after=texts)
def test_nothing_of_a_secret_is_left_on_any_path(path: str, value: str, before: str, after: str) -> None:
    plain = [said for message in messages(f"{before}{after}", str) for said in PATHS[path](message)]
    assume(not left(value, [*plain, before, after, "[S0]"]))
    for told in (value, repr(value)):  # as in the message of int("...")
        for message in messages(f"{before}{told}{after}", hider(value)):
            assert not left(value, PATHS[path](message))


@pytest.mark.parametrize("path", PATHS)
@given(parts=st.tuples(tokens, tokens, tokens), before=texts, after=texts)
def test_nothing_of_the_secret_parts_of_a_url_is_left(path: str, parts: tuple[str, str, str], before: str, after: str) -> None:
    url = "https://me:{}@db.example.com/{}?key={}".format(*parts)
    plain = [said for message in messages(f"{before}  {after}", str) for said in PATHS[path](message)]
    assume(not any(left(part, [*plain, before, after]) for part in parts))
    hide = hider(url)
    for told in (url, *parts):
        for message in messages(f"{before} {told} {after}", hide):
            said = PATHS[path](message)
            assert not any(left(part, said) for part in parts)


@pytest.mark.parametrize("path", PATHS)
@given(value=short, before=texts, after=texts)
def test_a_short_secret_is_never_shown_whole(path: str, value: str, before: str, after: str) -> None:
    plain = "\n".join(said for message in messages(f"{before}{after}", str) for said in PATHS[path](message))
    assume(value not in plain + unescaped(plain) and value not in f"{before} {after}")
    for message in messages(f"{before}{value}{after}", hider(value)):
        assert all(value not in said and value not in unescaped(said) for said in PATHS[path](message))


@pytest.mark.parametrize("path", [path for path in PATHS if path != "alarm"])
@given(before=texts)
def test_a_name_is_never_redacted(path: str, before: str) -> None:
    change = Change(Job("postgres backup"), Running(), Failed(before), AT, "r1", "postgres backup")
    for notifier in (SlackNotifier(), GmailNotifier()):
        (effect,) = notifier(change)
        assert isinstance(effect, PostToSlack | SendEmail)
        assert any("postgres backup" in said for said in PATHS[path](redacted_message(effect, hider("postgres", "backup-of-2026"))))
