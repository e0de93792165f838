"""The rows of an outbox in a database: each call is one transaction, which is on disk when it returns.

What may become of a row is decided by ``follow`` alone: here rows are found, locked, and written.
"""

import sys
import threading
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager, suppress

import attrs
from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, bindparam, delete, func, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from typing_extensions import override

from tocsin.core.outbox.life import FAR, Claimed, Happening, Refused, follow
from tocsin.core.outbox.rows import Row, Status
from tocsin.shell.adapters.process import inherit
from tocsin.shell.outbox import tables as t
from tocsin.shell.outbox.engine import READING, engine, place
from tocsin.shell.outbox.migrations import migrate
from tocsin.shell.outbox.wording import worded

_AT_ONCE = 500  # keys in one statement
_PORTION = 5000  # rows that are removed in one transaction
_DRIFT = 60.0  # seconds after which the server is asked for the time again

_ADD = {
    "sqlite": sqlite.insert(t.messages).on_conflict_do_nothing(index_elements=[t.key]),
    "postgresql": postgresql.insert(t.messages).on_conflict_do_nothing(index_elements=[t.key]),
}
_CHANGE = (
    update(t.messages)
    .where(t.messages.c.key == bindparam("of"))
    .values(
        {
            name: bindparam(f"new_{name}")
            for name in ("since", "due", "status", "attempts", "claim", "repeated", "digest", "reason", "ended")
        }
    )
)
_CHANGED = ("since", "due", "attempts", "claim", "repeated", "digest", "reason", "ended")
_WAITS = t.ended.is_(None)
_abandoned: list[object] = []  # what is a parent's: were it collected, it would be closed


@attrs.frozen
class Agenda:
    """What is to be done: the destinations where something is due, and in how many seconds something is; None: nothing waits."""

    due: tuple[str, ...]
    next: float | None


@attrs.frozen
class Census:
    """How many rows of a destination stand so; ``oldest`` is when the first of them was taken in, in seconds since 1970."""

    destination: str
    status: Status
    count: int
    oldest: float


