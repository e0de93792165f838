"""``tocsin runs``: which runs are open, which were killed, and how the others ended; newest last, as in a log."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import attrs
from rich.table import Table
from rich.text import Text

from tocsin.cli.terminal import coloured, complain, console, literally, say, write
from tocsin.core.messages.text import cut, one_line, span
from tocsin.core.states import KINDS, Aborted, Failed, Running, State, Success
from tocsin.shell.adapters.redaction import redact
from tocsin.shell.history.run_locks import Left, left, line, running
from tocsin.shell.history.run_record import Ended, JournalFault
from tocsin.shell.history.store import KEPT_IN_ALL, Journal

_PIPED = 10_000  # columns: whoever reads a pipe wants one line a run
_LABEL = 60  # characters
_COLORS = {kind.__name__: kind.color for kind in KINDS}


@attrs.frozen(kw_only=True)
class Asked:
    """What was asked for; see the options of the command."""

    label: str | None = None
    limit: int = 20
    json: bool = False
    open: bool = False


def runs(asked: Asked) -> int:
    """Show the runs; the exit status."""
    try:
        ended = () if asked.open else tuple(reversed(Journal.usual().history(asked.label, min(asked.limit, KEPT_IN_ALL))))
    except JournalFault as fault:
        complain(str(fault))
        return 2
    killed, under_way = left(asked.label), running(asked.label)
    if asked.json:
        write(f"{_as_json(ended, killed, under_way)}\n")
    elif not (ended or killed or under_way):
        say(console(_PIPED), literally(_nothing(asked)))
    else:
        say(console(_PIPED), _as_table(ended, killed, under_way))
    return 0


def _nothing(asked: Asked) -> str:
    what = "no runs are open" if asked.open else "no runs yet"
    of = "" if asked.label is None else f" of {line(asked.label)!r}"
    return f"{what}{of}: tocsin exec --label=NAME -- COMMAND makes one"


@attrs.frozen(kw_only=True)
class _Line:
    """A run, as it is drawn."""

    label: str
    kind: str
    color: str
    took: str = ""
    at: datetime
    said: str

    def cells(self) -> Iterable[Text]:
        yield literally(cut(one_line(self.label), _LABEL))
        yield literally(f"● {one_line(self.kind)}", coloured(self.color))
        yield literally(self.took)
        yield literally(self.at.astimezone().strftime("%Y-%m-%d %H:%M"))
        yield literally(one_line(self.said))


def _as_table(ended: Iterable[Ended], killed: Iterable[Left], under_way: Iterable[Left]) -> Table:
    table, now = Table.grid(padding=(0, 2)), datetime.now(UTC)
    lines = [*map(_over, ended), *map(_lost, killed), *(_going(run, now) for run in under_way)]
    for each in lines:
        table.add_row(*each.cells())
    return table


def _over(run: Ended) -> _Line:
    color = _COLORS.get(run.kind, _standing_in(run.failed).color)
    return _Line(label=run.label, kind=run.kind, color=color, took=span(run.ended - run.started), at=run.ended, said=_said(run))


def _lost(run: Left) -> _Line:
    said = "its process was killed; the next start of this label tells"
    return _Line(label=run.label, kind="Killed", color=Aborted.color, at=_moment(run), said=said)


def _going(run: Left, now: datetime) -> _Line:
    took, at = span(now - _moment(run)), _moment(run)
    return _Line(label=run.label, kind="Running", color=Running.color, took=took, at=at, said=f"process {run.pid}")


def _said(run: Ended) -> str:
    attempts = f"; after {run.attempts} attempts" if run.attempts > 1 else ""
    return f"{run.message or ''}{attempts}".removeprefix("; ")


def _standing_in(failed: bool | None) -> type[State]:  # noqa: FBT001 - None is one of three answers
    """The kind that a kind of the user's is drawn as."""
    return State if failed is None else Failed if failed else Success


def _moment(run: Left) -> datetime:
    return datetime.fromtimestamp(run.started, UTC)


def _as_json(ended: Iterable[Ended], killed: Iterable[Left], under_way: Iterable[Left]) -> str:
    """One JSON object on one line, in ASCII: times are ISO 8601 with their zone, durations seconds, and what is not known null."""
    whole = {
        "runs": [_ended(run) for run in ended],
        "killed": [_open(run) for run in killed],
        "running": [_open(run) for run in under_way],
    }
    return redact(json.dumps(whole))


def _ended(run: Ended) -> dict[str, object]:
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


def _open(run: Left) -> dict[str, object]:
    return {"run_id": run.run_id, "label": run.label, "started": _moment(run).isoformat(), "process": run.pid}
