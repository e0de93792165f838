"""A report for people: one line a task, one for the flow, and one for the notifications."""

from collections import Counter
from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tocsin.cli.rows import Row, flow_row, rows, told
from tocsin.cli.terminal import coloured, literally
from tocsin.core.messages.text import cut, one_line, span
from tocsin.flows.report import Report

_LONGEST = 300  # characters of a message
_NAME = 60


def as_table(report: Report) -> RenderableType:
    """The tasks with their states, each in its colour; then the flow, and how its notifications went."""
    table = Table.grid(padding=(0, 2))
    for row in rows(report):
        table.add_row(*_cells(row))
    table.add_row(*_cells(flow_row(report), "bold"))
    return Group(table, literally(_summary(report), "dim"))


def _cells(row: Row, style: str = "") -> Iterable[Text]:
    state, took = row.state, "" if row.duration is None else span(row.duration)
    yield literally(cut(one_line(row.name), _NAME), style)
    yield literally(f"● {type(state).__name__}", coloured(state.color))
    yield literally(took)
    yield literally(cut(one_line(state.message or ""), _LONGEST))


def _summary(report: Report) -> str:
    fates = Counter(told(delivery.outcome) for delivery in report.deliveries)
    sent = ", ".join(f"{count} {words}" for words, count in fates.items()) or "none"
    faults = len(report.faults)
    return f"notifications: {sent}{f'; handlers and filters that raised: {faults}' if faults else ''}"
