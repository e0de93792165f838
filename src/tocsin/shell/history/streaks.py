"""Reads and writes the streaks of runs for the filters that depend on earlier runs.

- The history is used only if a handler depends on earlier runs: other programs do not pay for it and leave no file.
- The end of a run is written before its notification, in one transaction with the read of the streak before it: runs that end at the
  same moment see each other's ends in order.
- If every notification of an end failed, its streak is restored: the next end is notified in its place.
- Only live runs are written. A dry run reads the history, to show what would be sent, and writes nothing. If notifications are neither
  sent nor shown, as in tests, nothing is read.
- A history that cannot be read or written is logged once. It costs the memory of a run, never the run.
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
    """Return the streak of a label; an empty one if the history cannot be read."""
    return _use_store(lambda store: store.past(label), "nothing is known of earlier runs")


def advance(label: str, *, failed: bool) -> Streak:
    """Add an end to a label's streak. Return the streak before it."""
    return _use_store(lambda store: store.advance(label, failed=failed), "this run will not be remembered")


def retract(label: str, *, failed: bool, before: Streak) -> None:
    """Undo the change of the streak by ``advance`` or ``write_down``."""

    def act(store: HistoryStore) -> Streak:
        store.retract(label, failed=failed, before=before)
        return before

    _use_store(act, "this run will be remembered, though its notification failed")


def write_down(run: Run, started: float, ended: float, status: int | None, *, counts: bool) -> Streak:
    """Add an ended run to the history. Return its label's streak before it.

    Args:
        run: the run, which has ended.
        started: its start, in seconds since 1970.
        ended: its end, in seconds since 1970.
        status: the exit status of the command; None if there is none.
        counts: whether its end is part of the streak.
    """
    subject = run.subject
    record = RunRecord.of(
        run.state,
        run_id=subject.run_id,
        label=subject.slug,
        started=datetime.fromtimestamp(started, UTC),
        ended=datetime.fromtimestamp(ended, UTC),
        attempts=run.attempt,
        status=status,
    )
    return _use_store(lambda store: store.record(record, counts=counts), "this run will not be remembered")


def _use_store(act: Callable[[HistoryStore], Streak], consequence: str) -> Streak:
    """Run a transaction on the user's history. Log its error and the consequence once, and return an empty streak then."""
    try:
        return act(HistoryStore.usual())
    except HistoryError as error:
        log.once(f"{error}; {consequence}")
        return Streak()


def announced(announcer: Announcer, run: Run, event: Event, label: str) -> Run:
    """Announce the event and return the run after it. An end is announced with the streak of its label."""
    after = _end(run, event)
    if after is None:
        return announcer.feed(run, event)
    known = remember_end(run, after, label)
    return announcer.feed(known, event, None if known is run else retraction(known, after, label))


def _end(run: Run, event: Event) -> Run | None:
    """Return the run that the event ends, before handlers change its state; None if it ends none or no handler needs earlier runs."""
    if not remembers(run.subject.handlers):
        return None
    after = moved(run, event)
    return None if isinstance(after, IllegalTransition) or not ends(run, after) else after


def remember_end(run: Run, after: Run, label: str) -> Run:
    """Return the run with the streak of its label; if runs are live, add the end ``after`` to the streak."""
    mode = current_mode()
    if mode == "none":
        return run
    before = advance(label, failed=after.state.is_failed()) if mode == "live" else past(label)
    return attrs.evolve(run, subject=attrs.evolve(run.subject, past=before))


def retraction(run: Run, after: Run, label: str) -> Callable[[], None] | None:
    """Return the function that removes the end ``after`` from the streak; None if it was not written."""
    if current_mode() != "live":
        return None

    def retract_end() -> None:
        retract(label, failed=after.state.is_failed(), before=run.subject.past)

    return retract_end


def remembers(handlers: Iterable[Notifier | ForeignHandler]) -> bool:
    """Return whether one of the handlers depends on earlier runs."""
    return any(isinstance(handler, Notifier) and handler.remembers() for handler in handlers)
