"""The file of the journal: opened, made where it is to be written and is not there, and every error of SQLite in words.

One connection for one transaction: nothing is held while a run goes on. The file is ours alone (0600); a lock that another process
holds is waited for. It is a rollback journal, not a write-ahead log: it works on every file system, and a process that is killed
leaves nothing that the next one does not clean up.
"""

import os
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

from tocsin.shell.history.run_record import ELSEWHERE, RENEW, HistoryError

VERSION = 1
BUSY = 20.0
"""How many seconds other processes may hold the file against one that writes: many runs may end at once."""
BUSY_READING = 5.0
"""The same against one that reads."""

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
    sqlite3.SQLITE_BUSY: "another process holds it all the time; end that one, or try again",
    sqlite3.SQLITE_FULL: f"make room on the disk, or {ELSEWHERE}",
    sqlite3.SQLITE_READONLY: f"make it writable, or {ELSEWHERE}",
    sqlite3.SQLITE_CANTOPEN: f"make it a file that you may read and write, or {ELSEWHERE}",
    sqlite3.SQLITE_IOERR: f"look after the disk, or {ELSEWHERE}",
}


@contextmanager
def reading(path: Path) -> Generator[sqlite3.Connection | None, None, None]:
    """A connection to look with; None where there is no journal yet."""
    with describe_errors(path):
        if not path.exists():
            yield None
            return
        with closing(_connected(path, BUSY_READING)) as connection:
            yield connection if _version(connection, path) else None


@contextmanager
def writing(path: Path) -> Generator[sqlite3.Connection, None, None]:
    """A connection inside a transaction, which is committed at the end, and undone where something is raised."""
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


def _connected(path: Path, patience: float) -> sqlite3.Connection:
    """A connection to a file that is there, which waits some seconds for others; closing it undoes what was not committed."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", timeout=patience, isolation_level=None, uri=True)


def _version(connection: sqlite3.Connection, path: Path) -> int:
    """The version of the tables in the file; 0 where there are none."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    found = int(version)
    if not 0 <= found <= VERSION:
        newer = f"a newer tocsin (its version is {found}, and this tocsin knows {VERSION})"
        raise HistoryError(f"the journal {path} was written by {newer}; upgrade tocsin, or {ELSEWHERE}")
    return found


@contextmanager
def describe_errors(path: Path) -> Generator[None, None, None]:
    """Whatever goes wrong with the file at a path, as a ``HistoryError``."""
    try:
        yield
    except sqlite3.Error as error:
        raise HistoryError(f"the journal {path} {_trouble(error)}") from None
    except OSError as error:
        raise HistoryError(f"the journal {path} cannot be used: {error.strerror}; {ELSEWHERE}") from None
    except (ValueError, OverflowError) as error:
        raise HistoryError(f"the journal {path} is damaged: {error}; {RENEW}") from None


def _trouble(error: sqlite3.Error) -> str:
    remedy = _REMEDIES.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)  # the rest of the number is details
    return f"cannot be used: {error}; {remedy}" if remedy else f"is damaged: {error}; {RENEW}"
