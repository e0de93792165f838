"""Effects as JSON objects."""

import json

from tests.cli.examples import KEY, effects
from tocsin import Failed, Task
from tocsin.core.attachments import Attachment
from tocsin.core.delivery.digest import fold
from tocsin.core.effect_json import effect_json, sentence_of
from tocsin.core.messages.slack import posting
from tocsin.effects import Bot, CallBack, PostToSlack, SendEmail, SlackMessage

SENTENCE = "load failed after 4 m 12 s: OSError: disk `full`, & <!channel> [red]said[/red] :smile:"


def test_the_payload_of_a_webhook_is_what_is_posted() -> None:
    post, _ = effects()
    assert isinstance(post, PostToSlack)
    found = effect_json(post)
    assert found["payload"] == json.loads(post.payload.to_json())
    assert {name: found[name] for name in found if name != "payload"} == {
        "kind": "slack",
        "about": "load",
        "key": "r1.load..0.0",
        "to": "Slack (SLACK_WEBHOOK_URL)",
        "sentence": SENTENCE,
        "attachments": [],
    }


def test_the_payload_of_an_app_is_what_is_posted() -> None:
    payload = SlackMessage("1 &lt; 2", "#eb0000", "Failed", "load", mentions=("here",))
    post = PostToSlack("S", payload, KEY, Bot("TOKEN", "#ops"), attachments=(Attachment("a.txt", b"abc", "text/plain"),))
    found = effect_json(post)
    assert (found["to"], found["sentence"]) == ("Slack (TOKEN in #ops)", "1 < 2")
    assert found["payload"] == posting("#ops", payload)
    assert found["attachments"] == [{"name": "a.txt", "media_type": "text/plain", "size": 3}]


def test_a_mail_has_its_headers_and_both_parts() -> None:
    _, sent = effects()
    assert isinstance(sent, SendEmail)
    found = effect_json(sent)
    assert (found["kind"], found["to"], found["sentence"]) == ("mail", "Gmail (EMAIL_USERNAME)", SENTENCE)
    assert found["payload"] == {
        "date": "2026-01-02T03:04:05+00:00",
        "from": "<EMAIL_USERNAME>",
        "to": ["<EMAIL_USERNAME>"],
        "cc": ["b@example.com"],
        "subject": sent.mail.subject,
        "text": sent.mail.plain,
        "html": sent.mail.html,
    }


def test_a_call_is_named() -> None:
    def page(_: object, __: object) -> None:
        """Nothing."""

    found = effect_json(CallBack(page, Task("load"), Failed(), KEY))
    assert (found["kind"], found["to"], found["payload"]) == ("callback", None, None)
    assert str(found["calls"]).endswith("page")


def test_a_digest_has_its_own_sentence() -> None:
    post, _ = effects()
    assert isinstance(post, PostToSlack)
    assert sentence_of(fold([post] * 12)).startswith("12 failures in less than 1 ms: load")
