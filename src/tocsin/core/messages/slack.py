"""A message as Slack takes it: a webhook's payload, and the arguments of ``chat.postMessage`` and ``chat.update``.

- A message is one sentence, which a phone shows, and one attachment with a colour bar.
- No text of the user's may become markup, a link, a mention or a preview.
- Slack reads markup only in the parts that ``mrkdwn_in`` names. There are none unless a field is set as code. Then each value of the
  user's in a field is put in a code fence, with its own backticks broken, unless it is a few plain words.
- Exactly ``&``, ``<`` and ``>`` are escaped, as Slack's page on formatting asks, after the text is cut.
"""

import re
from collections.abc import Mapping
from typing import NotRequired, TypedDict

import attrs

from tocsin.core.attachments import Attachment, listed
from tocsin.core.messages.content import Content, Line, cut_line
from tocsin.core.messages.mentions import EVERYONE, are_mentions
from tocsin.core.text import cut
from tocsin.core.values import Value

LIMITS: Mapping[str, int] = {
    "Message": 600,
    "Error": 800,
    "Raised at": 200,
    "Traceback, innermost first": 900,
    "Last lines": 800,
    "Note": 300,
    "Not attached": 200,
    "Progress": 100,
    "Command": 200,
    "Arguments": 200,
    "Result": 200,
    "Names": 800,
    "Failures": 900,
    "First": 750,
    "States": 300,
    "Last": 250,
    "The rest": 300,
    "Where": 300,
    "Files": 300,
    "Key": 200,
}
"""The most characters of a field, before escaping."""

OTHER_LIMIT = 100
FIELDS_LIMIT = 4000
"""The most characters of all fields together, before escaping: what Slack advises for a message."""
TABLES_LIMIT = 800
"""The most characters of all tables together, whatever their titles."""

_SHORT = 120  # characters of a field that is never cut to make room for others
_LEAST = 100
TITLE_LIMIT = 60
_PLAIN_WORDS = re.compile(r"[A-Za-z0-9]+(?:[ -][A-Za-z0-9]+)*")  # a dot could make a link, an underscore italics
_INVISIBLE = "\u200b"
_SPECIAL = re.compile("[&<>]")  # a search costs less than a call, and most texts hold none
_MARKUP = re.compile(r"[*_~`]")
_NO_WORDS = "(no words)"
_WITHOUT_PREVIEWS = {"unfurl_links": False, "unfurl_media": False}


@attrs.frozen(eq=False, repr=False)
class SlackField(Value):
    """One titled value of a Slack message; Slack shows ``short`` fields side by side."""

    title: str
    value: str
    short: bool = False


@attrs.frozen(eq=False, repr=False)
class SlackMessage(Value):
    """The message for an incoming webhook: the sentence in ``fallback``, and one attachment with its colour bar.

    Source of the fields: Slack's reference of message attachments. All text is already escaped. ``mrkdwn_in`` names the parts in
    which Slack parses markup. ``mentions`` stand in front of the sentence, the only markup there.
    """

    fallback: str
    color: str
    title: str
    text: str
    fields: tuple[SlackField, ...] = ()
    title_link: str | None = None
    mrkdwn_in: tuple[str, ...] = ()
    footer: str | None = None
    ts: int | None = None
    mentions: tuple[str, ...] = attrs.field(default=(), validator=are_mentions)

    def to_json(self) -> str:
        """Return the exact JSON to post.

        >>> SlackMessage("load failed", "#eb0000", "Failed", "load is now in a Failed state").to_json()[:60]
        '{"text": "load failed", "mrkdwn": false, "attachments": [{"f'
        """
        import json  # seldom needed, and slow to load

        message = {"text": sentence(self), "mrkdwn": bool(self.mentions), "attachments": [self.attachment()], **_WITHOUT_PREVIEWS}
        return json.dumps(message, ensure_ascii=False)

    def attachment(self) -> dict[str, object]:
        """Return the attachment as a JSON object.

        >>> SlackMessage("load failed", "#eb0000", "Failed", "load is now in a Failed state").attachment()["title"]
        'Failed'
        """
        attachment: dict[str, object] = {
            "fallback": self.fallback,
            "color": self.color,
            "title": self.title,
            "title_link": self.title_link,
            "text": self.text,
            "fields": [{"title": f.title, "value": f.value, "short": f.short} for f in self.fields],
            "mrkdwn_in": list(self.mrkdwn_in),
            "footer": self.footer,
            "ts": self.ts,
        }
        return {name: value for name, value in attachment.items() if value is not None}


def slack_message(content: Content) -> SlackMessage:
    """Return the payload for a webhook."""
    lines = content.lines if not content.attachments else (*content.lines, _files(content.attachments))
    has_code, has_table, size, sentence = False, False, 0, content.sentence
    for line in lines:
        has_code = has_code or line.quoted
        has_table = has_table or line.tabular
        size += len(line.text)
    is_usual = not has_table and size <= FIELDS_LIMIT
    return SlackMessage(
        fallback=escape(sentence) if _SPECIAL.search(sentence) else sentence,
        color=content.color,
        title=escape(content.state) if _SPECIAL.search(content.state) else content.state,
        title_link=content.link,
        text=escape(content.headline) if _SPECIAL.search(content.headline) else content.headline,
        fields=tuple([_field(line, has_code) for line in lines]) if is_usual else _cut_fields(lines, has_code=has_code),
        mrkdwn_in=("fields",) if has_code else (),
        ts=int(content.at.timestamp()),
        mentions=content.mentions,
    )


