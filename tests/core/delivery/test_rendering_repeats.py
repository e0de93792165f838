"""Possible repetitions: which messages are sent again, and how they are marked."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.changes import Change
from tocsin.core.delivery.rendering import (
    MARK,
    NOTE,
    Annotation,
    _annotated_content,
    content_of,
    marked_as_repeat,
    rerender,
    tells_of_failure,
)
from tocsin.core.effects import Message, PostToSlack, SendEmail
from tocsin.core.messages.content import SENTENCE_LIMIT, Content, Line, compose
from tocsin.core.messages.digest_summary import merge_summaries, summarize
from tocsin.testing.strategies import changes, mails, posts


def contents() -> st.SearchStrategy[Content]:
    return changes().map(compose)


@st.composite
def composed(draw: st.DrawFn) -> Message:
    """Draw messages as notifiers make them, of one change or of several."""
    message, content = draw(posts() | mails()), draw(contents())
    if draw(st.booleans()):
        return rerender(message, content, content)
    return rerender(message, content, merge_summaries([summarize(content, message.key), summarize(draw(contents()), message.key)]))


def messages() -> st.SearchStrategy[Message]:
    """Return messages as notifiers make them, and as people write them."""
    return composed() | posts() | mails()


def head(message: Message) -> str:
    """Return what a phone shows."""
    return message.payload.fallback if isinstance(message, PostToSlack) else message.mail.subject


def bodies(message: Message) -> tuple[str, ...]:
    """Return the full text of a message, in each of its forms."""
    if isinstance(message, PostToSlack):
        return (message.payload.to_json(),)
    return message.mail.plain, message.mail.html


@given(messages())
def test_it_says_so_first_and_in_a_note(message: Message) -> None:
    again = marked_as_repeat(message)
    assert head(again).startswith(MARK)
    assert all(NOTE in body for body in bodies(again))
    assert marked_as_repeat(again) == again


@given(messages())
def test_it_is_the_same_notification_to_the_same_people(message: Message) -> None:
    again = marked_as_repeat(message)
    assert again.key is message.key
    assert tells_of_failure(again) is tells_of_failure(message)
    if isinstance(again, PostToSlack) and isinstance(message, PostToSlack):
        assert attrs.evolve(again, payload=message.payload) == message
    if isinstance(again, SendEmail) and isinstance(message, SendEmail):
        mail = message.mail
        assert attrs.evolve(again, mail=attrs.evolve(again.mail, subject=mail.subject, plain=mail.plain, html=mail.html)) == message


@given(composed())
def test_all_that_was_known_is_still_said(message: Message) -> None:
    before, after = content_of(message), content_of(marked_as_repeat(message))
    if isinstance(before, Content):
        assert isinstance(after, Content)
        assert after.lines == (*before.lines, Line("Note", NOTE, ours=True))
        assert len(after.sentence) <= SENTENCE_LIMIT
        assert attrs.evolve(after, lines=before.lines, opening=before.opening) == before
    else:
        assert after is before


@given(posts() | mails(), contents())
def test_of_several_one_failure_is_enough(message: Message, content: Content) -> None:
    failed, done = attrs.evolve(content, failed=True), attrs.evolve(content, failed=False)
    assert tells_of_failure(rerender(message, failed, failed))
    assert not tells_of_failure(rerender(message, done, done))
    summaries = [summarize(done, message.key), summarize(failed, message.key)]
    assert tells_of_failure(rerender(message, done, merge_summaries(summaries)))
    assert not tells_of_failure(rerender(message, done, merge_summaries(summaries[:1])))


@given(posts() | mails())
def test_a_message_made_by_hand_reports_no_failure(message: Message) -> None:
    assert not tells_of_failure(message)


@given(posts(), st.sampled_from([None, "batch-7"]))
def test_a_footer_stays(post: PostToSlack, footer: str | None) -> None:
    again = marked_as_repeat(attrs.evolve(post, payload=attrs.evolve(post.payload, footer=footer)))
    assert isinstance(again, PostToSlack)
    assert again.payload.footer == (NOTE if footer is None else f"batch-7 {NOTE}")


@given(mails())
@pytest.mark.parametrize(
    ("html", "annotated"),
    [
        ("<html><body>one</body></html>", f"<html><body>one<p>{NOTE}</p></body></html>"),
        ("one", f"<p>{NOTE}</p>one"),
    ],
)
def test_a_page_stays_a_page(html: str, annotated: str, mail: SendEmail) -> None:
    again = marked_as_repeat(attrs.evolve(mail, mail=attrs.evolve(mail.mail, html=html)))
    assert isinstance(again, SendEmail)
    assert again.mail.html == annotated
    assert again.mail.plain == f"{NOTE}\n\n{mail.mail.plain}"


@given(changes())
def test_a_content_is_marked_once(change: Change) -> None:
    annotation = Annotation(MARK, NOTE)
    marked = _annotated_content(compose(change), annotation)
    assert marked.sentence.startswith(MARK)
    assert _annotated_content(marked, annotation) == marked
