"""The tables of the outbox, alike in SQLite and in PostgreSQL, and rows as they are kept there.

- ``ended`` is NULL as long as a row waits, and only then: the database sees to that. So the two indexes share the rows among them, and
  what was delivered costs no claim anything.
- ``messages_waiting`` has what may be claimed, of each destination in the order in which it is due; ``messages_in_digest`` what was
  lost as a part of a digest; ``messages_over`` what is counted and removed.
- ``number`` is the order in which messages were taken in.

Brings the schema of an outbox to the version that we know: step by step, forward only, all of it or nothing.

- A new step is added at the end of ``STEPS``. ``tables`` says how the schema is now; so whoever changes it writes down first how the
  steps before left it. A test makes each earlier version, fills it, and brings it here.
- What a newer tocsin wrote is left as it is: to guess what it means could lose messages. So is what is not ours.
"""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Final

import attrs
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    Double,
    Identity,
    Index,
    Integer,
    MetaData,
    RowMapping,
    Table,
    Text,
    func,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError

from tocsin.core.outbox.model import WAITING, Row, Status
from tocsin.shell.outbox.errors import OutboxError, newer_schema_error

metadata: MetaData = MetaData()

version_of_schema: Column[int] = Column("version", Integer, nullable=False)
versions: Final = Table("outbox_version", metadata, version_of_schema)
"""The version of the schema, in one row."""

number: Column[int] = Column(
    "number", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True
)  # there, an INTEGER is the row's own
key: Column[str] = Column("key", Text, nullable=False, unique=True)
destination: Column[str] = Column("destination", Text, nullable=False)
made: Column[float] = Column("made", Double, nullable=False)
due: Column[float] = Column("due", Double, nullable=False)
status: Column[str] = Column("status", Text, nullable=False)
digest: Column[str] = Column("digest", Text)
ended: Column[float] = Column("ended", Double)

_waiting = ended.is_(None)
_over = ended.is_not(None)
_in_digest = _waiting & digest.is_not(None)

messages: Final = Table(
    "messages",
    metadata,
    number,
    key,
    destination,
    Column("kind", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("body", Text, nullable=False),
    made,
    Column("since", Double, nullable=False),
    due,
    status,
    Column("attempts", Integer, nullable=False),
    Column("claim", Text),
    Column("repeated", Boolean, nullable=False),
    digest,
    Column("reason", Text),
    ended,
    CheckConstraint(status.in_([each.value for each in Status]), "messages_status"),
    CheckConstraint((ended.is_(None)) == status.in_([each.value for each in WAITING]), "messages_ended"),
    CheckConstraint(  # elsewhere, a column takes nothing else anyway
        " AND ".join(
            [f"typeof({name}) = 'real'" for name in ("made", "since", "due")]
            + [f"typeof({name}) = 'text'" for name in ("key", "destination", "kind", "body", "status")]
            + [f"typeof({name}) = 'integer'" for name in ("version", "attempts", "repeated")]
        ),
        "messages_types",
    ).ddl_if(dialect="sqlite"),
    Index("messages_waiting", destination, due, number, status, made, ended, sqlite_where=_waiting, postgresql_where=_waiting),
    Index("messages_in_digest", destination, digest, sqlite_where=_in_digest, postgresql_where=_in_digest),
    Index("messages_over", status, ended, destination, made, sqlite_where=_over, postgresql_where=_over),
)
"""The rows."""

NAMES: tuple[str, ...] = tuple(field.name for field in attrs.fields(Row))
"""What a row is made of, in order."""

_VALUES = attrgetter(*("status._value_" if name == "status" else name for name in NAMES))  # as a plain text


@attrs.frozen
class Found:
    """A row that was read."""

    number: int
    row: Row


def values_of(row: Row) -> tuple[object, ...]:
    """What is kept of a row, in the order of ``NAMES``."""
    values: tuple[object, ...] = _VALUES(row)
    return values


def record_of(row: Row) -> dict[str, object]:
    """What is kept of a row, by name."""
    return dict(zip(NAMES, values_of(row), strict=True))


def found_of(record: RowMapping) -> Found:
    """The row that is kept so.

    Raises:
        ValueError: nobody of ours kept that.
    """
    values = {name: record[name] for name in NAMES if name != "status"}
    return Found(record["number"], Row(status=Status(record["status"]), **values))


Step = Callable[[Connection], None]
"""Brings a schema from one version to the next."""

_LOCK = 0x746F6373696E  # "tocsin": of two that come at once to one server, one waits


def _first(connection: Connection) -> None:
    messages.create(connection, checkfirst=False)


STEPS: Sequence[Step] = (_first,)
"""The n-th brings version n - 1 to n; version 0 is an empty database."""


def migrate(connection: Connection, place: str, steps: Sequence[Step] = STEPS) -> None:
    """Bring the schema to the version after the last step, in the transaction that the connection is in.

    Raises:
        OutboxError: it is of a newer version, or is not ours; nothing was changed.
        SQLAlchemyError: the database does not take it.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    version = _version(connection, place)
    if version > len(steps):
        raise newer_schema_error(place, version, len(steps))
    for step in steps[version:]:
        step(connection)
    if version < len(steps):
        connection.execute(update(versions).values(version=len(steps)))


def check(connection: Connection, place: str) -> None:
    """Make sure that the rows have what we need.

    Raises:
        OutboxError: they have not.
    """
    try:
        connection.execute(messages.select().limit(0))
    except DBAPIError as error:
        if not _lacks_something(error):
            raise
    else:
        return
    raise OutboxError(f"the outbox at {place} has a schema that does not match its version: name another place, or move it away")


def _lacks_something(error: DBAPIError) -> bool:
    state: object = getattr(error.orig, "sqlstate", None)
    return state in {"42703", "42P01"} or str(error.orig).startswith(("no such column", "no such table"))


def _version(connection: Connection, place: str) -> int:
    """The version that the schema has; its table is made if it is not there."""
    known = inspect(connection)
    if known.has_table(versions.name):
        found = connection.scalars(select(version_of_schema)).all()
        if len(found) == 1 and found[0] >= 0:
            return found[0]
        raise OutboxError(f"the outbox at {place} does not say the version of its schema: name another place, or move it away")
    if known.has_table(messages.name):
        raise OutboxError(f"the database at {place} has a table {messages.name} that is not ours: name another one")
    versions.create(connection, checkfirst=False)
    connection.execute(insert(versions).values(version=0))
    return 0
