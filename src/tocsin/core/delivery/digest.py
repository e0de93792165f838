"""Many messages to the same people made one: which are folded, into what, and what that says.

Folding is associative, payload and key and all: it does not matter in which portions the messages came. Everything said is taken
from the tally alone, and in it nothing is said that the tally does not know.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import attrs

from tocsin.core.changes import Key
from tocsin.core.delivery.destinations import audience
from tocsin.core.delivery.digest_summary import NAMED, Counts, DigestSummary, Excerpt, merge_summaries, summarize
from tocsin.core.delivery.rendering import content_of, rerender
from tocsin.core.effects import CallBack, Effect, Message
from tocsin.core.messages.content import SENTENCE_LIMIT, Content, Line
from tocsin.core.messages.text import cut, one_line, span

_LISTED = 10  # states, and names
_IN_SENTENCE = 3
_SHOWN = 60  # characters of a name
_EACH = 2.0  # seconds that a message takes, with its turn
_FAILED = "Failed"  # the plain kind of failure


def portions(effects: Sequence[Effect], threshold: int) -> tuple[tuple[int, ...], ...]:
    """Which of the waiting effects go alone, and which together.

    Args:
        effects: what waits, in order.
        threshold: how many messages to one audience may go alone, where no more of them wait.

    Returns:
        Positions in ``effects``, each once: a portion of one goes alone, one of several is to be folded. Audiences come in the order of
        their first messages, messages to one audience in their order; a call goes alone.
    """
    groups: dict[object, list[int]] = {}
    for position, effect in enumerate(effects):
        groups.setdefault(position if isinstance(effect, CallBack) else audience(effect), []).append(position)
    return tuple(
        portion for group in groups.values() for portion in ([tuple(group)] if len(group) > threshold else [(one,) for one in group])
    )


def singly(threshold: int, left: float) -> int:
    """How many messages to one audience may go alone: ``threshold``, or as many as there is time for, and one at least.

    Args:
        threshold: how many may do so where nobody is in a hurry.
        left: the seconds left; infinitely many where nobody is in a hurry.

    >>> singly(10, 7.5), singly(10, 0.0), singly(10, float("inf"))
    (3, 1, 10)
    """
    return max(int(min(threshold, left / _EACH)), 1)


def regroup(effects: Sequence[Effect], waiting: Iterable[Sequence[int]], threshold: int) -> tuple[tuple[int, ...], ...]:
    """What is left of ``portions`` of the effects, as they are where only ``threshold`` to one audience may go alone."""
    left = sorted(position for portion in waiting for position in portion)
    parts = portions([effects[position] for position in left], threshold)
    return tuple(tuple(left[place] for place in part) for part in parts)


def fold(messages: Sequence[Message]) -> Message:
    """One message in place of one or more, all to the same audience. A single one is left as it is."""
    if len(messages) == 1:
        return messages[0]
    tally = merge_summaries(summarize(content_of(message), message.key) for message in messages)
    return attrs.evolve(rerender(messages[0], digest_content(tally), tally), key=digest_key(tally))


def digest_key(tally: DigestSummary) -> Key:
    """The key of a digest. Its position is below 0, as that of no handler is: so it is the key of nothing that was folded.

    >>> from datetime import UTC, datetime
    >>> load = Content("load", "load failed", "", "Failed", True, "#eb0000", datetime(2026, 1, 1, tzinfo=UTC), ())
    >>> print(digest_key(merged([tallied(load, Key("run", "load", None, ordinal, 0)) for ordinal in range(12)])))
    run.load and 11 more..0.-1
    """
    first = tally.key
    return Key(first.run_id, f"{first.slug} and {tally.count - 1:,} more", first.map_index, first.ordinal, -1 - first.position)


def gist(message: Message) -> str:
    """What a message says, in one line with its time."""
    content = content_of(message)
    shown = digest_content(content) if isinstance(content, DigestSummary) else content
    return one_line(f"{_when(shown.at)} {shown.sentence}")


def digest_content(tally: DigestSummary) -> Content:
    """What a digest says, of two messages or more.

    >>> from datetime import UTC, datetime
    >>> load = Content("load", "load failed", "", "Failed", True, "#eb0000", datetime(2026, 1, 1, tzinfo=UTC), ())
    >>> digest_content(merged([tallied(load, Key("run", "load", None, ordinal, 0)) for ordinal in range(12)])).sentence
    '12 failures in less than 1 ms: load'
    """
    name = f"{tally.count:,} {'failures' if tally.failed == tally.count else 'changes'} in {span(tally.lasted)}"
    headline = f"{name}{_failures(tally)}"
    return Content(
        name=name,
        sentence=cut(f"{headline}: {_in_sentence(tally)}", SENTENCE_LIMIT),
        headline=headline,
        state="Digest",
        failed=tally.failed > 0,
        color=tally.color,
        at=tally.ended,
        lines=tuple(_lines(tally)),
    )


def _failures(tally: DigestSummary) -> str:
    if tally.failed in {0, tally.count}:
        return ""
    return ", 1 of them a failure" if tally.failed == 1 else f", {tally.failed:,} of them failures"


def _in_sentence(tally: DigestSummary) -> str:
    names = _names_in_sentence(tally)
    if tally.failed == tally.count and [state for state, _ in tally.states] == [_FAILED]:
        return names  # a failure is said to be one already
    return f"{_states_in_sentence(tally)}{',' if len(tally.names) <= _IN_SENTENCE else ';'} about {names}"


def _states_in_sentence(tally: DigestSummary) -> str:
    if len(tally.states) == 1:
        return f"all {cut(tally.states[0][0], _SHOWN)}"
    return ", ".join(_listed(tally.states, _IN_SENTENCE, tally.count, "in other states"))


def _names_in_sentence(tally: DigestSummary) -> str:
    names = _ranked(tally.names)
    if len(names) == 1:
        return names[0][0]
    shown = ", ".join(name if count == 1 else f"{name} ({count:,})" for name, count in names[:_IN_SENTENCE])
    if len(names) <= _IN_SENTENCE:
        return shown
    if len(names) == NAMED:
        return f"many, among them {shown}"
    return f"{shown} and {len(names) - _IN_SENTENCE:,} more"


def _lines(tally: DigestSummary) -> Iterator[Line]:
    yield Line("States", "\n".join(_listed(tally.states, _LISTED, tally.count, "in other states")), short=True)
    yield Line("Names", "\n".join(_named(tally)), short=True)
    if tally.places:
        yield Line("Where", _where(tally))
    yield Line("First", "\n".join(_seen(glimpse, tally) for glimpse in tally.first))
    if tally.count > len(tally.first):
        yield Line("Last", _seen(tally.last, tally))
    began, ended = _when(tally.began), _when(tally.ended)
    yield Line("When", f"at {began}" if began == ended else f"from {began} to {ended}")
    run = cut(one_line(tally.key.run_id), _SHOWN)
    shown = "in the log (logger tocsin) once logging shows its level INFO"
    yield Line("The rest", f"Each is in the report of its run, and {shown}. The first was of run {run}.")


def _listed(counts: Counts, most: int, total: int, other: str) -> Iterator[str]:
    """The most frequent ones, and how many there were of all others."""
    shown = _ranked(counts)[:most]
    yield from (f"{count:,} {cut(name, _SHOWN)}" for name, count in shown)
    if left := total - sum(count for _, count in shown):
        yield f"{left:,} {other}"


def _ranked(counts: Counts) -> list[tuple[str, int]]:
    """The most frequent first; of those equally frequent, those that came first."""
    return sorted(counts, key=lambda counted: -counted[1])


def _named(tally: DigestSummary) -> Iterator[str]:
    """The most frequent names, and how often there were others."""
    shown = _ranked(tally.names)[:_LISTED]
    yield from (f"{count:,} {cut(name, _SHOWN)}" for name, count in shown)
    others, left = len(tally.names) - len(shown), tally.count - sum(count for _, count in shown)
    if not others:
        return
    known = f"and {others:,} other name{'' if others == 1 else 's'}"
    if left == others:
        yield f"{known}, once{'' if others == 1 else ' each'}"
    elif len(tally.names) < NAMED:
        yield f"{known}, {left:,} times{'' if others == 1 else ' in all'}"
    else:
        yield f"and at least {others:,} other names, {left:,} times in all (counted are only the first {NAMED:,} in the alphabet)"


def _where(tally: DigestSummary) -> str:
    """The one place that all came from; or the most frequent ones, with how many came from there."""
    if len(tally.places) == 1 and tally.places[0][1] == tally.count:
        return tally.places[0][0]
    return "\n".join(_listed(tally.places, _IN_SENTENCE, tally.count, "elsewhere, or nobody knows where"))


def _seen(glimpse: Excerpt, tally: DigestSummary) -> str:
    """When, without the date where all was on one day; and what."""
    days = {moment.date() for moment in (glimpse.at, tally.began, tally.ended)}
    when = glimpse.at.strftime("%H:%M:%S %z") if len(days) == 1 else _when(glimpse.at)
    return f"{when}  {glimpse.sentence}"


def _when(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S %z")
