"""What engines say and what is told of it: a table for each engine, and a picture of one small pipeline on all of them.

The tables come from ``EVENTS`` of each module of ``core/integrations/``. The picture comes from the golden records of real runs: each
row is a message that people get, as the translation of today words it.
"""

from collections.abc import Iterator
from html import escape
from importlib import import_module
from pathlib import Path

from docs.diagrams.markdown import table
from docs.diagrams.style import ink
from tests.engines.golden import Told, replayed

from tocsin.core.text import cut

ENGINES = ("prefect", "airflow", "dagster", "celery")
NATIVE = Path(__file__).parents[1] / "engines" / "native"

_LONGEST = 76  # characters


def events_table(engine: str) -> str:
    """What each hook of an engine can lead to, in Markdown."""
    events = import_module(f"tocsin.core.integrations.{engine}").EVENTS
    rows = ((f"`{event}`", ", ".join(f"`{kind.__name__}`" for kind in kinds)) for event, kinds in events.items())
    return table(("What the engine says", "What is told"), rows)


def pipeline() -> str:
    """The picture of the pipeline on all engines, as DOT text: an engine a column, a message a row."""
    head = [
        "digraph engines {",
        '  graph [fontname="Arial", fontsize=13, pad=0.3, bgcolor="white"];',
        '  node [fontname="Arial", fontsize=12, shape=plain];',
    ]
    columns = "".join(f"<td valign='top'>{_column(engine)}</td>" for engine in ENGINES)
    body = f"<table border='0' cellborder='0' cellspacing='6'><tr>{columns}</tr></table>".replace("'", '"')
    return "\n".join([*head, f"  pipeline [label=<{body}>];", "}"]) + "\n"


def _column(engine: str) -> str:
    own = (NATIVE / f"{engine}.txt").read_text(encoding="utf-8").splitlines()
    rows = [
        f"<tr><td align='left'><b><font point-size='16'>{engine.capitalize()}</font></b></td></tr>",
        "<tr><td align='left'><font color='#5f6b7a'>tocsin tells:</font></td></tr>",
        *map(_message, replayed(engine, "pipeline")),
        "<tr><td align='left'><font color='#5f6b7a'>the engine itself says:</font></td></tr>",
        *(f"<tr><td align='left' bgcolor='#f1f3f5'>{line}</td></tr>" for line in _lines(own)),
    ]
    return f"<table border='0' cellborder='0' cellspacing='3' cellpadding='5'>{''.join(rows)}</table>"


def _message(told: Told) -> str:
    lines = [told.sentence, *(f"{title}: {text}" for title, text in told.details)]
    text = "<br align='left'/>".join(_lines(line for whole in lines for line in whole.splitlines()))
    return f"<tr><td align='left' bgcolor='{told.color}'><font color='{ink(told.color)}'>{text}<br align='left'/></font></td></tr>"


def _lines(lines: "Iterator[str] | list[str]") -> Iterator[str]:
    for line in lines:
        yield escape(cut(line, _LONGEST), quote=True).replace("&#x27;", "&#39;")
