"""The tables of the outbox, the same in SQLite and PostgreSQL, their migrations, and the conversion of rows.

- A constraint makes ``ended`` NULL exactly while a row waits. So each row is in either the indexes of waiting rows or the one of ended
  rows, and delivered rows cost a claim nothing.
- ``messages_waiting`` indexes the claimable rows of each destination by due time, ``messages_in_digest`` the waiting rows of a digest,
  ``messages_over`` the ended rows, which are counted and removed.
- ``number`` is the order in which messages were inserted.
- ``files`` holds the bytes of attachments, which no claim and no list reads.
- A migration goes step by step and forward only, in one transaction.
- A new step is appended to ``STEPS``. The tables below are the current schema: before you change them, freeze in the earlier steps the
  schema that these steps leave. A test creates and fills each earlier version, and migrates it.
- A schema of a newer tocsin is left as it is, since a guess at its meaning could lose messages. So are tables of other programs.
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
    LargeBinary,
    MetaData,
    RowMapping,
    Table,
    Text,
    func,
    insert,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError

from tocsin.core.outbox.model import WAITING, Row, Status
from tocsin.shell.errors import OutboxError
from tocsin.shell.outbox.errors import newer_schema_error

metadata: MetaData = MetaData()

_MIGRATION_LOCK = 0x746F6373696E  # "tocsin" in ASCII: an advisory lock, so that two programs never migrate one server at once

version_of_schema: Column[int] = Column("version", Integer, nullable=False)
versions: Final = Table("outbox_version", metadata, version_of_schema)
"""One row: the version of the schema."""

number: Column[int] = Column(
    "number", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True
)  # in SQLite, only INTEGER is an alias of the rowid
key: Column[str] = Column("key", Text, nullable=False, unique=True)
destination: Column[str] = Column("destination", Text, nullable=False)
made: Column[float] = Column("made", Double, nullable=False)
due: Column[float] = Column("due", Double, nullable=False)
status: Column[str] = Column("status", Text, nullable=False)
digest: Column[str] = Column("digest", Text)
ended: Column[float] = Column("ended", Double)
pause: Column[float] = Column("pause", Double)
files: Column[bytes] = Column("files", LargeBinary)  # the last column, so that SQLite reads the others without it

_waiting = ended.is_(None)
_ended = ended.is_not(None)
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
    pause,
    files,
    CheckConstraint(status.in_([each.value for each in Status]), "messages_status"),
    CheckConstraint((ended.is_(None)) == status.in_([each.value for each in WAITING]), "messages_ended"),
    CheckConstraint(  # PostgreSQL enforces the types of columns itself
        " AND ".join(
            [f"typeof({name}) = 'real'" for name in ("made", "since", "due")]
            + [f"typeof({name}) = 'text'" for name in ("key", "destination", "kind", "body", "status")]
            + [f"typeof({name}) = 'integer'" for name in ("version", "attempts", "repeated")]
        ),
        "messages_types",
    ).ddl_if(dialect="sqlite"),
    Index("messages_waiting", destination, due, number, status, made, ended, sqlite_where=_waiting, postgresql_where=_waiting),
    Index("messages_in_digest", destination, digest, sqlite_where=_in_digest, postgresql_where=_in_digest),
    Index("messages_over", status, ended, destination, made, sqlite_where=_ended, postgresql_where=_ended),
)
"""One row for each message."""

NAMES: tuple[str, ...] = tuple(field.name for field in attrs.fields(Row))
"""The stored fields of ``Row``, in order."""

_VALUES = attrgetter(*("status._value_" if name == "status" else name for name in NAMES))  # _value_: the status as plain text


@attrs.frozen
class Found:
    """A row that was read, and its number."""

    number: int
    row: Row


def values_of(row: Row) -> tuple[object, ...]:
    """Return the stored values of a row, in the order of ``NAMES``."""
    values: tuple[object, ...] = _VALUES(row)
    return values


def record_of(row: Row) -> dict[str, object]:
    """Return the stored values of a row, by column name."""
    return dict(zip(NAMES, values_of(row), strict=True))


def found_of(record: RowMapping) -> Found:
    """Return the row of a database record, without its files.

    Raises:
        ValueError: tocsin did not write that record.
    """
    values = {name: record[name] for name in NAMES if name not in {"status", "files"}}
    return Found(record["number"], Row(status=Status(record["status"]), **values))


Step = Callable[[Connection], None]
"""Migrates a schema from one version to the next."""


def _create_messages(connection: Connection) -> None:
    """Create the table of version 1, which has no ``pause``."""
    waiting, over, in_digest = text("ended IS NULL"), text("ended IS NOT NULL"), text("ended IS NULL AND digest IS NOT NULL")
    Table(
        "messages",
        MetaData(),
        Column("number", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True),
        Column("key", Text, nullable=False, unique=True),
        Column("destination", Text, nullable=False),
        Column("kind", Text, nullable=False),
        Column("version", Integer, nullable=False),
        Column("body", Text, nullable=False),
        Column("made", Double, nullable=False),
        Column("since", Double, nullable=False),
        Column("due", Double, nullable=False),
        Column("status", Text, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("claim", Text),
        Column("repeated", Boolean, nullable=False),
        Column("digest", Text),
        Column("reason", Text),
        Column("ended", Double),
        CheckConstraint("status IN ('pending', 'leased', 'delivered', 'delayed', 'dead', 'unknown')", "messages_status"),
        CheckConstraint("(ended IS NULL) = (status IN ('pending', 'delayed', 'leased'))", "messages_ended"),
        CheckConstraint(  # PostgreSQL enforces the types of columns itself
            "typeof(made) = 'real' AND typeof(since) = 'real' AND typeof(due) = 'real'"
            " AND typeof(key) = 'text' AND typeof(destination) = 'text' AND typeof(kind) = 'text'"
            " AND typeof(body) = 'text' AND typeof(status) = 'text'"
            " AND typeof(version) = 'integer' AND typeof(attempts) = 'integer' AND typeof(repeated) = 'integer'",
            "messages_types",
        ).ddl_if(dialect="sqlite"),
        Index(
            "messages_waiting",
            *("destination", "due", "number", "status", "made", "ended"),
            sqlite_where=waiting,
            postgresql_where=waiting,
        ),
        Index("messages_in_digest", "destination", "digest", sqlite_where=in_digest, postgresql_where=in_digest),
        Index("messages_over", "status", "ended", "destination", "made", sqlite_where=over, postgresql_where=over),
    ).create(connection, checkfirst=False)


def _add_pause(connection: Connection) -> None:
    """Add the length of the pause. It is NULL in rows of version 1, since nothing tells it."""
    connection.exec_driver_sql("ALTER TABLE messages ADD COLUMN pause DOUBLE PRECISION")


def _add_files(connection: Connection) -> None:
    """Add the bytes of attachments, which rows of earlier versions have not."""
    kind = "BYTEA" if connection.dialect.name == "postgresql" else "BLOB"
    connection.exec_driver_sql(f"ALTER TABLE messages ADD COLUMN files {kind}")


STEPS: Sequence[Step] = (_create_messages, _add_pause, _add_files)
"""The n-th step migrates version n - 1 to n. Version 0 is an empty database."""


def migrate(connection: Connection, place: str, steps: Sequence[Step] = STEPS) -> None:
    """Migrate the schema to the version after the last step, in the current transaction of the connection.

    Raises:
        OutboxError: the schema is newer, or tocsin did not write it; nothing was changed.
        SQLAlchemyError: the database refused a statement.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
    version = _version_or_new(connection, place)
    if version > len(steps):
        raise newer_schema_error(place, version, len(steps))
    for step in steps[version:]:
        step(connection)
    if version < len(steps):
        connection.execute(update(versions).values(version=len(steps)))


