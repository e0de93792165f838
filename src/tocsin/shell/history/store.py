"""The history store: how runs ended, and each label's streak, which policies read.

- The record of a run and the change of its label's streak are one transaction: a killed process leaves both or neither. Writers take
  turns.
- The end itself is written to a file of its own (``keep``) before the commit. So an end that counts is always in that file.
- The number of runs is bounded, for each label and in all; so is the number of streaks. The oldest are deleted first.
- A label is stored as one line of printable characters: labels that print alike are one.
- Each transaction has a connection of its own: no lock is held during a run. A lock that another process holds is waited for.
- Every error of the file is a ``HistoryError``. The file of a newer version is not changed.
- The file has mode 0600. SQLite uses a rollback journal, not a write-ahead log: that works on every file system, and the next process
  cleans up after a killed one.
"""

import errno
import os
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import closing, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Self, get_args

import attrs

from tocsin.core.changes import Streak
from tocsin.core.outcomes import Told
from tocsin.shell.history.paths import state_folder
from tocsin.shell.history.run_locks import line
from tocsin.shell.history.run_record import ELSEWHERE, RENEW, HistoryError, Row, RunRecord, from_row, text, whole

if TYPE_CHECKING:
    from pathlib import Path
    from sqlite3 import Connection

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

_COLUMNS = "run_id, label, started, ended, kind, failed, message, attempts, status, version"
_ADD = f"INSERT OR IGNORE INTO runs ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - constants only
_LAST = f"SELECT {_COLUMNS} FROM runs ORDER BY number DESC LIMIT ?"  # noqa: S608 - as above
_LAST_OF = f"SELECT {_COLUMNS} FROM runs WHERE label = ? ORDER BY number DESC LIMIT ?"  # noqa: S608 - as above
_LAST_OF_EACH = f"SELECT {_COLUMNS} FROM runs WHERE number IN (SELECT MAX(number) FROM runs GROUP BY label) ORDER BY label"  # noqa: S608 - as above
_SUCCESSES = "SELECT label, MAX(ended) FROM runs WHERE failed = 0 GROUP BY label"
_PRUNE = (
    "DELETE FROM runs WHERE label = ? AND number <= (SELECT number FROM runs WHERE label = ? ORDER BY number DESC LIMIT 1 OFFSET ?)"
)
_PRUNE_ALL = "DELETE FROM runs WHERE number <= (SELECT number FROM runs ORDER BY number DESC LIMIT 1 OFFSET ?)"
_STREAK = "SELECT failed, length FROM streaks WHERE label = ?"
_DROP = "DELETE FROM streaks WHERE label = ?"
_SET = "INSERT OR REPLACE INTO streaks (label, failed, length, updated) VALUES (?, ?, ?, ?)"
_PRUNE_STREAKS = "DELETE FROM streaks WHERE updated <= (SELECT updated FROM streaks ORDER BY updated DESC LIMIT 1 OFFSET ?)"
_KNOWN = "SELECT 1 FROM runs WHERE run_id = ?"
_BEGINNING = f"SELECT {_COLUMNS} FROM runs WHERE substr(run_id, 1, ?) = ? ORDER BY number DESC LIMIT ?"  # noqa: S608 - as above
_ADD_TOLD = (
    "CREATE TABLE IF NOT EXISTS told (run_id TEXT PRIMARY KEY, told TEXT NOT NULL)",
    """CREATE TRIGGER IF NOT EXISTS told_of_runs AFTER DELETE ON runs
        BEGIN DELETE FROM told WHERE run_id = OLD.run_id; END""",
)
_HAS_TOLD = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'told'"
_SET_TOLD = "INSERT OR REPLACE INTO told (run_id, told) SELECT run_id, ? FROM runs WHERE run_id = ?"
_TOLD = "SELECT run_id, told FROM told"
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


Keep = Callable[[Streak], None]
"""Writes an end to its file, given the streak before it."""


def keep_nothing(_: Streak) -> None:
    """Write nothing."""


