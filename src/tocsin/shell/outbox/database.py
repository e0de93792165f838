"""The database of an outbox: the one that a URL names, and durable connections to it.

- A URL is checked at once. Nothing is opened before it is needed.
- An outbox has two connections that stay open: one writes, one reads. One thread at a time uses a connection, for one transaction; the
  wait for it is bounded. After an error the connection is closed, and the next call opens a new one.
- A transaction is repeated once where the server closed the connection before it, or chose it as the victim of a conflict. A commit
  whose answer was lost is not repeated here, since its result is unknown.
- A forked child opens connections of its own, and sends nothing on those of its parent. SQLite does not support forks: a child would
  believe that it holds the locks of its parent. So no SQLite file is open during a fork.
"""

import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import NullPool

from tocsin.core.text import cut, one_line
from tocsin.shell.errors import OutboxBusy, OutboxError
from tocsin.shell.fork_safety import OnUse, close_before_fork, new_lock
from tocsin.shell.history.paths import state_folder
from tocsin.shell.outbox.schema import STEPS, check, migrate
from tocsin.shell.outbox.sqlite_file import File, connect
from tocsin.shell.redaction import remember

_T = TypeVar("_T")

_FILE = "outbox.sqlite"
_SERVERS = frozenset({"postgresql", "postgres", "postgresql+psycopg"})
_EXAMPLES = "write sqlite:////var/lib/app/outbox.sqlite, or postgresql://user:password@host/database"
_LONGEST_PLACE = 200  # characters
_LOCK_TIMEOUT = 10.0  # seconds that a thread waits for another one, in addition to the time that this one may wait for the database
_RETRY_STATES = frozenset({"40001", "40P01"})  # PostgreSQL: serialization failure, deadlock
_CLOSE_TIMEOUT = 2.0  # seconds that a close waits for a transaction


class Database:
    """The database that a URL names.

    Args:
        url: of the database; None for a file in the user's state folder.
        busy: seconds to wait while other processes hold the database.

    Raises:
        OutboxError: the URL names no database of an outbox.
    """

    def __init__(self, url: str | None, busy: float) -> None:
        self.busy = busy
        named = _parse(url)
        self.file: File | None = _file(named)
        if self.file is not None:
            self.place: str = self.file.path
            self.engine: Engine = _sqlite(self.file, busy)
        else:
            self.place = _without_secrets(named)
            self.engine = _postgres(named, busy)
        self._migrated = False

    def open_connection(self, *, reads: bool) -> Connection:
        """Open a connection that only reads, or one that writes, to a schema of the current version.

        The schema of a server is migrated once. A file may have been replaced by another one, whose inode may be that of the one before:
        so its schema is migrated each time that it is opened.
        """
        connection = self.engine.connect()
        try:
            if self.file is not None or not self._migrated:
                _begin(connection)
                migrate(connection, self.place)
                check(connection, self.place)
                connection.commit()
                self._migrated = True
            return connection.execution_options(isolation_level="AUTOCOMMIT") if reads and self.file is None else connection
        except BaseException:
            _close_quietly(connection)
            raise


class OutboxConnection:
    """A connection that stays open, for one thread at a time."""

    _lock = OnUse(new_lock)

    def __init__(self, database: Database, *, reads: bool) -> None:
        self._database = database
        self._reads = reads
        self._connection: Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._owner: int | None = None
        self._open_during_fork = False
        if database.file is not None:
            close_before_fork(self)

    def do(self, act: Callable[[Connection], _T]) -> _T:
        """Run ``act`` in a transaction, which is committed when this returns. ``act`` may be run a second time.

        Raises:
            OutboxError, SQLAlchemyError, and what a driver raises: the transaction was not committed, as far as is known.
        """
        return self._with_lock(lambda: self._with_retry(lambda connection: self._transaction(connection, act)))

    def do_without_transaction(self, act: Callable[[Connection], _T]) -> _T:
        """Run ``act`` without a transaction: each statement is a transaction of its own, or needs none."""
        return self._with_lock(lambda: self._with_retry(act))

    def _with_lock(self, act: Callable[[], _T]) -> _T:
        here = threading.get_ident()
        if self._owner == here:
            raise OutboxBusy(
                f"the outbox at {self._database.place} is in use by the code that this call interrupted: "
                "do not use it in a signal handler"
            )
        if not self._lock.acquire(timeout=self._database.busy + _LOCK_TIMEOUT):
            raise OutboxError(
                f"the outbox at {self._database.place} cannot be used: another thread of this program holds it all the time; try again"
            )
        self._owner = here
        try:
            return act()
        finally:
            self._owner = None
            self._lock.release()

    def _with_retry(self, act: Callable[[Connection], _T]) -> _T:
        try:
            return self._once(act)
        except DBAPIError as error:
            if not _may_retry(error):
                raise
        return self._once(act)

    def _once(self, act: Callable[[Connection], _T]) -> _T:
        connection = self._open()
        try:
            return act(connection)
        except BaseException:
            self._close()
            raise

    def _transaction(self, connection: Connection, act: Callable[[Connection], _T]) -> _T:
        _begin(connection)
        done = act(connection)
        try:
            connection.commit()
        except DBAPIError as error:
            error.connection_invalidated = False  # no repetition: it may have been committed
            raise
        return done

    def _open(self) -> Connection:
        file = self._database.file
        if self._open_during_fork:
            raise OutboxError(
                f"the outbox at {self._database.place} was in use when this process was forked: fork when nothing is being sent"
            )
        if self._connection is not None and file is not None and file.identity != self._identity:
            self._close()  # the file was moved or replaced: messages written to the old one would be lost
        if self._connection is None:
            self._connection = self._database.open_connection(reads=self._reads)
            self._identity = None if file is None else file.identity
        return self._connection

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            _close_quietly(connection)

    def close(self) -> None:
        """Close the connection, unless a thread uses it for longer than 2 seconds. The next call opens it again."""
        if self.close_and_lock(_CLOSE_TIMEOUT):
            self._lock.release()

    def close_and_lock(self, seconds: float) -> bool:
        """Close the connection and lock it, if no thread uses it within these seconds; return whether it is locked."""
        free = self._lock.acquire(timeout=seconds)
        if free:
            self._close()
        return free

    def unlock(self) -> None:
        """Undo ``close_and_lock``."""
        self._lock.release()

    def abandon(self) -> None:
        """Forget the connection in a forked child, without a message to the server: it is that of the parent."""
        vars(self).pop("_lock", None)
        self._owner = None
        connection, self._connection = self._connection, None
        if connection is not None:
            _abandoned.append(connection)
            self._open_during_fork = self._database.file is not None
            _disconnect(connection)


