"""The database of an outbox: the one that a URL names, and durable connections to it.

- A URL is checked at once. Nothing is opened before it is needed.
- An outbox has two connections that stay open: one writes, one reads. One thread at a time uses a connection, for one transaction; the
  wait for it is bounded. After an error the connection is closed, and the next call opens a new one.
- Between a server and its clients may stand a pooler, which gives each transaction another connection to the server. So behind one, no
  statement is prepared, and each transaction makes its own settings, in the round trip of its BEGIN. A connection without a pooler is
  set up once. A pooler tells the client a process id that is not the server's: by that it is known.
- A server may be frozen: it neither answers nor closes the connection. A call gives it up when it has been silent for some seconds, and
  so do the calls that waited for that one. The time until the first byte counts, and not that of the whole answer.
- A transaction is repeated once where the server closed the connection before it, or chose it as the victim of a conflict. A commit
  whose answer was lost is not repeated here, since its result is unknown.
- A forked child opens connections of its own, and sends nothing on those of its parent. SQLite does not support forks: a child would
  believe that it holds the locks of its parent. So no SQLite file is open during a fork.
"""

import math
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import attrs
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import NullPool
from typing_extensions import override

from tocsin.core.text import cut, one_line
from tocsin.shell.errors import OutboxBusy, OutboxError
from tocsin.shell.fork_safety import OnUse, PerThread, close_before_fork, new_lock
from tocsin.shell.history.paths import state_folder
from tocsin.shell.outbox.daemon_lock import take_session_lock
from tocsin.shell.outbox.schema import STEPS, check, migrate
from tocsin.shell.outbox.sqlite_file import File, connect
from tocsin.shell.redaction import remember

if TYPE_CHECKING:  # without its extra, psycopg is not there
    import psycopg
    from psycopg.abc import ConnParam, PQGen
    from psycopg.rows import TupleRow
    from sqlalchemy import Dialect
    from sqlalchemy.pool import ConnectionPoolEntry

_T = TypeVar("_T")

_FILE = "outbox.sqlite"
_SERVERS = frozenset({"postgresql", "postgres", "postgresql+psycopg"})
_EXAMPLES = "write sqlite:////var/lib/app/outbox.sqlite, or postgresql://user:password@host/database"
_LONGEST_PLACE = 200  # characters
_LOCK_TIMEOUT = 10.0  # seconds that a thread waits for another one, in addition to the time that this one may wait for the database
_PREPARE_THRESHOLD = 5  # how often a statement is executed before it is prepared: psycopg's own default
_DRIVER_OPTIONS = frozenset({"autocommit", "context", "cursor_factory", "row_factory"})  # of psycopg's connect, and not of PostgreSQL
_BEGIN = b"BEGIN ISOLATION LEVEL READ COMMITTED"
_WAIT_INTERVAL = 0.1  # seconds between two looks at how long the server has been silent
_RETRY_STATES = frozenset({"40001", "40P01"})  # PostgreSQL: serialization failure, deadlock
_ANSWER_TIMEOUT = 4.0  # seconds of silence of a server, in addition to the time that it may wait for a lock
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
            self._prepare_threshold, named = _prepare_threshold(named)
            self.engine = _postgres(named, busy)
        self._migrated = False
        self.shows_daemon = False
        """Whether the connections to a server that are opened from now on show that a daemon sends."""

    def open_connection(self) -> "Opened":
        """Open a connection to a schema of the current version.

        The schema of a server is migrated once. A file may have been replaced by another one, which may have the inode of the old one.
        So its schema is migrated each time that it is opened.
        """
        connection = self.engine.connect()
        try:
            begin = _BEGIN if self.file is not None else self._set_up(connection)
            if self.file is not None or not self._migrated:
                _begin(connection, begin)
                migrate(connection, self.place)
                check(connection, self.place)
                connection.commit()
                self._migrated = True
            if self.shows_daemon and begin == _BEGIN:  # not behind a pooler
                take_session_lock(connection)
        except BaseException:
            _close_quietly(connection)
            raise
        return Opened(connection, begin)

    def _set_up(self, connection: Connection) -> bytes:
        """Make commits durable on the server, and bound the wait for locks. Return the statements that begin a transaction."""
        raw = _driver_connection(connection)
        if _execute(raw, b"SELECT pg_catalog.pg_backend_pid()").fetchone() != (raw.info.backend_pid,):
            return _BEGIN + b"; " + _settings(self.busy, "true")  # a setting of the session would stay on a connection that others use
        _execute(raw, _settings(self.busy, "false"))
        raw.prepare_threshold = self._prepare_threshold
        return _BEGIN


@attrs.frozen
class Opened:
    """An open connection, and the statements that begin a transaction on a server."""

    connection: Connection
    begin: bytes