@attrs.frozen
class HistoryFile:
    """The file of the history in a folder, which need not exist yet.

    Args:
        folder: the folder of the file; ``usual()`` finds the user's.
    """

    folder: "Path"

    @classmethod
    def usual(cls) -> Self:
        """Return the user's, in ``$TOCSIN_STATE_DIR`` or the platform's folder for program state.

        Raises:
            HistoryError: the user has no home folder, and no variable names another one.
        """
        from pathlib import Path  # slow to load, and needed once a run has ended

        try:
            return cls(Path(state_folder()))
        except OSError as error:
            raise HistoryError(f"there is no folder for the history: {error.strerror}; {ELSEWHERE}") from None

    @property
    def path(self) -> "Path":
        """The path of the file."""
        return self.folder / FILE


@attrs.frozen
class HistoryStore(HistoryFile):
    """The history in a folder, which need not exist yet. Each method is one transaction.

    Raises:
        HistoryError: each method, if the file cannot be used.
    """

    def past(self, label: str) -> Streak:
        """Return the streak of a label: how its last runs ended."""
        with reading(self.path) as connection:
            return Streak() if connection is None else _streak(connection, line(label))

    def record(self, ended: RunRecord, *, counts: bool = True, keep: Keep = keep_nothing, known: Streak | None = None) -> Streak:
        """Add a run to the history. A run that is recorded already changes nothing.

        Args:
            ended: the run.
            counts: whether its end is part of the label's streak.
            keep: called before the commit if the run is not recorded yet.
            known: the streak before the run, if an earlier process wrote it.

        Returns:
            The label's streak before this run, by which policies decide about its end.
        """
        with writing(self.path) as connection:
            before = _streak(connection, ended.label)
            if connection.execute(_KNOWN, (ended.row()[0],)).fetchone() is not None:
                return before if known is None else known
            keep(before)
            connection.execute(_ADD, ended.row())
            if counts and ended.failed is not None:
                _remember(connection, ended.label, before.then(failed=ended.failed))
            connection.execute(_PRUNE, (ended.label, ended.label, KEPT))
            connection.execute(_PRUNE_ALL, (KEPT_IN_ALL,))
            return before

    def advance(self, label: str, *, failed: bool, keep: Keep = keep_nothing) -> Streak:
        """Add an end to a label's streak. Call ``keep`` before the commit. Return the streak before it."""
        with writing(self.path) as connection:
            before = _streak(connection, line(label))
            keep(before)
            _remember(connection, line(label), before.then(failed=failed))
            return before

    def catch_up(self, label: str, *, failed: bool, before: Streak) -> Streak:
        """Add an end to a label's streak if the process that kept it was killed before its commit. Return the streak before it.

        A streak that differs from ``before`` holds the end already: an end always changes it.
        """
        with writing(self.path) as connection:
            if _streak(connection, line(label)) == before:
                _remember(connection, line(label), before.then(failed=failed))
            return before

    def retract(self, label: str, *, failed: bool, before: Streak) -> None:
        """Restore the streak ``before`` that ``advance`` returned, unless another run of the label has ended since."""
        with writing(self.path) as connection:
            if _streak(connection, line(label)) == before.then(failed=failed):
                if before.failed is None:
                    connection.execute(_DROP, (line(label),))
                else:
                    _remember(connection, line(label), before)

    def history(self, label: str | None = None, limit: int = 20) -> tuple[RunRecord, ...]:
        """Return the last recorded runs of one label or of all, newest first, at most ``limit``."""
        with reading(self.path) as connection:
            if connection is None:
                return ()
            query = (_LAST, (limit,)) if label is None else (_LAST_OF, (line(label), limit))
            rows: list[Row] = connection.execute(*query).fetchall()
            return tuple(from_row(row) for row in rows)

    def last_of_each(self) -> tuple[tuple[RunRecord, float | None], ...]:
        """Return the last run of each label, by label, with the end of its last success, in seconds since 1970; None if it has none."""
        with reading(self.path) as connection:
            if connection is None:
                return ()
            ends: list[Row] = connection.execute(_SUCCESSES).fetchall()
            successes = {label: end for label, end in ends if isinstance(end, float)}
            rows: list[Row] = connection.execute(_LAST_OF_EACH).fetchall()
            records = [from_row(row) for row in rows]
            return tuple((record, successes.get(record.label)) for record in records)

    def find(self, beginning: str, limit: int = 2) -> tuple[RunRecord, ...]:
        """Return the recorded runs whose id begins so, newest first, at most ``limit``."""
        with reading(self.path) as connection:
            if connection is None:
                return ()
            rows: list[Row] = connection.execute(_BEGINNING, (len(beginning), beginning, limit)).fetchall()
            return tuple(from_row(row) for row in rows)

    def note(self, run_id: str, told: Told) -> None:
        """Record whether anybody was told of a recorded run. Another run changes nothing.

        The table is beside the others, so that a tocsin that does not know it reads the rest.
        """
        with writing(self.path) as connection:
            for statement in _ADD_TOLD:
                connection.execute(statement)
            connection.execute(_SET_TOLD, (told, run_id))

    def told(self) -> Mapping[str, Told]:
        """Return by the id of a recorded run whether anybody was told of it; a run is missing if that is not known."""
        with reading(self.path) as connection:
            if connection is None or connection.execute(_HAS_TOLD).fetchone() is None:
                return {}
            rows: list[Row] = connection.execute(_TOLD).fetchall()
            return {text(run_id): word for run_id, told in rows for word in get_args(Told) if word == told}

    def forget(self, before: datetime) -> int:
        """Delete runs that ended, and streaks last updated, before an aware datetime. Return the number of deleted runs."""
        with writing(self.path) as connection:
            connection.execute("DELETE FROM streaks WHERE updated < ?", (before.timestamp(),))
            return connection.execute("DELETE FROM runs WHERE ended < ?", (before.timestamp(),)).rowcount