def check(connection: Connection, place: str) -> None:
    """Check that the table of messages has all columns.

    Raises:
        OutboxError: the table or a column is missing.
    """
    try:
        connection.execute(messages.select().limit(0))
    except DBAPIError as error:
        if not _is_missing(error):
            raise
    else:
        return
    raise OutboxError(f"the outbox at {place} has a schema that does not match its version: name another place, or move it away")


def _is_missing(error: DBAPIError) -> bool:
    """Whether the database says that a column (42703) or a table (42P01) does not exist."""
    state: object = getattr(error.orig, "sqlstate", None)
    return state in {"42703", "42P01"} or str(error.orig).startswith(("no such column", "no such table"))


def _version_or_new(connection: Connection, place: str) -> int:
    """Return the version of the schema. The table of versions is created if it does not exist."""
    inspector = inspect(connection)
    if inspector.has_table(versions.name):
        found = connection.scalars(select(version_of_schema)).all()
        if len(found) == 1 and found[0] >= 0:
            return found[0]
        raise OutboxError(f"the outbox at {place} does not say the version of its schema: name another place, or move it away")
    if inspector.has_table(messages.name):
        raise OutboxError(f"the database at {place} has a table {messages.name} that is not tocsin's: name another one")
    versions.create(connection, checkfirst=False)
    connection.execute(insert(versions).values(version=0))
    return 0
