"""``tocsin outbox drain``: sends the messages that are due, waits for them, and shows the progress.

- Progress is a bar on a terminal, a line for each message in a pipe, and nothing with ``--json``.
- A signal stops it: it finishes the messages being sent, releases the rest, and exits with the signal's status.
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
from tocsin.cli.outbox.opening import UNUSABLE, no_outbox_yet
from tocsin.cli.signals import TERMINATED, graceful_stop
from tocsin.cli.stdout import write
from tocsin.cli.terminal import complain, console, json_line, plain_text, say
from tocsin.core.outbox.batches import Batch
from tocsin.core.outbox.metrics import ENDINGS, DrainCounters
from tocsin.core.outbox.model import WAITING, Row, duration_text
from tocsin.core.outbox.status import UNSETTLED, count, messages
from tocsin.core.outcomes import Outcome
from tocsin.core.text import cut, one_line
from tocsin.shell.config.load import configuration
from tocsin.shell.environment import NAME, misspelt, override
from tocsin.shell.errors import OutboxError
from tocsin.shell.outbox.store import Store
from tocsin.shell.outbox.worker import OnBatch, Worker
from tocsin.shell.redaction import redact
from tocsin.shell.reliable import chain
from tocsin.shell.threads import WorkerThread

OnProgress = Callable[[Batch, Sequence[Row]], None]
"""Shows a batch that was tried, with its rows after that. It is thread-safe."""

STOP_TIMEOUT = 25.0
"""Seconds to wait, after a signal, for the messages being sent: longer than one message takes, shorter than service managers wait."""

_MIN_INTERVAL = 1.0  # seconds between two digests to the same audience; short, since the command waits for them
_LONGEST_REASON = 200  # characters


def drain_due(store: Store, *, as_json: bool) -> int:
    """Send the messages that are due, and return the exit status."""
    if is_sending_disabled():
        return UNUSABLE
    if not store.exists:
        write(f"{json.dumps(_json(store, DrainCounters(), 0))}\n") if as_json else say(console(), plain_text(no_outbox_yet(store)))
        return 0
    health, before = Health(), store.census()
    with progress(count(before, WAITING), as_json=as_json) as on_progress:
        on_batch = counting(health, on_progress)
        stopped = _send(Worker(store, chain(configuration()), min_interval=_MIN_INTERVAL, on_batch=on_batch))
    if stopped is not None:
        return stopped
    after = store.census()
    left = count(after, WAITING)
    if as_json:
        write(f"{json_line(_json(store, health.counters, left))}\n")
    else:
        say(console(), plain_text(f"{health.counters}{_left(store, left)}"))
    return 1 if left or count(after, UNSETTLED) > count(before, UNSETTLED) else 0


def is_sending_disabled() -> bool:
    """Return whether ``TOCSIN_NOTIFY`` forbids to send. If so, print it."""
    disabled = override()
    if disabled is not None:
        complain(f"{misspelt() or f'{NAME}={disabled} is set'}, so nothing would be sent: unset it, and drain again")
    return disabled is not None


@contextmanager
def progress(waiting: int, *, as_json: bool) -> Generator[OnProgress]:
    """Show the progress through ``waiting`` messages."""
    paper = Console(stderr=True, markup=False, emoji=False, highlight=False)
    if sys.stderr is not None and paper.is_terminal:
        with _bar(paper) as bar:
            task = bar.add_task("sending", total=waiting)
            yield lambda _, rows: bar.advance(task, len(rows))
    else:
        yield show_nothing if as_json else show_lines()


def _bar(paper: Console) -> Progress:
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=paper, transient=True, redirect_stdout=False)


def show_nothing(_: Batch, __: Sequence[Row]) -> None:
    """Show no progress."""


def show_lines() -> OnProgress:
    """Return a function that writes a line for each batch."""
    lock = threading.Lock()

    def show(batch: Batch, rows: Sequence[Row]) -> None:
        with lock:
            write(f"{_line(batch, rows[0], len(rows))}\n")

    return show


def _line(batch: Batch, row: Row, count: int) -> str:
    what = row.key if batch.digest is None else f"{batch.digest} ({messages(count)} as one)"
    cells = (f"{row.status.value:9}", one_line(row.destination), one_line(what), cut(one_line(row.reason or ""), _LONGEST_REASON))
    return redact("  ".join(cells)).rstrip()


def counting(health: Health, on_progress: OnProgress) -> OnBatch:
    """Return a function that counts each batch that was tried, and shows it."""

    def on_batch(batch: Batch, _: Outcome, rows: Sequence[Row]) -> None:
        if rows:  # else the lease was lost, and another worker has the messages
            health.count(rows)
            on_progress(batch, rows)

    return on_batch


def _send(worker: Worker) -> int | None:
    """Send the messages that are due. Return the exit status of a SIGTERM that stopped it, or None.

    Raises:
        OutboxError: the database cannot be used.
        KeyboardInterrupt: SIGINT stopped it.
    """
    errors: list[OutboxError] = []

    def turn() -> None:
        try:
            worker.turn()
        except OutboxError as error:
            errors.append(error)
        finally:
            stop.wake()

    with graceful_stop() as stop:
        thread = WorkerThread("tocsin_outbox", turn)
        thread.start()
        if stop.wait():
            worker.stop(STOP_TIMEOUT)
    if stop.signal == signal.SIGINT:
        raise KeyboardInterrupt
    if stop.is_due:
        complain("ended by SIGTERM: unsent messages stay in the outbox")
        return TERMINATED
    thread.join()
    for error in errors:
        raise error
    return None


def _left(store: Store, left: int) -> str:
    if not left:
        return ""
    soonest = store.agenda().next
    when = "" if soonest is None else f", and the next is due in {duration_text(soonest)}"
    return f"; {messages(left)} still {'waits' if left == 1 else 'wait'}{when}"


def _json(store: Store, counters: DrainCounters, left: int) -> dict[str, object]:
    return {"place": store.place, **{status.value: counters.count(status) for status in ENDINGS}, "left": left}
