"""The rows of an outbox: put in, claimed, and brought from one status to the next, each in a transaction of its own.

- What becomes of a row is for the core to say (``life``). Here it is read, and written as it says.
- A claim reads what it may have from an index, in order, and no more: what is delivered, or not due, costs it nothing. With PostgreSQL,
  what somebody else is claiming is passed over (``SKIP LOCKED``), so that nobody waits.
- All that goes wrong with a database comes out as an ``OutboxError``, which brings along nothing of what it came from.
"""

import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import attrs
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from tocsin.core.messages.text import cut, one_line
from tocsin.core.outbox.model import Row, Status
from tocsin.core.outbox.state_machine import FAR, Claimed, Refused, RowEvent, next_row
from tocsin.core.values import Value
from tocsin.shell.adapters.redaction import redact
from tocsin.shell.fork_safety import forget_in_child
from tocsin.shell.outbox import queries
from tocsin.shell.outbox.database import Database, OutboxConnection
from tocsin.shell.outbox.errors import OutboxError, describe_database_error
from tocsin.shell.outbox.queries import ServerClock, storable
from tocsin.shell.outbox.schema import Found

_T = TypeVar("_T")

_LONGEST_REASON = 1000  # characters
_PORTION = 500  # rows that are removed, or asked for, in one transaction


@attrs.frozen(eq=False, repr=False)
class Agenda(Value):
    """What there is to do.

    Args:
        due: the destinations of which something may be claimed now.
        next: in how many seconds the next row becomes due; None where none waits for its time.
    """

    due: tuple[str, ...]
    next: float | None


@attrs.frozen(eq=False, repr=False)
class Census(Value):
    """How many rows of a destination have a status, and when the oldest of them was taken in."""

    destination: str
    status: Status
    count: int
    oldest: float


class Store:
    """An outbox. Many threads may use it.

    Args:
        url: of its database; None for a file in the user's state folder.
        busy: for how many seconds another process may hold the database before that is a fault.

    Raises:
        OutboxError: the URL names no outbox. Nothing is opened before it is needed.

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
        self._writer = OutboxConnection(self._database, reads=False)
        self._reader = OutboxConnection(self._database, reads=True)
        self._clock = ServerClock()
        forget_in_child(self)

    @property
    def place(self) -> str:
        """What people call it, without a password."""
        return self._database.place

    @property
    def far(self) -> bool:
        """Whether it is on a server."""
        return self._database.file is None

    def __repr__(self) -> str:
        return f"Store({self.place!r})"

    @property
    def exists(self) -> bool:
        """Whether something may wait in it: False where its file is not there."""
        file = self._database.file
        return file is None or file.identity is not None

    def now(self) -> float:
        """The time by the clock of the database, in seconds since 1970. Where that is far away, it is asked now and then only.

        Raises:
            OutboxError: it cannot be asked.
        """
        if self._database.file is not None:
            return time.time()
        return self._clock.now(lambda: self._asked(self._reader, queries.server_time))

    def put(self, rows: Sequence[Row]) -> tuple[bool, ...]:
        """Take the rows in, all or none; they are committed when this returns. False: one of that key is there, and stays as it is.

        Raises:
            OutboxError: they were not taken in.
        """
        if len(rows) == 1 and self._database.file is not None:
            return (self._asked(self._writer, lambda connection: queries.put_one(connection, rows[0])),)
        return self._done(lambda connection: queries.put(connection, rows)) if rows else ()

    def claim(self, destination: str, claim: str, *, seconds: float, most: int = 1000) -> tuple[Row, ...]:
        """Lease what is due of a destination to ``claim``, in order; what was lost as a digest, as that digest.

        Args:
            destination: whose rows.
            claim: names the lease; no other has the same name.
            seconds: how long it lasts.
            most: how many rows, at most; of a digest, all.

        Raises:
            OutboxError: nothing was claimed, or nobody knows: then it comes back when the lease has ended.
        """
        now = self.now()
        return self._done(lambda connection: _claimed(connection, destination, Claimed(now, claim, now + seconds), most))

    def advance(self, events: Sequence[tuple[str, RowEvent]]) -> tuple[Row | Refused, ...]:
        """What becomes of the rows of these keys by what happened to them, in order; all of it is committed, or none.

        Raises:
            OutboxError: nothing was written, or nobody knows. Most events may be said twice: the second time they are refused.
        """
        return self._done(lambda connection: _advanced(connection, events)) if events else ()

    def agenda(self) -> Agenda:
        """What there is to do. Takes a moment, however many rows there are.

        Raises:
            OutboxError: the database cannot be read.
        """
        now = self.now()
        found = self._asked(self._reader, lambda connection: queries.due_destinations(connection, now, now + FAR))
        later = [standing.later for standing in found if standing.later is not None]
        return Agenda(tuple(each.destination for each in found if each.is_due), max(min(later) - now, 0.0) if later else None)

    def find(self, keys: Sequence[str]) -> tuple[Row, ...]:
        """The rows of these keys, as far as they are there, in the order in which they were taken in.

        Raises:
            OutboxError: the database cannot be read.
        """
        found = [self._found(keys[start : start + _PORTION]) for start in range(0, len(keys), _PORTION)]
        return tuple(one.row for one in sorted((one for some in found for one in some), key=lambda one: one.number))

    def rows(self, *, statuses: Sequence[Status] = (), destination: str | None = None, limit: int = 100) -> tuple[Row, ...]:
        """The last ``limit`` rows of these statuses, and of this destination; of all, where none is named. The newest is the last.

        Raises:
            OutboxError: the database cannot be read.
        """
        found = self._asked(self._reader, lambda connection: queries.last(connection, statuses, destination, limit))
        return tuple(one.row for one in reversed(found))

    def census(self) -> tuple[Census, ...]:
        """How many rows there are, of each destination and status.

        Raises:
            OutboxError: the database cannot be read.
        """
        found = self._asked(self._reader, queries.census)
        return tuple(Census(goal, Status(status), count, oldest) for goal, status, count, oldest in sorted(found))

    def purge(self, before: float, statuses: Sequence[Status] = (Status.DELIVERED,), *, most: int | None = None) -> int:
        """Remove rows of these statuses that ended before a moment, ``most`` at most, and give back the space; how many were removed.

        Raises:
            OutboxError: the database cannot be written; some may be removed already.
        """
        removed, portion = 0, _PORTION
        while portion == _PORTION and (most is None or removed < most):
            portion = self._removed(before, statuses, _PORTION if most is None else min(_PORTION, most - removed))
            removed += portion
        while removed and self._asked(self._writer, queries.shrink):
            pass
        return removed

    def close(self) -> None:
        """Close what is open; it may be used again."""
        self._writer.close()
        self._reader.close()

    def forget(self) -> None:
        """Start afresh, as a child does: nothing is sent on the parent's connections."""
        self._clock = ServerClock()
        self._writer.abandon()
        self._reader.abandon()

    def _found(self, keys: Sequence[str]) -> list[Found]:
        return self._asked(self._reader, lambda connection: queries.find(connection, keys))

    def _removed(self, before: float, statuses: Sequence[Status], most: int) -> int:
        return self._done(lambda connection: queries.remove(connection, before, statuses, most))

    def _done(self, act: Callable[[Connection], _T]) -> _T:
        """``act`` in a transaction that writes."""
        return _worded(self.place, lambda: self._writer.do(act))

    def _asked(self, line: OutboxConnection, act: Callable[[Connection], _T]) -> _T:
        """``act`` without one."""
        return _worded(self.place, lambda: line.bare(act))


