"""The store of an outbox: insert rows, claim them, and change their status, each in one transaction.

- The core decides what becomes of a row (``core.outbox.state_machine``). The store reads the row and writes the result.
- A claim reads claimable rows from an index, in order, and no others: delivered rows, and rows that are not due, cost it nothing. On
  PostgreSQL, a claim skips rows that another worker is claiming (``SKIP LOCKED``), so that no worker waits.
- Each error of a database becomes an ``OutboxError`` without cause, context or traceback.
"""

import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import attrs
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from tocsin.core.outbox.model import Row, Status
from tocsin.core.outbox.state_machine import FAR, TOLERATED, Claimed, RefusedEvent, RowEvent, next_row, rewound
from tocsin.core.outbox.status import StatusCount
from tocsin.core.text import cut, one_line
from tocsin.core.values import Value
from tocsin.shell.errors import OutboxError
from tocsin.shell.fork_safety import forget_in_child
from tocsin.shell.outbox import queries
from tocsin.shell.outbox.daemon_lock import DaemonLock, FileLock, has_daemon, sees_daemon
from tocsin.shell.outbox.database import Database, OutboxConnection
from tocsin.shell.outbox.errors import describe_database_error
from tocsin.shell.outbox.queries import ServerClock, storable
from tocsin.shell.outbox.schema import Found
from tocsin.shell.redaction import redact

_T = TypeVar("_T")

_MAX_REASON = 1000  # characters
_CHUNK = 500  # rows that one transaction removes or reads
_BEYOND = 2**62  # greater than the number of any row
_ASKING = 2.0  # seconds for a question at the end of a program
_MANY_ROWS = 600.0  # seconds more for a server that may have to read all rows before it answers


@attrs.frozen(eq=False, repr=False)
class Agenda(Value):
    """What there is to send.

    Args:
        due: the destinations with rows that may be claimed now.
        next: seconds until the next row becomes due; None if no row waits for its time.
    """

    due: tuple[str, ...]
    next: float | None


