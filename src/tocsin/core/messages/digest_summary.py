"""The summary of messages that were folded into one: their number, kinds, names, places and times, and a few excerpts.

- Merging is associative: the portions in which the messages came do not matter.
- The size is bounded, however many messages there are. ``count`` counts all of them. Only ``NAMED`` names are counted by name: the
  first in the alphabet, since that choice does not depend on the portions either. The same holds for kinds of states and places.
- Counts are in the order in which their entries first came. Children of a mapped task count as that task.
- Times are compared as moments in UTC. Python compares two times of one zone by their wall clock, which an hour in autumn shows twice.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import attrs

from tocsin.core.changes import Key
from tocsin.core.messages.content import NAME_LIMIT, SENTENCE_LIMIT, Content
from tocsin.core.messages.mentions import are_mentions, union
from tocsin.core.text import cut, one_line
from tocsin.core.values import Value

FIRST = 3
"""How many of the first messages are kept as excerpts."""
NAMED = 1000
"""How many names, kinds of states and places are counted by name, of each."""

_STATE_LIMIT = 60
_PLACE_LIMIT = 100
_FILE_LIMIT = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Counts = tuple[tuple[str, int], ...]
"""Entries and their numbers, in the order in which the entries first came."""


@attrs.frozen(eq=False, repr=False)
class Excerpt(Value):
    """The sentence of one message, and its moment."""

    sentence: str
    at: datetime

    def redacted(self, redact: Callable[[str], str]) -> "Excerpt":
        """Return the excerpt with its sentence as ``redact`` returns it."""
        return attrs.evolve(self, sentence=redact(self.sentence))


@attrs.frozen(eq=False, repr=False)
class DigestSummary(Value):
    """The summary of one or more messages.

    Args:
        key: the key of the first message.
        count: the number of messages.
        failed: the number of messages that report a failure.
        states: the number of messages for each kind of state.
        names: the number of messages for each name, of the first thousand names in the alphabet.
        places: the number of messages from each environment and host, of the first thousand places in the alphabet. Messages with
            neither are not counted.
        first: excerpts of the first three messages.
        last: an excerpt of the last message.
        began: the earliest moment, an aware datetime.
        ended: the latest moment, an aware datetime.
        color: the colour of the first message that reports a failure; without one, of the first message.
        mentions: whom the messages mention, each once, in order.
        attached: the number of files that went with the messages. A digest carries none of them.
        files: the number of files for each name with its size, of the first thousand in the alphabet.
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
    mentions: tuple[str, ...] = attrs.field(default=(), validator=are_mentions)
    attached: int = 0
    files: Counts = ()

    def redacted(self, redact: Callable[[str], str]) -> "DigestSummary":
        """Return the summary with each excerpt, and each name of a file, as ``redact`` returns it; itself if none changes."""
        first, last = tuple(excerpt.redacted(redact) for excerpt in self.first), self.last.redacted(redact)
        files = tuple((redact(name), count) for name, count in self.files)
        if (first, last, files) == (self.first, self.last, self.files):
            return self
        return attrs.evolve(self, first=first, last=last, files=files)

    @property
    def lasted(self) -> timedelta:
        """Return the time from the earliest moment to the latest."""
        return _since_epoch(self.ended) - _since_epoch(self.began)


def summarize(content: Content | DigestSummary, key: Key) -> DigestSummary:
    """Return the summary of one message."""
    if isinstance(content, DigestSummary):
        return content
    excerpt = Excerpt(_clean(content.sentence, SENTENCE_LIMIT), content.at)
    name = content.name if key.map_index is None else content.name.removesuffix(f"[{key.map_index}]")
    return DigestSummary(
        key=key,
        count=1,
        failed=int(content.failed),
        states=((_clean(content.state, _STATE_LIMIT), 1),),
        names=((_clean(name, NAME_LIMIT), 1),),
        places=_places(content),
        first=(excerpt,),
        last=excerpt,
        began=content.at,
        ended=content.at,
        color=content.color,
        mentions=content.mentions,
        attached=len(content.attachments),
        files=_summed([((_clean(str(each), _FILE_LIMIT), 1),) for each in content.attachments]),
    )


def merge_summaries(summaries: Iterable[DigestSummary]) -> DigestSummary:
    """Merge summaries into one. There is at least one, and they are in order.

    All are merged in one pass, since a thousand may be folded while a caller waits.
    """
    parts = tuple(summaries)
    failing = next((part for part in parts if part.failed), parts[0])
    return DigestSummary(
        parts[0].key,
        sum(part.count for part in parts),
        sum(part.failed for part in parts),
        _summed(part.states for part in parts),
        _summed(part.names for part in parts),
        _summed(part.places for part in parts),
        tuple(excerpt for part in parts[:FIRST] for excerpt in part.first)[:FIRST],
        parts[-1].last,
        min((part.began for part in parts), key=_since_epoch),
        max((part.ended for part in parts), key=_since_epoch),
        failing.color,
        mentions=union(part.mentions for part in parts),
        attached=sum(part.attached for part in parts),
        files=_summed(part.files for part in parts),
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
    environment = host = ""
    for line in content.lines:  # tocsin's own lines come after the user's details
        if line.title == "Environment":
            environment = line.text
        elif line.title == "Host":
            host = line.text
    place = _clean(f"{environment}, {host}" if environment and host else environment or host, _PLACE_LIMIT)
    return ((place, 1),) if place else ()


def _since_epoch(moment: datetime) -> timedelta:
    return moment - _EPOCH


def _clean(text: str, limit: int) -> str:
    """Return one line of bounded length. The content of a hand-made message may hold any text."""
    return text if len(text) <= limit and text.isprintable() else cut(one_line(text), limit)
