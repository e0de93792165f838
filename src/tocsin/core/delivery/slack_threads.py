"""One Slack thread for each run in a channel: the first message is the parent, and later messages are replies to it.

- A message is posted once, as a parent or as a reply. Only the parent is ever edited.
- The parent shows the newest state of its object. It is edited after the reply that brings a newer state. What the author of a run says
  is no state: it is a reply, or begins the thread, and causes no edit.
- The progress of a run is an edit alone: of the parent, if that is about the same object and shows nothing newer, else nothing.
- An edit removes neither a failure nor what was said: a parent that had one keeps that text below the new one.
- A digest stands for many objects. It is never edited, and causes no edit.
- What is known of a run's thread is a value. The adapter keeps it, and asks here what to do next.
"""

from collections.abc import Mapping
from typing import TypeVar

import attrs

from tocsin.core.changes import Key
from tocsin.core.effects import PostToSlack
from tocsin.core.messages.content import Content
from tocsin.core.messages.digest_summary import DigestSummary
from tocsin.core.messages.slack import SlackMessage
from tocsin.core.values import Value

REMEMBERED = 1000
"""The most runs whose threads are remembered: those with the latest messages."""

_P = TypeVar("_P")


@attrs.frozen(eq=False, repr=False)
class Thread(Value):
    """The thread of a run in a channel.

    Args:
        channel: the channel's id, from Slack's answer.
        ts: the parent's id, from Slack's answer.
        slug: the slug of the parent's object in its run.
        map_index: the map index of the parent's object.
        shown: the ordinal of the newest state that the parent shows.
        kept: the payload that an edit must keep; None for none.
        editable: whether the parent may be edited, as far as is known.
    """

    channel: str
    ts: str
    slug: str
    map_index: int | None
    shown: int
    kept: SlackMessage | None = None
    editable: bool = True


@attrs.frozen(eq=False, repr=False)
class Post(Value):
    """Post the message into the channel, as the parent of its run's thread."""


@attrs.frozen(eq=False, repr=False)
class Reply(Value):
    """Post the message as a reply in ``thread``; with ``edit``, edit the parent afterwards to show it too."""

    thread: Thread
    edit: bool


@attrs.frozen(eq=False, repr=False)
class Edit(Value):
    """Edit the parent of ``thread`` to show the message, which is not posted."""

    thread: Thread


@attrs.frozen(eq=False, repr=False)
class Skip(Value):
    """Do nothing: there is no message that could show this one."""


def planned(thread: Thread | None, message: PostToSlack) -> Post | Reply | Edit | Skip:
    """Return what to do with a message. ``thread`` is that of its run; None if the run has none yet."""
    if message.edits:
        return Edit(thread) if thread is not None and _is_newer(thread, message) else Skip()
    if thread is None:
        return Post()
    is_state = not isinstance(message.content, DigestSummary) and not _is_said(message)
    return Reply(thread, edit=is_state and _is_newer(thread, message))


def _is_newer(thread: Thread, message: PostToSlack) -> bool:
    """Return whether the message is newer than the parent, which is about the same object and may be edited."""
    key = message.key
    same = (thread.slug, thread.map_index) == (key.slug, key.map_index)
    return same and thread.editable and key.ordinal > thread.shown


def opened(message: PostToSlack, channel: str, ts: str) -> Thread:
    """Return the thread after the message was posted as a parent, as ``ts`` in ``channel``."""
    key, content = message.key, message.content
    harmless = isinstance(content, Content) and not content.failed and not content.said
    kept = None if harmless else message.payload
    return Thread(channel, ts, key.slug, key.map_index, key.ordinal, kept, editable=not isinstance(content, DigestSummary))


def _is_said(message: PostToSlack) -> bool:
    return isinstance(message.content, Content) and message.content.said


def edited(thread: Thread, key: Key) -> Thread:
    """Return the thread after the parent was edited to show the message of ``key``."""
    return attrs.evolve(thread, shown=key.ordinal)


def sealed(thread: Thread) -> Thread:
    """Return the thread after an edit was refused permanently."""
    return attrs.evolve(thread, editable=False)


def remembered(threads: Mapping[_P, Thread], place: _P, thread: Thread) -> dict[_P, Thread]:
    """Add or replace a thread. If there are too many, drop the one without a message for the longest time."""
    known = forgotten(threads, place)
    known[place] = thread
    if len(known) > REMEMBERED:
        del known[next(iter(known))]
    return known


def forgotten(threads: Mapping[_P, Thread], place: _P) -> dict[_P, Thread]:
    """Remove a thread that takes no replies any more."""
    known = dict(threads)
    known.pop(place, None)
    return known
