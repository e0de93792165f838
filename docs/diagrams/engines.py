"""What engines say and what is told of it: a table for each engine, and a picture of one small pipeline on all of them.

The tables come from ``EVENTS`` of each module of ``core/integrations/``. The picture comes from the golden records of real runs: each
row is a message that people get, as the translation of today words it.
"""

from collections.abc import Iterable
from html import escape
from importlib import import_module
from pathlib import Path
from textwrap import wrap

import attrs
from docs.diagrams.markdown import table
from docs.diagrams.style import ink
from tests.engines.golden import Told, replayed

from tocsin.core.text import cut

ENGINES = ("prefect", "airflow", "dagster", "celery")
NATIVE = Path(__file__).parents[1] / "engines" / "native"

_LONGEST, _WIDTH = 200, 52  # characters


def events_table(engine: str) -> str:
    """What each hook of an engine can lead to, in Markdown."""
    events = import_module(f"tocsin.core.integrations.{engine}").EVENTS
    rows = ((f"`{event}`", ", ".join(f"`{kind.__name__}`" for kind in kinds)) for event, kinds in events.items())
    return table(("What the engine says", "What is told"), rows)


def pipeline() -> str:
    """The picture of the pipeline on all engines, as DOT text: an engine a column, a message a row."""
    columns = [_column(engine) for engine in ENGINES]
    tallest = max(sum(row.height for row in rows) for rows in columns)
    cells = "".join(f'<td valign="top">{_table(rows, tallest)}</td>' for rows in columns)
    head = [
        "digraph engines {",
        '  graph [fontname="Arial", fontsize=13, pad=0.3, bgcolor="white"];',
        '  node [fontname="Arial", fontsize=12, shape=plain];',
    ]
    body = f'<table border="0" cellborder="0" cellspacing="8"><tr>{cells}</tr></table>'
    return "\n".join([*head, f"  pipeline [label=<{body}>];", "}"]) + "\n"


@attrs.frozen
class _Row:
    """A row of a column: its lines, and its colour."""

    lines: tuple[str, ...]
    color: str = "#ffffff"
    size: int = 12

    @property
    def height(self) -> int:
        """About how high it is, in points."""
        return len(self.lines) * (self.size + 3) + 13

    def __str__(self) -> str:
        text = "".join(f'{escape(line)}<br align="left"/>' for line in self.lines)
        font = f'<font color="{ink(self.color)}" point-size="{self.size}">{text}</font>'
        return f'<tr><td align="left" bgcolor="{self.color}">{font}</td></tr>'


def _table(rows: list[_Row], tallest: int) -> str:
    """A column, with room at its end, since Graphviz would stretch its rows."""
    room = tallest - sum(row.height for row in rows)
    end = f'<tr><td height="{room}"> </td></tr>' if room else ""
    return f'<table border="0" cellborder="0" cellspacing="3" cellpadding="5">{"".join(map(str, rows))}{end}</table>'


def _column(engine: str) -> list[_Row]:
    own = (NATIVE / f"{engine}.txt").read_text(encoding="utf-8").splitlines()
    told = [_message(each) for each in replayed(engine, "pipeline") if each.kind not in {"Submitted", "Queued"}]
    says = [_Row(_wrapped([line]), "#f1f3f5") for line in own]
    return [_Row((engine.capitalize(),), size=16), _Row(("tocsin tells:",)), *told, _Row(("the engine itself says:",)), *says]


def _message(told: Told) -> _Row:
    lines = [told.sentence, *(f"{title}: {text}" for title, text in told.details)]
    return _Row(_wrapped(line for whole in lines for line in whole.splitlines()), told.color)


def _wrapped(lines: Iterable[str]) -> tuple[str, ...]:
    return tuple([part for line in lines for part in wrap(cut(line, _LONGEST), _WIDTH)])
