"""A message as an app posts it, and as it edits the first one of a run: the arguments of ``chat.postMessage`` and ``chat.update``.

The attachment is that of a webhook's message. Above it stands the sentence that a telephone shows, and the user's text in it is to be
nothing but text: Slack reads no markup there, makes no links of it and shows no previews.
"""

import re
from typing import NotRequired, TypedDict

from tocsin.core.effects import SlackMessage

_MARKUP = re.compile(r"[*_~`]")
_INVISIBLE = "\u200b"


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
        "text": _MARKUP.sub(rf"{_INVISIBLE}\g<0>{_INVISIBLE}", _sentence(payload)),
        "attachments": [message.attachment() for message in (payload, kept) if message is not None],
        "parse": "none",
    }


def _sentence(payload: SlackMessage) -> str:
    """What a telephone shows; Slack takes no message without a word."""
    return payload.fallback if payload.fallback.strip() else "(no words)"