def _worded(place: str, act: Callable[[], _T]) -> _T:
    try:
        return act()
    except OutboxError as known:
        fault = known
    except (SQLAlchemyError, sqlite3.Error, OSError, ValueError, TypeError, OverflowError) as error:
        fault = describe_database_error(error, place)
    fault.__cause__ = fault.__context__ = fault.__traceback__ = None  # what it came through holds the URL
    raise fault


def _claimed(connection: Connection, goal: str, event: Claimed, most: int) -> tuple[Row, ...]:
    """Lease what may be claimed. Rows that were tried too often are given up on the way."""
    while storable(goal):
        found = queries.claimable(connection, goal, event.at, event.at + FAR, most)
        changed = [attrs.evolve(one, row=row) for one in found if isinstance(row := next_row(one.row, event), Row)]
        queries.change(connection, changed)
        leased = tuple(one.row for one in changed if one.row.status is Status.LEASED)
        if leased or not changed:
            return leased
    return ()


def _advanced(connection: Connection, events: Sequence[tuple[str, RowEvent]]) -> tuple[Row | Refused, ...]:
    found = {one.row.key: one for one in queries.find(connection, [key for key, _ in events], to_change=True)}
    before, answers = dict(found), list[Row | Refused]()
    for key, event in events:
        answers.append(answer := _followed(found.get(key), key, event))
        if isinstance(answer, Row):
            found[key] = attrs.evolve(found[key], row=answer)
    queries.change(connection, [one for key, one in found.items() if one is not before[key]])
    return tuple(answers)


def _followed(found: Found | None, key: str, event: RowEvent) -> Row | Refused:
    if found is None:
        return Refused(f"there is no {one_line(key)} in the outbox")
    row = next_row(found.row, event)
    return _storable(row) if isinstance(row, Row) else row


def _storable(row: Row) -> Row:
    """The row, with a reason that is one line, and holds no secret: what a server answered may be anything."""
    reason = None if row.reason is None else cut(one_line(redact(row.reason)), _LONGEST_REASON)
    return row if reason == row.reason else attrs.evolve(row, reason=reason)
