"""Encodes messages as rows and decodes them: JSON of a closed union with a schema version, never a pickle.

- Each text of the user's is redacted before it is stored. A row holds names of secrets, and no values.
- The content of a row is untrusted. An unknown kind, a newer version, an extra key or a value of the wrong type makes no message. The
  decoder returns a text that explains it, and the row stays.
- Datetimes are ISO 8601 with their offset from UTC. The name of a time zone is not stored.
- The bytes of attachments are apart from the JSON, which has their names, types and sizes. So a row is read and shown without them.
- A row holds no address but those that a mail goes to; that of the account is among them where the mail still goes to it alone.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache

import attrs
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from tocsin.core.attachments import Attachment, packed
from tocsin.core.delivery.destinations import destination
from tocsin.core.delivery.rendering import redacted_message, stored_attachments, with_stored_files
from tocsin.core.effects import Message, PostToSlack, SendEmail, is_edit
from tocsin.core.messages.content import Content, Line
from tocsin.core.messages.digest_summary import DigestSummary, Excerpt
from tocsin.core.messages.email import Mail
from tocsin.core.messages.slack import SlackMessage
from tocsin.core.outbox.model import Row, row_name
from tocsin.core.text import cut, describe, one_line, quote
from tocsin.core.validation import is_list, is_table
from tocsin.shell.redaction import redact

VERSION = 1
"""The version of the schema in which messages are written."""
_VERSION_OF_REST = 2  # in which a mail with a ``rest`` is written, which older code would refuse as damaged
_VERSION_OF_FILES = 3  # in which a message with attachments is written, for the same reason

MESSAGE_KINDS: Mapping[str, type[PostToSlack] | type[SendEmail]] = {"PostToSlack": PostToSlack, "SendEmail": SendEmail}
"""The classes of messages that a row may hold."""

_TAGS: Mapping[type[Content] | type[DigestSummary], str] = {
    Content: "Content",
    DigestSummary: "Tally",  # the tag in stored rows, whatever the class is called
}

_MAX_NAME = 200  # characters
_MAX_REASON = 300
_JSON = json.JSONEncoder(separators=(",", ":"))  # escapes all characters outside ASCII, lone surrogates included


@attrs.frozen
class Encoded:
    """A message as it is stored; ``files`` are the bytes of its attachments, None without any."""

    kind: str
    version: int
    body: str
    files: bytes | None = None


def encode(message: Message) -> Encoded:
    """Return the message as redacted JSON.

    Raises:
        Exception: of any class, for a message that user code built with wrong types.

    >>> from tocsin.core.effects import PostToSlack, SlackMessage
    >>> from tocsin.core.changes import Key
    >>> post = PostToSlack("TEAM", SlackMessage("load failed", "#eb0000", "Failed", "load failed"), Key("run", "load", None, 0, 0))
    >>> encode(post).kind, encode(post).body[:42]
    ('PostToSlack', '{"webhook_secret":"TEAM","payload":{"fallb')
    """
    kind = type(message).__name__
    if MESSAGE_KINDS.get(kind) is not type(message):
        raise TypeError(f"a {kind} is not one of {', '.join(MESSAGE_KINDS)}")
    if is_edit(message):
        raise TypeError("an edit is not stored: it would be stale")
    attached = stored_attachments(message)
    tree: object = _converter().unstructure(redacted_message(message, redact))
    version = _VERSION_OF_REST if isinstance(message, SendEmail) and message.rest is not None else VERSION
    return Encoded(kind, _VERSION_OF_FILES if attached else version, _JSON.encode(tree), packed(attached))


def decode(row: Row) -> Message | str:
    """Return the message in a row, or a text that says why the row holds no readable message and what to do.

    Its attachments are without their bytes, unless the row has its files.
    """
    retry = f"then: tocsin outbox retry {row.key}"
    kind = MESSAGE_KINDS.get(row.kind)
    if kind is None:
        return f"{row.key} is of a kind that this tocsin does not know, {_redacted_line(row.kind)}: upgrade tocsin, {retry}"
    if row.version > _VERSION_OF_FILES or (row.version == _VERSION_OF_REST and kind is not SendEmail):
        newest = f"version {row.version}, and this one reads {_VERSION_OF_FILES}"
        return f"{row.key} was written by a newer tocsin ({newest}): upgrade tocsin, {retry}"
    try:
        tree: object = json.loads(row.body)
        message = _converter().structure(tree, kind)
        return message if row.files is None else with_stored_files(message, row.files)
    except Exception as error:  # a damaged row may raise anything
        reason = _redacted_line(_first_error(error))
    return f"the message in {row.key} is damaged ({reason}): it is kept, and not sent; see it by: tocsin outbox show {row.key}"


def destination_name(message: Message) -> str:
    """Return the destination of the message on one line, such as ``slack:SLACK_WEBHOOK_URL``."""
    target = destination(message)
    return "" if target is None else cut(one_line(redact(f"{target.channel}:{target.name}")), _MAX_NAME)


def new_row(message: Message, at: float) -> Row:
    """Return the row of a new message. ``at`` is in seconds since 1970, by the clock of the database."""
    encoded = encode(message)
    return Row.new(
        key=row_name(message.key),
        destination=destination_name(message),
        kind=encoded.kind,
        version=encoded.version,
        body=encoded.body,
        at=at,
        files=encoded.files,
    )


def _redacted_line(text: str) -> str:
    return cut(one_line(redact(text)), _MAX_REASON)


def _first_error(error: BaseException) -> str:
    """Describe the first error inside nested exception groups."""
    nested: object = getattr(error, "exceptions", None)
    first = nested[0] if is_list(nested) and nested else None
    return _first_error(first) if isinstance(first, BaseException) else describe(error)


@cache
def _converter() -> Converter:
    """Return the converter for all classes of ``KINDS``; it is built once."""
    converter = Converter(forbid_extra_keys=True)
    for kind in (str, int, bool):
        converter.register_structure_hook(kind, _exact_type)
    converter.register_unstructure_hook(datetime, datetime.isoformat)
    converter.register_structure_hook(datetime, _datetime)
    converter.register_unstructure_hook(Attachment, lambda each: {"name": each.name, "type": each.media_type, "size": each.size})
    converter.register_structure_hook(Attachment, _attachment)
    sentence, seldom = override(rename="sentence"), override(omit_if_default=True)  # a row of before has the whole sentence there
    converter.register_unstructure_hook(Line, make_dict_unstructure_fn(Line, converter, tabular=seldom, listed=seldom))
    converter.register_unstructure_hook(
        Content,
        make_dict_unstructure_fn(Content, converter, opening=sentence, rest=seldom, mentions=seldom, attachments=seldom, said=seldom),
    )
    converter.register_structure_hook(Content, make_dict_structure_fn(Content, converter, opening=sentence))
    converter.register_unstructure_hook(Excerpt, make_dict_unstructure_fn(Excerpt, converter, error=seldom, notes=seldom))
    converter.register_unstructure_hook(
        DigestSummary,
        make_dict_unstructure_fn(DigestSummary, converter, attached=seldom, files=seldom, mentions=seldom, failures=seldom),
    )
    union = Content | DigestSummary | None

    def unstructure(content: Content | DigestSummary | None) -> object:
        return None if content is None else [_TAGS[type(content)], converter.unstructure(content)]

    def structure(tree: object, _: object) -> Content | DigestSummary | None:
        if tree is None:
            return None
        if not is_list(tree) or len(tree) != 2:
            raise ValueError("its content is not a pair")
        if tree[0] == "Content":
            return converter.structure(tree[1], Content)
        if tree[0] == "Tally":
            return converter.structure(tree[1], DigestSummary)
        raise ValueError(f"its content is neither Content nor Tally but {tree[0]!r}")

    converter.register_unstructure_hook(union, unstructure)
    converter.register_structure_hook(union, structure)
    converter.register_unstructure_hook(SlackMessage, make_dict_unstructure_fn(SlackMessage, converter, mentions=seldom))
    converter.register_unstructure_hook(Mail, make_dict_unstructure_fn(Mail, converter, attachments=seldom))
    never = override(omit=True)
    converter.register_unstructure_hook(PostToSlack, make_dict_unstructure_fn(PostToSlack, converter, attachments=seldom, edits=never))
    converter.register_structure_hook(PostToSlack, make_dict_structure_fn(PostToSlack, converter, edits=never))
    converter.register_unstructure_hook(SendEmail, make_dict_unstructure_fn(SendEmail, converter, rest=seldom))
    return converter


def _exact_type(value: str | int, kind: type[str] | type[int]) -> str | int:
    if type(value) is not kind:
        raise TypeError(f"{value!r} is not of type {kind.__name__}")
    return value


def _attachment(tree: object, _: object) -> Attachment:
    if is_table(tree) and len(tree) == 3:
        name, media_type, size = tree.get("name"), tree.get("type"), tree.get("size")
        if isinstance(name, str) and isinstance(media_type, str) and type(size) is int and size >= 0:
            return Attachment(name, b"", media_type, size)
    raise ValueError(f"{quote(tree)} is no attachment")


def _datetime(value: object, _: object) -> datetime:
    moment = datetime.fromisoformat(value if isinstance(value, str) else repr(value))
    if moment.tzinfo is None:
        raise ValueError(f"{value!r} has no offset from UTC")
    return moment
