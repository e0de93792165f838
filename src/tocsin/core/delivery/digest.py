"""Digests: which messages are folded into one, and what the digest says.

- Folding is associative, including payload and key. The portions in which the messages came do not matter.
- A digest is rendered from its ``DigestSummary`` alone.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import attrs

from tocsin.core.changes import Key
from tocsin.core.delivery.destinations import audience
from tocsin.core.delivery.rendering import content_of, rerender
from tocsin.core.effects import CallBack, Effect, Message, is_edit
from tocsin.core.messages.content import SENTENCE_LIMIT, Content, Line
from tocsin.core.messages.digest_summary import FIRST, NAMED, Counts, DigestSummary, Excerpt, merge_summaries, summarize
from tocsin.core.messages.slack import LIMITS
from tocsin.core.text import cut, one_line, span

THRESHOLD = 10
"""Up to how many waiting messages to one audience go alone, by default. More become one digest."""
MIN_INTERVAL = 10.0
"""The seconds between two digests to one audience, by default."""

_LISTED = 10  # states, and names
_NAMES_IN_SENTENCE = 3
_SHOWN = 60  # characters of a name
_SECONDS_EACH = 2.0  # seconds that one message takes, its wait for the rate limit included
_ROOM = LIMITS["Failures"] - len("\nand 1,000,000,000 more failures")  # characters of all excerpts of failures: each shown is whole
_PLAIN_FAILURE = "Failed"


def portions(effects: Sequence[Effect], threshold: int) -> tuple[tuple[int, ...], ...]:
    """Divide waiting effects into portions: those that go alone, and those to fold into a digest.

    Args:
        effects: the waiting effects, in order.
        threshold: up to how many waiting messages to one audience go alone. If more wait, all of them are folded.

    Returns:
        Positions in ``effects``, each once. A portion of one position goes alone, a portion of several is to be folded. Audiences come
        in the order of their first messages, and messages to one audience in their own order. A call and an edit go alone.
    """
    groups: dict[object, list[int]] = {}
    for position, effect in enumerate(effects):
        groups.setdefault(position if isinstance(effect, CallBack) or is_edit(effect) else audience(effect), []).append(position)
    return tuple(
        portion for group in groups.values() for portion in ([tuple(group)] if len(group) > threshold else [(one,) for one in group])
    )


def singly(threshold: int, left: float) -> int:
    """Return how many messages to one audience may go alone: ``threshold``, or as many as there is time for, but at least one.

    Args:
        threshold: how many may go alone without a time limit.
        left: the seconds left; infinity without a time limit.

    >>> singly(10, 7.5), singly(10, 0.0), singly(10, float("inf"))
    (3, 1, 10)
    """
    return max(int(min(threshold, left / _SECONDS_EACH)), 1)


def regroup(effects: Sequence[Effect], waiting: Iterable[Sequence[int]], threshold: int) -> tuple[tuple[int, ...], ...]:
    """Divide the effects of the portions that still wait anew, with another ``threshold``."""
    left = sorted(position for portion in waiting for position in portion)
    parts = portions([effects[position] for position in left], threshold)
    return tuple(tuple(left[place] for place in part) for part in parts)


def fold(messages: Sequence[Message]) -> Message:
    """Fold messages to the same audience into one. A single message is returned unchanged."""
    if len(messages) == 1:
        return messages[0]
    summary = merge_summaries(summarize(content_of(message), message.key) for message in messages)
    return attrs.evolve(rerender(messages[0], digest_content(summary), summary), key=digest_key(summary))


def digest_key(summary: DigestSummary) -> Key:
    """Return the key of a digest. Its position is negative, which no handler's is, so it differs from the key of each folded message.

    >>> from datetime import UTC, datetime
    >>> load = Content("load", "load failed", "", "Failed", True, "#eb0000", datetime(2026, 1, 1, tzinfo=UTC), ())
    >>> print(digest_key(merge_summaries([summarize(load, Key("run", "load", None, ordinal, 0)) for ordinal in range(12)])))
    run.load and 11 more..0.-1
    """
    first = summary.key
    return Key(first.run_id, f"{first.slug} and {summary.count - 1:,} more", first.map_index, first.ordinal, -1 - first.position)


def gist(message: Message) -> str:
    """Return the time and the sentence of a message in one line."""
    content = content_of(message)
    shown = digest_content(content) if isinstance(content, DigestSummary) else content
    return one_line(f"{_when(shown.at)} {shown.sentence}")


def digest_content(summary: DigestSummary) -> Content:
    """Return the content of a digest of two messages or more.

    >>> from datetime import UTC, datetime
    >>> load = Content("load", "load failed", "", "Failed", True, "#eb0000", datetime(2026, 1, 1, tzinfo=UTC), ())
    >>> digest_content(merge_summaries([summarize(load, Key("run", "load", None, ordinal, 0)) for ordinal in range(12)])).sentence
    '12 failures in less than 1 ms: load'
    """
    name = f"{summary.count:,} {'failures' if summary.failed == summary.count else 'changes'} in {span(summary.lasted)}"
    headline = f"{name}{_failures(summary)}"
    return Content(
        name=name,
        opening=cut(f"{headline}: {_in_sentence(summary)}", SENTENCE_LIMIT),
        headline=headline,
        state="Digest",
        failed=summary.failed > 0,
        color=summary.color,
        at=summary.ended,
        lines=tuple(_lines(summary)),
        mentions=summary.mentions,
    )


def _failures(summary: DigestSummary) -> str:
    if summary.failed in {0, summary.count}:
        return ""
    return ", 1 of them a failure" if summary.failed == 1 else f", {summary.failed:,} of them failures"


def _in_sentence(summary: DigestSummary) -> str:
    names = _names_in_sentence(summary)
    if summary.failed == summary.count and [state for state, _ in summary.states] == [_PLAIN_FAILURE]:
        return names  # the headline already calls them failures
    return f"{_states_in_sentence(summary)}{',' if len(summary.names) <= _NAMES_IN_SENTENCE else ';'} about {names}"


def _states_in_sentence(summary: DigestSummary) -> str:
    if len(summary.states) == 1:
        return f"all {cut(summary.states[0][0], _SHOWN)}"
    return ", ".join(_listed(summary.states, _NAMES_IN_SENTENCE, summary.count, "in other states"))


def _names_in_sentence(summary: DigestSummary) -> str:
    names = _ranked(summary.names)
    if len(names) == 1:
        return names[0][0]
    shown = ", ".join(name if count == 1 else f"{name} ({count:,})" for name, count in names[:_NAMES_IN_SENTENCE])
    if len(names) <= _NAMES_IN_SENTENCE:
        return shown
    if len(names) == NAMED:
        return f"many, among them {shown}"
    return f"{shown} and {len(names) - _NAMES_IN_SENTENCE:,} more"


def _lines(summary: DigestSummary) -> Iterator[Line]:
    yield Line("States", "\n".join(_listed(summary.states, _LISTED, summary.count, "in other states")), short=True)
    yield Line("Names", "\n".join(_name_lines(summary)), short=True)
    if summary.places:
        yield Line("Where", _places_text(summary))
    failures = tuple(_failures_that_fit(summary))
    if failures:
        left = summary.failed - len(failures)
        more = (f"and {left:,} more failure{'' if left == 1 else 's'}",) if left else ()
        yield Line("Failures", "\n".join((*failures, *more)))
    others = [excerpt for excerpt in summary.first if excerpt not in summary.failures][: FIRST - len(failures)]
    if others:
        yield Line("First", "\n".join(_excerpt_line(excerpt, summary) for excerpt in others))
    if summary.last not in (*summary.failures[: len(failures)], *others):
        yield Line("Last", _excerpt_line(summary.last, summary))
    if summary.attached:
        yield Line("Files", _files_text(summary))
    began, ended = _when(summary.began), _when(summary.ended)
    yield Line("When", f"at {began}" if began == ended else f"from {began} to {ended}")
    run = cut(one_line(summary.key.run_id), _SHOWN)
    shown = "in the log (logger tocsin) once logging shows its level INFO"
    yield Line("The rest", f"Each is in the report of its run, and {shown}. The first was of run {run}.")


def _listed(counts: Counts, most: int, total: int, other: str) -> Iterator[str]:
    """Yield the most frequent entries, then the number of all others."""
    shown = _ranked(counts)[:most]
    yield from (f"{count:,} {cut(name, _SHOWN)}" for name, count in shown)
    if left := total - sum(count for _, count in shown):
        yield f"{left:,} {other}"


def _ranked(counts: Counts) -> list[tuple[str, int]]:
    """Sort by frequency, the most frequent first. Equally frequent entries keep their order."""
    return sorted(counts, key=lambda counted: -counted[1])


def _name_lines(summary: DigestSummary) -> Iterator[str]:
    shown = _ranked(summary.names)[:_LISTED]
    yield from (f"{count:,} {cut(name, _SHOWN)}" for name, count in shown)
    others, left = len(summary.names) - len(shown), summary.count - sum(count for _, count in shown)
    if not others:
        return
    known = f"and {others:,} other name{'' if others == 1 else 's'}"
    if left == others:
        yield f"{known}, once{'' if others == 1 else ' each'}"
    elif len(summary.names) < NAMED:
        yield f"{known}, {left:,} times{'' if others == 1 else ' in all'}"
    else:
        yield f"and at least {others:,} other names, {left:,} times in all (counted are only the first {NAMED:,} in the alphabet)"


def _places_text(summary: DigestSummary) -> str:
    """Return the place that all messages came from; or the most frequent places, each with its number of messages."""
    if len(summary.places) == 1 and summary.places[0][1] == summary.count:
        return summary.places[0][0]
    return "\n".join(_listed(summary.places, _NAMES_IN_SENTENCE, summary.count, "elsewhere, or nobody knows where"))


def _files_text(summary: DigestSummary) -> str:
    """Return how many files are not sent, and the names of a few."""
    shown = summary.files[:_NAMES_IN_SENTENCE]
    names = ", ".join(name if count == 1 else f"{name}, {count:,} times" for name, count in shown)
    left = summary.attached - sum(count for _, count in shown)
    files = "1 file, which a digest does" if summary.attached == 1 else f"{summary.attached:,} files, which a digest does"
    return f"{files} not carry: {names}{f' and {left:,} more' if left else ''}"


def _failures_that_fit(summary: DigestSummary) -> Iterator[str]:
    """Yield the first failures: with error and notes while there is room, else in a line, and no more where not even that fits."""
    left = _ROOM
    for excerpt in summary.failures:
        texts = _failure_text(excerpt, summary), _excerpt_line(excerpt, summary)
        fitting = next((text for text in texts if len(text) <= left), None)
        if fitting is None:
            return
        left -= len(fitting) + 1
        yield fitting


def _failure_text(excerpt: Excerpt, summary: DigestSummary) -> str:
    """Return the excerpt with the error and the notes below its sentence, which ends where the error would begin in it."""
    error = excerpt.error.split()
    sentence = excerpt.sentence.partition(f": {error[0]}")[0] if error else excerpt.sentence
    notes = (f"Note: {note}" for note in excerpt.notes)
    return "\n    ".join((f"{_moment(excerpt, summary)}  {sentence}", *filter(None, excerpt.error.split("\n")), *notes))


def _excerpt_line(excerpt: Excerpt, summary: DigestSummary) -> str:
    return f"{_moment(excerpt, summary)}  {excerpt.sentence}"


def _moment(excerpt: Excerpt, summary: DigestSummary) -> str:
    """Return the time of an excerpt. The date is left out if all messages are of one day."""
    days = {moment.date() for moment in (excerpt.at, summary.began, summary.ended)}
    return excerpt.at.strftime("%H:%M:%S %z") if len(days) == 1 else _when(excerpt.at)


def _when(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S %z")
