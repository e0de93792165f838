"""Connections to the SQLite file of the history, and its errors as ``HistoryError``.

- Each transaction has a connection of its own: no lock is held during a run. Writing creates the file if it is missing.
- The file has mode 0600. A lock that another process holds is waited for.
- SQLite uses a rollback journal, not a write-ahead log: that works on every file system, and the next process cleans up after a killed
  one.
"""

import os
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

from tocsin.shell.history.run_record import ELSEWHERE, RENEW, HistoryError

VERSION = 1
BUSY = 20.0
"""Seconds that a writer waits for the lock: many runs may end at once."""
BUSY_READING = 5.0
"""Seconds that a reader waits for the lock."""

_SCHEMA = (
    """CREATE TABLE runs (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        run_id TEXT NOT NULL UNIQUE,
        label TEXT NOT NULL,
        started REAL NOT NULL,
        ended REAL NOT NULL,
        kind TEXT NOT NULL,
        failed INTEGER,
        message TEXT,
        attempts INTEGER NOT NULL,
        status INTEGER,
        version TEXT NOT NULL
    )""",
    "CREATE INDEX runs_by_label ON runs (label, number)",
    "CREATE TABLE streaks (label TEXT PRIMARY KEY, failed INTEGER, length INTEGER NOT NULL, updated REAL NOT NULL)",
    "CREATE INDEX streaks_by_age ON streaks (updated)",
    f"PRAGMA user_version = {VERSION}",
)

_REMEDIES = {
    sqlite3.SQLITE_BUSY: "another process keeps it locked; end that process, or try again",
    sqlite3.SQLITE_FULL: f"make room on the disk, or {ELSEWHERE}",
    sqlite3.SQLITE_READONLY: f"make it writable, or {ELSEWHERE}",
    sqlite3.SQLITE_CANTOPEN: f"make it a file that you may read and write, or {ELSEWHERE}",
    sqlite3.SQLITE_IOERR: f"check the disk, or {ELSEWHERE}",
}


@contextmanager
def reading(path: Path) -> Generator[sqlite3.Connection | None, None, None]:
    """Yield a connection for reading; None if there is no history yet."""
    with describe_errors(path):
        if not path.exists():
            yield None
            return
        with closing(_connected(path, BUSY_READING)) as connection:
            yield connection if _version(connection, path) else None


@contextmanager
def writing(path: Path) -> Generator[sqlite3.Connection, None, None]:
    """Yield a connection in a transaction. The end of the block commits it; an exception rolls it back."""
    with describe_errors(path):
        path.parent.mkdir(0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        with closing(_connected(path, BUSY)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            if not _version(connection, path):
                for statement in _SCHEMA:
                    connection.execute(statement)
            yield connection
            connection.execute("COMMIT")


def _connected(path: Path, busy_timeout: float) -> sqlite3.Connection:
    """Connect to an existing file. Closing the connection rolls back an open transaction."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", timeout=busy_timeout, isolation_level=None, uri=True)


def _version(connection: sqlite3.Connection, path: Path) -> int:
    """Return the schema version of the file; 0 if it has no tables."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    found = int(version)
    if not 0 <= found <= VERSION:
        newer = f"a newer tocsin (its version is {found}, and this tocsin knows {VERSION})"
        raise HistoryError(f"the history file {path} was written by {newer}; upgrade tocsin, or {ELSEWHERE}")
    return found


@contextmanager
def describe_errors(path: Path) -> Generator[None, None, None]:
    """Raise errors of SQLite, the operating system and the data as ``HistoryError``."""
    try:
        yield
    except sqlite3.Error as error:
        raise HistoryError(f"the history file {path} {_trouble(error)}") from None
    except OSError as error:
        raise HistoryError(f"the history file {path} cannot be used: {error.strerror}; {ELSEWHERE}") from None
    except (ValueError, OverflowError) as error:
        raise HistoryError(f"the history file {path} is damaged: {error}; {RENEW}") from None


def _trouble(error: sqlite3.Error) -> str:
    remedy = _REMEDIES.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)  # the higher bits hold details
    return f"cannot be used: {error}; {remedy}" if remedy else f"is damaged: {error}; {RENEW}"
