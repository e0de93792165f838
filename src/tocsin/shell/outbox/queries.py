"""The SQL statements of the outbox, the same for SQLite and PostgreSQL, and the clock of a server.

- Each statement is built once.
- ``ServerClock`` avoids a round trip for each look at the clock: it adds the time elapsed here to the last time that the server told.
"""

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache

import attrs
from sqlalchemy import (
    Boolean,
    Connection,
    Dialect,
    Double,
    Executable,
    Integer,
    Select,
    and_,
    bindparam,
    case,
    delete,
    false,
    func,
    null,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.sql.compiler import SQLCompiler

from tocsin.core.outbox.model import WAITING, Row, Status
from tocsin.shell.outbox import schema as t
from tocsin.shell.outbox.schema import NAMES, Found, found_of, record_of, values_of

_CLOCK_MAX_AGE = 60.0  # seconds after which the server is asked again
_CLOCK_TOLERANCE = 1.0  # seconds between the two local clocks; beyond it, one was set, or the machine was suspended

_CHANGING_COLUMNS = ("since", "due", "status", "attempts", "claim", "repeated", "digest", "reason", "ended", "pause")
_UNSTORABLE = re.compile("[\\x00\\ud800-\\udfff]")
_VACUUM_PAGES = 500  # free pages that one call of ``shrink`` gives back

_rows = select(*(column for column in t.messages.c if column is not t.files))  # with the number, and without the bytes of attachments
_waits = t.ended.is_(None)
_has_ended = t.ended.is_not(None)
_at_destination = and_(t.destination == bindparam("destination"), _waits)
_now, _far = bindparam("now", type_=Double), bindparam("far", type_=Double)
_most = bindparam("most", type_=Integer)
_in_order = _rows.where(_at_destination).order_by(t.due, t.number)

_NEXT = tuple(
    select(t.digest).where(_at_destination, when).order_by(t.due, t.number).limit(1) for when in (t.due <= _now, t.due > _far)
)
_WITHOUT_DIGEST = tuple(
    _in_order.where(t.digest.is_(None), when).limit(_most).with_for_update(skip_locked=True) for when in (t.due <= _now, t.due > _far)
)
_IN_DIGEST = (
    _rows.where(_at_destination, t.digest == bindparam("digest"), or_(t.due <= _now, t.due > _far))
    .order_by(t.due + 0, t.number)  # a sum, so that the planner takes the index of digests and not the one in due order
    .with_for_update()
)
_LOCK_DIGEST = select(func.pg_try_advisory_xact_lock(func.hashtextextended(bindparam("digest"), 0)))

_AHEAD = (
    _rows.where(
        _waits, t.number > bindparam("after"), or_(t.due - t.pause > _now, and_(t.status == Status.PENDING.value, t.due > _now))
    )
    .order_by(t.number)
    .limit(_most)
)

_FIND = _rows.where(t.key.in_(bindparam("keys", expanding=True))).order_by(t.number)
_FIND_TO_CHANGE = _FIND.with_for_update()
_PUT = {
    "sqlite": sqlite.insert(t.messages).on_conflict_do_nothing().inline(),
    "postgresql": postgresql.insert(t.messages).on_conflict_do_nothing().inline(),
}
_REWRITE = update(t.messages).where(t.number == bindparam("_number"))
_CHANGE = _REWRITE.values(files=case((bindparam("_delivered", type_=Boolean), null()), else_=t.files))
_FILES = select(t.files).where(t.key == bindparam("key"))
_CENSUS = union_all(
    *(
        select(t.destination, t.status, func.count(), func.min(t.made)).where(part).group_by(t.destination, t.status)
        for part in (_waits, _has_ended)
    )
)
_INSERTED = select(
    select(func.count()).where(t.number > bindparam("after")).scalar_subquery(), select(func.max(t.number)).scalar_subquery()
)
_PROVE_WRITABLE = update(t.versions).values(version=t.version_of_schema)
_SERVER_TIME = select(func.extract("epoch", func.clock_timestamp()))


def _due_times() -> Select[str, float, float, float]:
    """Select each destination with waiting rows, its earliest and its latest due time, and the next one after now.

    A recursive query jumps from one destination to the next in the index, so it reads few rows of each.
    """
    names = select(func.min(t.destination).label("name")).where(_waits).cte("names", recursive=True)
    following = select(func.min(t.destination)).where(_waits, t.destination > names.c.name).scalar_subquery()
    names = names.union_all(select(following).where(names.c.name.is_not(None)))
    waiting = and_(t.destination == names.c.name, _waits)
    first, last = (select(end(t.due)).where(waiting).scalar_subquery() for end in (func.min, func.max))
    later = select(func.min(t.due)).where(waiting, t.due > _now, t.due <= _far).scalar_subquery()
    return select(names.c.name, first, last, later).where(names.c.name.is_not(None))


_DUE_TIMES = _due_times()


@attrs.frozen
class _ClockReading:
    server: float
    wall: float
    monotonic: float


class ServerClock:
    """The clock of the server, asked at most once a minute unless a local clock was set."""

    def __init__(self) -> None:
        self._last: _ClockReading | None = None

    def now(self, ask: Callable[[], float]) -> float:
        """Return the time of the server, in seconds since 1970. ``ask`` is called only now and then, and may raise.

        >>> ServerClock().now(lambda: 1_700_000_000.0) // 10
        170000000.0
        """
        last, wall, monotonic = self._last, time.time(), time.monotonic()
        if (
            last is None
            or monotonic - last.monotonic > _CLOCK_MAX_AGE
            or abs(wall - last.wall - (monotonic - last.monotonic)) > _CLOCK_TOLERANCE
        ):
            last = self._last = _ClockReading(ask(), time.time(), time.monotonic())
        return last.server + time.monotonic() - last.monotonic


@attrs.frozen
class DueDestination:
    """Whether a row of a destination is due, and when the next row becomes due; ``later`` is None if no row waits for its time."""

    destination: str
    is_due: bool
    later: float | None


def put_one(connection: Connection, row: Row) -> bool:
    """Insert a row unless its key exists, and return whether it was inserted. On SQLite, this is a transaction of its own."""
    return _inserted(connection, [row]) == 1


def put(connection: Connection, rows: Sequence[Row]) -> tuple[bool, ...]:
    """Insert the rows whose keys do not exist, and return for each row whether it was inserted."""
    savepoint = connection.begin_nested()
    if _inserted(connection, rows) == len(rows):
        savepoint.commit()
        return (True,) * len(rows)
    savepoint.rollback()  # some keys exist; inserting one row at a time finds out which
    return tuple(put_one(connection, row) for row in rows)


def _inserted(connection: Connection, rows: Sequence[Row]) -> int:
    """Insert the rows whose keys do not exist, and return how many were inserted.

    A program waits for this insert at each message. SQLite is so fast that SQLAlchemy would take half of the time. So on SQLite, the
    compiled statement goes directly to the driver.
    """
    if connection.dialect.name == "sqlite":
        cursor = _driver_cursor(connection)
        cursor.executemany(_insert_statement(connection.dialect), list(map(values_of, rows)))
        return cursor.rowcount
    records = [record_of(row) for row in rows]
    return connection.execute(_PUT[connection.dialect.name], records, execution_options={"preserve_rowcount": True}).rowcount


def _driver_cursor(connection: Connection) -> DBAPICursor:
    raw = connection.connection.dbapi_connection
    assert raw is not None
    return raw.cursor()


@lru_cache(maxsize=1)
def _insert_statement(dialect: Dialect) -> str:
    """Return the SQL text that inserts the values of a row, in the order of ``NAMES``."""
    compiled = _PUT[dialect.name].values({name: bindparam(name) for name in NAMES}).compile(dialect=dialect)
    assert isinstance(compiled, SQLCompiler)
    assert compiled.positiontup == list(NAMES)
    return compiled.string


def claimable(connection: Connection, destination: str, now: float, far: float, most: int) -> list[Found]:
    """Lock and return the rows to claim next: all rows of one digest whose lease ended, or at most ``most`` rows without a digest."""
    values = {"destination": destination, "now": now, "far": far}
    first = connection.execute(_NEXT[0], values).first() or connection.execute(_NEXT[1], values).first()
    if first is not None and first.digest is not None and _lock_digest(connection, first.digest):
        digest_rows = _read(connection, _IN_DIGEST, values | {"digest": first.digest})
        if digest_rows:  # none if another worker has just claimed them
            return digest_rows
    found: list[Found] = []
    for statement in _WITHOUT_DIGEST:
        if len(found) < most:
            found += _read(connection, statement, values | {"most": most - len(found)})
    return found


def _lock_digest(connection: Connection, key: str) -> bool:
    """Try to lock a digest, so that no two workers claim a part of it each. A SQLite file has one writer, which needs no lock."""
    return connection.dialect.name == "sqlite" or connection.execute(_LOCK_DIGEST, {"digest": key}).scalar() is True


def find(connection: Connection, keys: Iterable[str], *, to_change: bool = False) -> list[Found]:
    """Return the rows of these keys, in order of insertion. ``to_change`` locks them."""
    statement = _FIND_TO_CHANGE if to_change else _FIND
    return _read(connection, statement, {"keys": [key for key in keys if storable(key)]})


def files_of(connection: Connection, key: str) -> bytes | None:
    """Return the bytes of a row's attachments; None if it has none, or is gone."""
    return connection.execute(_FILES, {"key": key}).scalar() if storable(key) else None


def change(connection: Connection, changed: Iterable[Found]) -> None:
    """Update the rows. A delivered one needs its files no more."""
    records = [(found.number, record_of(found.row)) for found in changed]
    if records:
        connection.execute(
            _CHANGE,
            [
                {"_number": number, "_delivered": record["status"] == Status.DELIVERED.value}
                | {name: record[name] for name in _CHANGING_COLUMNS}
                for number, record in records
            ],
        )


def rewrite(connection: Connection, changed: Iterable[Found]) -> None:
    """Replace the messages of the rows. It is apart from ``change``, since messages are long and few are replaced."""
    records = [{"_number": found.number, "version": found.row.version, "body": found.row.body} for found in changed]
    if records:
        connection.execute(_REWRITE, records)


def due_destinations(connection: Connection, now: float, far: float) -> list[DueDestination]:
    """Return each destination with waiting rows. Its first, last and next row are looked up in an index, and no other is read."""
    found = connection.execute(_DUE_TIMES, {"now": now, "far": far})
    return [DueDestination(name, first <= now or last > far, later) for name, first, last, later in found]


def ahead(connection: Connection, now: float, after: int, most: int) -> list[Found]:
    """Return at most ``most`` rows with a number above ``after`` whose wait began after now, in order. It reads all waiting rows."""
    return _read(connection, _AHEAD, {"now": now, "after": after, "most": most})


def last(connection: Connection, statuses: Sequence[Status], destination: str | None, limit: int) -> list[Found]:
    """Return the newest rows, newest first, with these statuses and this destination; an empty sequence or None means all."""
    picked = select(t.number).order_by(t.number.desc()).limit(limit)  # reads an index where one fits, and no bodies
    if statuses:
        picked = picked.where(t.status.in_([status.value for status in statuses]))
        if len({status in WAITING for status in statuses}) == 1:
            picked = picked.where(_waits if statuses[0] in WAITING else _has_ended)
    if destination is not None:
        picked = picked.where(t.destination == destination if storable(destination) else false())
    return _read(connection, _rows.where(t.number.in_(picked)).order_by(t.number.desc()), {})


def census(connection: Connection) -> list[tuple[str, str, int, float]]:
    """Count the rows: destination, status, count, and when the oldest of them was inserted."""
    return [(destination, status, count, oldest) for destination, status, count, oldest in connection.execute(_CENSUS)]


def inserted_after(connection: Connection, after: int) -> tuple[int, int]:
    """Return how many rows have a number above ``after``, and the number of the newest row, 0 if there is none."""
    count, newest = connection.execute(_INSERTED, {"after": after}).one()
    return count or 0, newest or 0


def remove(connection: Connection, before: float, statuses: Sequence[Status], most: int) -> int:
    """Delete at most ``most`` rows that ended before a moment, and return how many were deleted."""
    old = and_(t.status.in_([status.value for status in statuses]), _has_ended, t.ended < before)
    numbers = select(t.number).where(old).limit(most)
    return connection.execute(delete(t.messages).where(t.number.in_(numbers))).rowcount


def shrink(connection: Connection) -> bool:
    """Give some free space of a SQLite file back, and return whether there is more. PostgreSQL does this by itself."""
    if connection.dialect.name != "sqlite":
        return False
    cursor = _driver_cursor(connection)
    cursor.execute(f"PRAGMA incremental_vacuum({_VACUUM_PAGES})")
    cursor.fetchall()  # each step frees one page
    if connection.exec_driver_sql("PRAGMA freelist_count").scalar_one() > 0:
        return True
    connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()
    return False


def prove_writable(connection: Connection) -> None:
    """Write to the database without a change."""
    connection.execute(_PROVE_WRITABLE)


def server_time(connection: Connection) -> float:
    """Return the time of a PostgreSQL server, in seconds since 1970."""
    return float(connection.execute(_SERVER_TIME).scalar_one())


def _read(connection: Connection, statement: Executable, values: Mapping[str, object]) -> list[Found]:
    return [found_of(record) for record in connection.execute(statement, values).mappings()]


def storable(text: str) -> bool:
    """Whether databases accept the text. If not, no row can hold it."""
    return not _UNSTORABLE.search(text)
