"""The journal for those who cannot do anything about it: what is wrong with it is said once, and costs a memory, never a run."""

from collections.abc import Callable
from datetime import UTC, datetime

from tocsin.core.machine import Run
from tocsin.core.streaks import Streak
from tocsin.shell import log
from tocsin.shell.journal.ended import Ended
from tocsin.shell.journal.faults import JournalFault
from tocsin.shell.journal.journal import Journal


def past(label: str) -> Streak:
    """How the runs of a label ended, up to now."""
    return _tried(lambda journal: journal.past(label), "nothing is known of earlier runs")


def advance(label: str, *, failed: bool) -> Streak:
    """Have it remembered that a label ended so once more; the streak as it was before."""
    return _tried(lambda journal: journal.advance(label, failed=failed), "this run will not be remembered")


def retract(label: str, *, failed: bool, before: Streak) -> None:
    """Take back what ``advance`` or ``write_down`` remembered."""

    def act(journal: Journal) -> Streak:
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
    entry = Ended.of(
        run.state,
        run_id=subject.run_id,
        label=subject.slug,
        started=datetime.fromtimestamp(started, UTC),
        ended=datetime.fromtimestamp(ended, UTC),
        attempts=run.attempt,
        status=status,
    )
    return _tried(lambda journal: journal.record(entry, counts=counts), "this run will not be remembered")


def _tried(act: Callable[[Journal], Streak], else_: str) -> Streak:
    try:
        return act(Journal.usual())
    except JournalFault as fault:
        log.once(f"{fault}; {else_}")
        return Streak()
