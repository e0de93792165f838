"""A change as a Slack message: one attachment with its colour bar.

Nothing of the user's may become markup, a link or a mention. Slack reads markup only in the parts that ``mrkdwn_in`` names:
there are none, unless a field is set as code; then each value of the user's in a field stands in a code fence, with its own
backticks broken, unless it is a few plain words. Exactly ``&``, ``<`` and ``>`` are escaped, as Slack's page on formatting asks,
after the text was cut.

A message as an app posts it, and as it edits the first one of a run: the arguments of ``chat.postMessage`` and ``chat.update``.

The attachment is that of a webhook's message. Above it stands the sentence that a telephone shows, and the user's text in it is to be
nothing but text: Slack reads no markup there, makes no links of it and shows no previews.
"""

import re
from collections.abc import Mapping
from typing import NotRequired, TypedDict

from tocsin.core.effects import SlackField, SlackMessage
from tocsin.core.messages.content import Content, Line
from tocsin.core.messages.text import cut

LIMITS: Mapping[str, int] = {
    "Message": 1000,
    "Traceback, innermost first": 1000,
    "Last lines": 800,
    "Error": 300,
    "Note": 300,
    "Command": 200,
    "Arguments": 200,
    "Result": 200,
    "Names": 800,
    "First": 750,
    "States": 300,
    "Last": 250,
    "The rest": 300,
    "Where": 300,
    "Key": 200,
}
"""Characters of a field, before escaping: all fields together stay under the 4,000 that Slack advises."""

OTHER_LIMIT = 100
TITLE_LIMIT = 60
_HARMLESS = re.compile(r"[A-Za-z0-9]+(?:[ -][A-Za-z0-9]+)*")  # words; a dot could make a link of them, an underscore italics
_INVISIBLE = "\u200b"


def slack_message(content: Content) -> SlackMessage:
    """The message that a webhook is to take."""
    coded = any(line.quoted for line in content.lines)
    return SlackMessage(
        fallback=escape(content.sentence),
        color=content.color,
        title=escape(content.state),
        title_link=content.link,
        text=escape(content.headline),
        fields=tuple(_field(line, coded=coded) for line in content.lines),
        mrkdwn_in=("fields",) if coded else (),
        ts=int(content.at.timestamp()),
    )


def escape(text: str) -> str:
    """The text with Slack's three special characters escaped.

    >>> escape("<!channel> & co")
    '&lt;!channel&gt; &amp; co'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def fence(text: str) -> str:
    """The text as code, with no way out of the fence."""
    return f"```{escape(text.replace('`', f'{_INVISIBLE}`{_INVISIBLE}'))}```"


def _field(line: Line, *, coded: bool) -> SlackField:
    text = cut(line.text, LIMITS.get(line.title, OTHER_LIMIT))
    bare = not coded or line.ours or (not line.quoted and _HARMLESS.fullmatch(text) is not None)
    return SlackField(escape(cut(line.title, TITLE_LIMIT)), escape(text) if bare else fence(text), short=line.short)


_MARKUP = re.compile(r"[*_~`]")
_NO_NOTIFICATION_TEXT = "\u200b"


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
    """The message in a channel; with ``thread_ts``, as a reply to the message of that id."""
    made: Posting = {
        "channel": channel,
        "text": _sentence(payload),
        "attachments": [payload.attachment()],
        "mrkdwn": False,
        "parse": "none",
        "unfurl_links": False,
        "unfurl_media": False,
    }
    return made if thread_ts is None else {**made, "thread_ts": thread_ts}


def editing(channel: str, ts: str, payload: SlackMessage, kept: SlackMessage | None) -> Editing:
    """The message in place of the one of that id; below it what was ``kept`` of that one.

    Unlike ``chat.postMessage`` it makes links unless told not to, and cannot be told to read no markup: so that is disarmed.
    """
    return {
        "channel": channel,
        "ts": ts,
        "text": _MARKUP.sub(rf"{_NO_NOTIFICATION_TEXT}\g<0>{_NO_NOTIFICATION_TEXT}", _sentence(payload)),
        "attachments": [message.attachment() for message in (payload, kept) if message is not None],
        "parse": "none",
    }


def _sentence(payload: SlackMessage) -> str:
    """What a telephone shows; Slack takes no message without a word."""
    return payload.fallback if payload.fallback.strip() else "(no words)"
