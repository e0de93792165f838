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
from functools import partial

import attrs

from tocsin.core.changes import Streak
from tocsin.core.machine import Announcement, ForeignHandler
from tocsin.core.notifiers import Notifier
from tocsin.shell import log
from tocsin.shell.environment import Notify
from tocsin.shell.history.run_record import HistoryError, RunRecord
from tocsin.shell.history.store import HistoryStore


@attrs.frozen
class Remembered:
    """The streak before the end of a run, and the function that removes the end from it; None if the end was not written."""

    past: Streak
    take_back: Callable[[], None] | None = None


Remember = Callable[[Announcement, Notify], Remembered]
"""Called with a change that ends a run, and whether notifications are sent, printed or dropped."""


def remembering(handlers: Iterable[Notifier | ForeignHandler]) -> Remember | None:
    """Return ``remember_end`` if one of the handlers depends on earlier runs, else None."""
    return remember_end if True in [isinstance(handler, Notifier) and handler.remembers() for handler in handlers] else None


def remember_end(proposed: Announcement, mode: Notify) -> Remembered:
    """Return the streak of the run's label. If notifications are sent, add the end to the streak."""
    subject, failed = proposed.before.subject, proposed.after.state.is_failed()
    label = subject.label or subject.slug
    if mode == "none" or not remembering(subject.handlers):
        return Remembered(subject.past)
    if mode == "print":
        return Remembered(_use_store(lambda store: store.past(label), "nothing is known of earlier runs"))
    past = _use_store(lambda store: store.advance(label, failed=failed), "this run will not be remembered")
    return Remembered(past, partial(_take_back, label, failed, past))


def record_end(proposed: Announcement, started: float, status: int | None, *, counts: bool) -> Remembered:
    """Add an ended run to the history. Return the streak of its label before it.

    Args:
        proposed: the change that ends the run.
        started: its start, in seconds since 1970.
        status: the exit status of the command; None if there is none.
        counts: whether its end is part of the streak.
    """
    subject, after = proposed.before.subject, proposed.after
    record = RunRecord.of(
        after.state,
        run_id=subject.run_id,
        label=subject.slug,
        started=datetime.fromtimestamp(started, UTC),
        ended=proposed.event.at,
        attempts=after.attempt,
        status=status,
    )
    past = _use_store(lambda store: store.record(record, counts=counts), "this run will not be remembered")
    return Remembered(past, partial(_take_back, subject.slug, after.state.is_failed(), past) if counts else None)


def _take_back(label: str, failed: bool, past: Streak) -> None:  # noqa: FBT001 - bound in order by ``partial``
    """Undo the change of a streak."""

    def act(store: HistoryStore) -> Streak:
        store.retract(label, failed=failed, before=past)
        return past

    _use_store(act, "this run will be remembered, though its notification failed")


def _use_store(act: Callable[[HistoryStore], Streak], consequence: str) -> Streak:
    """Run a transaction on the user's history. Log its error and the consequence once, and return an empty streak then."""
    try:
        return act(HistoryStore.usual())
    except HistoryError as error:
        log.once(f"{error}; {consequence}")
        return Streak()
