"""What is left of messages that were folded into one: how many, of what, from when to when, and a few of them.

Merging is associative, so that it does not matter in which portions they came; and what is kept is bounded, however many they are. So
of the names only some are counted by name: those that come first in the alphabet, since that choice does not depend on the portions
either. All are counted in ``count``. What is counted is in the order in which it first came. The children of a mapped task count as
that task. Moments are compared as moments, wherever their clocks hang: two of one zone would be compared by the hands, which an hour
in autumn shows twice.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import attrs

from tocsin.core.changes import Key
from tocsin.core.messages.content import NAME_LIMIT, SENTENCE_LIMIT, Content
from tocsin.core.messages.text import cut, one_line
from tocsin.core.values import Value

FIRST = 3
"""How many of the first messages are kept."""
NAMED = 1000
"""How many names, kinds of states, and places are counted by name."""

_STATE_LIMIT = 60
_PLACE_LIMIT = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Counts = tuple[tuple[str, int], ...]
"""How many of each, in the order in which they first came."""


@attrs.frozen(eq=False, repr=False)
class Excerpt(Value):
    """What one message said, in a sentence, and when."""

    sentence: str
    at: datetime


@attrs.frozen(eq=False, repr=False)
class DigestSummary(Value):
    """What is left of one or more messages.

    Args:
        key: that of the first.
        count: how many they were.
        failed: how many of them told of a failure.
        states: how many there were of each kind of state.
        names: how many there were about each name, of the first thousand names.
        places: how many came from each environment and host, likewise; those of which neither is known are not among them.
        first: the first three.
        last: the last.
        began: the earliest moment, an aware datetime.
        ended: the latest.
        color: that of the first that told of a failure; else of the first.
    """

    key: Key
    count: int
    failed: int
    states: Counts
    names: Counts
    places: Counts
    first: tuple[Excerpt, ...]
    last: Excerpt
    began: datetime
    ended: datetime
    color: str

    @property
    def lasted(self) -> timedelta:
        """From the earliest moment to the latest."""
        return _since_epoch(self.ended) - _since_epoch(self.began)


def summarize(content: Content | DigestSummary, key: Key) -> DigestSummary:
    """What would be left of one message."""
    if isinstance(content, DigestSummary):
        return content
    glimpse = Excerpt(_clean(content.sentence, SENTENCE_LIMIT), content.at)
    name = content.name if key.map_index is None else content.name.removesuffix(f"[{key.map_index}]")
    return DigestSummary(
        key=key,
        count=1,
        failed=int(content.failed),
        states=((_clean(content.state, _STATE_LIMIT), 1),),
        names=((_clean(name, NAME_LIMIT), 1),),
        places=_places(content),
        first=(glimpse,),
        last=glimpse,
        began=content.at,
        ended=content.at,
        color=content.color,
    )


def merge_summaries(tallies: Iterable[DigestSummary]) -> DigestSummary:
    """All of them as one; there is at least one, and they are in order.

    In one pass, since a thousand may be folded while a caller waits.
    """
    parts = tuple(tallies)
    failing = next((part for part in parts if part.failed), parts[0])
    return DigestSummary(
        parts[0].key,
        sum(part.count for part in parts),
        sum(part.failed for part in parts),
        _summed(part.states for part in parts),
        _summed(part.names for part in parts),
        _summed(part.places for part in parts),
        tuple(glimpse for part in parts[:FIRST] for glimpse in part.first)[:FIRST],
        parts[-1].last,
        min((part.began for part in parts), key=_since_epoch),
        max((part.ended for part in parts), key=_since_epoch),
        failing.color,
    )


def _summed(counts: Iterable[Counts]) -> Counts:
    found: dict[str, int] = {}
    for part in counts:
        for name, count in part:
            found[name] = found.get(name, 0) + count
    if len(found) <= NAMED:
        return tuple(found.items())
    kept = set(sorted(found)[:NAMED])
    return tuple(counted for counted in found.items() if counted[0] in kept)


def _places(content: Content) -> Counts:
    """The environment and the host, as far as they are known."""
    environment = host = ""
    for line in content.lines:  # our own come last
        if line.title == "Environment":
            environment = line.text
        elif line.title == "Host":
            host = line.text
    place = _clean(f"{environment}, {host}" if environment and host else environment or host, _PLACE_LIMIT)
    return ((place, 1),) if place else ()


def _since_epoch(moment: datetime) -> timedelta:
    return moment - _EPOCH


def _clean(text: str, limit: int) -> str:
    """One bounded line, also of what somebody made by hand."""
    return text if len(text) <= limit and text.isprintable() else cut(one_line(text), limit)
