"""``tocsin runs``: the runs that are open, those that were killed, and how the others ended; the newest last, as in a log."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import attrs
from rich.table import Table
from rich.text import Text

from tocsin.cli.terminal import color_style, complain, console, json_line, own_text, plain_text, say, write
from tocsin.core.states import KINDS, Aborted, Failed, Running, State, Success, TriggerFailed
from tocsin.core.text import cut, one_line, span
from tocsin.shell.absence import Overdue, overdue
from tocsin.shell.history.expectations import ExpectationStore
from tocsin.shell.history.run_locks import KilledRun, killed_runs, line, open_runs
from tocsin.shell.history.run_record import HistoryError, RunRecord
from tocsin.shell.history.store import KEPT_IN_ALL, HistoryStore

_LONGEST_LABEL = 60  # characters
_COLORS = {kind.__name__: kind.color for kind in KINDS}


def runs(label: str | None, *, limit: int, as_json: bool, only_open: bool) -> int:
    """Show the runs with the label, or all, and return the exit status. Of the ended ones, show the last ``limit``."""
    try:
        late = overdue(ExpectationStore.usual(), None if label is None else line(label))
        ended = () if only_open else tuple(reversed(HistoryStore.usual().history(label, min(limit, KEPT_IN_ALL))))
    except HistoryError as error:
        complain(str(error))
        return 2
    killed, under_way = killed_runs(label), open_runs(label)
    if as_json:
        write(f"{_as_json(ended, killed, under_way, late)}\n")
    elif not (ended or killed or under_way or late):
        say(console(), plain_text(_nothing(label, only_open=only_open)))
    else:
        say(console(), _as_table(ended, killed, under_way, late))
    return 0


def _nothing(label: str | None, *, only_open: bool) -> str:
    what = "no runs are open" if only_open else "no runs yet"
    of = "" if label is None else f" of {line(label)!r}"
    return f"{what}{of}: tocsin exec --label=NAME -- COMMAND makes one"


@attrs.frozen(kw_only=True)
class _RunLine:
    """A run as a line of the table."""

    label: str
    kind: str
    color: str
    took: str = ""
    at: datetime
    text: str

    def cells(self) -> Iterable[Text]:
        yield own_text(cut(one_line(self.label), _LONGEST_LABEL))
        yield own_text(f"● {one_line(self.kind)}", color_style(self.color))
        yield plain_text(self.took)
        yield plain_text(self.at.astimezone().strftime("%Y-%m-%d %H:%M"))
        yield plain_text(one_line(self.text))


def _as_table(
    ended: Iterable[RunRecord], killed: Iterable[KilledRun], under_way: Iterable[KilledRun], late: Iterable[Overdue]
) -> Table:
    table, now = Table.grid(padding=(0, 2)), datetime.now(UTC)
    lines = [
        *map(_ended_line, ended),
        *map(_killed_line, killed),
        *(_running_line(run, now) for run in under_way),
        *map(_overdue_line, late),
    ]
    for each in lines:
        table.add_row(*each.cells())
    return table


def _ended_line(run: RunRecord) -> _RunLine:
    color = _COLORS.get(run.kind, _fallback_kind(run.failed).color)
    return _RunLine(label=run.label, kind=run.kind, color=color, took=span(run.duration), at=run.ended, text=_ended_text(run))


def _killed_line(run: KilledRun) -> _RunLine:
    text = "its process was killed; the next start of this label reports it"
    return _RunLine(label=run.label, kind="Killed", color=Aborted.color, at=_moment(run), text=text)


def _running_line(run: KilledRun, now: datetime) -> _RunLine:
    took, at = span(now - _moment(run)), _moment(run)
    return _RunLine(label=run.label, kind="Running", color=Running.color, took=took, at=at, text=f"process {run.pid}")


def _overdue_line(late: Overdue) -> _RunLine:
    return _RunLine(label=late.label, kind="Overdue", color=TriggerFailed.color, at=late.absence.due, text=late.text)


def _ended_text(run: RunRecord) -> str:
    attempts = f"; after {run.attempts} attempts" if run.attempts > 1 else ""
    return f"{run.message or ''}{attempts}".removeprefix("; ")


def _fallback_kind(failed: bool | None) -> type[State]:  # noqa: FBT001 - None is one of three answers
    """Return the built-in kind whose colour a user-defined kind gets."""
    return State if failed is None else Failed if failed else Success


def _moment(run: KilledRun) -> datetime:
    return datetime.fromtimestamp(run.started, UTC)


def _as_json(ended: Iterable[RunRecord], killed: Iterable[KilledRun], under_way: Iterable[KilledRun], late: Iterable[Overdue]) -> str:
    """Return one JSON object on one line, in ASCII. Times are ISO 8601 with zone, durations are seconds, unknown values are null."""
    whole = {
        "runs": [_ended_json(run) for run in ended],
        "killed": [_open_json(run) for run in killed],
        "running": [_open_json(run) for run in under_way],
        "overdue": [_overdue_json(each) for each in late],
    }
    return json_line(whole)


def _ended_json(run: RunRecord) -> dict[str, object]:
    return {
        "run_id": run.run_id,
        "label": run.label,
        "started": run.started.isoformat(),
        "ended": run.ended.isoformat(),
        "duration": run.duration / timedelta(seconds=1),
        "state": run.kind,
        "failed": run.failed,
        "message": run.message,
        "attempts": run.attempts,
        "exit_status": run.status,
        "version": run.version,
    }


def _overdue_json(late: Overdue) -> dict[str, object]:
    return {"label": late.label, "due": late.absence.due.isoformat(), "missed": late.absence.missed, "message": late.text}


def _open_json(run: KilledRun) -> dict[str, object]:
    return {"run_id": run.run_id, "label": run.label, "started": _moment(run).isoformat(), "process": run.pid}
