"""The journal: how runs ended, and for each label the streak that policies remember.

- What a run adds to the history and what it does to its label's streak are one transaction: a process that is killed leaves both, or
  neither. Processes take turns.
- The history is bounded, by label and in all; so are the labels whose streak is kept. The oldest go first.
- A label is kept as one line of what can be printed: labels that look alike are one.
- Nothing that is wrong with the file gets out but a ``HistoryError``. A newer version's file is left alone.
"""

import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from tocsin.core.changes import Streak
from tocsin.shell.history.paths import state_folder
from tocsin.shell.history.run_locks import line
from tocsin.shell.history.run_record import ELSEWHERE, HistoryError, Row, RunRecord, from_row, whole

if TYPE_CHECKING:
    from sqlite3 import Connection

FILE = "journal.sqlite3"
KEPT = 1000
"""How many runs of one label are kept."""
KEPT_IN_ALL = 20_000
"""How many runs are kept in all, and how many labels' streaks."""

_COLUMNS = "run_id, label, started, ended, kind, failed, message, attempts, status, version"
_ADD = f"INSERT OR IGNORE INTO runs ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - our own words
_LAST = f"SELECT {_COLUMNS} FROM runs ORDER BY number DESC LIMIT ?"  # noqa: S608 - likewise
_LAST_OF = f"SELECT {_COLUMNS} FROM runs WHERE label = ? ORDER BY number DESC LIMIT ?"  # noqa: S608 - likewise
_PRUNE = (
    "DELETE FROM runs WHERE label = ? AND number <= (SELECT number FROM runs WHERE label = ? ORDER BY number DESC LIMIT 1 OFFSET ?)"
)
_PRUNE_ALL = "DELETE FROM runs WHERE number <= (SELECT number FROM runs ORDER BY number DESC LIMIT 1 OFFSET ?)"
_STREAK = "SELECT failed, length FROM streaks WHERE label = ?"
_DROP = "DELETE FROM streaks WHERE label = ?"
_SET = "INSERT OR REPLACE INTO streaks (label, failed, length, updated) VALUES (?, ?, ?, ?)"
_PRUNE_STREAKS = "DELETE FROM streaks WHERE updated <= (SELECT updated FROM streaks ORDER BY updated DESC LIMIT 1 OFFSET ?)"
_WITHOUT = "there is no journal: this Python was built without sqlite3; install one that has it"


@attrs.frozen
class HistoryStore:
    """The journal in a folder; there need be none yet. Each method is a transaction.

    Args:
        folder: where it is; ``usual()`` knows the place.

    Raises:
        HistoryError: each method, for whatever is wrong with the file.
    """

    folder: Path

    @classmethod
    def usual(cls) -> "HistoryStore":
        """The user's own, in ``$TOCSIN_STATE_DIR`` or where the platform has programs keep their state."""
        try:
            return cls(Path(state_folder()))
        except OSError as error:
            raise HistoryError(f"the journal has no place: {error.strerror}; {ELSEWHERE}") from None

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / FILE

    def past(self, label: str) -> Streak:
        """How the earlier runs of a label ended, as far as it is known."""
        with _reading(self.path) as connection:
            return Streak() if connection is None else _streak(connection, line(label))

    def record(self, ended: RunRecord, *, counts: bool = True) -> Streak:
        """Add a run to the history; what is recorded already changes nothing.

        Args:
            ended: the run.
            counts: whether its end is part of the label's streak.

        Returns:
            The label's streak as it was before: with it, policies judge this end.
        """
        with _writing(self.path) as connection:
            before = _streak(connection, ended.label)
            if connection.execute(_ADD, ended.row()).rowcount:
                if counts and ended.failed is not None:
                    _remember(connection, ended.label, before.then(failed=ended.failed))
                connection.execute(_PRUNE, (ended.label, ended.label, KEPT))
                connection.execute(_PRUNE_ALL, (KEPT_IN_ALL,))
            return before

    def advance(self, label: str, *, failed: bool) -> Streak:
        """Remember of a label that it ended so once more; the streak as it was before."""
        with _writing(self.path) as connection:
            before = _streak(connection, line(label))
            _remember(connection, line(label), before.then(failed=failed))
            return before

    def retract(self, label: str, *, failed: bool, before: Streak) -> None:
        """Take back that a label ended so once more than ``before``, unless it has ended again since."""
        with _writing(self.path) as connection:
            if _streak(connection, line(label)) == before.then(failed=failed):
                if before.failed is None:
                    connection.execute(_DROP, (line(label),))
                else:
                    _remember(connection, line(label), before)

    def history(self, label: str | None = None, limit: int = 20) -> tuple[RunRecord, ...]:
        """The last runs that were recorded, of one label or of all, newest first, ``limit`` at most."""
        with _reading(self.path) as connection:
            if connection is None:
                return ()
            asked = (_LAST, (limit,)) if label is None else (_LAST_OF, (line(label), limit))
            found: list[Row] = connection.execute(*asked).fetchall()
            return tuple(from_row(row) for row in found)

    def forget(self, before: datetime) -> int:
        """Forget the runs that ended before an aware datetime, and the streaks of labels not heard of since; how many runs."""
        with _writing(self.path) as connection:
            connection.execute("DELETE FROM streaks WHERE updated < ?", (before.timestamp(),))
            return connection.execute("DELETE FROM runs WHERE ended < ?", (before.timestamp(),)).rowcount


def _streak(connection: "Connection", label: str) -> Streak:
    rows: list[Row] = connection.execute(_STREAK, (label,)).fetchall()
    return next((Streak(bool(failed), whole(length)) for failed, length in rows), Streak())


def _remember(connection: "Connection", label: str, streak: Streak) -> None:
    connection.execute(_SET, (label, streak.failed, streak.length, time.time()))
    connection.execute(_PRUNE_STREAKS, (KEPT_IN_ALL,))


@contextmanager
def _reading(path: Path) -> "Generator[Connection | None, None, None]":
    try:
        from tocsin.shell.history.connection import reading
    except ImportError:
        raise HistoryError(_WITHOUT) from None
    with reading(path) as connection:
        yield connection


@contextmanager
def _writing(path: Path) -> "Generator[Connection, None, None]":
    try:
        from tocsin.shell.history.connection import writing
    except ImportError:
        raise HistoryError(_WITHOUT) from None
    with writing(path) as connection:
        yield connection
