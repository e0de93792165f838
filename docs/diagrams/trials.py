"""The table of what was tried against ``tocsin exec``: its rows are those that a test runs, without and with it."""

from docs.diagrams.markdown import table
from tests.cli.exec.trials import TRIALS, Row


def trials_table() -> str:
    """Every row of every trial, by area, in Markdown."""
    areas: dict[str, list[Row]] = {}
    for trial in TRIALS:
        areas.setdefault(trial.area, []).extend(trial.rows)
    rows = ((area, row.tried, row.same, "the same" if row.tail is True else str(row.tail)) for area in areas for row in areas[area])
    escaped = (tuple(cell.replace("|", r"\|") for cell in row) for row in rows)
    return table(("Area", "What is tried", "What is the same", "With `--tail`"), escaped)
