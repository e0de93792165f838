"""Labels and runs as the rows of a table, and whether anybody was told of a run, in words."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

import attrs
from rich.table import Table
from rich.text import Text

from tocsin.cli.runs.labels import LabelSummary
from tocsin.cli.runs.query import Known, moment
from tocsin.cli.terminal import color_style, own_text, plain_text
from tocsin.core.outbox.model import moment_of
from tocsin.core.outcomes import Told
from tocsin.core.states import KINDS, Aborted, Failed, Running, State, Success, TriggerFailed
from tocsin.core.text import cut, one_line, span
from tocsin.shell.history.run_locks import KilledRun
from tocsin.shell.history.run_record import RunRecord

_LONGEST_LABEL = 60  # characters
_COLORS = {kind.__name__: kind.color for kind in KINDS}
KILLED = "its process was killed; the next start of this label reports it"

TOLD: Mapping[Told | None, tuple[str, str]] = {
    "told": ("told", "yes: a message about its end was accepted"),
    "queued": ("queued", "not yet known: a message waits to be sent (tocsin outbox list)"),
    "silenced": ("silenced", "no: its label was silent (tocsin silence)"),
    "withheld": ("withheld", "no: its messages were printed or dropped, as --notify or TOCSIN_NOTIFY said"),
    "unknown": ("unknown", "not known: a message may have arrived"),
    "failed": ("not told", "no: no message was accepted"),
    "unwanted": ("unwanted", "no: no notifier has a message about such an end"),
    None: ("-", "not known"),
}
"""Whether anybody was told of a run: in a word for a table, and as a sentence."""

_HEADER = ("LABEL", "STATE", "ENDED", "STREAK", "SUCCESS", "TOLD", "")


def label_rows(summaries: Iterable[LabelSummary]) -> Iterator[Iterable[Text]]:
    """Return the header, and a row for each label."""
    yield (plain_text(title, "dim") for title in _HEADER)
    for each in summaries:
        yield _label_cells(each)


def _label_cells(each: LabelSummary) -> Iterator[Text]:
    last, streak = each.last, each.streak
    noun = ("failure" if streak.failed else "success") + ("" if streak.length == 1 else "s" if streak.failed else "es")
    yield own_text(cut(one_line(each.label), _LONGEST_LABEL))
    if each.killed is not None:
        yield own_text("● Killed", color_style(Aborted.color))
    elif last is not None:
        yield own_text(f"● {one_line(last.kind)}", color_style(color_of(last)))
    elif each.running is not None:
        yield own_text("● Running", color_style(Running.color))
    else:
        yield own_text("● Overdue", color_style(TriggerFailed.color))
    yield plain_text("" if last is None else _local(last.ended))
    yield plain_text(f"{streak.length:,} {noun}" if streak.length else "")
    yield plain_text(f"{100 * each.successes // each.ended} % of {each.ended:,}" if each.ended else "")
    yield plain_text(TOLD[each.told][0])
    yield plain_text(one_line("; ".join(_notes(each))))


def _notes(each: LabelSummary) -> Iterator[str]:
    if each.killed is not None:
        yield KILLED
    elif each.last is not None and _ended_text(each.last):
        yield _ended_text(each.last)
    if each.running is not None:
        yield f"running for {span(datetime.now(UTC) - moment(each.running))}"
    if each.late is not None:
        yield each.late.text
    if each.silence is not None:
        yield f"silent until {_local(moment_of(each.silence.until))}"


@attrs.frozen(kw_only=True)
class _RunLine:
    """A run as a line of the table."""

    run_id: str
    label: str
    kind: str
    color: str
    took: str = ""
    at: datetime
    told: str = ""
    text: str

    def cells(self) -> Iterator[Text]:
        yield own_text(one_line(self.run_id))
        yield own_text(cut(one_line(self.label), _LONGEST_LABEL))
        yield own_text(f"● {one_line(self.kind)}", color_style(self.color))
        yield plain_text(self.took)
        yield plain_text(_local(self.at))
        yield plain_text(self.told)
        yield plain_text(one_line(self.text))


def run_rows(known: Known) -> Iterator[Iterable[Text]]:
    """Return a row for each run: the ended ones, then those that were killed, that are open, and that did not start."""
    now = datetime.now(UTC)
    for run in reversed(known.ended):
        yield _ended_line(run, known.told.get(run.run_id)).cells()
    for killed in known.killed:
        yield _open_line(killed, "Killed", Aborted.color, text=KILLED).cells()
    for running in known.running:
        whole = _open_line(running, "Running", Running.color, text=f"process {running.pid}")
        yield attrs.evolve(whole, took=span(now - moment(running))).cells()
    for late in known.late:
        at, color = late.absence.due, TriggerFailed.color
        yield _RunLine(run_id="", label=late.label, kind="Overdue", color=color, at=at, text=late.text).cells()


def _ended_line(run: RunRecord, told: Told | None) -> _RunLine:
    took, text, word = span(run.duration), _ended_text(run), TOLD[told][0]
    return _RunLine(
        run_id=run.run_id, label=run.label, kind=run.kind, color=color_of(run), took=took, at=run.ended, told=word, text=text
    )


def _open_line(run: KilledRun, kind: str, color: str, *, text: str) -> _RunLine:
    return _RunLine(run_id=run.run_id, label=run.label, kind=kind, color=color, at=moment(run), text=text)


def grid(rows: Iterable[Iterable[Text]]) -> Table:
    """Return a table without lines."""
    table = Table.grid(padding=(0, 2))
    for row in rows:
        table.add_row(*row)
    return table


def _ended_text(run: RunRecord) -> str:
    attempts = f"; after {run.attempts} attempts" if run.attempts > 1 else ""
    return f"{run.message or ''}{attempts}".removeprefix("; ")


def color_of(run: RunRecord) -> str:
    """Return the colour of the state in which a run ended."""
    return _COLORS.get(run.kind, _fallback_kind(run.failed).color)


def _fallback_kind(failed: bool | None) -> type[State]:  # noqa: FBT001 - None is one of three answers
    """Return the built-in kind whose colour a user-defined kind gets."""
    return State if failed is None else Failed if failed else Success


def _local(at: datetime) -> str:
    return at.astimezone().strftime("%Y-%m-%d %H:%M")
