"""A message laid out anew, once what it says has changed; and what a message says that somebody made by hand.

A message that says something of itself, such as that it may have come before: in front, where a telephone shows it, and below.

What was laid out from a content is laid out again; to a digest, and to what somebody made by hand, the note is added. Its key stays
as it is, since it is the same announcement.

A message that is sent again although the first may have arrived: which is worth that, and how it says so.

Only one that tells of a failure is: to hear of a failure twice is a nuisance, to hear of it never is what the message was sent against.
"""

from datetime import UTC, datetime

import attrs

from tocsin.core.delivery.digest_summary import DigestSummary
from tocsin.core.effects import Mail, Message, PostToSlack, SlackMessage
from tocsin.core.messages.content import SENTENCE_LIMIT, Content, Line
from tocsin.core.messages.email import mail
from tocsin.core.messages.slack import slack_message
from tocsin.core.messages.text import cut, header


def rerender(message: Message, content: Content, source: Content | DigestSummary) -> Message:
    """The message to the same people that says ``content`` instead; ``source`` is what it stands for from now on."""
    if isinstance(message, PostToSlack):
        return attrs.evolve(message, payload=slack_message(content), content=source)
    letter = mail(content, message.mail.recipients, message.mail.cc)
    return attrs.evolve(message, mail=letter, content=source)


def content_of(message: Message) -> Content | DigestSummary:
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


@attrs.frozen
class Annotation:
    """What a message says of itself. Both are ours, with nothing of the user's.

    Args:
        mark: how it begins: on a telephone, and in the subject of a mail.
        note: what it says below.
    """

    mark: str
    note: str


def annotate(message: Message, remark: Annotation) -> Message:
    """The message with the remark. One that begins with its mark is left as it is."""
    if isinstance(message.content, Content):
        content = _content(message.content, remark)
        return rerender(message, content, content)
    if isinstance(message, PostToSlack):
        return attrs.evolve(message, payload=_payload(message.payload, remark))
    return attrs.evolve(message, mail=_mail(message.mail, remark))


def with_footer(payload: SlackMessage, note: str) -> SlackMessage:
    """The payload with a note at its foot. It is ours, and needs no escaping."""
    return attrs.evolve(payload, footer=note if payload.footer is None else f"{payload.footer} {note}")


def with_postscript(mail: Mail, note: str) -> Mail:
    """The mail with a note at its end. It is ours, and needs no escaping."""
    above, body, below = mail.html.rpartition("</body>")  # where there is no body, the note comes first
    return attrs.evolve(mail, plain=f"{mail.plain}\n{note}\n", html=f"{above}<p>{note}</p>{body}{below}")


def _content(content: Content, remark: Annotation) -> Content:
    if content.sentence.startswith(remark.mark):
        return content
    sentence = cut(f"{remark.mark} {content.sentence}", SENTENCE_LIMIT)
    return attrs.evolve(content, sentence=sentence, lines=(*content.lines, Line("Note", remark.note, ours=True)))


def _payload(payload: SlackMessage, remark: Annotation) -> SlackMessage:
    if payload.fallback.startswith(remark.mark):
        return payload
    return with_footer(attrs.evolve(payload, fallback=f"{remark.mark} {payload.fallback}"), remark.note)


def _mail(mail: Mail, remark: Annotation) -> Mail:
    if mail.subject.startswith(remark.mark):
        return mail
    noted = with_postscript(mail, remark.note)
    return attrs.evolve(noted, subject=header(f"{remark.mark} {mail.subject}"), plain=f"{remark.note}\n\n{mail.plain}")


MARK = "Possibly repeated:"
"""How such a message begins: on a telephone, and in the subject of a mail."""
NOTE = "No answer came to the first try, so this may be the second message about it."
"""What it says below."""

_REPEATED = Annotation(MARK, NOTE)


def tells_of_failure(message: Message) -> bool:
    """Whether a message says that something failed; of several that were folded, whether one does."""
    content = content_of(message)
    return content.failed > 0 if isinstance(content, DigestSummary) else content.failed


def marked_as_repeat(message: Message) -> Message:
    """The message, saying that it may have come before. One that says so is left as it is."""
    return annotate(message, _REPEATED)
