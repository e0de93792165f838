"""Changes to a finished message: laying it out anew, annotating it, and marking it as a possible repetition.

- A message with a content is laid out again. To a digest, and to a message made by hand, the note is added. The key stays the same,
  since it is the same notification.
- An annotation stands in front, where a phone shows it, and below.
- Secrets are replaced in whole texts, and the message is laid out again: so each text is cut and escaped afterwards. What was made by
  hand has no whole texts, nor has a digest: there the payload or the mail is searched.
- A message that may have arrived is sent again only if it reports a failure: two messages about a failure are a nuisance, no message is
  worse.
"""

from collections.abc import Callable
from datetime import UTC, datetime

import attrs

from tocsin.core.attachments import Attachment, unpacked
from tocsin.core.effects import Message, PostToSlack, SendEmail
from tocsin.core.messages.content import SENTENCE_LIMIT, Content, Line
from tocsin.core.messages.digest_summary import DigestSummary
from tocsin.core.messages.email import Mail, mail
from tocsin.core.messages.slack import SlackMessage, escape, slack_message
from tocsin.core.screen import CONTROL
from tocsin.core.text import cut, header

MARK = "Possibly repeated:"
"""The beginning of a message that may be a repetition: on a phone, and in the subject of a mail."""
NOTE = "No answer came to the first try, so this may be the second message about it."
"""The note below such a message."""

_LEFT_OUT = "Its files were left out: those of earlier messages were still waiting to be sent."
_GREY = "#696969"
_LATEST = 253_402_214_400  # seconds: the last day of the year 9999, in any zone


def rerender(message: Message, content: Content, source: Content | DigestSummary) -> Message:
    """Return the message to the same people with another ``content``, and ``source`` as what it was made from."""
    if isinstance(message, PostToSlack):
        return attrs.evolve(message, payload=slack_message(content), content=source, attachments=content.attachments)
    result = mail(content, message.mail.recipients, message.mail.cc)
    return attrs.evolve(message, mail=result, content=source)


def content_of(message: Message) -> Content | DigestSummary:
    """Return what a message was made from; without that, the content read back from its layout."""
    if message.content is not None:
        return message.content
    if isinstance(message, PostToSlack):
        payload = message.payload
        at = datetime.fromtimestamp(min(max(payload.ts or 0, 0), _LATEST), UTC)
        lines = tuple(Line(_unescaped(field.title), _unescaped(field.value)) for field in payload.fields)
        texts = (_unescaped(payload.fallback), _unescaped(payload.text), _unescaped(payload.title))
        content = Content(message.key.slug, *texts, False, payload.color, at, lines, payload.title_link, mentions=payload.mentions)
    else:
        result = message.mail
        texts = (result.subject, result.subject, "Message")
        content = Content(message.key.slug, *texts, False, _GREY, result.at, (Line("Message", result.plain),))
    return attrs.evolve(content, attachments=attachments_of(message))


def attachments_of(message: Message) -> tuple[Attachment, ...]:
    """Return the files that go with a message."""
    return message.attachments if isinstance(message, PostToSlack) else message.mail.attachments


def with_attachments(message: Message, attachments: tuple[Attachment, ...]) -> Message:
    """Return the message with these files in place of its own. Its texts stay as they are."""
    content = message.content
    if isinstance(content, Content):
        content = attrs.evolve(content, attachments=attachments)
    if isinstance(message, PostToSlack):
        return attrs.evolve(message, attachments=attachments, content=content)
    return attrs.evolve(message, mail=attrs.evolve(message.mail, attachments=attachments), content=content)


def without_files(message: Message) -> Message:
    """Return the message without the bytes of its files, which it names with their sizes, and says that they were left out."""
    content = message.content
    if isinstance(content, Content):
        content = attrs.evolve(content, lines=(*content.lines, Line("Note", _LEFT_OUT, ours=True)))
        message = rerender(message, content, content)
    return with_attachments(message, tuple(each.detached for each in attachments_of(message)))


def stored_attachments(message: Message) -> tuple[Attachment, ...]:
    """Return the files of the message, and those of its content if they are others: a message made by hand may hold both."""
    own, content = attachments_of(message), message.content
    inner = content.attachments if isinstance(content, Content) else ()
    return own if inner == own else (*own, *inner)


def with_stored_files(message: Message, files: bytes) -> Message:
    """Return the message with the bytes of its ``stored_attachments``, as ``packed`` gives them.

    Raises:
        ValueError: they are not the bytes of these attachments.
    """
    own, content, contents = attachments_of(message), message.content, unpacked(files)
    inner = content.attachments if isinstance(content, Content) else ()
    shared = inner == own and len(contents) != 2 * len(own)
    empty = own if shared else (*own, *inner)
    if len(contents) != len(empty):
        raise ValueError(f"it has {len(empty):,} attachments, and the bytes of {len(contents):,} are stored")
    filled = tuple(attrs.evolve(each, content=one) for each, one in zip(empty, contents, strict=True))
    result = with_attachments(message, filled[: len(own)])
    if shared or not isinstance(content, Content):
        return result
    return attrs.evolve(result, content=attrs.evolve(content, attachments=filled[len(own) :]))


def _unescaped(text: str) -> str:
    """Undo the escaping and the code fence of a text for Slack."""
    return _without_entities(text.removeprefix("```").removesuffix("```"))


