"""Reads and writes the streaks of runs for the filters that depend on earlier runs.

- The history is used only if a handler depends on earlier runs: other programs do not pay for it and leave no file.
- The end of a run is written before its notification, in one transaction with the read of the streak before it: runs that end at the
  same moment see each other's ends in order.
- Before that transaction commits, the end is in a file. The file is removed once a message about the end is safe: the outbox has
  committed it, the destination has accepted it, or it was given up and logged. A process that is killed in between leaves the file, and
  the next start of the label announces the end, by its own handlers and with the streak that was before it.
- If every notification of an end failed, its streak is restored: the next end is notified in its place.
- Only live runs are written. A dry run reads the history, to show what would be sent, and writes nothing. If notifications are neither
  sent nor shown, as in tests, nothing is read.
- A history that cannot be read or written is logged once. It costs the memory of a run, never the run.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Literal

import attrs

from tocsin.core.changes import Streak
from tocsin.core.events import Detail, Facts
from tocsin.core.machine import Announcement, ForeignHandler, Subject
from tocsin.core.notifiers import Notifier
from tocsin.core.outcomes import Told
from tocsin.shell import log
from tocsin.shell.environment import Notify
from tocsin.shell.fork_safety import forget_in_child
from tocsin.shell.history.journal import HistoryError
from tocsin.shell.history.paths import has_folder
from tocsin.shell.history.run_locks import RunLock, is_reported, keep_end, left_ends, line, open_end
from tocsin.shell.history.run_record import KeptEnd, RunRecord
from tocsin.shell.history.silences import ClaimedEnd, claimed_silent_ends
from tocsin.shell.history.store import HistoryStore

Fate = Literal["safe", "given up", "cut off"]
"""What became of the messages about an end.

- ``safe``: one was accepted by its destination, or all are in the outbox, or there are none.
- ``given up``: all failed, which is logged.
- ``cut off``: the process ended before one was accepted.
"""


@attrs.frozen
class Remembered:
    """What the history makes of the end of a run.

    Args:
        past: the streak before it.
        settle: takes the fate of its messages; None if nothing follows from it. It may be called twice: a message that is safe in the
            outbox may be given up later.
        note: takes whether anybody was told of it, each time that this changes; None if the history does not keep that.
        is_findable: whether ``tocsin runs show`` finds the run by its id; None leaves that as it was.
        is_held: whether a silence held the end back, and this process tells it.
    """

    past: Streak
    settle: Callable[[Fate], None] | None = None
    note: Callable[[Told], None] | None = None
    is_findable: bool | None = None
    is_held: bool = False


_FORGOTTEN = "this run will not be remembered"

Remember = Callable[[Announcement, Notify], Remembered]
"""Called with a change that ends a run, and whether notifications are sent, printed or dropped."""


def remembering(handlers: Iterable[Notifier | ForeignHandler]) -> Remember | None:
    """Return ``remember_end`` if one of the handlers depends on earlier runs, else None."""
    return remember_end if True in [isinstance(handler, Notifier) and handler.remembers() for handler in handlers] else None


def remember_end(proposed: Announcement, mode: Notify) -> Remembered:
    """Return the streak of the run's label. If notifications are sent, add the end to the streak."""
    subject, failed = proposed.before.subject, proposed.after.state.is_failed()
    label = subject.label
    if mode == "none" or not remembering(subject.handlers):
        return Remembered(subject.past)
    if mode == "print":
        return Remembered(_use_store(lambda store: store.past(label), "nothing is known of earlier runs"))
    locks = list[RunLock]()

    def keep(before: Streak) -> None:
        kept = KeptEnd.of(proposed, before)
        lock = open_end(os.urandom(8).hex(), label, kept.at, kept.line())
        if lock is not None:
            forget_in_child(lock)
            locks.append(lock)

    past = _use_store(lambda store: store.advance(label, failed=failed, keep=keep), "this run will not be remembered")

    def settle(fate: Fate) -> None:
        if fate != "safe":
            _take_back(label, failed, past)
        for lock in locks:
            lock.close()

    return Remembered(past, settle)


def record_end(
    proposed: Announcement,
    started: float,
    status: int | None,
    *,
    counts: bool,
    left: "tuple[RunLock, KeptEnd | None] | None" = None,
) -> Remembered:
    """Add an ended run to the history. Return the streak of its label before it.

    Where the user has no home folder, as in many a container, this does nothing, unless a handler depends on earlier runs.

    Args:
        proposed: the change that ends the run.
        started: its start, in seconds since 1970, by the clock as it stands at the end. One after the end counts as the end.
        status: the exit status of the command; None if there is none.
        counts: whether its end is part of the streak.
        left: the lock of the run, and the end that its process wrote, if that process was killed and this one claimed the run.
    """
    subject, after = proposed.before.subject, proposed.after
    failed, known = after.state.is_failed(), None if left is None or left[1] is None else left[1].before
    if remembering(subject.handlers) is None and not has_folder():
        return Remembered(Streak(), is_findable=False)
    record = RunRecord.of(
        after.state,
        run_id=subject.run_id,
        label=subject.slug,
        started=min(datetime.fromtimestamp(started, UTC), proposed.event.at),
        ended=proposed.event.at,
        attempts=after.attempt,
        status=status,
    )

    def keep(before: Streak) -> None:
        keep_end(subject.run_id, KeptEnd.of(proposed, before, status).line())

    recorded = list[Streak]()

    def act(store: HistoryStore) -> Streak:
        recorded.append(store.record(record, counts=counts, keep=keep, known=known))
        return recorded[0]

    past = _use_store(act, _FORGOTTEN)
    take_back = partial(_take_back, subject.slug, failed, past) if counts else None
    note = partial(_note, subject.run_id) if recorded else None
    if left is not None:
        return Remembered(past, partial(_settle_left, left[0], take_back), note, bool(recorded))
    return Remembered(past, None if take_back is None else partial(_settle_own, take_back), note, bool(recorded))