class Store:
    """An outbox. Many threads may use it. Nothing is opened before it is needed.

    Args:
        url: of its database; None for a file in the user's state folder.
        busy: seconds that another process may hold the database before that is an error.

    Raises:
        OutboxError: the URL names no outbox. Each method: the database cannot be used.

    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> store = Store(f"sqlite:///{folder.name}/outbox.sqlite")
    >>> store.put([Row.new(key="run.load..0.0", destination="slack:TEAM", kind="PostToSlack", version=1, body="{}", at=store.now())])
    (True,)
    >>> [row.status.value for row in store.claim("slack:TEAM", "worker-1", seconds=60)], store.agenda().due
    (['leased'], ())
    >>> store.close()
    >>> folder.cleanup()
    """

    def __init__(self, url: str | None = None, *, busy: float = 5.0) -> None:
        self._database = Database(url, busy)
        self._writer = OutboxConnection(self._database)
        self._reader = OutboxConnection(self._database)
        self._clock = ServerClock()
        forget_in_child(self)

    @property
    def place(self) -> str:
        """The path or the URL, without a password."""
        return self._database.place

    @property
    def far(self) -> bool:
        """Whether the database is on a server."""
        return self._database.file is None

    def __repr__(self) -> str:
        return f"Store({self.place!r})"

    @property
    def exists(self) -> bool:
        """Whether the outbox may hold messages: False if its file does not exist."""
        file = self._database.file
        return file is None or file.identity is not None

    @property
    def identity(self) -> tuple[int, int] | None:
        """What tells the file from another one at its path; None if there is no file, and for a server."""
        file = self._database.file
        return None if file is None else file.identity

    def has_daemon(self) -> bool:
        """Return whether a daemon is seen that sends from the outbox. A server is asked for a moment only. Raises nothing."""
        file = self._database.file
        if file is not None:
            return has_daemon(file.path)
        try:
            return _with_outbox_errors(self.place, lambda: self._reader.do_if_open(sees_daemon, _ASKING)) is True
        except OutboxError:
            return False

    def daemon_lock(self) -> DaemonLock:
        """Return the lock by which a daemon shows that it sends from the outbox. Take it before the outbox is used."""
        file = self._database.file
        return _SessionLock(self, self._database) if file is None else FileLock(file.path)

    def now(self) -> float:
        """Return the time by the clock of the database, in seconds since 1970. A server is asked only now and then."""
        if self._database.file is not None:
            return time.time()
        return self._clock.now(lambda: self._run(self._reader, queries.server_time))

    def put(self, rows: Sequence[Row]) -> tuple[bool, ...]:
        """Insert the rows in one transaction, and return for each whether it was inserted: a row whose key exists is not.

        Raises:
            OutboxError: no row was inserted.
        """
        if len(rows) == 1 and self._database.file is not None:
            return (self._run(self._writer, lambda connection: queries.put_one(connection, rows[0])),)
        return self._transaction(lambda connection: queries.put(connection, rows)) if rows else ()

    def claim(self, destination: str, claim: str, *, seconds: float, most: int = 1000) -> tuple[Row, ...]:
        """Lease rows of a destination that are due, in order. Rows of one digest whose lease ended are leased together.

        Args:
            destination: of the rows.
            claim: the unique name of the lease.
            seconds: how long the lease lasts.
            most: the greatest number of rows; a digest is claimed as a whole.

        Raises:
            OutboxError: no row was claimed, or the result is unknown: such rows may be claimed again when the lease has ended.
        """
        now = self.now()
        return self._transaction(lambda connection: _claim(connection, destination, Claimed(now, claim, now + seconds), most))

    def advance(self, events: Sequence[tuple[str, RowEvent]]) -> tuple[Row | RefusedEvent, ...]:
        """Apply the events to the rows of these keys, in order, in one transaction, and return the new rows or refusals.

        Raises:
            OutboxError: nothing was written, or the result is unknown. Most events may be repeated: the second time they are refused.
        """
        return self._transaction(lambda connection: _advance(connection, events)) if events else ()

    def agenda(self) -> Agenda:
        """Return what there is to send. The time that this takes does not depend on the number of rows."""
        now = self.now()
        found = self._run(self._reader, lambda connection: queries.due_destinations(connection, now, now + FAR))
        later = [each.later for each in found if each.later is not None]
        return Agenda(tuple(each.destination for each in found if each.is_due), max(min(later) - now, 0.0) if later else None)

    def rewind(self) -> int:
        """Repair the rows whose wait began after now, by ``rewound``, and return how many there were. It reads all waiting rows.

        Raises:
            OutboxError: the database cannot be used; some rows may have been repaired.
        """
        at, last, changed = self.now(), 0, 0
        while found := self._ahead(at, last):
            last = found[-1].number  # so that each row is read once, whatever it holds
            changed += self._rewound(found, at)
        return changed

    def find(self, keys: Sequence[str]) -> tuple[Row, ...]:
        """Return the rows of these keys that exist, in order of insertion."""
        found = [self._find(keys[start : start + _CHUNK]) for start in range(0, len(keys), _CHUNK)]
        return tuple(one.row for one in sorted((one for some in found for one in some), key=lambda one: one.number))

    def files(self, key: str) -> bytes | None:
        """Return the bytes of the attachments of a row, packed; None if it has none, or is gone."""
        return self._run(self._reader, lambda connection: queries.files_of(connection, key))

    def rows(self, *, statuses: Sequence[Status] = (), destination: str | None = None, limit: int = 100) -> tuple[Row, ...]:
        """Return the newest ``limit`` rows, the newest last, with these statuses and this destination; the defaults mean all."""
        found = self._run(self._reader, lambda connection: queries.last(connection, statuses, destination, limit), extra=_MANY_ROWS)
        return tuple(one.row for one in reversed(found))

    def census(self) -> tuple[StatusCount, ...]:
        """Count the rows of each destination and status."""
        found = self._run(self._reader, queries.census, extra=_MANY_ROWS)
        return tuple(StatusCount(name, Status(status), count, oldest) for name, status, count, oldest in sorted(found))

    def inserted_after(self, number: int | None) -> tuple[int, int]:
        """Return how many rows were inserted after the one of a number, None for the newest, and the number of the newest row.

        It is for rates, and not exact: rows that were removed since are not counted, nor are rows of a transaction of PostgreSQL that
        was committed after one with higher numbers.
        """
        after = _BEYOND if number is None else number
        return self._run(self._reader, lambda connection: queries.inserted_after(connection, after), extra=_MANY_ROWS)

    def purge(self, before: float, statuses: Sequence[Status] = (Status.DELIVERED,), *, most: int | None = None) -> int:
        """Remove rows with these statuses that ended before a moment, give back the space, and return how many were removed.

        Args:
            before: in seconds since 1970.
            statuses: of the rows to remove.
            most: the greatest number of rows; None for all.

        Raises:
            OutboxError: the database cannot be written; some rows may have been removed.
        """
        removed, count = 0, _CHUNK
        while count == _CHUNK and (most is None or removed < most):
            count = self._remove(before, statuses, _CHUNK if most is None else min(_CHUNK, most - removed))
            removed += count
        while removed and self._run(self._writer, queries.shrink):
            pass
        return removed

    def probe(self) -> None:
        """Show that the database can be written.

        Raises:
            OutboxError: it cannot be.
        """
        self._transaction(queries.prove_writable)

    def close(self) -> None:
        """Close the connections. The next call opens them again."""
        self._writer.close()
        self._reader.close()

    def forget(self) -> None:
        """Reset the store in a forked child. Nothing is sent on the connections of the parent."""
        self._clock = ServerClock()
        self._writer.abandon()
        self._reader.abandon()

    def _find(self, keys: Sequence[str]) -> list[Found]:
        return self._run(self._reader, lambda connection: queries.find(connection, keys))

    def _ahead(self, at: float, after: int) -> list[Found]:
        return self._run(self._reader, lambda connection: queries.ahead(connection, at + TOLERATED, after, _CHUNK), extra=_MANY_ROWS)

    def _rewound(self, found: Sequence[Found], at: float) -> int:
        return self._transaction(lambda connection: _rewind(connection, [one.row.key for one in found], at))

    def _remove(self, before: float, statuses: Sequence[Status], most: int) -> int:
        return self._transaction(lambda connection: queries.remove(connection, before, statuses, most), extra=_MANY_ROWS)

    def _transaction(self, act: Callable[[Connection], _T], *, extra: float = 0.0) -> _T:
        """Run ``act`` in a write transaction."""
        return _with_outbox_errors(self.place, lambda: self._writer.do(act, extra=extra))

    def _run(self, connection: OutboxConnection, act: Callable[[Connection], _T], *, extra: float = 0.0) -> _T:
        """Run ``act`` without a transaction."""
        return _with_outbox_errors(self.place, lambda: connection.do_without_transaction(act, extra=extra))