def _files(attachments: tuple[Attachment, ...]) -> Line:
    return Line("Files", listed(attachments, LIMITS["Files"]))


def escape(text: str) -> str:
    """Escape Slack's three special characters.

    >>> escape("<!channel> & co")
    '&lt;!channel&gt; &amp; co'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def fence(text: str) -> str:
    """Return the text in a code fence that it cannot close."""
    unclosed = text.replace("`", f"{_INVISIBLE}`{_INVISIBLE}")
    return f"```{escape(unclosed) if _SPECIAL.search(unclosed) else unclosed}```"


def _cut_fields(lines: tuple[Line, ...], *, has_code: bool) -> tuple[SlackField, ...]:
    """Return the fields of lines with tables, or of long lines. If all are too long together, the long ones are cut in proportion."""
    tables = [line.tabular for line in lines].count(True)
    table_limit = max(TABLES_LIMIT // max(tables, 1), _LEAST)
    lengths = [min(len(line.text), table_limit if line.tabular else LIMITS.get(line.title, OTHER_LIMIT)) for line in lines]
    short, long = sum(n for n in lengths if n <= _SHORT), sum(n for n in lengths if n > _SHORT)
    room = max(FIELDS_LIMIT - short, 0)
    if long > room:
        lengths = [n if n <= _SHORT else max(n * room // long, _LEAST) for n in lengths]
    return tuple([_field(line, has_code, limit) for line, limit in zip(lines, lengths, strict=True)])


def _field(line: Line, has_code: bool, limit: int | None = None) -> SlackField:  # noqa: FBT001 - called for each field
    if limit is None:
        limit = LIMITS.get(line.title, OTHER_LIMIT)
    text = line.text if len(line.text) <= limit else cut_line(line, limit)
    bare = not has_code or line.ours or (not line.quoted and _PLAIN_WORDS.fullmatch(text) is not None)
    plain_title = len(line.title) <= TITLE_LIMIT and _PLAIN_WORDS.fullmatch(line.title) is not None
    title = line.title if plain_title else escape(cut(line.title, TITLE_LIMIT))
    if not bare:
        return SlackField(title, fence(text), short=line.short)
    return SlackField(title, escape(text) if _SPECIAL.search(text) else text, short=line.short)


class Posting(TypedDict):
    """The arguments of ``chat.postMessage``."""

    channel: str
    text: str
    attachments: list[dict[str, object]]
    thread_ts: NotRequired[str]
    mrkdwn: bool
    parse: str
    unfurl_links: bool
    unfurl_media: bool


class Editing(TypedDict):
    """The arguments of ``chat.update``."""

    channel: str
    ts: str
    text: str
    attachments: list[dict[str, object]]
    parse: str


def posting(channel: str, payload: SlackMessage, thread_ts: str | None = None) -> Posting:
    """Return the arguments that post a message in a channel; with ``thread_ts``, as a reply to the message of that id."""
    arguments: Posting = {
        "channel": channel,
        "text": sentence(payload),
        "attachments": [payload.attachment()],
        "mrkdwn": bool(payload.mentions),
        "parse": "none",
        "unfurl_links": False,
        "unfurl_media": False,
    }
    return arguments if thread_ts is None else {**arguments, "thread_ts": thread_ts}


def editing(channel: str, ts: str, payload: SlackMessage, kept: SlackMessage | None) -> Editing:
    """Return the arguments that replace the message of the id ``ts``. What was ``kept`` of the old message stays below the new one.

    ``chat.update`` makes links by default, so ``parse`` is "none". It has no argument that turns markup off, so markup is broken up.
    """
    return {
        "channel": channel,
        "ts": ts,
        "text": _without_markup(payload.fallback if payload.fallback.strip() else _NO_WORDS),
        "attachments": [message.attachment() for message in (payload, kept) if message is not None],
        "parse": "none",
    }


def sentence(payload: SlackMessage) -> str:
    """Return the sentence that a phone shows. Slack accepts no message without text.

    A mention is markup, and Slack reads it only in a text with markup. So the markup of the sentence itself is broken up there.

    >>> sentence(SlackMessage("load failed", "#eb0000", "Failed", "load is now in a Failed state", mentions=("U0123ABCD", "here")))
    '<@U0123ABCD> <!here> load failed'
    """
    text = payload.fallback if payload.fallback.strip() else _NO_WORDS
    return " ".join([*map(mention, payload.mentions), _without_markup(text)]) if payload.mentions else text


def mention(who: str) -> str:
    """Return the markup that mentions a person, a group of them, or those of a channel.

    >>> mention("U0123ABCD"), mention("S0123ABCD"), mention("channel")
    ('<@U0123ABCD>', '<!subteam^S0123ABCD>', '<!channel>')
    """
    if who in EVERYONE:
        return f"<!{who}>"
    return f"<!subteam^{who}>" if who.startswith("S") else f"<@{who}>"


def _without_markup(text: str) -> str:
    return _MARKUP.sub(rf"{_INVISIBLE}\g<0>{_INVISIBLE}", text)