def _streak(connection: "Connection", label: str) -> Streak:
    rows: list[Row] = connection.execute(_STREAK, (label,)).fetchall()
    return next((Streak(bool(failed), whole(length)) for failed, length in rows), Streak())


def _remember(connection: "Connection", label: str, streak: Streak) -> None:
    connection.execute(_SET, (label, streak.failed, streak.length, time.time()))
    connection.execute(_PRUNE_STREAKS, (KEPT_IN_ALL,))


@contextmanager
def reading(path: "Path", busy: float = BUSY) -> "Generator[Connection | None]":
    """Yield a connection for reading; None if there is no history yet. ``busy`` limits the wait for a lock, in seconds."""
    with describe_errors(path):
        if not path.exists():
            yield None
            return
        with closing(_connected(path, min(busy, BUSY_READING))) as connection:
            yield connection if _version(connection, path) else None


@contextmanager
def writing(path: "Path", schema: Iterable[str] = _SCHEMA, *, busy: float = BUSY) -> "Generator[Connection]":
    """Yield a connection in a transaction. The end of the block commits it; an exception rolls it back.

    A file without tables gets those of ``schema``.
    """
    with describe_errors(path):
        path.parent.mkdir(0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        with closing(_connected(path, busy)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            if not _version(connection, path):
                for statement in schema:
                    connection.execute(statement)
            yield connection
            connection.execute("COMMIT")


def _connected(path: "Path", busy_timeout: float) -> "Connection":
    """Connect to an existing file. Closing the connection rolls back an open transaction."""
    import sqlite3

    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", timeout=busy_timeout, isolation_level=None, uri=True)


def _version(connection: "Connection", path: "Path") -> int:
    """Return the schema version of the file; 0 if it has no tables."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    found = int(version)
    if not 0 <= found <= VERSION:
        newer = f"a newer tocsin (its version is {found}, and this tocsin knows {VERSION})"
        raise HistoryError(f"the history file {path} was written by {newer}; upgrade tocsin, or {ELSEWHERE}")
    return found


@contextmanager
def describe_errors(path: "Path") -> Generator[None]:
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
