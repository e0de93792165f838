"""Messages as rows keep them: JSON of a closed union, with the version of its schema, and never a pickle.

- Every text is redacted before it is kept, but for the addresses of a mail: a row holds names of secrets, and no value of one. So does
  the key by which it is called.
- What a row holds is hostile: a kind that we do not know, a newer version, a key too many or a number where a text belongs make no
  message. They are told of in words, and the row stays.
- Moments are ISO 8601 with their offset from UTC; of a zone, no more than that is kept.
- To look for secrets takes the most time. So the JSON is looked through as a whole, and each text in it only where that may be needed:
  where a secret was found, or a text holds a backslash. Without one, JSON writes a text as one of the forms in which a secret is known.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from hashlib import sha256

import attrs
from cattrs import Converter

from tocsin.core.delivery.destinations import destination
from tocsin.core.delivery.digest_summary import DigestSummary
from tocsin.core.effects import Message, PostToSlack, SendEmail
from tocsin.core.messages.content import Content
from tocsin.core.messages.text import cut, describe, one_line
from tocsin.core.outbox.model import Row, row_name
from tocsin.core.validation import is_list, is_table
from tocsin.shell.adapters.redaction import redact

VERSION = 1
"""Of the schema that messages are written in."""

KINDS: Mapping[str, type[PostToSlack] | type[SendEmail]] = {"PostToSlack": PostToSlack, "SendEmail": SendEmail}
_TAGS: Mapping[type[Content] | type[DigestSummary], str] = {
    Content: "Content",
    DigestSummary: "Tally",
}
"""All that may be kept."""

_LONGEST_NAME = 200  # characters
_LONGEST_REASON = 300
_JSON = json.JSONEncoder(separators=(",", ":"))  # made once; all that is not ASCII is escaped, lone surrogates as well
_PLAIN = frozenset({"recipients", "cc"})  # addresses go to the server as they are, the account's own too, which is a secret's value
_BACKSLASH = "\\\\"  # one, in JSON


@attrs.frozen
class Encoded:
    """A message as it is kept."""

    kind: str
    version: int
    body: str


def encode(message: Message) -> Encoded:
    """The message as JSON, redacted.

    Raises:
        Exception: whatever a message that somebody made by hand makes of this.

    >>> from tocsin.core.effects import PostToSlack, SlackMessage
    >>> from tocsin.core.changes import Key
    >>> post = PostToSlack("TEAM", SlackMessage("load failed", "#eb0000", "Failed", "load failed"), Key("run", "load", None, 0, 0))
    >>> encode(post).kind, encode(post).body[:42]
    ('PostToSlack', '{"webhook_secret":"TEAM","payload":{"fallb')
    """
    kind = type(message).__name__
    if KINDS.get(kind) is not type(message):
        raise TypeError(f"a {kind} is none of {', '.join(KINDS)}")
    tree: object = _converter().unstructure(message)
    body = _JSON.encode(tree)
    if _BACKSLASH in body or redact(body) != body:
        body = _JSON.encode(_redacted(tree))
    return Encoded(kind, VERSION, body)


def decode(row: Row) -> Message | str:
    """The message in a row; a text where it holds none for us, which says why, and what to do."""
    then = f"then: tocsin outbox retry {row.key}"
    kind = KINDS.get(row.kind)
    if kind is None:
        return f"{row.key} is of a kind that this tocsin does not know, {_shown(row.kind)}: upgrade tocsin, {then}"
    if row.version > VERSION:
        return f"{row.key} was written by a newer tocsin (version {row.version}, and we read {VERSION}): upgrade tocsin, {then}"
    try:
        tree: object = json.loads(row.body)
        return _converter().structure(tree, kind)
    except Exception as error:  # whatever a damaged row makes of this
        why = _shown(_said(error))
    return f"the message in {row.key} is damaged ({why}): it is kept, and not sent; see it by: tocsin outbox show {row.key}"


def destination_name(message: Message) -> str:
    """Where the message goes, as one line: ``slack:SLACK_WEBHOOK_URL``."""
    goal = destination(message)
    return "" if goal is None else cut(one_line(redact(f"{goal.channel}:{goal.name}")), _LONGEST_NAME)


def new_row(message: Message, at: float) -> Row:
    """The row of a message that is taken in at a moment in seconds since 1970, by the clock of the database."""
    kept = encode(message)
    return Row.new(
        key=_harmless(row_name(message.key)),
        destination=destination_name(message),
        kind=kept.kind,
        version=kept.version,
        body=kept.body,
        at=at,
    )


def _harmless(name: str) -> str:
    """The name without a secret's value. Two of them are different still."""
    shown = redact(name)
    return name if shown == name else f"{one_line(shown).replace(' ', '_')}~{sha256(name.encode()).hexdigest()[:32]}"


def _redacted(tree: object) -> object:
    if isinstance(tree, str):
        return redact(tree)
    if is_table(tree):
        return {name: value if name in _PLAIN else _redacted(value) for name, value in tree.items()}
    return [_redacted(value) for value in tree] if is_list(tree) else tree


def _shown(text: str) -> str:
    return cut(one_line(redact(text)), _LONGEST_REASON)


def _said(error: BaseException) -> str:
    """What is wrong, of the first thing that is: it may be several levels down."""
    inside: object = getattr(error, "exceptions", None)
    first = inside[0] if is_list(inside) and inside else None
    return _said(first) if isinstance(first, BaseException) else describe(error)


@cache
def _converter() -> Converter:
    """What knows how each class is kept; made once."""
    converter = Converter(forbid_extra_keys=True)
    for kind in (str, int, bool):
        converter.register_structure_hook(kind, _exactly)
    converter.register_unstructure_hook(datetime, datetime.isoformat)
    converter.register_structure_hook(datetime, _moment)
    said = Content | DigestSummary | None

    def untold(content: Content | DigestSummary | None) -> object:
        return None if content is None else [_TAGS[type(content)], converter.unstructure(content)]

    def told(tree: object, _: object) -> Content | DigestSummary | None:
        if tree is None:
            return None
        if not is_list(tree) or len(tree) != 2:
            raise ValueError("its content is no pair")
        if tree[0] == "Content":
            return converter.structure(tree[1], Content)
        if tree[0] == "Tally":
            return converter.structure(tree[1], DigestSummary)
        raise ValueError(f"its content is neither Content nor Tally but {tree[0]!r}")

    converter.register_unstructure_hook(said, untold)
    converter.register_structure_hook(said, told)
    return converter


def _exactly(value: str | int, kind: type[str] | type[int]) -> str | int:
    if type(value) is not kind:
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value


def _moment(value: object, _: object) -> datetime:
    moment = datetime.fromisoformat(value if isinstance(value, str) else repr(value))
    if moment.tzinfo is None:
        raise ValueError(f"{value!r} has no offset from UTC")
    return moment