class Store:
    """The outbox at a URL. Many threads may use it; a child that is forked connects anew.

    Args:
        url: of the database; None: a file in the user's state folder.
        busy: for how many seconds a lock that another process holds is waited for.

    Raises:
        OutboxFault: that is no URL of an outbox. All methods raise it where the database cannot be used.
    """

    def __init__(self, url: str | None = None, *, busy: float = 5.0) -> None:
        self._place = place(url)
        self._busy = busy
        self.forget()
        inherit(self)

    def forget(self) -> None:
        """Let go of connections that are the parent's, as a child does: nothing is said on them, not even that they are closed."""
        _abandoned.append((getattr(self, "_kept", None), getattr(self, "_engine", None)))
        self._lock = threading.RLock()
        self._engine: Engine | None = None
        self._kept: dict[bool, Connection] = {}
        self._ahead = 0.0
        self._measured = -_DRIFT

    @property
    def place(self) -> str:
        """Where it is, without a password."""
        return self._place.shown

    @property
    def exists(self) -> bool:
        """Whether it may be there: a file that is not has nothing in it."""
        return self._place.path is None or self._place.path.exists()

    @override
    def __repr__(self) -> str:
        return f"<outbox at {self.place}>"

    def now(self) -> float:
        """The time by the database's clock, in seconds since 1970."""
        if self._place.path is None and time.monotonic() - self._measured >= _DRIFT:
            with self._transaction() as connection:
                began = time.time()
                there = connection.execute(text("SELECT extract(epoch FROM clock_timestamp())::float8")).scalar_one()
                self._ahead = float(there) - (began + time.time()) / 2
            self._measured = time.monotonic()
        return time.time() + self._ahead

    def put(self, rows: Sequence[Row]) -> tuple[bool, ...]:
        """Take in the rows. Whether each is new: one whose key was there is left as it is."""
        if not rows:
            return ()
        with self._transaction() as connection:
            add = _ADD[connection.dialect.name]
            if len(rows) == 1:
                return (connection.execute(add, t.record_of(rows[0])).rowcount == 1,)
            known = set(_keys(connection, [row.key for row in rows]))
            fresh: dict[str, Row] = {}
            new = tuple(row.key not in known and fresh.setdefault(row.key, row) is row for row in rows)
            if fresh:
                connection.execute(add, [t.record_of(row) for row in fresh.values()])
        return new

    def claim(self, destination: str, claim: str, *, seconds: float, most: int = 1000) -> tuple[Row, ...]:
        """Lease what is due there, in order, for so long. What may have arrived in a digest is claimed as that digest, and alone."""
        now = self.now()
        with self._transaction() as connection:
            if connection.dialect.name == "postgresql":  # else two could claim halves of one digest
                connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(destination, 0))))
            head = _due(connection, destination, now, 1)
            if head and head[0].digest is not None:
                found = _due(connection, destination, now, None, t.digest == head[0].digest)
            else:
                found = _due(connection, destination, now, most, t.digest.is_(None)) if head else []
            event = Claimed(now, claim, now + seconds)
            followed = [(row, follow(row, event)) for row in found]
            changed = [row for _, row in followed if isinstance(row, Row)]
            _write(connection, changed)
        return tuple(row for row in changed if row.status is Status.LEASED)

    def advance(self, events: Sequence[tuple[str, Happening]]) -> tuple[Row | Refused, ...]:
        """Have each row follow its event: the row as it is then, or why it does not."""
        if not events:
            return ()
        with self._transaction() as connection:
            rows = {row.key: row for row in _locked(connection, [key for key, _ in events])}
            before, results = dict(rows), []
            for key, event in events:
                row = rows.get(key)
                result = Refused(f"there is no {key} in the outbox") if row is None else follow(row, event)
                if isinstance(result, Row):
                    rows[key] = result
                results.append(result)
            _write(connection, [row for key, row in rows.items() if row is not before[key]])
        return tuple(results)

    def agenda(self) -> Agenda:
        """What is to be done."""
        now, due, soonest = self.now(), [], None
        with self._transaction(reading=True) as connection:
            for destination in _destinations(connection):
                first, last = connection.execute(
                    select(func.min(t.due), func.max(t.due)).where(t.destination == destination, _WAITS)
                ).one()
                wait = 0.0 if last > now + FAR else max(first - now, 0.0)
                soonest = wait if soonest is None else min(wait, soonest)
                if not wait:
                    due.append(destination)
        return Agenda(tuple(due), soonest)

    def find(self, keys: Sequence[str]) -> tuple[Row, ...]:
        """The rows of these keys, as far as they are there."""
        with self._transaction(reading=True) as connection:
            return tuple(row for some in _portions(keys) for row in _read(connection.execute(t.rows.where(t.key.in_(some))).mappings()))

    def rows(self, *, statuses: Sequence[Status] = (), destination: str | None = None, limit: int = 100) -> tuple[Row, ...]:
        """The last rows, newest last; of these statuses, and that destination, where they are given."""
        asked = t.rows.order_by(t.number.desc()).limit(limit)
        if statuses:
            asked = asked.where(t.status.in_([status.value for status in statuses]))
        if destination is not None:
            asked = asked.where(t.destination == destination)
        with self._transaction(reading=True) as connection:
            return tuple(reversed(_read(connection.execute(asked).mappings())))

    def census(self) -> tuple[Census, ...]:
        """How many rows stand how, by destination."""
        counted = select(t.destination, t.status, func.count(), func.min(t.made)).group_by(t.destination, t.status)
        with self._transaction(reading=True) as connection:
            found = connection.execute(counted.order_by(t.destination, t.status)).all()
        return tuple(Census(goal, Status(status), count, oldest) for goal, status, count, oldest in found)

    def purge(self, before: float, statuses: Sequence[Status] = (Status.DELIVERED,), *, most: int | None = None) -> int:
        """Remove rows that ended before a moment, ``most`` of them; how many. Their space is given back."""
        removed, most = 0, sys.maxsize if most is None else most
        old = select(t.number).where(t.status.in_([status.value for status in statuses]), t.ended < before)
        while removed < most:
            with self._transaction() as connection:
                portion = old.limit(min(_PORTION, most - removed)).scalar_subquery()
                count = connection.execute(delete(t.messages).where(t.number.in_(portion))).rowcount
            removed += count
            if not count:
                break
        if removed:
            self._give_back()
        return removed

    def close(self) -> None:
        """Close all connections; the next call opens them anew."""
        with self._lock:
            kept, self._kept = self._kept, {}
            made, self._engine = self._engine, None
            for connection in kept.values():
                with suppress(SQLAlchemyError):
                    connection.close()
            if made is not None:
                made.dispose()

    def _give_back(self) -> None:
        if self._place.path is not None:
            with self._lock, worded(self._place):
                connection = self._connection(reading=False).connection.driver_connection
                if connection is not None:
                    connection.execute("PRAGMA incremental_vacuum").fetchall()
                    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    @contextmanager
    def _transaction(self, *, reading: bool = False) -> Generator[Connection]:
        with worded(self._place):
            try:
                if self._place.path is None:
                    with self._opened().begin() as connection:
                        yield connection
                else:
                    with self._lock:
                        connection = self._connection(reading=reading)
                        with connection.begin():
                            yield connection
            except Exception:
                if self._place.path is not None:
                    self.close()  # whatever it was, the next call starts afresh
                raise

    def _opened(self) -> Engine:
        with self._lock:
            if self._engine is None:
                made = engine(self._place, self._busy)
                with made.begin() as connection:
                    migrate(connection)
                self._engine = made
            return self._engine

    def _connection(self, *, reading: bool) -> Connection:
        """The one that writes to the file, or reads from it: opened once, since each is set up, read back and probed."""
        if reading not in self._kept:
            made = self._opened().connect()
            self._kept[reading] = made.execution_options(**READING) if reading else made
        return self._kept[reading]


