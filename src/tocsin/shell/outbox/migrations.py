"""Brings the schema of an outbox to the version that we know: step by step, forward only, all of it or nothing.

- A new step is added at the end of ``STEPS``. ``tables`` says how the schema is now; so whoever changes it writes down first how the
  steps before left it. A test makes each earlier version, fills it, and brings it here.
- What a newer tocsin wrote is left as it is: to guess what it means could lose messages. So is what is not ours.
"""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, func, insert, inspect, select, update
from sqlalchemy.exc import DBAPIError

from tocsin.shell.outbox.faults import OutboxFault
from tocsin.shell.outbox.tables import messages, version_of_schema, versions
from tocsin.shell.outbox.words import newer

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
        OutboxFault: it is of a newer version, or is not ours; nothing was changed.
        SQLAlchemyError: the database does not take it.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    version = _version(connection, place)
    if version > len(steps):
        raise newer(place, version, len(steps))
    for step in steps[version:]:
        step(connection)
    if version < len(steps):
        connection.execute(update(versions).values(version=len(steps)))


def check(connection: Connection, place: str) -> None:
    """Make sure that the rows have what we need.

    Raises:
        OutboxFault: they have not.
    """
    try:
        connection.execute(messages.select().limit(0))
    except DBAPIError as error:
        if not _lacks_something(error):
            raise
    else:
        return
    raise OutboxFault(f"the outbox at {place} has a schema that does not match its version: name another place, or move it away")


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
        raise OutboxFault(f"the outbox at {place} does not say the version of its schema: name another place, or move it away")
    if known.has_table(messages.name):
        raise OutboxFault(f"the database at {place} has a table {messages.name} that is not ours: name another one")
    versions.create(connection, checkfirst=False)
    connection.execute(insert(versions).values(version=0))
    return 0
