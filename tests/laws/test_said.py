"""Laws of what the author of a run says: it is in the message once and whole, within the limits, and nothing of it becomes markup."""

import json
from datetime import UTC, datetime

import attrs
from hypothesis import given
from hypothesis import strategies as st

from tests.laws.test_messages import texts
from tocsin import Change, Failed, Running, State, Success
from tocsin.core.effects import PostToSlack, SendEmail
from tocsin.core.events import Facts, Said
from tocsin.core.messages.content import SENTENCE_LIMIT, Content, name_in
from tocsin.core.messages.said import compose_said
from tocsin.core.notifiers import GmailNotifier, SlackNotifier
from tocsin.core.text import one_line, printable

AT = datetime(2026, 1, 1, tzinfo=UTC)


@attrs.frozen
class Job:
    name: str


changes = st.builds(
    lambda name, facts: Change(Job(name), Running(), Running(), AT, "r1", "load", facts=facts),
    texts,
    st.builds(Facts, st.none() | texts, st.none() | texts),
)
shown = st.sampled_from([None, State(), Running(), Failed("no rows"), Success()])
saids = st.builds(lambda text, state, named: Said(AT, text=text, state=state, named=named), texts, shown, st.booleans())


def own_lines(content: Content) -> list[str]:
    return [line.text for line in content.lines if line.title == "Message"]


@given(changes, saids)
def test_the_text_is_said_whole_and_once(change: Change, said: Said) -> None:
    content, text = compose_said(change, said), printable(said.text).strip()
    start = f"{name_in(change)}{': ' if text else ''}" if said.named else ""
    first = text.partition("\n")[0]
    sentence = one_line(f"{start}{first}")
    assert content.sentence == sentence or (len(content.sentence) <= SENTENCE_LIMIT < len(sentence))
    assert content.sentence.startswith(start.rstrip()[:SENTENCE_LIMIT])
    is_whole = "\n" not in text and len(one_line(f"{start}{text}")) <= SENTENCE_LIMIT
    assert own_lines(content) == ([] if is_whole else [text])
    assert content.said


@given(changes, saids)
def test_it_shows_a_state_only_if_there_is_one(change: Change, said: Said) -> None:
    content, state = compose_said(change, said), change.new if said.state is None else said.state
    assert content.color == state.color
    assert content.failed is state.is_failed()
    if type(state) is State:
        assert (content.state, content.headline) == (name_in(change), "")
    else:
        assert content.state == type(state).__name__
        assert content.headline == f"{name_in(change)} is now in a {content.state} state"


@given(changes, saids)
def test_its_messages_keep_the_limits_and_hold_no_markup(change: Change, said: Said) -> None:
    (post,) = SlackNotifier().say(change, said, 0)
    (mail,) = GmailNotifier().say(change, said, 0)
    assert isinstance(post, PostToSlack)
    assert isinstance(mail, SendEmail)
    message = json.loads(post.payload.to_json())
    (attachment,) = message["attachments"]
    assert message["mrkdwn"] is False
    assert attachment["mrkdwn_in"] in ([], ["fields"])
    assert "<" not in message["text"] + attachment["title"] + attachment["text"]
    for field in attachment["fields"]:
        assert "<" not in field["value"] + field["title"]
        if attachment["mrkdwn_in"] and field["title"] == "Message":
            assert field["value"].startswith("```")
            assert "`" not in field["value"][3:-3].replace("\u200b`\u200b", "")
    assert len(mail.mail.subject) <= 200
    assert "\n" not in mail.mail.subject


def with_secret(text: str) -> str:
    return text.replace("hunter\ntwo", "[KEY]")


def test_a_secret_of_several_lines_is_replaced_before_the_first_line_is_taken() -> None:
    change = Change(Job("load"), Running(), Running(), AT, "r1", "load")
    content = compose_said(change, Said(AT, text="the key is hunter\ntwo")).redacted(with_secret)
    assert content.sentence == "load: the key is [KEY]"
    assert own_lines(content) == ["the key is [KEY]"]
