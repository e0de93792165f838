"""The journal for those who cannot do anything about it: what is wrong with it is said once, and costs a memory, never a run."""

from datetime import UTC, datetime

from tocsin.core.machine import Run
from tocsin.core.streaks import Streak
from tocsin.shell import log
from tocsin.shell.journal.ended import Ended
from tocsin.shell.journal.faults import JournalFault
from tocsin.shell.journal.journal import Journal


def past(label: str) -> Streak:
    """How the runs of a label ended, up to now; nothing is known where the journal cannot be read."""
    try:
        return Journal.usual().past(label)
    except JournalFault as fault:
        log.once(f"{fault}; nothing is known of earlier runs")
        return Streak()


def keep(label: str, streak: Streak) -> None:
    """Keep a streak for the next run of its label."""
    try:
        Journal.usual().remember(label, streak)
    except JournalFault as fault:
        log.once(f"{fault}; this run will not be remembered")


def write_down(run: Run, started: float, ended: float, status: int | None) -> None:
    """Keep how a run of its label ended.

    Args:
        run: the run, which has ended.
        started: when, in seconds since 1970.
        ended: when, likewise.
        status: the exit status of the command; None where there is none.
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
    try:
        Journal.usual().record(entry)
    except JournalFault as fault:
        log.once(f"{fault}; this run will not be remembered")
