"""What people see of messages while they are sent: a bar on a terminal, a line each in a pipe, nothing where a program reads.

``tocsin outbox drain``: what is due is sent now, and waited for.

Exit status: 0 if nothing is left that waits, and nothing was given up; 1 if something is, or was; 2 if the outbox cannot be used, or
nothing may be sent. Stopped by a signal it ends what is being sent, releases the rest, and leaves with the signal's status.
"""

import json
import signal
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tocsin.cli.outbox.health import Health
from tocsin.cli.outbox.opening import UNUSABLE, absent
from tocsin.cli.signals import TERMINATED, graceful_stop
from tocsin.cli.terminal import complain, console, plain_text, say, write
from tocsin.core.messages.text import cut, one_line
from tocsin.core.outbox.batches import Batch
from tocsin.core.outbox.metrics import ENDINGS, DrainCounters
from tocsin.core.outbox.model import WAITING, Row, duration_text
from tocsin.core.outbox.status import UNSETTLED, count, messages
from tocsin.core.outcomes import Outcome
from tocsin.shell.adapters.redaction import redact
from tocsin.shell.environment import NAME, misspelt, override
from tocsin.shell.outbox import configured
from tocsin.shell.outbox.errors import OutboxError
from tocsin.shell.outbox.store import Store
from tocsin.shell.outbox.worker import OnBatch, Worker

OnProgress = Callable[[Batch, Sequence[Row]], None]
"""Tells of a message that was tried, and of its rows from then on; from any thread."""

_REASON = 200  # characters


@contextmanager
def progress(waiting: int, *, as_json: bool) -> Generator[OnProgress]:
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


def silently(_: Batch, __: Sequence[Row]) -> None:
    """Say nothing."""


def in_lines() -> OnProgress:
    """Writes a line of each."""
    lock = threading.Lock()

    def tell(parcel: Batch, rows: Sequence[Row]) -> None:
        with lock:
            write(f"{_line(parcel, rows[0], len(rows))}\n")

    return tell


def _line(parcel: Batch, row: Row, count: int) -> str:
    what = row.key if parcel.digest is None else f"{parcel.digest} ({messages(count)} as one)"
    cells = (f"{row.status.value:9}", one_line(row.destination), one_line(what), cut(one_line(row.reason or ""), _REASON))
    return redact("  ".join(cells)).rstrip()


LAST = 25.0
"""For how many seconds what is being sent is waited for, after a signal: longer than one message takes, shorter than patience does."""

_APART = 1.0  # seconds between two digests to the same people: somebody waits for this to end
_PIPED = 10_000  # columns


def refused() -> bool:
    """Whether nothing may be sent, which is said."""
    asked = override()
    if asked is not None:
        complain(f"{misspelt() or f'{NAME}={asked} is set'}, so nothing would be sent: unset it, and drain again")
    return asked is not None


def drain_due(store: Store, *, as_json: bool) -> int:
    """Send what is due; the exit status."""
    if refused():
        return UNUSABLE
    if not store.exists:
        write(f"{json.dumps(_json(store, DrainCounters(), 0))}\n") if as_json else say(console(_PIPED), plain_text(absent(store)))
        return 0
    board, before = Health(), store.census()
    with progress(count(before, WAITING), as_json=as_json) as tell:
        ended_by = _turned(Worker(store, configured.configured_sender(), min_interval=_APART, on_batch=noting_progress(board, tell)))
    if ended_by is not None:
        return ended_by
    after = store.census()
    left = count(after, WAITING)
    if as_json:
        write(f"{redact(json.dumps(_json(store, board.reckoning, left)))}\n")
    else:
        say(console(_PIPED), plain_text(f"{board.reckoning}{_left(store, left)}"))
    return 1 if left or count(after, UNSETTLED) > count(before, UNSETTLED) else 0


def noting_progress(board: Health, tell: OnProgress) -> OnBatch:
    """Has the board know of each message that was tried, and people."""

    def note(parcel: Batch, _: Outcome, rows: Sequence[Row]) -> None:
        if rows:  # else its lease was lost, and somebody else has them
            board.note(rows)
            tell(parcel, rows)

    return note


def _turned(drainer: Worker) -> int | None:
    """Send what is due; where a signal ends that, its exit status.

    Raises:
        OutboxError: the database cannot be used.
        KeyboardInterrupt: somebody interrupted it.
    """
    faults: list[OutboxError] = []

    def turn() -> None:
        try:
            drainer.turn()
        except OutboxError as fault:
            faults.append(fault)
        finally:
            ending.wake()

    with graceful_stop() as ending:
        thread = threading.Thread(target=turn, name="tocsin_outbox", daemon=True)
        thread.start()
        if ending.wait():
            drainer.stop(LAST)
    if ending.signal == signal.SIGINT:
        raise KeyboardInterrupt
    if ending.is_due:
        complain("ended by SIGTERM: what was not sent waits in the outbox")
        return TERMINATED
    thread.join()
    for fault in faults:
        raise fault
    return None


def _left(store: Store, left: int) -> str:
    if not left:
        return ""
    soonest = store.agenda().next
    when = "" if soonest is None else f", and the next is due in {duration_text(soonest)}"
    return f"; {messages(left)} {'waits' if left == 1 else 'wait'} still{when}"


def _json(store: Store, reckoning: DrainCounters, left: int) -> dict[str, object]:
    return {"place": store.place, **{status.value: reckoning.count(status) for status in ENDINGS}, "left": left}
