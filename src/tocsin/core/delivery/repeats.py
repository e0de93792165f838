"""A message that is sent again although the first may have arrived: which is worth that, and how it says so.

Only one that tells of a failure is: to hear of a failure twice is a nuisance, to hear of it never is what the message was sent against.
Its key stays as it is, since it is the same announcement.
"""

import attrs

from tocsin.core.delivery.render import laid_out, said
from tocsin.core.delivery.tally import Tally
from tocsin.core.effects import Mail, Message, PostToSlack, SlackMessage
from tocsin.core.messages.content import SENTENCE_LIMIT, Content, Line
from tocsin.core.messages.headers import header
from tocsin.core.messages.text import cut

MARK = "Possibly repeated:"
"""How such a message begins: on a telephone, and in the subject of a mail."""
NOTE = "No answer came to the first try, so this may be the second message about it."
"""What it says below."""


def tells_of_failure(message: Message) -> bool:
    """Whether a message says that something failed; of several that were folded, whether one does."""
    content = said(message)
    return content.failed > 0 if isinstance(content, Tally) else content.failed


def marked(message: Message) -> Message:
    """The message, saying that it may have come before. One that says so is left as it is.

    What was laid out from a content is laid out again; to a digest, and to what somebody made by hand, the note is added.
    """
    if isinstance(message.content, Content):
        content = _content(message.content)
        return laid_out(message, content, content)
    if isinstance(message, PostToSlack):
        return attrs.evolve(message, payload=_payload(message.payload))
    return attrs.evolve(message, mail=_mail(message.mail))


def _content(content: Content) -> Content:
    if content.sentence.startswith(MARK):
        return content
    sentence = cut(f"{MARK} {content.sentence}", SENTENCE_LIMIT)
    return attrs.evolve(content, sentence=sentence, lines=(*content.lines, Line("Note", NOTE, ours=True)))


def _payload(payload: SlackMessage) -> SlackMessage:
    if payload.fallback.startswith(MARK):
        return payload
    footer = NOTE if payload.footer is None else f"{payload.footer} {NOTE}"
    return attrs.evolve(payload, fallback=f"{MARK} {payload.fallback}", footer=footer)


def _mail(mail: Mail) -> Mail:
    if mail.subject.startswith(MARK):
        return mail
    above, body, below = mail.html.rpartition("</body>")  # where there is no body, the note comes first
    html = f"{above}<p>{NOTE}</p>{body}{below}"
    return attrs.evolve(mail, subject=header(f"{MARK} {mail.subject}"), plain=f"{NOTE}\n\n{mail.plain}", html=html)
