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

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Self, get_args

import attrs

from tocsin.core.changes import Streak
from tocsin.core.outcomes import Told
from tocsin.shell.history import journal
from tocsin.shell.history.journal import COLUMNS, ELSEWHERE, FILE, HistoryError, Row, add_run, reading, set_streak, set_told, writing
from tocsin.shell.history.paths import state_folder
from tocsin.shell.history.run_locks import line
from tocsin.shell.history.run_record import RunRecord, from_row, text

if TYPE_CHECKING:
    from pathlib import Path
    from sqlite3 import Connection

_LAST = f"SELECT {COLUMNS} FROM runs ORDER BY number DESC LIMIT ?"  # noqa: S608 - as above
_LAST_OF = f"SELECT {COLUMNS} FROM runs WHERE label = ? ORDER BY number DESC LIMIT ?"  # noqa: S608 - as above
_LAST_OF_EACH = f"SELECT {COLUMNS} FROM runs WHERE number IN (SELECT MAX(number) FROM runs GROUP BY label) ORDER BY label"  # noqa: S608 - as above
_SUCCESSES = "SELECT label, MAX(ended) FROM runs WHERE failed = 0 GROUP BY label"
_BEGINNING = f"SELECT {COLUMNS} FROM runs WHERE substr(run_id, 1, ?) = ? ORDER BY number DESC LIMIT ?"  # noqa: S608 - as above
_HAS_TOLD = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'told'"
_TOLD = "SELECT run_id, told FROM told"
_DROP = "DELETE FROM streaks WHERE label = ?"


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
            before = add_run(connection, ended.row(), lambda length: keep(_streak_of(length)), counts=counts)
            if before is None:
                return _streak(connection, ended.label) if known is None else known
            return _streak_of(before)

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
            set_told(connection, run_id, told)

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
    return _streak_of(journal.streak(connection, label))


def _streak_of(length: int) -> Streak:
    return Streak(length > 0, abs(length)) if length else Streak()


def _remember(connection: "Connection", label: str, streak: Streak) -> None:
    set_streak(connection, label, streak.length if streak.failed else -streak.length)