def _without_entities(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def redacted_message(message: Message, redact: Callable[[str], str]) -> Message:
    """Return the message with each text of the user's as ``redact`` returns it; itself if none changes."""
    content = message.content
    if content is None:
        return _redacted_layout(message, redact)
    source = content.redacted(redact)
    if source is content:
        return message
    if isinstance(source, Content) and _is_laid_out(message):
        return rerender(message, source, source)
    return attrs.evolve(_redacted_layout(message, redact), content=source)


def searched_message(message: Message, redact: Callable[[str], str]) -> Message:
    """Return the message as it may be sent: also what was added to its layout by hand is searched.

    A secret that is part of a name stays: so the layout is searched only if it is not that of the content.
    """
    message = redacted_message(message, redact)
    whole = "\n".join(_texts(message))
    is_clean = CONTROL.search(whole) is None and redact(whole) == whole  # a control character acts beyond its own text
    return message if is_clean or _is_laid_out(message) else _redacted_layout(message, redact)


def _is_laid_out(message: Message) -> bool:
    """Return whether the message is as its content is laid out. A digest always is."""
    content = message.content
    return isinstance(content, DigestSummary) or (content is not None and rerender(message, content, content) == message)


def _texts(message: Message) -> tuple[str, ...]:
    names = (attachment.name for attachment in attachments_of(message))
    if isinstance(message, SendEmail):
        return message.mail.subject, message.mail.plain, message.mail.html, *names
    payload = message.payload
    fields = (text for field in payload.fields for text in (field.title, field.value))
    return payload.fallback, payload.title, payload.text, payload.title_link or "", payload.footer or "", *fields, *names


def _redacted_layout(message: Message, redact: Callable[[str], str]) -> Message:
    files = tuple(attachment.redacted(redact) for attachment in attachments_of(message))
    if isinstance(message, PostToSlack):
        return attrs.evolve(message, payload=_redacted_payload(message.payload, redact), attachments=files)
    mail = message.mail
    texts = attrs.evolve(mail, subject=redact(mail.subject), plain=redact(mail.plain), html=redact(mail.html), attachments=files)
    return attrs.evolve(message, mail=texts)


def _redacted_payload(payload: SlackMessage, redact: Callable[[str], str]) -> SlackMessage:
    def each(text: str) -> str:
        plain = _without_entities(text)
        replaced = redact(plain)
        return text if replaced == plain else escape(replaced)

    return attrs.evolve(
        payload,
        fallback=each(payload.fallback),
        title=each(payload.title),
        text=each(payload.text),
        title_link=None if payload.title_link is None else each(payload.title_link),
        footer=None if payload.footer is None else each(payload.footer),
        fields=tuple(attrs.evolve(field, title=each(field.title), value=each(field.value)) for field in payload.fields),
    )


@attrs.frozen
class Annotation:
    """A statement of a message about itself. Neither text holds anything of the user's.

    Args:
        mark: the beginning of the message: on a phone, and in the subject of a mail.
        note: the note below.
    """

    mark: str
    note: str


_REPEATED = Annotation(MARK, NOTE)


def annotate(message: Message, annotation: Annotation) -> Message:
    """Add an annotation to a message. A message that already begins with its mark is returned unchanged."""
    if isinstance(message.content, Content):
        content = _annotated_content(message.content, annotation)
        return rerender(message, content, content)
    if isinstance(message, PostToSlack):
        return attrs.evolve(message, payload=_annotated_payload(message.payload, annotation))
    return attrs.evolve(message, mail=_annotated_mail(message.mail, annotation))


def with_footer(payload: SlackMessage, note: str) -> SlackMessage:
    """Add a note to the footer of a payload. The note must need no escaping."""
    return attrs.evolve(payload, footer=note if payload.footer is None else f"{payload.footer} {note}")


def with_postscript(mail: Mail, note: str) -> Mail:
    """Add a note to the end of a mail. The note must need no escaping."""
    above, body, below = mail.html.rpartition("</body>")  # without a body, the note comes first
    return attrs.evolve(mail, plain=f"{mail.plain}\n{note}\n", html=f"{above}<p>{note}</p>{body}{below}")


def _annotated_content(content: Content, annotation: Annotation) -> Content:
    if content.opening.startswith(annotation.mark):
        return content
    opening = cut(f"{annotation.mark} {content.opening}", SENTENCE_LIMIT)
    return attrs.evolve(content, opening=opening, lines=(*content.lines, Line("Note", annotation.note, ours=True)))


def _annotated_payload(payload: SlackMessage, annotation: Annotation) -> SlackMessage:
    if payload.fallback.startswith(annotation.mark):
        return payload
    return with_footer(attrs.evolve(payload, fallback=f"{annotation.mark} {payload.fallback}"), annotation.note)


def _annotated_mail(mail: Mail, annotation: Annotation) -> Mail:
    if mail.subject.startswith(annotation.mark):
        return mail
    annotated = with_postscript(mail, annotation.note)
    return attrs.evolve(annotated, subject=header(f"{annotation.mark} {mail.subject}"), plain=f"{annotation.note}\n\n{mail.plain}")


def tells_of_failure(message: Message) -> bool:
    """Return whether a message reports a failure. A digest does if at least one of its messages does."""
    content = content_of(message)
    return content.failed > 0 if isinstance(content, DigestSummary) else content.failed


def marked_as_repeat(message: Message) -> Message:
    """Mark a message as a possible repetition. A marked message is returned unchanged."""
    return annotate(message, _REPEATED)
