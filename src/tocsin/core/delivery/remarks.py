"""A message that says something of itself, such as that it may have come before: in front, where a telephone shows it, and below.

What was laid out from a content is laid out again; to a digest, and to what somebody made by hand, the note is added. Its key stays
as it is, since it is the same announcement.
"""

import attrs

from tocsin.core.delivery.render import laid_out
from tocsin.core.effects import Mail, Message, PostToSlack, SlackMessage
from tocsin.core.messages.content import SENTENCE_LIMIT, Content, Line
from tocsin.core.messages.headers import header
from tocsin.core.messages.text import cut


@attrs.frozen
class Remark:
    """What a message says of itself. Both are ours, with nothing of the user's.

    Args:
        mark: how it begins: on a telephone, and in the subject of a mail.
        note: what it says below.
    """

    mark: str
    note: str


def remarked(message: Message, remark: Remark) -> Message:
    """The message with the remark. One that begins with its mark is left as it is."""
    if isinstance(message.content, Content):
        content = _content(message.content, remark)
        return laid_out(message, content, content)
    if isinstance(message, PostToSlack):
        return attrs.evolve(message, payload=_payload(message.payload, remark))
    return attrs.evolve(message, mail=_mail(message.mail, remark))


def footed(payload: SlackMessage, note: str) -> SlackMessage:
    """The payload with a note at its foot. It is ours, and needs no escaping."""
    return attrs.evolve(payload, footer=note if payload.footer is None else f"{payload.footer} {note}")


def postscript(mail: Mail, note: str) -> Mail:
    """The mail with a note at its end. It is ours, and needs no escaping."""
    above, body, below = mail.html.rpartition("</body>")  # where there is no body, the note comes first
    return attrs.evolve(mail, plain=f"{mail.plain}\n{note}\n", html=f"{above}<p>{note}</p>{body}{below}")


def _content(content: Content, remark: Remark) -> Content:
    if content.sentence.startswith(remark.mark):
        return content
    sentence = cut(f"{remark.mark} {content.sentence}", SENTENCE_LIMIT)
    return attrs.evolve(content, sentence=sentence, lines=(*content.lines, Line("Note", remark.note, ours=True)))


def _payload(payload: SlackMessage, remark: Remark) -> SlackMessage:
    if payload.fallback.startswith(remark.mark):
        return payload
    return footed(attrs.evolve(payload, fallback=f"{remark.mark} {payload.fallback}"), remark.note)


def _mail(mail: Mail, remark: Remark) -> Mail:
    if mail.subject.startswith(remark.mark):
        return mail
    noted = postscript(mail, remark.note)
    return attrs.evolve(noted, subject=header(f"{remark.mark} {mail.subject}"), plain=f"{remark.note}\n\n{mail.plain}")
