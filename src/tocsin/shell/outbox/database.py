"""The database of an outbox: which one a URL names, and connections to it on which what is committed is there to stay.

- A URL is checked at once; nothing is opened before it is needed.
- Connections are few and kept: one that writes, and one that reads. One thread at a time has one, for one transaction; to wait for it
  is bounded. After an error it is closed, so that the next begins with a new one.
- A server that went away between two transactions, or that had to choose which of two to stop, is asked once more. After a commit
  whose answer was lost, nobody knows how that went: it is not repeated here.
- A child begins without. Nothing is sent on its parent's connections. SQLite does not know of forks: a child would believe that it
  held its parent's locks. So while a process is forked, none of its files are open.
"""

import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import NullPool

from tocsin.core.messages.text import cut, one_line
from tocsin.shell.adapters.redaction import remember
from tocsin.shell.history.paths import state_folder
from tocsin.shell.outbox.errors import OutboxBusy, OutboxError
from tocsin.shell.outbox.schema import STEPS, check, migrate
from tocsin.shell.outbox.sqlite_file import File, connected

_T = TypeVar("_T")

_FILE = "outbox.sqlite"
_SERVERS = frozenset({"postgresql", "postgres", "postgresql+psycopg"})
_WRITE = "write sqlite:////var/lib/app/outbox.sqlite, or postgresql://user:password@host/database"
_LONGEST_PLACE = 200  # characters
_PATIENCE = 10.0  # seconds that a thread waits for another one, beyond what that one may wait for others
_AGAIN = frozenset({"40001", "40P01"})  # states in which PostgreSQL asks for the transaction once more
_FORKING = 2.0  # seconds that a fork waits for a transaction


class Database:
    """What a URL names.

    Args:
        url: of the database; None for a file in the user's state folder.
        busy: for how many seconds another process may hold it.

    Raises:
        OutboxError: that names none.
    """

    def __init__(self, url: str | None, busy: float) -> None:
        self.busy = busy
        named = _parsed(url)
        self.file: File | None = _file(named)
        if self.file is not None:
            self.place: str = self.file.path
            self.engine: Engine = _sqlite(self.file, busy)
        else:
            self.place = _shown(named)
            self.engine = _postgres(named, busy)
        self._current = False
        self._identity: tuple[int, int] | None = None

    def opened(self, *, reads: bool) -> Connection:
        """A connection to it, which only reads, or writes. The first brings its schema to our version."""
        connection = self.engine.connect()
        try:
            identity = None if self.file is None else self.file.identity
            if not self._current or self._identity != identity:
                _begin(connection)
                migrate(connection, self.place)
                check(connection, self.place)
                connection.commit()
                self._current, self._identity = True, identity
            return connection.execution_options(isolation_level="AUTOCOMMIT") if reads and self.file is None else connection
        except BaseException:
            _closed(connection)
            raise


class OutboxConnection:
    """A connection that is kept, for one thread at a time."""

    def __init__(self, database: Database, *, reads: bool) -> None:
        self._database = database
        self._reads = reads
        self._connection: Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._lock = threading.Lock()
        self._owner: int | None = None
        self._parted = False
        if database.file is not None:
            _lines.add(self)

    def do(self, act: Callable[[Connection], _T]) -> _T:
        """``act`` in a transaction, which is committed when this returns. It may be done again from its beginning.

        Raises:
            OutboxError, SQLAlchemyError, and what a driver raises: it was not done, as far as we know.
        """
        return self._held(lambda: self._tried(lambda connection: self._transacted(connection, act)))

    def bare(self, act: Callable[[Connection], _T]) -> _T:
        """``act`` without a transaction: what it executes is one in itself, or none."""
        return self._held(lambda: self._tried(act))

    def _held(self, act: Callable[[], _T]) -> _T:
        here = threading.get_ident()
        if self._owner == here:
            raise OutboxBusy(f"the outbox at {self._database.place} is in use by what this interrupted, such as a signal's handler")
        if not self._lock.acquire(timeout=self._database.busy + _PATIENCE):
            raise OutboxError(
                f"the outbox at {self._database.place} cannot be used: another thread of this program has it all the time; try again"
            )
        self._owner = here
        try:
            return act()
        finally:
            self._owner = None
            self._lock.release()

    def _tried(self, act: Callable[[Connection], _T]) -> _T:
        try:
            return self._once(act)
        except DBAPIError as error:
            if not _worth_another(error):
                raise
        return self._once(act)

    def _once(self, act: Callable[[Connection], _T]) -> _T:
        connection = self._ready()
        try:
            return act(connection)
        except BaseException:
            self._drop()
            raise

    def _transacted(self, connection: Connection, act: Callable[[Connection], _T]) -> _T:
        _begin(connection)
        done = act(connection)
        try:
            connection.commit()
        except DBAPIError as error:
            error.connection_invalidated = False  # who knows whether it was committed
            raise
        return done

    def _ready(self) -> Connection:
        file = self._database.file
        if self._parted:
            raise OutboxError(
                f"the outbox at {self._database.place} was in use when this process was forked: fork it when nothing is being sent"
            )
        if self._connection is not None and file is not None and file.identity != self._identity:
            self._drop()  # somebody moved the file away: what went there would be lost
        if self._connection is None:
            self._connection = self._database.opened(reads=self._reads)
            self._identity = None if file is None else file.identity
        return self._connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            _closed(connection)

    def close(self) -> None:
        """Close it, unless a thread is busy with it for long. It may be used again."""
        if self.part(_FORKING):
            self._lock.release()

    def part(self, seconds: float) -> bool:
        """Close it and keep everybody away, if nobody has it for so long; whether that is so."""
        free = self._lock.acquire(timeout=seconds)
        if free:
            self._drop()
        return free

    def meet(self) -> None:
        """Let others use it again."""
        self._lock.release()

    def abandon(self) -> None:
        """Start afresh, as a child does."""
        self._lock = threading.Lock()
        self._owner = None
        connection, self._connection = self._connection, None
        if connection is not None:
            _abandoned.append(connection)
            self._parted = self._database.file is not None
            _silence(connection)


