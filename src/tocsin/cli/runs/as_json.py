"""Labels and runs for programs: one JSON object on one line, in ASCII.

Times are ISO 8601 with zone, durations are seconds, unknown values are null.
"""

from collections.abc import Iterable
from datetime import timedelta

from tocsin.cli.runs.labels import LabelSummary
from tocsin.cli.runs.query import Known, moment
from tocsin.cli.terminal import json_line
from tocsin.core.outbox.model import moment_of
from tocsin.shell.absence import Overdue
from tocsin.shell.history.run_locks import KilledRun
from tocsin.shell.history.run_record import RunRecord


def overdue_json(late: Overdue) -> dict[str, object]:
    """Return what is overdue as an object of JSON."""
    return {"label": late.label, "due": late.absence.due.isoformat(), "missed": late.absence.missed, "message": late.text}


def labels_json(summaries: Iterable[LabelSummary]) -> str:
    """Return labels as a line."""
    return json_line({"labels": [_label_json(each) for each in summaries]})


def _label_json(each: LabelSummary) -> dict[str, object]:
    last = each.last
    return {
        "label": each.label,
        "last": None if last is None else {**ended_json(last), "told": each.told},
        "failing": each.is_failed,
        "streak": {"failed": each.streak.failed, "length": each.streak.length},
        "success_rate": each.successes / each.ended if each.ended else None,
        "runs": each.ended,
        "killed": None if each.killed is None else open_json(each.killed),
        "running": None if each.running is None else open_json(each.running),
        "overdue": None if each.late is None else overdue_json(each.late),
        "silent_until": None if each.silence is None else moment_of(each.silence.until).isoformat(),
    }


def runs_json(known: Known) -> str:
    """Return single runs as a line."""
    whole = {
        "runs": [{**ended_json(run), "told": known.told.get(run.run_id)} for run in reversed(known.ended)],
        "killed": [open_json(run) for run in known.killed],
        "running": [open_json(run) for run in known.running],
        "overdue": [overdue_json(each) for each in known.late],
    }
    return json_line(whole)


def ended_json(run: RunRecord) -> dict[str, object]:
    """Return what is known of a run that has ended."""
    return {
        "run_id": run.run_id,
        "label": run.label,
        "started": run.started.isoformat(),
        "ended": run.ended.isoformat(),
        "duration": run.duration / timedelta(seconds=1),
        "state": {"kind": run.kind, "message": run.message},
        "failed": run.failed,
        "attempts": run.attempts,
        "exit_status": run.status,
        "version": run.version,
    }


def open_json(run: KilledRun) -> dict[str, object]:
    """Return what is known of a run that is open or was killed."""
    return {"run_id": run.run_id, "label": run.label, "started": moment(run).isoformat(), "process": run.pid}