_call = PerThread()  # ``patience``: the number of seconds for which the server may be silent, during a call


def _patience() -> float:
    patience: object = getattr(_call.local, "patience", math.inf)
    assert isinstance(patience, float)
    return patience


class OutboxConnection:
    """A connection that stays open, for one thread at a time."""

    _lock = OnUse(new_lock)

    def __init__(self, database: Database) -> None:
        self._database = database
        self._opened: Opened | None = None
        self._identity: tuple[int, int] | None = None
        self._owner: int | None = None
        self._silent_at = -math.inf  # when the server was last found silent, by the monotonic clock
        self._open_during_fork = False
        if database.file is not None:
            close_before_fork(self)

    def do(self, act: Callable[[Connection], _T], *, extra: float = 0.0) -> _T:
        """Run ``act`` in a transaction, which is committed when this returns. ``act`` may be run a second time.

        Args:
            act: what to do.
            extra: seconds for which the server may be silent in addition to the usual ones, where it has much to read.

        Raises:
            OutboxError, SQLAlchemyError, and what a driver raises: the transaction was not committed, as far as is known.
        """
        return self._with_lock(lambda: self._with_retry(lambda opened: self._transaction(opened, act)), extra)

    def do_without_transaction(self, act: Callable[[Connection], _T], *, extra: float = 0.0) -> _T:
        """Run ``act`` without a transaction: each statement is a transaction of its own, or needs none."""
        return self._with_lock(lambda: self._with_retry(lambda opened: act(opened.connection)), extra)

    def do_if_open(self, act: Callable[[Connection], _T], most: float) -> _T | None:
        """Run ``act`` without a transaction; do nothing, and return None, if the connection is not open.

        Args:
            act: what to do.
            most: seconds to wait for another thread that uses the connection, and again for the server.
        """
        return self._with_lock(lambda: None if self._opened is None else self._once(lambda opened: act(opened.connection)), most=most)

    def _with_lock(self, act: Callable[[], _T], extra: float = 0.0, *, most: float = math.inf) -> _T:
        here, began = threading.get_ident(), time.monotonic()
        if self._owner == here:
            raise OutboxBusy(
                f"the outbox at {self._database.place} is in use by the code that this call interrupted: "
                "do not use it in a signal handler"
            )
        if not self._lock.acquire(timeout=min(self._database.busy + _LOCK_TIMEOUT, most)):
            raise OutboxError(
                f"the outbox at {self._database.place} cannot be used: another thread of this program holds it all the time; try again"
            )
        self._owner = here
        _call.local.patience = patience = min(self._database.busy + _ANSWER_TIMEOUT + extra, most)
        try:
            if self._silent_at >= began:  # the call that this one waited for has found out
                raise _silence(patience)
            return act()
        except TimeoutError:
            self._silent_at = time.monotonic()
            raise
        finally:
            _call.local.patience = math.inf
            self._owner = None
            self._lock.release()

    def _with_retry(self, act: Callable[[Opened], _T]) -> _T:
        try:
            return self._once(act)
        except DBAPIError as error:
            if not _may_retry(error):
                raise
        return self._once(act)

    def _once(self, act: Callable[[Opened], _T]) -> _T:
        opened = self._open()
        try:
            return act(opened)
        except BaseException:
            self._close()
            raise

    def _transaction(self, opened: Opened, act: Callable[[Connection], _T]) -> _T:
        _begin(opened.connection, opened.begin)
        done = act(opened.connection)
        try:
            opened.connection.commit()
        except DBAPIError as error:
            error.connection_invalidated = False  # no repetition: it may have been committed
            raise
        return done

    def _open(self) -> Opened:
        file = self._database.file
        if self._open_during_fork:
            raise OutboxError(
                f"the outbox at {self._database.place} was in use when this process was forked: fork when nothing is being sent"
            )
        if self._opened is not None and file is not None and file.identity != self._identity:
            self._close()  # the file was moved or replaced: messages written to the old one would be lost
        if self._opened is None:
            self._opened = self._database.open_connection()
            self._identity = None if file is None else file.identity
        return self._opened

    def _close(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            _close_quietly(opened.connection)

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
        opened, self._opened = self._opened, None
        if opened is not None:
            _abandoned.append(opened.connection)
            self._open_during_fork = self._database.file is not None
            _disconnect(opened.connection)


_abandoned: list[Connection] = []  # of the parent: garbage collection would close them


def _begin(connection: Connection, begin: bytes) -> None:
    """Start a write transaction (BEGIN IMMEDIATE on SQLite)."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        return
    if not connection.in_transaction():  # as SQLAlchemy counts: since its last commit, something was executed without a transaction
        connection.begin()
    _execute(_driver_connection(connection), begin)


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
    """Return the URL of a server without its password and its options, which may be secret; only a host and a port among them stay."""
    options = {name: url.query[name] for name in ("host", "port") if name in url.query}
    public = URL.create("postgresql", url.username, None, url.host, url.port, url.database, options)
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
            isolation_level="AUTOCOMMIT",  # of statements outside of a transaction that is begun here
            connect_args={name: value for name, value in arguments.items() if name not in url.query},
        )
    except ModuleNotFoundError as error:
        missing = str(error.name)
    else:
        event.listen(engine, "do_connect", _connect)
        return engine
    raise OutboxError(f"an outbox in PostgreSQL needs the extra: pip install 'tocsin[outbox-postgresql]' ({missing} is not installed)")


def _connect(
    _: "Dialect", __: "ConnectionPoolEntry", ___: Sequence[str], options: "dict[str, ConnParam]"
) -> "psycopg.Connection[TupleRow]":
    """Connect without prepared statements."""
    from psycopg.conninfo import make_conninfo

    options.pop("context", None)  # adapters of SQLAlchemy's, for types that no column has
    return _connection_class().connect(make_conninfo("", **options), prepare_threshold=None)


@cache
def _connection_class() -> "type[psycopg.Connection[TupleRow]]":
    from psycopg import Connection
    from psycopg.rows import TupleRow

    class Impatient(Connection[TupleRow]):
        """A connection that waits for an answer no longer than the call of the thread allows."""

        @override
        def wait(self, gen: "PQGen[_T]", interval: float = _WAIT_INTERVAL, timeout: float | None = None) -> _T:
            return super().wait(_while_answered(gen), interval)

    return Impatient


def _while_answered(gen: "PQGen[_T]") -> "PQGen[_T]":
    """Pass on to psycopg what ``gen`` waits for, and to ``gen`` what came.

    Raises:
        TimeoutError: nothing came for longer than the call of this thread allows.
    """
    try:
        wanted, until = next(gen), time.monotonic() + _patience()
        while True:
            ready = yield wanted
            if ready:
                wanted, until = gen.send(ready), time.monotonic() + _patience()
            elif time.monotonic() >= until:
                raise _silence(_patience())
    except StopIteration as stop:
        done: _T = stop.value
        return done


def _silence(seconds: float) -> TimeoutError:
    return TimeoutError(f"the server does not answer: it said nothing for {seconds:g} seconds")


def _prepare_threshold(url: URL) -> tuple[int | None, URL]:
    """Return the option ``prepare_threshold`` of a URL, and the URL without it. The other options must be PostgreSQL's own."""
    for name in sorted(_DRIVER_OPTIONS & url.query.keys()):
        raise OutboxError(f"the URL of the outbox has an option {name}, which is none of PostgreSQL's: leave it out")
    given = url.query.get("prepare_threshold", str(_PREPARE_THRESHOLD))
    url = url.difference_update_query(["prepare_threshold"])
    if given == "none":
        return None, url
    if isinstance(given, str) and given.isascii() and given.isdecimal():
        return int(given), url
    raise OutboxError(
        "prepare_threshold in the URL of the outbox is the number of times that a statement is executed before it is prepared, "
        "or none: write ?prepare_threshold=none, or leave it out"
    )


def _settings(busy: float, local: str) -> bytes:
    """Return the statement that makes commits durable and bounds the wait for locks: in the transaction if ``local`` is true."""
    return (
        f"SELECT pg_catalog.set_config('lock_timeout', '{round(busy * 1000)}', {local}), "
        "CASE pg_catalog.current_setting('synchronous_commit') "
        f"WHEN 'off' THEN pg_catalog.set_config('synchronous_commit', 'on', {local}) END"
    ).encode()


def _driver_connection(connection: Connection) -> "psycopg.Connection[TupleRow]":
    import psycopg

    raw: object = connection.connection.dbapi_connection
    assert isinstance(raw, psycopg.Connection)
    return raw


def _execute(raw: "psycopg.Connection[TupleRow]", statements: bytes) -> "psycopg.Cursor[TupleRow]":
    """Execute statements in one round trip, which SQLAlchemy and prepared statements do not allow."""
    try:
        return raw.execute(statements, prepare=False)
    except raw.Error as error:
        raise DBAPIError(None, None, error, connection_invalidated=raw.broken) from None


def _disconnect(connection: Connection) -> None:
    """Redirect the socket of the parent's connection to the null device, so that nothing written to it reaches the server."""
    raw: object = connection.connection.dbapi_connection
    number: object = getattr(raw, "fileno", int)()
    if isinstance(number, int) and number > 0:
        null_device = os.open(os.devnull, os.O_RDWR)
        os.dup2(null_device, number)
        os.close(null_device)