def _portions(keys: Sequence[str]) -> Generator[Sequence[str]]:
    yield from (keys[start : start + _AT_ONCE] for start in range(0, len(keys), _AT_ONCE))


def _keys(connection: Connection, keys: Sequence[str]) -> Generator[str]:
    for some in _portions(keys):
        yield from connection.execute(select(t.key).where(t.key.in_(some))).scalars()


def _read(records: Iterable[RowMapping]) -> list[Row]:
    return [t.row_of(record) for record in records]


def _locked(connection: Connection, keys: Sequence[str]) -> list[Row]:
    """The rows of these keys, so that nobody else writes them; in one order, so that no two wait for each other."""
    found: list[Row] = []
    for some in _portions(sorted(set(keys))):
        found += _read(connection.execute(t.rows.where(t.key.in_(some)).order_by(t.key).with_for_update()).mappings())
    return found


def _due(
    connection: Connection, destination: str, now: float, most: int | None, further: ColumnElement[bool] | None = None
) -> list[Row]:
    """What is due there, in order, and nobody else has in hand. What is due too far off comes last: a clock was set back."""
    found: list[Row] = []
    for due in (t.due <= now, t.due > now + FAR):
        asked = t.rows.where(t.destination == destination, _WAITS, due).order_by(t.due, t.number)
        asked = asked if further is None else asked.where(further)
        asked = asked if most is None else asked.limit(most - len(found))
        if most is None or len(found) < most:
            found += _read(connection.execute(asked.with_for_update(skip_locked=True)).mappings())
    return found


def _write(connection: Connection, rows: Sequence[Row]) -> None:
    if rows:
        connection.execute(_CHANGE, [_change(row) for row in rows])


def _change(row: Row) -> dict[str, object]:
    return {"of": row.key, "new_status": row.status.value, **{f"new_{name}": getattr(row, name) for name in _CHANGED}}


def _destinations(connection: Connection) -> Generator[str]:
    """Where something waits: each is found in the index by itself, however many rows there are."""
    found = connection.execute(select(func.min(t.destination)).where(_WAITS)).scalar_one()
    while found is not None:
        yield found
        found = connection.execute(select(func.min(t.destination)).where(_WAITS, t.destination > found)).scalar_one()