@attrs.frozen
class _SessionLock:
    """The lock on a server: that of each connection which is opened while it is taken."""

    store: Store
    database: Database

    def take(self) -> None:
        self.database.shows_daemon = True

    def release(self) -> None:
        """Close the connections; those that the store opens again show no daemon."""
        if self.database.shows_daemon:
            self.database.shows_daemon = False
            self.store.close()


def _with_outbox_errors(place: str, act: Callable[[], _T]) -> _T:
    """Run ``act``, and turn each error of a database into an ``OutboxError``."""
    try:
        return act()
    except OutboxError as known:
        wrapped = known
    except (SQLAlchemyError, sqlite3.Error, OSError, ValueError, TypeError, OverflowError) as error:
        wrapped = describe_database_error(error, place)
    wrapped.__cause__ = wrapped.__context__ = wrapped.__traceback__ = None  # their frames hold the URL
    raise wrapped


def _claim(connection: Connection, destination: str, event: Claimed, most: int) -> tuple[Row, ...]:
    """Lease rows that may be claimed. Rows with too many attempts become dead, and further rows are looked for."""
    while storable(destination):
        found = queries.claimable(connection, destination, event.at, event.at + FAR, most)
        changed = [attrs.evolve(one, row=row) for one in found if isinstance(row := next_row(one.row, event), Row)]
        queries.change(connection, changed)
        leased = tuple(one.row for one in changed if one.row.status is Status.LEASED)
        if leased or not changed:
            return leased
    return ()


def _rewind(connection: Connection, keys: Sequence[str], at: float) -> int:
    found = queries.find(connection, keys, to_change=True)
    changed = [attrs.evolve(one, row=row) for one in found if (row := rewound(one.row, at)) is not one.row]
    queries.change(connection, changed)
    return len(changed)


def _advance(connection: Connection, events: Sequence[tuple[str, RowEvent]]) -> tuple[Row | RefusedEvent, ...]:
    found = {one.row.key: one for one in queries.find(connection, [key for key, _ in events], to_change=True)}
    before, answers = dict(found), list[Row | RefusedEvent]()
    for key, event in events:
        answers.append(answer := _next(found.get(key), key, event))
        if isinstance(answer, Row):
            found[key] = attrs.evolve(found[key], row=answer)
    queries.change(connection, [one for key, one in found.items() if one is not before[key]])
    queries.rewrite(connection, [one for key, one in found.items() if one.row.body is not before[key].row.body])
    return tuple(answers)


def _next(found: Found | None, key: str, event: RowEvent) -> Row | RefusedEvent:
    if found is None:
        return RefusedEvent(f"there is no {one_line(key)} in the outbox")
    row = next_row(found.row, event)
    return _with_safe_reason(row) if isinstance(row, Row) else row


def _with_safe_reason(row: Row) -> Row:
    """Return the row with its reason redacted, on one line and at most 1000 characters: a server may answer anything."""
    reason = None if row.reason is None else cut(one_line(redact(row.reason)), _MAX_REASON)
    return row if reason == row.reason else attrs.evolve(row, reason=reason)
