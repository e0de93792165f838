"""The table of what servers may do, and what comes of it: its rows are those that a test runs, each on a server that does so."""

from datetime import timedelta

from docs.diagrams.markdown import table
from tests.shell.adapters.hostile import ROWS
from tests.shell.adapters.hostile.row import Row

from tocsin.core.outcomes import Ambiguous, Delivered, DestinationDead, Rejected, Retryable
from tocsin.core.text import span

_AGAIN = {
    Delivered: "there is no need",
    Retryable: "yes",
    Rejected: "no: it would fail again",
    DestinationDead: "no: a person must mend it",
    Ambiguous: "if it tells of a failure: once, marked as possibly repeated",
}


def hostile_table() -> str:
    """Every row, in Markdown; what comes of it for both channels alike is one."""
    channels: dict[tuple[str, ...], list[str]] = {}
    for row in ROWS:
        said = (f"{row.does} {'; '.join(row.servers)}", f"`{row.outcome.__name__}`", _again(row))
        channels.setdefault(said, []).append(row.channel)
    rows = ((", ".join(where), *said) for said, where in channels.items())
    return table(("Channel", "What the server does", "Outcome", "Is it tried again?"), rows)


def _again(row: Row) -> str:
    return _AGAIN[row.outcome] + _not_before(row.after)


def _not_before(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f", after {span(timedelta(seconds=seconds))}" if seconds else ", at once"
