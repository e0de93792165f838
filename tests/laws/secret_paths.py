"""The paths that a message takes, and the kinds of secrets that the laws look for on each; the docs show them as a table."""

import json
from collections.abc import Callable, Mapping

import attrs

from tocsin.core.delivery.digest import fold, gist
from tocsin.core.delivery.fallback import as_mail, as_slack, dead_destination_alarm
from tocsin.core.delivery.rendering import marked_as_repeat
from tocsin.core.effects import Message, shown
from tocsin.core.messages.slack import posting
from tocsin.shell.outbox.codec import encode


@attrs.frozen
class Tried:
    """A kind of secret.

    Args:
        drawn: its values.
        stood: where a value stood in the texts.
        left: what a message may still show.
    """

    drawn: str
    stood: str
    left: str


WHOLE = Tried("12 to 60 printable characters, of ASCII and others", "whole, at any offset", "no 8 characters of it in a row")
PARTS = Tried(
    "a URL with a password, and tokens in its path and query", "the URL, or one of these parts", "no 8 characters of a part in a row"
)
SHORT = Tried("8 to 11 printable characters", "whole, at any offset", "never the whole")
NAME = Tried("a word that the configuration uses, or that is found", "the name of a task", "the name, as it is")
KINDS = (WHOLE, PARTS, SHORT, NAME)


def slack(message: Message) -> list[str]:
    post = as_slack(message, "TEAM")
    payload, names = post.payload, [each.file_name for each in post.attachments]
    return [payload.fallback, payload.title, payload.text, *(field.value for field in payload.fields), payload.to_json(), *names]


def mail(message: Message) -> list[str]:
    sent = as_mail(message).mail
    return [sent.subject, sent.plain, sent.html, *(each.file_name for each in sent.attachments)]


def app(message: Message) -> list[str]:
    posted = posting("#ops", as_slack(message, "TEAM").payload)
    return [posted["text"], json.dumps(posted), json.dumps(posted, ensure_ascii=False)]


PATHS: Mapping[str, Callable[[Message], list[str]]] = {
    "Slack": slack,
    "Slack, as an app": app,
    "mail": mail,
    "fallback": lambda message: mail(as_slack(message, "TEAM")) + slack(as_mail(message)),
    "alarm": lambda message: slack(dead_destination_alarm(message, "no_service")) + mail(dead_destination_alarm(message, "gone")),
    "repetition": lambda message: slack(marked_as_repeat(message)) + mail(marked_as_repeat(message)),
    "digest": lambda message: slack(fold([message] * 12)) + mail(fold([message] * 12)),
    "log": lambda message: [gist(message), gist(fold([message] * 2))],
    "outbox": lambda message: [encode(message).body, encode(fold([message] * 2)).body],
    "dry run": lambda message: [shown(message)],
}
