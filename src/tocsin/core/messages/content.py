"""What a message says, whatever the channel: decided once, laid out by ``slack`` and ``email``.

One plain sentence comes first, since it is all that a telephone shows. Then what an engineer at three in the morning needs, each
only where it is known. All text is made printable here, and nothing is escaped: that is for the channel to do.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime

import attrs

from tocsin.core import states as s
from tocsin.core.changes import Change
from tocsin.core.messages.text import cut, describe, frames, label, one_line, plain, printable, quote, span
from tocsin.core.signals import Signal
from tocsin.core.states import State
from tocsin.core.values import Value

VERBS: Mapping[type[State], str] = {
    s.State: "changed",
    s.Pending: "is pending",
    s.Scheduled: "is scheduled",
    s.Paused: "is paused",
    s.Resume: "was resumed",
    s.Retrying: "will be tried again",
    s.ClientFailed: "could not be reported to its engine",
    s.Submitted: "was submitted",
    s.Queued: "is queued",
    s.Running: "started",
    s.Finished: "finished",
    s.Looped: "goes around once more",
    s.Success: "succeeded",
    s.Cached: "succeeded, and its result is kept",
    s.Mapped: "is mapped",
    s.Skipped: "was skipped",
    s.Failed: "failed",
    s.Aborted: "was aborted",
    s.TimedOut: "timed out",
    s.TriggerFailed: "was not run",
}
"""What a change into a kind of state is called in a sentence; a kind of yours speaks like its parent."""

NAME_LIMIT = 150
SENTENCE_LIMIT = 200


@attrs.frozen(eq=False, repr=False)
class Line(Value):
    """A titled value.

    ``quoted``: it is the voice of a program, to be set as code; ``ours``: it holds nothing of the user's; ``short``: it needs half
    the width.
    """

    title: str
    text: str
    quoted: bool = False
    ours: bool = False
    short: bool = False


@attrs.frozen(eq=False, repr=False)
class Content(Value):
    """All that a message says, printable and not escaped.

    Args:
        name: what is told of.
        sentence: all of it in one plain sentence.
        headline: what a message opens with.
        state: the kind of the new state.
        failed: whether that is a failure.
        color: its colour, ``#rrggbb``.
        at: when, an aware datetime.
        lines: what is known, in order.
        link: where the title leads.
    """

    name: str
    sentence: str
    headline: str
    state: str
    failed: bool
    color: str
    at: datetime
    lines: tuple[Line, ...]
    link: str | None = None


def error_of(state: State) -> BaseException | None:
    """The exception that a state ended with. A signal is none: it says what it has to say in its message."""
    result = state.result
    return result if isinstance(result, BaseException) and not isinstance(result, Signal) else None


def compose(
    change: Change,
    *,
    message: str | None = None,
    remark: str | None = None,
    traceback: bool = False,
    notes: tuple[str, ...] = (),
    link: str | None = None,
) -> Content:
    """What to say of a change.

    Args:
        change: what happened.
        message: what to say in place of the state's message or exception; None for those.
        remark: what earlier runs have to do with it; None for nothing.
        traceback: whether to add the last ten frames (file, line, function; never a local).
        notes: sentences about the message itself, such as a formatter that failed.
        link: where the title leads.
    """
    kind = type(change.new).__name__
    name = cut(one_line(label(change.tracked_obj)), NAME_LIMIT)
    index = "" if change.map_index is None else f"[{change.map_index}]"
    lines = (*_said(change.new, message), *_known(change, remark), *_facts(change), *(_frames(change.new) if traceback else ()))
    return Content(
        name=f"{name}{index}",
        sentence=_sentence(f"{name}{index}", change, message, remark),
        headline=f"{name}{index} is now in a {kind} state",
        state=kind,
        failed=change.new.is_failed(),
        color=change.new.color,
        at=change.at,
        lines=(*lines, *(Line("Note", printable(note)) for note in notes)),
        link=link,
    )


def _sentence(name: str, change: Change, message: str | None, remark: str | None) -> str:
    new, error = change.new, error_of(change.new)
    verb = next(VERBS[kind] for kind in type(new).__mro__ if kind in VERBS)
    took = f" after {span(change.duration)}" if change.duration is not None and new.is_finished() else ""
    own = None if new.message is None else plain(new.message)
    why = message or (own if error is None else describe(error))
    also = f" ({remark})" if remark else ""  # before the rest, of which much may have to be cut
    return cut(one_line(f"{name} {verb}{took}{also}{f': {why}' if why else ''}"), SENTENCE_LIMIT)


def _said(state: State, message: str | None) -> Iterator[Line]:
    error = error_of(state)
    if message is not None:
        yield Line("Message", printable(message))
    elif error is not None:
        yield Line("Message", printable(quote(error)), quoted=True)
    elif state.message is not None:
        yield Line("Message", printable(plain(state.message)))
    if error is not None:
        yield Line("Error", printable(describe(error)), quoted=True)


def _known(change: Change, remark: str | None) -> Iterator[Line]:
    if remark is not None:
        yield Line("History", printable(remark))
    for detail in change.facts.details:
        yield Line(one_line(detail.title), printable(detail.text), quoted=detail.quoted)


def _facts(change: Change) -> Iterator[Line]:
    if change.duration is not None:
        yield Line("Duration", span(change.duration), ours=True, short=True)
    if change.attempts > 1:
        yield Line("Attempt", f"{change.attempt} of {change.attempts}", ours=True, short=True)
    if change.map_index is not None:
        yield Line("Map index", str(change.map_index), ours=True, short=True)
    known = (("Host", change.facts.host), ("Environment", change.facts.environment), ("Run id", change.run_id))
    yield from (Line(title, one_line(text), short=True) for title, text in known if text)


def _frames(state: State) -> Iterator[Line]:
    error = error_of(state)
    if error is not None and (lines := frames(error)):
        yield Line("Traceback, innermost first", printable("\n".join(lines)), quoted=True)
