"""A message laid out anew, once what it says has changed; and what a message says that somebody made by hand."""

from datetime import UTC, datetime

import attrs

from tocsin.core.delivery.tally import Tally
from tocsin.core.effects import Message, PostToSlack
from tocsin.core.messages.content import Content, Line
from tocsin.core.messages.email import mail
from tocsin.core.messages.slack import slack_message


def laid_out(message: Message, content: Content, source: Content | Tally) -> Message:
    """The message to the same people that says ``content`` instead; ``source`` is what it stands for from now on."""
    if isinstance(message, PostToSlack):
        return attrs.evolve(message, payload=slack_message(content), content=source)
    letter = mail(content, message.mail.recipients, message.mail.cc)
    return attrs.evolve(message, mail=letter, content=source)


def said(message: Message) -> Content | Tally:
    """What a message says: as it was before it was laid out, else what can be read in it."""
    if message.content is not None:
        return message.content
    if isinstance(message, PostToSlack):
        payload = message.payload
        at = datetime.fromtimestamp(min(max(payload.ts or 0, 0), _LATEST), UTC)
        lines = tuple(Line(_read(field.title), _read(field.value)) for field in payload.fields)
        texts = (_read(payload.fallback), _read(payload.text), _read(payload.title))
        return Content(message.key.slug, *texts, False, payload.color, at, lines, payload.title_link)
    letter = message.mail
    return Content(
        message.key.slug, letter.subject, letter.subject, "Message", False, _GREY, letter.at, (Line("Message", letter.plain),)
    )


_GREY = "#696969"
_LATEST = 253_402_214_400  # the last day of the year 9999, in any zone


def _read(text: str) -> str:
    """Slack's text, as it is read."""
    return text.removeprefix("```").removesuffix("```").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