_abandoned: list[Connection] = []  # of the parent: garbage collection would close them


def _begin(connection: Connection) -> None:
    """Start a write transaction (BEGIN IMMEDIATE on SQLite)."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _close_quietly(connection: Connection) -> None:
    with suppress(Exception):  # the connection may be broken
        connection.invalidate()
    with suppress(Exception):
        connection.close()


def _may_retry(error: DBAPIError) -> bool:
    return error.connection_invalidated or getattr(error.orig, "sqlstate", None) in _RETRY_STATES


def _parse(url: str | None) -> URL:
    if url is None:
        try:
            return URL.create("sqlite", database=str(Path(state_folder()) / _FILE))
        except OSError as error:
            reason = str(error.strerror)
        raise OutboxError(f"there is no place for the outbox: {reason}; set TOCSIN_STATE_DIR to a folder")
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        pass
    raise OutboxError(f"the URL of the outbox is not valid (it is not shown, since it may hold a password): {_EXAMPLES}")


def _without_secrets(url: URL) -> str:
    """Return the URL of a server without its password and its options, which may be secret."""
    public = URL.create("postgresql", url.username, None, url.host, url.port, url.database)
    return cut(one_line(public.render_as_string()), _LONGEST_PLACE)


def _file(url: URL) -> File | None:
    if url.drivername in _SERVERS:
        if url.database:
            return None
        raise OutboxError(f"the URL of the outbox names no database: {_EXAMPLES}")
    if url.drivername != "sqlite":
        raise OutboxError(f"an outbox is kept in SQLite or PostgreSQL, not in {one_line(url.drivername)[:40]}: {_EXAMPLES}")
    vfs = url.query.get("vfs")
    if url.host or url.username or url.query.keys() - {"vfs"} or isinstance(vfs, tuple):
        raise OutboxError(f"the URL of a SQLite file holds nothing but its path: {_EXAMPLES}")
    if not url.database or not Path(url.database).is_absolute() or "\0" in url.database:
        raise OutboxError(f"the URL of a SQLite file names it by its absolute path, with four slashes: {_EXAMPLES}")
    return File(url.database, vfs)


def _sqlite(file: File, busy: float) -> Engine:
    return create_engine("sqlite://", creator=lambda: connect(file, busy, len(STEPS)), poolclass=NullPool)


def _postgres(url: URL, busy: float) -> Engine:
    if url.password is not None:
        remember("the outbox's password", url.password)
    arguments: Mapping[str, object] = {"connect_timeout": max(round(busy), 2), "application_name": "tocsin", "tcp_user_timeout": 20_000}
    missing = ""
    try:
        engine = create_engine(
            url.set(drivername="postgresql+psycopg"),
            poolclass=NullPool,
            isolation_level="READ COMMITTED",
            connect_args={name: value for name, value in arguments.items() if name not in url.query},
        )
    except ModuleNotFoundError as error:
        missing = str(error.name)
    else:
        event.listen(engine, "connect", _durable(busy))
        return engine
    raise OutboxError(f"an outbox in PostgreSQL needs the extra: pip install 'tocsin[outbox-postgresql]' ({missing} is not installed)")


def _durable(busy: float) -> Callable[[DBAPIConnection, object], None]:
    """Return a listener that makes commits durable on the server and bounds the wait for locks."""

    def set_options(connection: DBAPIConnection, _: object) -> None:
        cursor = connection.cursor()
        cursor.execute("SHOW synchronous_commit")
        found: object = cursor.fetchone()
        if isinstance(found, tuple) and found[0] == "off":
            cursor.execute("SET synchronous_commit = on")
        cursor.execute(f"SET lock_timeout = {round(busy * 1000)}")
        cursor.close()
        connection.commit()

    return set_options


def _disconnect(connection: Connection) -> None:
    """Redirect the socket of the parent's connection to the null device, so that nothing written to it reaches the server."""
    raw: object = connection.connection.dbapi_connection
    number: object = getattr(raw, "fileno", int)()
    if isinstance(number, int) and number > 0:
        null_device = os.open(os.devnull, os.O_RDWR)
        os.dup2(null_device, number)
        os.close(null_device)
