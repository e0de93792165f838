"""How the runs of each label ended: its last run, its streak, and what is open, killed, overdue or silent."""

import time
from collections.abc import Sequence
from datetime import datetime

import attrs

from tocsin.cli.runs.query import Known, RunsOptions, moment
from tocsin.core.changes import Streak
from tocsin.core.outcomes import Told
from tocsin.core.silences import Silence, silence_over
from tocsin.shell.absence import Overdue
from tocsin.shell.history.run_locks import KilledRun
from tocsin.shell.history.run_record import RunRecord


@attrs.frozen(kw_only=True)
class LabelSummary:
    """How the runs of a label ended.

    Args:
        label: the label.
        last: the last ended run; None if none has ended.
        streak: how many of the last runs ended alike.
        successes: how many runs succeeded.
        ended: how many runs succeeded or failed.
        told: whether anybody was told of the last run; None if that is not known.
        killed: the last run that was killed and that no message has reported yet; None if there is none.
        running: the oldest run that is open; None if there is none.
        late: why it is overdue; None if it is not, or if no run is expected.
        silence: the silence that is in force; None if there is none.
    """

    label: str
    last: RunRecord | None
    streak: Streak
    successes: int
    ended: int
    told: Told | None
    killed: KilledRun | None
    running: KilledRun | None
    late: Overdue | None
    silence: Silence | None

    @property
    def at(self) -> datetime:
        """When its last run ended; the begin of a run that has not; when the first one was due."""
        moments = [moment(run) for run in (self.killed, self.running) if run is not None]
        if self.late is not None:
            moments.append(self.late.absence.due)
        return moments[0] if self.last is None else self.last.ended

    @property
    def is_failed(self) -> bool:
        """Whether the last run failed, was killed, or did not start."""
        return self.killed is not None or self.late is not None or (self.last is not None and self.last.failed is True)


def _summaries(known: Known, now: float) -> tuple[LabelSummary, ...]:
    """Summarize the runs by label. The label that ended last comes last."""
    by_label: dict[str, list[RunRecord]] = {}
    for run in known.ended:
        by_label.setdefault(run.label, []).append(run)
    unended = [*(run.label for run in (*known.killed, *known.running)), *(late.label for late in known.late)]
    labels = dict.fromkeys([*by_label, *unended])
    found = [_summary(label, by_label.get(label, []), known, now) for label in labels]
    return tuple(sorted(found, key=lambda each: each.at))


def _summary(label: str, ended: Sequence[RunRecord], known: Known, now: float) -> LabelSummary:
    decided = [run.failed for run in ended if run.failed is not None]
    last = ended[0] if ended else None
    return LabelSummary(
        label=label,
        last=last,
        streak=_streak(decided),
        successes=decided.count(False),
        ended=len(decided),
        told=None if last is None else known.told.get(last.run_id),
        killed=next((run for run in reversed(known.killed) if run.label == label), None),
        running=next((run for run in known.running if run.label == label), None),
        late=next((each for each in known.late if each.label == label), None),
        silence=silence_over(known.silences, label, now),
    )


def _streak(failed: Sequence[bool]) -> Streak:
    """Return the streak of runs that ended so, newest first."""
    if not failed:
        return Streak()
    return Streak(failed[0], next((at for at, each in enumerate(failed) if each is not failed[0]), len(failed)))


def chosen(known: Known, options: RunsOptions) -> tuple[LabelSummary, ...]:
    """Return the labels that are asked for. The one that ended last comes last."""
    found = [each for each in _summaries(known, time.time()) if each.is_failed or not options.failed]
    return tuple(found if options.limit is None else found[-options.limit :])
