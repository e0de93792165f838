"""``tocsin runs``: which runs are open, which were killed, and how the others ended; newest last, as in a log."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import attrs
from rich.table import Table
from rich.text import Text

from tocsin.cli.terminal import color_style, complain, console, plain_text, say, write
from tocsin.core.messages.text import cut, one_line, span
from tocsin.core.states import KINDS, Aborted, Failed, Running, State, Success
from tocsin.shell.adapters.redaction import redact
from tocsin.shell.history.run_locks import KilledRun, killed_runs, line, open_runs
from tocsin.shell.history.run_record import HistoryError, RunRecord
from tocsin.shell.history.store import KEPT_IN_ALL, HistoryStore

_PIPED = 10_000  # columns: whoever reads a pipe wants one line a run
_LABEL = 60  # characters
_COLORS = {kind.__name__: kind.color for kind in KINDS}


@attrs.frozen(kw_only=True)
class RunsOptions:
    """What was asked for; see the options of the command."""

    label: str | None = None
    limit: int = 20
    json: bool = False
    open: bool = False


def runs(asked: RunsOptions) -> int:
    """Show the runs; the exit status."""
    try:
        ended = () if asked.open else tuple(reversed(HistoryStore.usual().history(asked.label, min(asked.limit, KEPT_IN_ALL))))
    except HistoryError as fault:
        complain(str(fault))
        return 2
    killed, under_way = killed_runs(asked.label), open_runs(asked.label)
    if asked.json:
        write(f"{_as_json(ended, killed, under_way)}\n")
    elif not (ended or killed or under_way):
        say(console(_PIPED), plain_text(_nothing(asked)))
    else:
        say(console(_PIPED), _as_table(ended, killed, under_way))
    return 0


def _nothing(asked: RunsOptions) -> str:
    what = "no runs are open" if asked.open else "no runs yet"
    of = "" if asked.label is None else f" of {line(asked.label)!r}"
    return f"{what}{of}: tocsin exec --label=NAME -- COMMAND makes one"


@attrs.frozen(kw_only=True)
class _RunLine:
    """A run, as it is drawn."""

    label: str
    kind: str
    color: str
    took: str = ""
    at: datetime
    said: str

    def cells(self) -> Iterable[Text]:
        yield plain_text(cut(one_line(self.label), _LABEL))
        yield plain_text(f"● {one_line(self.kind)}", color_style(self.color))
        yield plain_text(self.took)
        yield plain_text(self.at.astimezone().strftime("%Y-%m-%d %H:%M"))
        yield plain_text(one_line(self.said))


def _as_table(ended: Iterable[RunRecord], killed: Iterable[KilledRun], under_way: Iterable[KilledRun]) -> Table:
    table, now = Table.grid(padding=(0, 2)), datetime.now(UTC)
    lines = [*map(_over, ended), *map(_lost, killed), *(_going(run, now) for run in under_way)]
    for each in lines:
        table.add_row(*each.cells())
    return table


def _over(run: RunRecord) -> _RunLine:
    color = _COLORS.get(run.kind, _standing_in(run.failed).color)
    return _RunLine(label=run.label, kind=run.kind, color=color, took=span(run.ended - run.started), at=run.ended, said=_said(run))


def _lost(run: KilledRun) -> _RunLine:
    said = "its process was killed; the next start of this label tells"
    return _RunLine(label=run.label, kind="Killed", color=Aborted.color, at=_moment(run), said=said)


def _going(run: KilledRun, now: datetime) -> _RunLine:
    took, at = span(now - _moment(run)), _moment(run)
    return _RunLine(label=run.label, kind="Running", color=Running.color, took=took, at=at, said=f"process {run.pid}")


def _said(run: RunRecord) -> str:
    attempts = f"; after {run.attempts} attempts" if run.attempts > 1 else ""
    return f"{run.message or ''}{attempts}".removeprefix("; ")


def _standing_in(failed: bool | None) -> type[State]:  # noqa: FBT001 - None is one of three answers
    """The kind that a kind of the user's is drawn as."""
    return State if failed is None else Failed if failed else Success


def _moment(run: KilledRun) -> datetime:
    return datetime.fromtimestamp(run.started, UTC)


def _as_json(ended: Iterable[RunRecord], killed: Iterable[KilledRun], under_way: Iterable[KilledRun]) -> str:
    """One JSON object on one line, in ASCII: times are ISO 8601 with their zone, durations seconds, and what is not known null."""
    whole = {
        "runs": [_ended(run) for run in ended],
        "killed": [_open(run) for run in killed],
        "running": [_open(run) for run in under_way],
    }
    return redact(json.dumps(whole))


def _ended(run: RunRecord) -> dict[str, object]:
    return {
        "run_id": run.run_id,
        "label": run.label,
        "started": run.started.isoformat(),
        "ended": run.ended.isoformat(),
        "duration": (run.ended - run.started) / timedelta(seconds=1),
        "state": run.kind,
        "failed": run.failed,
        "message": run.message,
        "attempts": run.attempts,
        "exit_status": run.status,
        "version": run.version,
    }


def _open(run: KilledRun) -> dict[str, object]:
    return {"run_id": run.run_id, "label": run.label, "started": _moment(run).isoformat(), "process": run.pid}
