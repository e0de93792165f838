"""One channel's message for another: what was to be read on Slack as a mail, and the other way round.

What a message says is laid out anew from what it was made of. A message that is of the channel already keeps what it says, as it is,
and is only addressed anew. It stays the same announcement: its key is the same.

That messages do not arrive somewhere any more is worth a message of its own.

It is laid out for the channel of the message that met with it; whoever sends it by another one translates it, as any other.
"""

import attrs

from tocsin.core.delivery.destinations import destination
from tocsin.core.delivery.digest import digest_content
from tocsin.core.delivery.digest_summary import DigestSummary
from tocsin.core.delivery.rendering import content_of, rerender
from tocsin.core.effects import Bot, Message, PostToSlack, SendEmail
from tocsin.core.messages.content import SENTENCE_LIMIT, Content, Line
from tocsin.core.messages.email import mail
from tocsin.core.messages.slack import slack_message
from tocsin.core.messages.text import cut, one_line
from tocsin.core.states import Failed


def as_mail(message: Message, to: tuple[str, ...] | None = None, cc: tuple[str, ...] = ()) -> SendEmail:
    """The message as a mail from the account in the secrets ``EMAIL_USERNAME`` and ``EMAIL_PASSWORD``; ``to`` None: to itself."""
    if isinstance(message, SendEmail):
        letter, source = attrs.evolve(message.mail, recipients=to, cc=cc), message.content
    else:
        source = content_of(message)
        letter = mail(_shown(source), to, cc)
    return SendEmail("EMAIL_USERNAME", "EMAIL_PASSWORD", letter, message.key, source)


def as_slack(message: Message, webhook_secret: str, bot: Bot | None = None) -> PostToSlack:
    """The message as a post to the webhook in the secret of this name; or, where there is a ``bot``, as it."""
    if isinstance(message, PostToSlack):
        payload, source = message.payload, message.content
    else:
        source = content_of(message)
        payload = slack_message(_shown(source))
    return PostToSlack(webhook_secret, payload, message.key, bot, source)


def _shown(source: Content | DigestSummary) -> Content:
    return digest_content(source) if isinstance(source, DigestSummary) else source


_NAME_LIMIT = 80
_AFTERWARDS = "Messages go by the fallback from now on."
_WHAT_TO_DO = "Replace what is in the secret, then run: tocsin check"  # short enough for a field on Slack
_WHERE_IT_RUNS = ("Host", "Environment", "Run id")


def dead_destination_alarm(message: Message, reason: str) -> Message:
    """What to say as the destination of a message proves to be dead, for this reason: a message of its own, with a key of its own."""
    source, key = content_of(message), message.key
    at, lines = (source.ended, ()) if isinstance(source, DigestSummary) else (source.at, source.lines)
    where, why = cut(one_line(str(destination(message))), _NAME_LIMIT), one_line(reason).rstrip(".") or "nobody says why"
    content = Content(
        name=where,
        sentence=f"{where} is dead: {cut(why, _room(where))}. {_AFTERWARDS}",
        headline=f"{where} is dead. {_AFTERWARDS}",
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


def _room(where: str) -> int:
    """How many characters of the reason a sentence has room for."""
    return SENTENCE_LIMIT - len(f"{where} is dead: . {_AFTERWARDS}")
