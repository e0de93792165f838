"""One thread for each run in a channel: the first message is its parent, what comes later a reply to that.

- A message is posted once, as a parent or as a reply. Nothing but the parent is ever edited.
- The parent shows the newest state of the object that it is about: it is edited after the reply that brings a newer one.
- An edit takes no failure away: a parent that told of one keeps what it said below what it says now.
- A message that stands for many is about nothing in particular: it is not edited, and nothing is edited for it.

What is known of the runs is a value; whoever sends keeps it, and asks here what to do next.
"""

from collections.abc import Mapping
from typing import TypeVar

import attrs

from tocsin.core.changes import Key
from tocsin.core.delivery.digest_summary import DigestSummary
from tocsin.core.effects import PostToSlack, SlackMessage
from tocsin.core.messages.content import Content
from tocsin.core.values import Value

REMEMBERED = 1000
"""Of how many runs the threads are known; of more, those that spoke last."""

_P = TypeVar("_P")


@attrs.frozen(eq=False, repr=False)
class Thread(Value):
    """What is known of a run that has spoken in a channel.

    Args:
        channel: the channel's id, as Slack gave it.
        ts: the parent's id, likewise.
        slug: what the parent is about: its slug in the run,
        map_index: and its map index.
        shown: the ordinal of the newest state that the parent shows.
        kept: what an edit leaves standing; None for nothing.
        editable: whether it may be edited, as far as is known.
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
    """Post the message into the channel, as the parent of its run."""


@attrs.frozen(eq=False, repr=False)
class Reply(Value):
    """Post the message as a reply in ``thread``; then, if ``edit``, let the parent show it too."""

    thread: Thread
    edit: bool


def planned(thread: Thread | None, message: PostToSlack) -> Post | Reply:
    """What to do with a message, by what is known of its run: None where it has not spoken yet."""
    if thread is None:
        return Post()
    key = message.key
    same = (thread.slug, thread.map_index) == (key.slug, key.map_index) and not isinstance(message.content, DigestSummary)
    return Reply(thread, edit=same and thread.editable and key.ordinal > thread.shown)


def opened(message: PostToSlack, channel: str, ts: str) -> Thread:
    """What is known once the message was posted as a parent, as ``ts`` in ``channel``."""
    key, content = message.key, message.content
    harmless = isinstance(content, Content) and not content.failed
    kept = None if harmless else message.payload
    return Thread(channel, ts, key.slug, key.map_index, key.ordinal, kept, editable=not isinstance(content, DigestSummary))


def edited(thread: Thread, key: Key) -> Thread:
    """What is known once the parent shows the message of ``key``."""
    return attrs.evolve(thread, shown=key.ordinal)


def sealed(thread: Thread) -> Thread:
    """What is known once an edit was refused for good."""
    return attrs.evolve(thread, editable=False)


def remembered(threads: Mapping[_P, Thread], place: _P, thread: Thread) -> dict[_P, Thread]:
    """The threads with one more, or with one that is no longer as it was; without the one that was silent longest, if they are many."""
    known = forgotten(threads, place)
    known[place] = thread
    if len(known) > REMEMBERED:
        del known[next(iter(known))]
    return known


def forgotten(threads: Mapping[_P, Thread], place: _P) -> dict[_P, Thread]:
    """The threads without one to which nobody can reply."""
    known = dict(threads)
    known.pop(place, None)
    return known
