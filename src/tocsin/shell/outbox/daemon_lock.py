"""Shows other processes that a daemon sends from an outbox: in a file by a lock on a file beside it, on a server by a lock there.

- Of an outbox in a file, each daemon holds a shared lock, and the kernel releases it, however the daemon ends. The file itself says
  nothing, and stays. Without ``fcntl`` (Windows), or without the permission to create the file, no daemon is seen.
- On a server, each connection of a daemon holds a shared advisory lock, which ends with its session. A server learns late that a
  machine is gone. So a session counts only if it said something lately, which a daemon does every two seconds.
- A pooler gives one session to many clients, so behind one a daemon takes no lock. It is not seen there, nor is one of another role,
  unless this role may read all of ``pg_stat_activity``.
"""

import os
from contextlib import suppress
from typing import Protocol

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from tocsin.shell.fork_safety import forget_in_child

_FLAGS = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)

_QUIET = 30.0  # seconds after which a session is not believed: a daemon pauses for five, and a machine that is gone says nothing
_KEY = "1953457011, pg_catalog.to_regclass('messages')::oid::int"  # no other program uses the number; each outbox has its own table
_TAKE = text(f"SELECT pg_catalog.pg_try_advisory_lock_shared({_KEY})")
_SEEN = text(f"""SELECT EXISTS (
    SELECT FROM pg_catalog.pg_locks AS held JOIN pg_catalog.pg_stat_activity AS session USING (pid)
    WHERE (held.classid::int, held.objid::int) = ({_KEY}) AND held.locktype = 'advisory' AND held.objsubid = 2
    AND session.datname = pg_catalog.current_database() AND held.database = session.datid
    AND session.state_change > pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => :quiet)
)""")  # noqa: S608 - constants only


class DaemonLock(Protocol):
    """What shows that a daemon sends from an outbox. No method raises."""

    def take(self) -> None:
        """Show it, if that was not done yet and can be done."""
        ...

    def release(self) -> None:
        """Show it no longer. A second call does nothing."""
        ...


def take_session_lock(connection: Connection) -> None:
    """Show by the session of this connection that a daemon sends. A server that refuses that shows nothing.

    Raises DBAPIError if the connection is lost.
    """
    try:
        connection.execute(_TAKE)
    except DBAPIError as error:
        if error.connection_invalidated:
            raise


def sees_daemon(connection: Connection) -> bool:
    """Return whether a session shows that a daemon sends from the outbox of this connection."""
    return connection.execute(_SEEN, {"quiet": _QUIET}).scalar() is True


def has_daemon(path: str) -> bool:
    """Return whether a daemon sends from the outbox in the file at ``path``. Raises nothing."""
    try:
        import fcntl

        file = os.open(_lock_path(path), _FLAGS)
    except (ImportError, OSError):
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks
        return False
    finally:
        os.close(file)
    return False


class FileLock:
    """The lock of a daemon of this process on the outbox in the file at ``path``."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: int | None = None
        forget_in_child(self)

    def take(self) -> None:
        """Take the lock, if this daemon does not hold it yet and the folder of the outbox exists. Raises nothing."""
        if self._file is not None:
            return
        with suppress(ImportError, OSError):
            import fcntl

            file = os.open(_lock_path(self._path), _FLAGS | os.O_CREAT, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_SH)  # another process has it alone for a moment only
            except OSError:
                os.close(file)
                raise
            self._file = file

    def release(self) -> None:
        """Release the lock. A second call does nothing."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    forget = release  # a child that outlives the daemon must not hold the lock for it


def _lock_path(path: str) -> str:
    return f"{path}.daemon"
