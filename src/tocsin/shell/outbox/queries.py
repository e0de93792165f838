"""The clock of a server, without a round trip for each look at it: ours, and by how much it differed when the server was last asked.

All that is said to a database of rows, alike for SQLite and PostgreSQL. Each statement is built once.
"""

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache

import attrs
from sqlalchemy import (
    Connection,
    Dialect,
    Double,
    Executable,
    Integer,
    Select,
    and_,
    bindparam,
    delete,
    false,
    func,
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

_EVERY = 60.0  # seconds after which the server is asked again
_SET = 1.0  # seconds by which our clocks may disagree: more, and one of them was set, or the machine was suspended


@attrs.frozen
class _ClockReading:
    theirs: float
    wall: float
    monotonic: float


class ServerClock:
    """Remembers when the server was asked."""

    def __init__(self) -> None:
        self._seen: _ClockReading | None = None

    def now(self, ask: Callable[[], float]) -> float:
        """The server's time, in seconds since 1970; ``ask`` is called now and then only, and may raise.

        >>> ServerClock().now(lambda: 1_700_000_000.0) // 10
        170000000.0
        """
        seen, wall, monotonic = self._seen, time.time(), time.monotonic()
        if seen is None or monotonic - seen.monotonic > _EVERY or abs(wall - seen.wall - (monotonic - seen.monotonic)) > _SET:
            seen = self._seen = _ClockReading(ask(), time.time(), time.monotonic())
        return seen.theirs + time.monotonic() - seen.monotonic


_CHANGING = ("since", "due", "status", "attempts", "claim", "repeated", "digest", "reason", "ended")
_UNSTORABLE = re.compile("[\\x00\\ud800-\\udfff]")
_PAGES = 500  # of free space that are given back at once

_rows = t.messages.select()  # all that makes a row, and its number
_waits = t.ended.is_(None)
_is_over = t.ended.is_not(None)
_here = and_(t.destination == bindparam("destination"), _waits)
_now, _far = bindparam("now", type_=Double), bindparam("far", type_=Double)
_most = bindparam("most", type_=Integer)
_in_order = _rows.where(_here).order_by(t.due, t.number)

_NEXT = tuple(select(t.digest).where(_here, when).order_by(t.due, t.number).limit(1) for when in (t.due <= _now, t.due > _far))
_ALONE = tuple(
    _in_order.where(t.digest.is_(None), when).limit(_most).with_for_update(skip_locked=True) for when in (t.due <= _now, t.due > _far)
)
_TOGETHER = (
    _rows.where(_here, t.digest == bindparam("digest"), or_(t.due <= _now, t.due > _far))
    .order_by(t.due + 0, t.number)  # a sum, lest an index be read in this order instead of the one that has the digest
    .with_for_update()
)
_OURS = select(func.pg_try_advisory_xact_lock(func.hashtextextended(bindparam("digest"), 0)))

_FIND = _rows.where(t.key.in_(bindparam("keys", expanding=True))).order_by(t.number)
_FIND_TO_CHANGE = _FIND.with_for_update()
_PUT = {
    "sqlite": sqlite.insert(t.messages).on_conflict_do_nothing().inline(),
    "postgresql": postgresql.insert(t.messages).on_conflict_do_nothing().inline(),
}
_CHANGE = update(t.messages).where(t.number == bindparam("_number"))
_CENSUS = union_all(
    *(
        select(t.destination, t.status, func.count(), func.min(t.made)).where(part).group_by(t.destination, t.status)
        for part in (_waits, _is_over)
    )
)
_MOMENT = select(func.extract("epoch", func.clock_timestamp()))


def _standings() -> Select[str, float, float, float]:
    """The destinations, each found as the next after the one before, and the ends of what waits of each."""
    goals = select(func.min(t.destination).label("goal")).where(_waits).cte("goals", recursive=True)
    after = select(func.min(t.destination)).where(_waits, t.destination > goals.c.goal).scalar_subquery()
    goals = goals.union_all(select(after).where(goals.c.goal.is_not(None)))
    mine = and_(t.destination == goals.c.goal, _waits)
    first, last = (select(end(t.due)).where(mine).scalar_subquery() for end in (func.min, func.max))
    later = select(func.min(t.due)).where(mine, t.due > _now, t.due <= _far).scalar_subquery()
    return select(goals.c.goal, first, last, later).where(goals.c.goal.is_not(None))


_STANDINGS = _standings()


@attrs.frozen
class DueDestination:
    """Where a destination stands: whether something of it is due, and when the next thing will be."""

    destination: str
    is_due: bool
    later: float | None


def put_one(connection: Connection, row: Row) -> bool:
    """Insert a row, if it is not there; whether it was inserted. With SQLite, that is a transaction in itself."""
    return _inserted(connection, [row]) == 1


def put(connection: Connection, rows: Sequence[Row]) -> tuple[bool, ...]:
    """Insert what is not there; which were inserted."""
    before = connection.begin_nested()
    if _inserted(connection, rows) == len(rows):
        before.commit()
        return (True,) * len(rows)
    before.rollback()  # some are there: which, is found out one by one
    return tuple(put_one(connection, row) for row in rows)


def _inserted(connection: Connection, rows: Sequence[Row]) -> int:
    """Insert what is not there; how many rows that were.

    It is what a program waits for whenever it has something to say. So with SQLite, which takes no longer than Python does, the
    statement goes to the driver as it was built: half of the time would be spent on the way there.
    """
    if connection.dialect.name == "sqlite":
        cursor = _driver(connection)
        cursor.executemany(_for_driver(connection.dialect), list(map(values_of, rows)))
        return cursor.rowcount
    records = [record_of(row) for row in rows]
    return connection.execute(_PUT[connection.dialect.name], records, execution_options={"preserve_rowcount": True}).rowcount


def _driver(connection: Connection) -> DBAPICursor:
    raw = connection.connection.dbapi_connection
    assert raw is not None
    return raw.cursor()


@lru_cache(maxsize=1)
def _for_driver(dialect: Dialect) -> str:
    """The statement that inserts the values of a row, in their order."""
    compiled = _PUT[dialect.name].values({name: bindparam(name) for name in NAMES}).compile(dialect=dialect)
    assert isinstance(compiled, SQLCompiler)
    assert compiled.positiontup == list(NAMES)
    return compiled.string


def claimable(connection: Connection, goal: str, now: float, far: float, most: int) -> list[Found]:
    """What may be claimed next, locked: what was lost as one digest, all of it; or ``most`` rows that were not."""
    asked = {"destination": goal, "now": now, "far": far}
    first = connection.execute(_NEXT[0], asked).first() or connection.execute(_NEXT[1], asked).first()
    if first is not None and first.digest is not None and _alone_with(connection, first.digest):
        lost = _read(connection, _TOGETHER, asked | {"digest": first.digest})
        if lost:  # else somebody else took it just now
            return lost
    found: list[Found] = []
    for statement in _ALONE:
        if len(found) < most:
            found += _read(connection, statement, asked | {"most": most - len(found)})
    return found


def _alone_with(connection: Connection, name: str) -> bool:
    """Whether nobody else is claiming what was lost as this digest: each would have a part of it. Of a SQLite file, nobody is."""
    return connection.dialect.name == "sqlite" or connection.execute(_OURS, {"digest": name}).scalar() is True


def find(connection: Connection, keys: Iterable[str], *, to_change: bool = False) -> list[Found]:
    """The rows of these keys, in order."""
    statement = _FIND_TO_CHANGE if to_change else _FIND
    return _read(connection, statement, {"keys": [key for key in keys if storable(key)]})


def change(connection: Connection, changed: Iterable[Found]) -> None:
    """Write what became of rows."""
    records = [(found.number, record_of(found.row)) for found in changed]
    if records:
        connection.execute(_CHANGE, [{"_number": number} | {name: record[name] for name in _CHANGING} for number, record in records])


def due_destinations(connection: Connection, now: float, far: float) -> list[DueDestination]:
    """Where each destination stands of which something waits: an index is asked for the first and the last row of each, and no more."""
    found = connection.execute(_STANDINGS, {"now": now, "far": far})
    return [DueDestination(goal, first <= now or last > far, later) for goal, first, last, later in found]


def last(connection: Connection, statuses: Sequence[Status], goal: str | None, limit: int) -> list[Found]:
    """The newest rows, the newest first."""
    picked = select(t.number).order_by(t.number.desc()).limit(limit)  # from an index, if there is one; the bodies stay where they are
    if statuses:
        picked = picked.where(t.status.in_([status.value for status in statuses]))
        if len({status in WAITING for status in statuses}) == 1:
            picked = picked.where(_waits if statuses[0] in WAITING else _is_over)
    if goal is not None:
        picked = picked.where(t.destination == goal if storable(goal) else false())
    return _read(connection, _rows.where(t.number.in_(picked)).order_by(t.number.desc()), {})


def census(connection: Connection) -> list[tuple[str, str, int, float]]:
    """Destination, status, how many, and when the oldest of them was taken in."""
    return [(goal, status, count, oldest) for goal, status, count, oldest in connection.execute(_CENSUS)]


def remove(connection: Connection, before: float, statuses: Sequence[Status], most: int) -> int:
    """Delete rows that ended before a moment; how many."""
    old = and_(t.status.in_([status.value for status in statuses]), _is_over, t.ended < before)
    gone = select(t.number).where(old).limit(most)
    return connection.execute(delete(t.messages).where(t.number.in_(gone))).rowcount


def shrink(connection: Connection) -> bool:
    """Give some free space of a SQLite file back; whether there is more. PostgreSQL sees to that itself."""
    if connection.dialect.name != "sqlite":
        return False
    cursor = _driver(connection)
    cursor.execute(f"PRAGMA incremental_vacuum({_PAGES})")
    cursor.fetchall()  # each step frees one
    if connection.exec_driver_sql("PRAGMA freelist_count").scalar_one() > 0:
        return True
    connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()
    return False


def server_time(connection: Connection) -> float:
    """The time of a PostgreSQL, in seconds since 1970."""
    return float(connection.execute(_MOMENT).scalar_one())


def _read(connection: Connection, statement: Executable, values: Mapping[str, object]) -> list[Found]:
    return [found_of(record) for record in connection.execute(statement, values).mappings()]


def storable(text: str) -> bool:
    """Whether a database takes it for a text: of what is none, there is no row."""
    return not _UNSTORABLE.search(text)
