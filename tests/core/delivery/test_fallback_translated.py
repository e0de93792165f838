"""A message that goes through the other channel says what it would have said there."""

from datetime import UTC, datetime

import attrs
from hypothesis import given

from tocsin import Change
from tocsin.core.changes import Key
from tocsin.core.delivery.digest import digest_content, fold
from tocsin.core.delivery.fallback import as_mail, as_slack
from tocsin.core.effects import Bot, CallBack, Message, PostToSlack, Rest, SendEmail
from tocsin.core.messages.digest_summary import DigestSummary
from tocsin.core.messages.email import mail
from tocsin.core.messages.slack import SlackMessage, slack_message
from tocsin.core.notifiers import GmailNotifier, Messenger, SlackNotifier
from tocsin.shell.adapters.mail_mime import mime
from tocsin.testing.strategies import changes, mails, posts

OPS = ("ops@example.com",)
BOSS = ("boss@example.com",)


def announced(notifier: Messenger, change: Change) -> Message:
    effect = notifier.describe(change, 0, None).effects[0]
    assert not isinstance(effect, CallBack)
    return effect


@given(changes())
def test_it_says_what_the_other_notifier_would_have_said(change: Change) -> None:
    post, letter = announced(SlackNotifier(), change), announced(GmailNotifier(to=OPS, cc=BOSS), change)
    there, back = as_mail(post, OPS, BOSS), as_slack(letter, "SLACK_WEBHOOK_URL")
    assert (there, there.key, there.content) == (letter, letter.key, letter.content)
    assert (back, back.key, back.content) == (post, post.key, post.content)


@given(mails())
def test_a_mail_stays_as_it_is_but_for_its_recipients(effect: SendEmail) -> None:
    assert as_mail(effect, effect.mail.recipients, effect.mail.cc) == effect
    there = as_mail(effect, OPS)
    assert there.mail == attrs.evolve(effect.mail, recipients=OPS, cc=())
    assert (there.key, there.content) == (effect.key, effect.content)


@given(mails())
def test_a_mail_to_the_rest_goes_to_those_of_it_that_are_meant(effect: SendEmail) -> None:
    rest = Rest(("a@example.com", *OPS), (("c@example.com", "550 no such user"),))
    letter = attrs.evolve(effect, rest=rest)
    assert as_mail(letter).rest == rest
    assert as_mail(letter, BOSS, OPS).rest == attrs.evolve(rest, recipients=OPS)
    assert as_mail(letter, BOSS).rest is None  # the fallback's people have got nothing


@given(posts())
def test_a_post_stays_as_it_is_but_for_where_it_goes(effect: PostToSlack) -> None:
    assert as_slack(effect, effect.webhook_secret, effect.bot) == effect
    bot = Bot("TOKEN", "#ops")
    there = as_slack(effect, "OPS_WEBHOOK", bot)
    assert (there.webhook_secret, there.bot, there.payload) == ("OPS_WEBHOOK", bot, effect.payload)
    assert (there.key, there.content) == (effect.key, effect.content)


@given(posts())
def test_a_message_made_by_hand_can_be_mailed(effect: PostToSlack) -> None:
    there = as_mail(effect, OPS)
    assert mime(there.mail, there.key, "ops@example.com").isascii()


@given(mails())
def test_a_message_made_by_hand_can_be_posted(effect: SendEmail) -> None:
    there = as_slack(effect, "SLACK_WEBHOOK_URL")
    assert there.payload.to_json()
    assert there.key == effect.key


def test_a_digest_is_a_digest_there_too() -> None:
    def post(ordinal: int) -> PostToSlack:
        payload = SlackMessage("load failed", "#eb0000", "Failed", "load is now in a Failed state", ts=1_700_000_000 + ordinal)
        return PostToSlack("SLACK_WEBHOOK_URL", payload, Key("run", "load", None, ordinal, 0))

    folded = fold([post(ordinal) for ordinal in range(12)])
    summary = folded.content
    assert isinstance(summary, DigestSummary)
    there = as_mail(folded, OPS)
    assert (there.mail, there.key, there.content) == (mail(digest_content(summary), OPS), folded.key, summary)
    back = as_slack(there, "SLACK_WEBHOOK_URL")
    assert back == folded
    assert back.payload == slack_message(digest_content(summary))
    assert there.mail.at == datetime.fromtimestamp(1_700_000_011, UTC)