def _note(run_id: str, told: Told) -> None:
    """Record whether anybody was told of a run."""

    def act(store: HistoryStore) -> Streak:
        store.note(run_id, told)
        return Streak()

    _use_store(act, _FORGOTTEN)


def _settle_own(take_back: Callable[[], None], fate: Fate) -> None:
    """Settle an end whose file is removed when the process ends."""
    if fate != "safe":
        take_back()


def _settle_left(lock: RunLock, take_back: Callable[[], None] | None, fate: Fate) -> None:
    """Settle an end that a killed process left. If this process ends too early, the file stays for the next start."""
    if fate == "cut off":
        return
    if fate == "given up" and take_back is not None:
        take_back()
    lock.close()


@attrs.frozen
class LeftEnd:
    """An end that a killed process left, and that this process claimed, for a later run of its label to announce."""

    subject: Subject
    lock: RunLock
    kept: KeptEnd

    def announcement(self, facts: Facts) -> Announcement:
        """Return the change that ended the run."""
        return self.kept.announcement(self.subject, facts)

    def remember(self, proposed: Announcement, _: Notify) -> Remembered:
        """Return the streak before the end, which counts already unless the process was killed before its commit."""
        label, failed, before = self.subject.label, proposed.after.state.is_failed(), self.kept.before
        past = _use_store(
            lambda store: store.catch_up(label, failed=failed, before=before), "a run that was killed will not be remembered"
        )
        settle = partial(_settle_left, self.lock, partial(_take_back, label, failed, past))
        return Remembered(past, settle, is_findable=_is_recorded(self.kept.run_id))


def _is_recorded(run_id: str) -> bool:
    try:
        return run_id in [found.run_id for found in HistoryStore.usual().find(run_id)]
    except HistoryError:
        return False


@attrs.frozen
class HeldBackEnd:
    """An end that a silence held back, and that this process claimed, to be told now that the silence is over."""

    subject: Subject
    claimed: ClaimedEnd

    def announcement(self, facts: Facts) -> Announcement:
        """Return the change that ended the run, with the silence that held it back."""
        detail = Detail("Held back", f"by a silence {self.claimed.silence}")
        return self.claimed.kept.announcement(self.subject, attrs.evolve(facts, details=(*facts.details, detail)))

    def remember(self, _: Announcement, __: Notify) -> Remembered:
        """Return the streak before the end, which is counted already."""
        run_id = self.claimed.kept.run_id
        is_recorded = _is_recorded(run_id)
        note = partial(_note, run_id) if is_recorded else None
        return Remembered(self.claimed.kept.before, self._settle, note, is_recorded, is_held=True)

    def _settle(self, fate: Fate) -> None:
        """Forget the end, unless this process ends too early to send its messages: then the next start tells it."""
        self.claimed.release(told=fate != "cut off")


def held_back_ends(subjects: Iterable[Subject]) -> Iterator[HeldBackEnd]:
    """Claim what silences that are over held back under the labels of these subjects."""
    by_label = {line(subject.label): subject for subject in subjects}
    for claimed in claimed_silent_ends(by_label):
        yield HeldBackEnd(by_label[claimed.label], claimed)


def claimed_ends(subjects: Iterable[Subject]) -> Iterator[LeftEnd]:
    """Claim the ends that killed processes left under the labels of these subjects, oldest first."""
    found = left_ends()
    by_label = {line(subject.label): subject for subject in subjects} if found else {}
    for each in found:
        kept = KeptEnd.parsed(each.end)
        if each.label in by_label and kept is not None:
            lock = each.claim()
            if lock is not None:
                forget_in_child(lock)
                yield LeftEnd(by_label[each.label], lock, kept)


def _take_back(label: str, failed: bool, past: Streak) -> None:  # noqa: FBT001 - bound in order by ``partial``
    """Undo the change of a streak."""

    def act(store: HistoryStore) -> Streak:
        store.retract(label, failed=failed, before=past)
        return past

    _use_store(act, "this run will be remembered, though its notification failed")


def _use_store(act: Callable[[HistoryStore], Streak], consequence: str) -> Streak:
    """Run a transaction on the user's history. Log its error and the consequence once, and return an empty streak then.

    An error that the file of the run has met, too, is on standard error already.
    """
    try:
        return act(HistoryStore.usual())
    except HistoryError as error:
        if not is_reported(error.errno) and log.outages.begins(str(error)):
            log.once(f"{error}; {consequence}")
        return Streak()
