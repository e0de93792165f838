"""Messages for the fallback: conversion from one channel to the other, and the alarm about a dead destination.

- A message is laid out anew from its content for the other channel. A message that already is of that channel keeps its layout and only
  gets another address.
- The key stays the same, since it is the same notification.
- The alarm about a dead destination is a message of its own, laid out for the channel of the message that met the dead destination.
  An interpreter that sends it through another channel converts it like any other.
"""

import attrs

from tocsin.core.delivery.destinations import destination
from tocsin.core.delivery.digest import digest_content
from tocsin.core.delivery.rendering import attachments_of, content_of, rerender
from tocsin.core.effects import Bot, Message, PostToSlack, Rest, SendEmail
from tocsin.core.messages.content import SENTENCE_LIMIT, Content, Line
from tocsin.core.messages.digest_summary import DigestSummary
from tocsin.core.messages.email import mail
from tocsin.core.messages.slack import slack_message
from tocsin.core.states import Failed
from tocsin.core.text import cut, one_line

_NAME_LIMIT = 80
_FROM_NOW_ON = "Messages go by the fallback from now on."
_WHAT_TO_DO = "Replace what is in the secret, then run: tocsin check"  # fits a field on Slack
_WHERE_IT_RUNS = ("Host", "Environment", "Run id")


def as_mail(message: Message, to: tuple[str, ...] | None = None, cc: tuple[str, ...] = ()) -> SendEmail:
    """Convert a message to a mail from the account in the secrets ``EMAIL_USERNAME`` and ``EMAIL_PASSWORD``.

    ``to`` None means that account itself. Of a mail that only some recipients still need, those among ``to`` and ``cc`` get it; if
    there are none, these are other people, and all get it.
    """
    rest: Rest | None = None
    if isinstance(message, SendEmail):
        result, source = attrs.evolve(message.mail, recipients=to, cc=cc), message.content
        left = () if message.rest is None else tuple(one for one in message.rest.recipients if to is None or one in {*to, *cc})
        rest = attrs.evolve(message.rest, recipients=left) if message.rest is not None and left else None
    else:
        source = content_of(message)
        result = mail(_content_to_show(source), to, cc)
    return SendEmail("EMAIL_USERNAME", "EMAIL_PASSWORD", result, message.key, source, rest)


def as_slack(message: Message, webhook_secret: str, bot: Bot | None = None) -> PostToSlack:
    """Convert a message to a post to the webhook in the secret of this name; with a ``bot``, to a post of that bot."""
    if isinstance(message, PostToSlack):
        payload, source = message.payload, message.content
    else:
        source = content_of(message)
        payload = slack_message(_content_to_show(source))
    return PostToSlack(webhook_secret, payload, message.key, bot, source, attachments_of(message))


def _content_to_show(source: Content | DigestSummary) -> Content:
    return digest_content(source) if isinstance(source, DigestSummary) else source


def dead_destination_alarm(message: Message, reason: str) -> Message:
    """Return a message of its own, with its own key, that says that the destination of a message is dead, and why."""
    source, key = content_of(message), message.key
    at, lines = (source.ended, ()) if isinstance(source, DigestSummary) else (source.at, source.lines)
    where, why = cut(one_line(str(destination(message))), _NAME_LIMIT), one_line(reason).rstrip(".") or "nobody says why"
    room = SENTENCE_LIMIT - len(f"{where} is dead: . {_FROM_NOW_ON}")  # characters of the reason
    content = Content(
        name=where,
        opening=f"{where} is dead: {cut(why, room)}. {_FROM_NOW_ON}",
        headline=f"{where} is dead. {_FROM_NOW_ON}",
        state="Destination dead",
        failed=True,
        color=Failed.color,
        at=at,
        lines=(
            Line("Message", why),
            Line("What to do", _WHAT_TO_DO, ours=True),
            *(line for line in lines if line.title in _WHERE_IT_RUNS),
        ),
    )
    apart = attrs.evolve(message, key=attrs.evolve(key, slug=f"{key.slug} (destination dead)"))
    return rerender(apart, content, content)
