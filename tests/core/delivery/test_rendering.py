"""A message laid out anew, and the content that is read back from a message made by hand."""

from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.changes import Key
from tocsin.core.delivery.rendering import content_of, rerender
from tocsin.core.effects import Message, PostToSlack, SendEmail
from tocsin.core.messages.content import Content, Line, compose
from tocsin.core.messages.digest_summary import summarize
from tocsin.core.messages.email import Mail, mail
from tocsin.core.messages.slack import SlackField, SlackMessage, slack_message
from tocsin.testing.strategies import changes, mails, posts

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KEY = Key("run", "load", None, 0, 0)


def contents() -> st.SearchStrategy[Content]:
    return changes().map(compose)


@given(posts(), contents())
def test_a_post_says_the_content_to_the_same_people(post: PostToSlack, content: Content) -> None:
    anew = rerender(post, content, content)
    assert isinstance(anew, PostToSlack)
    assert anew.payload == slack_message(content)
    assert anew.attachments == content.attachments
    assert attrs.evolve(anew, payload=post.payload, attachments=post.attachments) == post
    assert anew.key is post.key
    assert content_of(anew) is content


@given(mails(), contents())
def test_a_mail_says_it_to_the_same_people(letter: SendEmail, content: Content) -> None:
    anew = rerender(letter, content, content)
    assert isinstance(anew, SendEmail)
    assert anew.mail == mail(content, letter.mail.recipients, letter.mail.cc)
    assert attrs.evolve(anew, mail=letter.mail) == letter
    assert anew.key is letter.key
    assert content_of(anew) is content


@given(posts() | mails(), contents())
def test_what_it_stands_for_need_not_be_what_it_says(message: Message, content: Content) -> None:
    summary = summarize(content, message.key)
    assert content_of(rerender(message, content, summary)) is summary


def by_hand(ts: int | None, fields: tuple[SlackField, ...] = (), link: str | None = None) -> PostToSlack:
    """Return a post without a content, as made by hand."""
    payload = SlackMessage("load failed", "#eb0000", "Failed", "load is now in a Failed state", fields, link, ts=ts)
    return PostToSlack("SLACK_WEBHOOK_URL", payload, KEY)


def test_in_a_post_made_by_hand_its_parts_are_read() -> None:
    fields = (SlackField("Message", "```disk &lt;full&gt; &amp;amp; gone```"), SlackField("R&amp;D", "batch-7", short=True))
    content = content_of(by_hand(86_400, fields, "https://example.com/"))
    assert content == Content(
        name="load",
        opening="load failed",
        headline="load is now in a Failed state",
        state="Failed",
        failed=False,
        color="#eb0000",
        at=EPOCH + timedelta(days=1),
        lines=(Line("Message", "disk <full> &amp; gone"), Line("R&D", "batch-7")),
        link="https://example.com/",
    )


@given(st.none() | st.integers() | st.sampled_from([10**20, -(10**20), 2**63, -1]))
def test_a_post_made_by_hand_may_be_of_any_moment(ts: int | None) -> None:
    content = content_of(by_hand(ts))
    assert isinstance(content, Content)
    since = (content.at - EPOCH).total_seconds()
    assert 0 <= since == ts or ts is None or since in {0, (datetime(9999, 12, 31, tzinfo=UTC) - EPOCH).total_seconds()}
    assert (ts or 0) > 0 or content.at == EPOCH
    assert rerender(by_hand(ts), content, content).content is content


@pytest.mark.parametrize("zone", [UTC, None])
def test_in_a_mail_made_by_hand_its_subject_and_its_text_are_read(zone: None) -> None:
    at = datetime(2026, 2, 3, 3, 0, 7, tzinfo=UTC).astimezone(zone)
    letter = SendEmail("EMAIL_USERNAME", "EMAIL_PASSWORD", Mail("load failed", "disk full\n", "<p>disk full</p>", None, at), KEY)
    content = content_of(letter)
    assert isinstance(content, Content)
    assert (content.name, content.sentence, content.headline, content.state) == ("load", "load failed", "load failed", "Message")
    assert (content.failed, content.at, content.lines, content.link) == (False, at, (Line("Message", "disk full\n"),), None)
