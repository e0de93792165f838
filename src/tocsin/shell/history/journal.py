"""The file of the history: its tables, its transactions, and how the end of a run is added to it.

- It is loaded for each command of ``tocsin exec``, so it imports very little, and knows rows and not records. ``store`` makes these.
- A streak is a number here: how many runs ended in a row, negative for successes, 0 for none.
"""

import errno
import os
import sys
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import closing, contextmanager

from tocsin.shell.history.paths import NAME

TYPE_CHECKING = False

if TYPE_CHECKING:
    from os import PathLike
    from sqlite3 import Connection

    StrPath = str | PathLike[str]

Row = tuple[object, ...]

ELSEWHERE = f"set {NAME} to another folder"
RENEW = f"move it away, so that tocsin begins a new one, or {ELSEWHERE}"

FILE = "journal.sqlite3"
VERSION = 1
BUSY = 20.0
"""Seconds that a writer waits for the lock: many runs may end at once."""
BUSY_READING = 5.0
"""Seconds that a reader waits for the lock."""
KEPT = 1000
"""Maximum number of stored runs of one label."""
KEPT_IN_ALL = 20_000
"""Maximum number of stored runs in all, and of stored streaks."""

COLUMNS = "run_id, label, started, ended, kind, failed, message, attempts, status, version"
_ADD = f"INSERT OR IGNORE INTO runs ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - constants only
_PRUNE = (
    "DELETE FROM runs WHERE label = ? AND number <= (SELECT number FROM runs WHERE label = ? ORDER BY number DESC LIMIT 1 OFFSET ?)"
)
_PRUNE_ALL = "DELETE FROM runs WHERE number <= (SELECT number FROM runs ORDER BY number DESC LIMIT 1 OFFSET ?)"
_STREAK = "SELECT failed, length FROM streaks WHERE label = ?"
_SET = "INSERT OR REPLACE INTO streaks (label, failed, length, updated) VALUES (?, ?, ?, ?)"
_PRUNE_STREAKS = "DELETE FROM streaks WHERE updated <= (SELECT updated FROM streaks ORDER BY updated DESC LIMIT 1 OFFSET ?)"
_KNOWN = "SELECT 1 FROM runs WHERE run_id = ?"
_ADD_TOLD = (
    "CREATE TABLE IF NOT EXISTS told (run_id TEXT PRIMARY KEY, told TEXT NOT NULL)",
    """CREATE TRIGGER IF NOT EXISTS told_of_runs AFTER DELETE ON runs
        BEGIN DELETE FROM told WHERE run_id = OLD.run_id; END""",
)
_SET_TOLD = "INSERT OR REPLACE INTO told (run_id, told) SELECT run_id, ? FROM runs WHERE run_id = ?"
_PLAIN = frozenset(b"/._-~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
SCHEMA = (
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


class HistoryError(Exception):
    """The history cannot be used. The message names the file, the reason and the remedy, in one line without a secret.

    ``errno`` is the error number of the operating system, if that refused the file.
    """

    __module__ = "tocsin.errors"  # where users find it

    def __init__(self, text: str, errno: int | None = None) -> None:
        from tocsin.core.text import one_line  # seldom needed, and slow to load
        from tocsin.shell.redaction import redact

        super().__init__(one_line(redact(text)))
        self.errno = errno


def kept_line(values: Row) -> str:
    """Return an end as a JSON object in one line, in ASCII; ``KeptEnd`` says what the values are."""
    import json  # seldom needed, and slow to load

    return json.dumps({"end": values})


def add_run(connection: "Connection", row: Row, keep: Callable[[int], object], *, counts: bool) -> int | None:
    """Add a run to the history in an open transaction. Return the streak of its label before it.

    None if the run is recorded already: then nothing changes.

    Args:
        connection: the connection of ``writing``.
        row: the values of the columns.
        keep: called with the streak before anything is written.
        counts: whether its end is part of the label's streak.
    """
    run_id, label, _, _, _, failed, *_ = row
    before = streak(connection, label)
    if connection.execute(_KNOWN, (run_id,)).fetchone() is not None:
        return None
    keep(before)
    connection.execute(_ADD, row)
    if counts and failed is not None:
        set_streak(connection, label, longer(before, failed=bool(failed)))
    connection.execute(_PRUNE, (label, label, KEPT))
    connection.execute(_PRUNE_ALL, (KEPT_IN_ALL,))
    return before


def longer(streak: int, *, failed: bool) -> int:
    """Return a streak with one more end.

    >>> longer(2, failed=True), longer(2, failed=False), longer(-1, failed=False)
    (3, -1, -2)
    """
    if failed:
        return max(streak, 0) + 1
    return min(streak, 0) - 1


def streak(connection: "Connection", label: object) -> int:
    """Return the streak of a label. Raise ValueError if tocsin did not write it."""
    rows: list[Row] = connection.execute(_STREAK, (label,)).fetchall()
    for failed, length in rows:
        if failed not in {0, 1} or not isinstance(length, int) or length < 1:
            raise ValueError("no streak")
        return length if failed else -length
    return 0


def set_streak(connection: "Connection", label: object, streak: int) -> None:
    """Set the streak of a label, which is not 0."""
    connection.execute(_SET, (label, streak > 0, abs(streak), time.time()))
    connection.execute(_PRUNE_STREAKS, (KEPT_IN_ALL,))


def set_told(connection: "Connection", run_id: str, told: str) -> None:
    """Set whether anybody was told of a recorded run."""
    for statement in _ADD_TOLD:
        connection.execute(statement)
    connection.execute(_SET_TOLD, (told, run_id))


@contextmanager
def reading(path: "StrPath", busy: float = BUSY) -> "Generator[Connection | None]":
    """Yield a connection for reading; None if there is no history yet. ``busy`` limits the wait for a lock, in seconds."""
    with describe_errors(path):
        if not os.path.exists(path):  # noqa: PTH110 - pathlib takes long to load
            yield None
            return
        with closing(_connected(path, min(busy, BUSY_READING))) as connection:
            yield connection if _version(connection, path) else None


@contextmanager
def writing(path: "StrPath", schema: Iterable[str] = SCHEMA, *, busy: float = BUSY) -> "Generator[Connection]":
    """Yield a connection in a transaction. The end of the block commits it; an exception rolls it back.

    A file without tables gets those of ``schema``.
    """
    with describe_errors(path):
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)  # noqa: PTH103, PTH120 - as above
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        with closing(_connected(path, busy)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            if not _version(connection, path):
                for statement in schema:
                    connection.execute(statement)
            yield connection
            connection.execute("COMMIT")


def _connected(path: "StrPath", busy_timeout: float) -> "Connection":
    """Connect to an existing file. Closing the connection rolls back an open transaction."""
    import sqlite3

    return sqlite3.connect(f"{_uri(path)}?mode=rw", timeout=busy_timeout, isolation_level=None, uri=True)


def _version(connection: "Connection", path: "StrPath") -> int:
    """Return the schema version of the file; 0 if it has no tables."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    found = int(version)
    if not 0 <= found <= VERSION:
        newer = f"a newer tocsin (its version is {found}, and this tocsin knows {VERSION})"
        raise HistoryError(f"the history file {path} was written by {newer}; upgrade tocsin, or {ELSEWHERE}")
    return found


@contextmanager
def describe_errors(path: "StrPath") -> Generator[None]:
    """Raise errors of SQLite, the operating system and the data as ``HistoryError``."""
    try:
        import sqlite3  # slow to load, and used by few programs
    except ImportError:
        raise HistoryError("there is no history: this Python was built without sqlite3; install one that has it") from None
    remedies = {
        sqlite3.SQLITE_BUSY: "another process keeps it locked; end that process, or try again",
        sqlite3.SQLITE_FULL: f"make room on the disk, or {ELSEWHERE}",
        sqlite3.SQLITE_READONLY: f"make it writable, or {ELSEWHERE}",
        sqlite3.SQLITE_CANTOPEN: f"make it a file that you may read and write, or {ELSEWHERE}",
        sqlite3.SQLITE_IOERR: f"check the disk, or {ELSEWHERE}",
    }
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the higher bits hold details
        remedy = remedies.get(code)
        trouble = f"cannot be used: {error}; {remedy}" if remedy else f"is damaged: {error}; {RENEW}"
        raise HistoryError(f"the history file {path} {trouble}", errno.ENOSPC if code == sqlite3.SQLITE_FULL else None) from None
    except OSError as error:
        raise HistoryError(f"the history file {path} cannot be used: {error.strerror}; {ELSEWHERE}", error.errno) from None
    except (ValueError, OverflowError) as error:
        raise HistoryError(f"the history file {path} is damaged: {error}; {RENEW}") from None


def _uri(path: "StrPath") -> str:
    """Return the path as a URI, in which SQLite takes options."""
    if sys.platform == "win32":  # pragma: no cover - a process starts so slowly there that the import does not matter
        from pathlib import Path

        return Path(path).absolute().as_uri()
    plain = os.fsencode(os.path.abspath(path))  # noqa: PTH100 - as above
    return "file:" + "".join([chr(byte) if byte in _PLAIN else f"%{byte:02x}" for byte in plain])
