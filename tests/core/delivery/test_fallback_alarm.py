"""The alarm about a dead destination is a message of its own, to the audience of the message that met it."""

from datetime import UTC, datetime

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.golden.golden_messages import LOAD_FAILED
from tocsin import Failed
from tocsin.core.delivery.destinations import audience
from tocsin.core.delivery.digest import fold
from tocsin.core.delivery.fallback import dead_destination_alarm
from tocsin.core.effects import Bot, CallBack, Message, PostToSlack
from tocsin.core.messages.content import SENTENCE_LIMIT, Content
from tocsin.core.messages.email import mail
from tocsin.core.messages.slack import slack_message
from tocsin.core.notifiers import GmailNotifier, Messenger, SlackNotifier
from tocsin.testing.strategies import mails, posts
from tocsin.testing.value_strategies import texts

AFTERWARDS = ". Messages go by the fallback from now on."


def load_failed(notifier: Messenger) -> Message:
    effect = notifier(LOAD_FAILED)[0]
    assert not isinstance(effect, CallBack)
    return effect


def content(message: Message) -> Content:
    assert isinstance(message.content, Content)
    return message.content


@given(posts() | mails(), texts())
def test_it_goes_to_the_same_people_with_a_key_of_its_own(message: Message, reason: str) -> None:
    alarm = dead_destination_alarm(message, reason)
    assert audience(alarm) == audience(message)
    assert alarm.key != message.key
    assert attrs.evolve(alarm.key, slug=message.key.slug) == message.key


@given(posts() | mails(), texts(), st.none() | st.builds(Bot, st.just("TOKEN"), texts()))
def test_its_sentence_is_whole_whatever_the_reason(message: Message, reason: str, bot: Bot | None) -> None:
    addressed = attrs.evolve(message, bot=bot) if isinstance(message, PostToSlack) else message
    alarm = content(dead_destination_alarm(addressed, reason))
    assert len(alarm.sentence) <= SENTENCE_LIMIT
    assert alarm.sentence.startswith(f"{alarm.name} is dead: ")
    assert alarm.sentence.endswith(AFTERWARDS)
    assert "\n" not in alarm.sentence + alarm.headline


def test_what_it_says() -> None:
    message = load_failed(SlackNotifier())
    alarm = dead_destination_alarm(message, "Slack answered no_service (HTTP 404): create a new one.")
    said = content(alarm)
    assert said.sentence == f"Slack (SLACK_WEBHOOK_URL) is dead: Slack answered no_service (HTTP 404): create a new one{AFTERWARDS}"
    assert said.headline == "Slack (SLACK_WEBHOOK_URL) is dead. Messages go by the fallback from now on."
    assert (said.name, said.state, said.failed, said.color) == ("Slack (SLACK_WEBHOOK_URL)", "Destination dead", True, Failed.color)
    assert said.at == content(message).at
    assert [(line.title, line.text) for line in said.lines] == [
        ("Message", "Slack answered no_service (HTTP 404): create a new one"),
        ("What to do", "Replace what is in the secret, then run: tocsin check"),
        ("Host", "batch-7"),
        ("Environment", "production"),
        ("Run id", "5f0c9a31d2e84b76"),
    ]
    assert isinstance(alarm, PostToSlack)
    assert alarm.payload == slack_message(said)


def test_by_mail_it_is_a_mail() -> None:
    alarm = dead_destination_alarm(load_failed(GmailNotifier(to=["ops@example.com"])), "")
    assert not isinstance(alarm, PostToSlack)
    assert alarm.mail == mail(content(alarm), ("ops@example.com",))
    assert alarm.mail.subject == f"Gmail (EMAIL_USERNAME) is dead: nobody says why{AFTERWARDS}"


@pytest.mark.parametrize("count", [2, 12])
def test_of_a_digest_it_says_when_that_ended(count: int) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    made = load_failed(SlackNotifier())
    messages = [attrs.evolve(made, content=attrs.evolve(content(made), at=start.replace(second=second))) for second in range(count)]
    assert content(dead_destination_alarm(fold(messages), "gone")).at == start.replace(second=count - 1)
