"""What people see of messages while they are sent: a bar on a terminal, a line each in a pipe, nothing where a program reads."""

import sys
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tocsin.cli.terminal import write
from tocsin.core.messages.text import cut, one_line
from tocsin.core.outbox.parcels import Parcel
from tocsin.core.outbox.rows import Row
from tocsin.core.outbox.standing import messages
from tocsin.shell.adapters.redaction import redact

Tell = Callable[[Parcel, Sequence[Row]], None]
"""Tells of a message that was tried, and of its rows from then on; from any thread."""

_REASON = 200  # characters


@contextmanager
def telling(waiting: int, *, as_json: bool) -> Generator[Tell]:
    """Inside, people are told of each message, of so many that wait."""
    paper = Console(stderr=True, markup=False, emoji=False, highlight=False)
    if sys.stderr is not None and paper.is_terminal:
        with _bar(paper) as bar:
            task = bar.add_task("sending", total=waiting)
            yield lambda _, rows: bar.advance(task, len(rows))
    else:
        yield silently if as_json else in_lines()


def _bar(paper: Console) -> Progress:
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=paper, transient=True, redirect_stdout=False)


def silently(_: Parcel, __: Sequence[Row]) -> None:
    """Say nothing."""


def in_lines() -> Tell:
    """Writes a line of each."""
    lock = threading.Lock()

    def tell(parcel: Parcel, rows: Sequence[Row]) -> None:
        with lock:
            write(f"{_line(parcel, rows[0], len(rows))}\n")

    return tell


def _line(parcel: Parcel, row: Row, count: int) -> str:
    what = row.key if parcel.digest is None else f"{parcel.digest} ({messages(count)} as one)"
    cells = (f"{row.status.value:9}", one_line(row.destination), one_line(what), cut(one_line(row.reason or ""), _REASON))
    return redact("  ".join(cells)).rstrip()
