"""The destination, the audience and the key of a message."""

from collections.abc import Callable

import attrs
import pytest
from hypothesis import given

from tocsin.core.changes import Key
from tocsin.core.delivery.destinations import Destination, audience, destination
from tocsin.core.effects import Bot, CallBack, Message, PostToSlack, SendEmail
from tocsin.testing.strategies import callbacks, mails, posts


@given(callbacks())
def test_a_call_goes_nowhere(call: CallBack) -> None:
    assert destination(call) is None


@given(posts())
def test_a_post_goes_to_its_webhook_or_to_the_channel_of_its_bot(post: PostToSlack) -> None:
    hooked, spoken = attrs.evolve(post, bot=None), attrs.evolve(post, bot=Bot("SLACK_BOT_TOKEN", "#ops"))
    assert destination(hooked) == Destination("slack", post.webhook_secret)
    assert destination(spoken) == Destination("slack", "SLACK_BOT_TOKEN in #ops")
    assert str(destination(hooked)) == f"Slack ({post.webhook_secret})"


@given(mails())
def test_a_mail_goes_by_its_account(letter: SendEmail) -> None:
    assert destination(letter) == Destination("gmail", "EMAIL_USERNAME")
    assert str(destination(letter)) == "Gmail (EMAIL_USERNAME)"


@given(posts() | mails())
def test_who_reads_it_does_not_depend_on_what_it_says(message: Message) -> None:
    again = attrs.evolve(message, key=Key("another", "other", 3, 4, 5), content=None)
    assert audience(again) == audience(message)
    assert hash(audience(again)) == hash(audience(message))


def elsewhere(post: PostToSlack) -> Message:
    return attrs.evolve(post, webhook_secret=f"{post.webhook_secret}_OF_OTHERS")


def spoken(post: PostToSlack) -> Message:
    return attrs.evolve(post, bot=Bot("SLACK_BOT_TOKEN", "#others"))


@pytest.mark.parametrize("change", [elsewhere, spoken])
@given(post=posts())
def test_other_readers_of_a_post_are_another_audience(change: Callable[[PostToSlack], Message], post: PostToSlack) -> None:
    assert audience(change(post)) != audience(post)


def to(letter: SendEmail) -> Message:
    return attrs.evolve(letter, mail=attrs.evolve(letter.mail, recipients=("other@example.com",)))


def copied(letter: SendEmail) -> Message:
    return attrs.evolve(letter, mail=attrs.evolve(letter.mail, cc=(*letter.mail.cc, "other@example.com")))


def as_others(letter: SendEmail) -> Message:
    return attrs.evolve(letter, username_secret="OTHERS")


def by_another_password(letter: SendEmail) -> Message:
    return attrs.evolve(letter, password_secret="OTHERS_PASSWORD")


@pytest.mark.parametrize("change", [to, copied, as_others, by_another_password])
@given(letter=mails())
def test_other_readers_of_a_mail_are_another_audience(change: Callable[[SendEmail], Message], letter: SendEmail) -> None:
    assert audience(change(letter)) != audience(letter)


@given(posts(), mails())
def test_a_post_and_a_mail_have_different_audiences(post: PostToSlack, letter: SendEmail) -> None:
    assert audience(post) != audience(letter)
    assert destination(post) != destination(letter)


def test_a_key_is_written_with_all_its_parts() -> None:
    assert str(Key("run", "load", 7, 2, 1)) == "run.load.7.2.1"
    assert str(Key("run", "load", None, 0, -1)) == "run.load..0.-1"
    assert Key("run", "load", 0, 0, 0) != Key("run", "load", None, 0, 0)
