"""The journal for those who cannot do anything about it: what is wrong with it is said once, and costs a memory, never a run.

What runs remember of those before them, for the filters that ask: read from the journal, and written to it.

- It is looked up only where a handler remembers, so that nobody else pays for it, or leaves a file behind.
- The end of a run is remembered before people are told of it, in one transaction with the look at what was before: runs that end at the
  same moment are told one after the other, whoever of them tells first.
- An end that somebody should have been told of, and nobody could be, is taken back: the next one is told in its place.
- Only what runs for real is remembered: a dry run reads the journal, so that it shows what would be sent, and writes nothing. Where
  nothing is sent or shown at all, as in a test, nothing is read either.
- A journal that cannot be read or written is said once, and costs a memory, never a run.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import attrs

from tocsin.core.changes import Streak
from tocsin.core.events import Event
from tocsin.core.machine import ForeignHandler, Run, ends, moved
from tocsin.core.notifiers import Notifier
from tocsin.core.transitions import IllegalTransition
from tocsin.shell import log
from tocsin.shell.announce import Announcer
from tocsin.shell.current import current_mode
from tocsin.shell.history.run_record import HistoryError, RunRecord
from tocsin.shell.history.store import HistoryStore


def past(label: str) -> Streak:
    """How the runs of a label ended, up to now."""
    return _tried(lambda journal: journal.past(label), "nothing is known of earlier runs")


def advance(label: str, *, failed: bool) -> Streak:
    """Have it remembered that a label ended so once more; the streak as it was before."""
    return _tried(lambda journal: journal.advance(label, failed=failed), "this run will not be remembered")


def retract(label: str, *, failed: bool, before: Streak) -> None:
    """Take back what ``advance`` or ``write_down`` remembered."""

    def act(journal: HistoryStore) -> Streak:
        journal.retract(label, failed=failed, before=before)
        return before

    _tried(act, "this run will be remembered, though nobody was told of it")


def write_down(run: Run, started: float, ended: float, status: int | None, *, counts: bool) -> Streak:
    """Keep how a run of its label ended; the label's streak as it was before.

    Args:
        run: the run, which has ended.
        started: when, in seconds since 1970.
        ended: when, likewise.
        status: the exit status of the command; None where there is none.
        counts: whether its end is part of the streak.
    """
    subject = run.subject
    entry = RunRecord.of(
        run.state,
        run_id=subject.run_id,
        label=subject.slug,
        started=datetime.fromtimestamp(started, UTC),
        ended=datetime.fromtimestamp(ended, UTC),
        attempts=run.attempt,
        status=status,
    )
    return _tried(lambda journal: journal.record(entry, counts=counts), "this run will not be remembered")


def _tried(act: Callable[[HistoryStore], Streak], else_: str) -> Streak:
    try:
        return act(HistoryStore.usual())
    except HistoryError as fault:
        log.once(f"{fault}; {else_}")
        return Streak()


def announced(announcer: Announcer, run: Run, event: Event, label: str) -> Run:
    """The run after the event, which was announced; an end with the past of its label."""
    after = _end(run, event)
    if after is None:
        return announcer.feed(run, event)
    known = ended(run, after, label)
    return announcer.feed(known, event, None if known is run else taking_back(known, after, label))


def _end(run: Run, event: Event) -> Run | None:
    """The run once it has ended by the event, as it happened, whatever handlers make of it; None where it does not, or nobody asks."""
    if not remembers(run.subject.handlers):
        return None
    after = moved(run, event)
    return None if isinstance(after, IllegalTransition) or not ends(run, after) else after


def ended(run: Run, after: Run, label: str) -> Run:
    """The run, aware of how earlier ones of its label ended; and that it ended as ``after`` is remembered for the next."""
    here = current_mode()
    if here == "none":
        return run

    before = advance(label, failed=after.state.is_failed()) if here == "live" else past(label)
    return attrs.evolve(run, subject=attrs.evolve(run.subject, past=before))


def taking_back(run: Run, after: Run, label: str) -> Callable[[], None] | None:
    """What has it forgotten that the run ended as ``after``; None where that was not remembered."""
    if current_mode() != "live":
        return None

    def take_back() -> None:

        retract(label, failed=after.state.is_failed(), before=run.subject.past)

    return take_back


def remembers(handlers: Iterable[Notifier | ForeignHandler]) -> bool:
    """Whether one of the handlers asks for earlier runs."""
    return any(isinstance(handler, Notifier) and handler.remembers() for handler in handlers)