_lines: "weakref.WeakSet[OutboxConnection]" = weakref.WeakSet()
_parted: list[OutboxConnection] = []
_abandoned: list[Connection] = []


def _begin(connection: Connection) -> None:
    """Begin to write: with SQLite, nobody else may from here on."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _closed(connection: Connection) -> None:
    with suppress(Exception):  # it may be broken
        connection.invalidate()
    with suppress(Exception):
        connection.close()


def _worth_another(error: DBAPIError) -> bool:
    return error.connection_invalidated or getattr(error.orig, "sqlstate", None) in _AGAIN


def _parsed(url: str | None) -> URL:
    if url is None:
        try:
            return URL.create("sqlite", database=str(Path(state_folder()) / _FILE))
        except OSError as error:
            said = str(error.strerror)
        raise OutboxError(f"there is no place for the outbox: {said}; set TOCSIN_STATE_DIR to a folder")
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        pass
    raise OutboxError(f"that is no URL of an outbox (it is not shown, since it may hold a password): {_WRITE}")


def _shown(url: URL) -> str:
    """The URL of a server, without what may be secret in it."""
    public = URL.create("postgresql", url.username, None, url.host, url.port, url.database)
    return cut(one_line(public.render_as_string()), _LONGEST_PLACE)


def _file(url: URL) -> File | None:
    if url.drivername in _SERVERS:
        if url.database:
            return None
        raise OutboxError(f"the URL of the outbox names no database: {_WRITE}")
    if url.drivername != "sqlite":
        raise OutboxError(f"an outbox is kept in SQLite or PostgreSQL, not in {one_line(url.drivername)[:40]}: {_WRITE}")
    vfs = url.query.get("vfs")
    if url.host or url.username or url.query.keys() - {"vfs"} or isinstance(vfs, tuple):
        raise OutboxError(f"the URL of a SQLite file holds nothing but its path: {_WRITE}")
    if not url.database or not Path(url.database).is_absolute() or "\0" in url.database:
        raise OutboxError(f"the URL of a SQLite file names it by its absolute path, with four slashes: {_WRITE}")
    return File(url.database, vfs)


def _sqlite(file: File, busy: float) -> Engine:
    return create_engine("sqlite://", creator=lambda: connected(file, busy, len(STEPS)), poolclass=NullPool)


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
        event.listen(engine, "connect", _committing(busy))
        return engine
    raise OutboxError(f"an outbox in PostgreSQL needs the extra: pip install 'tocsin[outbox-postgresql]' ({missing} is not installed)")


def _committing(busy: float) -> Callable[[DBAPIConnection, object], None]:
    """Sees to it that what is committed is on the server's disk, and that no lock is waited for without an end."""

    def settle(connection: DBAPIConnection, _: object) -> None:
        cursor = connection.cursor()
        cursor.execute("SHOW synchronous_commit")
        found: object = cursor.fetchone()
        if isinstance(found, tuple) and found[0] == "off":
            cursor.execute("SET synchronous_commit = on")
        cursor.execute(f"SET lock_timeout = {round(busy * 1000)}")
        cursor.close()
        connection.commit()

    return settle


def _silence(connection: Connection) -> None:
    """Have nothing that is still written to a socket reach the server: it is the parent's."""
    raw: object = connection.connection.dbapi_connection
    number: object = getattr(raw, "fileno", int)()
    if isinstance(number, int) and number > 0:
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, number)
        os.close(nowhere)


def _part() -> None:
    until = time.monotonic() + _FORKING
    _parted.extend(line for line in tuple(_lines) if line.part(max(until - time.monotonic(), 0.0)))


def _meet() -> None:
    while _parted:
        _parted.pop().meet()


if sys.platform != "win32":  # pragma: no branch
    os.register_at_fork(before=_part, after_in_parent=_meet, after_in_child=_parted.clear)
