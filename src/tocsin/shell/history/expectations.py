"""Expectations: what runs are expected, kept beside the history, and the claims of those who tell of a miss.

- The expectations are a table in the file of the history. Only what ``tocsin expect`` wrote makes the folder ``expected``: where it
  does not exist, nothing is read.
- Who tells of a miss holds the lock of a file in that folder, until the message is safe. The kernel releases the lock, however the
  process ends. So of many processes one tells, and if it is killed before, the next one tells.
- What was told is committed before the lock is released. Who takes the lock reads it again.
- Without ``fcntl`` (Windows) a claim has no lock, and two processes at the same moment may both tell.
"""

import os
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from tocsin.core.absence import DAY, Daily, Every, Expectation, LastRun, OpenRun, Seen, ToldMiss, last_start
from tocsin.shell.fork_safety import forget_in_child
from tocsin.shell.history.journal import BUSY, Row, describe_errors, reading, writing
from tocsin.shell.history.paths import EXPECTED
from tocsin.shell.history.run_locks import KilledRun, killed_runs, line, open_runs, try_exclusive_lock
from tocsin.shell.history.run_record import text
from tocsin.shell.history.store import HistoryFile

if TYPE_CHECKING:
    from sqlite3 import Connection

_TABLE = """CREATE TABLE IF NOT EXISTS expectations (
    label TEXT PRIMARY KEY,
    interval REAL,
    at TEXT,
    zone TEXT,
    grace REAL NOT NULL,
    since REAL NOT NULL,
    last REAL,
    told REAL,
    after REAL
)"""
_EXISTS = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'expectations'"
_ALL = "SELECT label, interval, at, zone, grace, since, last, told, after FROM expectations ORDER BY label"
_SAME = "SELECT 1 FROM expectations WHERE label = ? AND interval IS ? AND at IS ? AND zone IS ? AND grace = ?"
_PUT = "INSERT OR REPLACE INTO expectations (label, interval, at, zone, grace, since) VALUES (?, ?, ?, ?, ?, ?)"
_REMOVE = "DELETE FROM expectations WHERE label = ?"
_TELL = "UPDATE expectations SET told = ?, after = ? WHERE label = ?"
_NOTE = "UPDATE expectations SET last = ?, since = ? WHERE label = ?"
_LAST = "SELECT started, failed FROM runs WHERE label = ? AND started <= ? ORDER BY started DESC LIMIT 1"
_STREAK = "SELECT updated, failed FROM streaks WHERE label = ? AND updated <= ?"


@attrs.frozen
class Stored:
    """An expectation with what is known of its label.

    Args:
        expected: the expectation.
        seen: the runs of its label.
        told: the last miss that was told and has not recovered, or None.
        last: the start of the last run that an earlier check saw; None if there was none.
    """

    expected: Expectation
    seen: Seen
    told: ToldMiss | None
    last: datetime | None


@attrs.frozen
class Contents:
    """The stored expectations, by label, and for each that cannot be used the reason, in one line."""

    stored: tuple[Stored, ...] = ()
    problems: tuple[str, ...] = ()


class Claim:
    """The right to tell of one label, until ``close`` or the end of this process."""

    __slots__ = ("__weakref__", "_file")

    def __init__(self, file: int) -> None:
        self._file: int | None = file

    def close(self) -> None:
        """Release the claim. A second call does nothing."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    forget = close
    """In a forked child: the lock is the parent's, until both have closed the file."""


@attrs.frozen
class ExpectationStore(HistoryFile):
    """The expectations in the file of a history. Each method but ``claim`` and ``used`` is one transaction at most.

    ``busy`` is the longest wait for the file while another process has locked it, in seconds.

    Raises:
        HistoryError: each method, if the file cannot be used.
    """

    busy: float = BUSY

    @property
    def used(self) -> bool:
        """Whether there may be expectations. It costs one look at a folder."""
        return (self.folder / EXPECTED).is_dir()

    def put(self, expected: Expectation) -> bool:
        """Keep the expectation in place of an earlier one of its label. Return False if the same one is kept already.

        An expectation that is put again, as at each start of a machine, goes on counting from when it was put first.
        """
        schedule, label = expected.schedule, line(expected.label)
        if isinstance(schedule, Daily):
            row: Row = (label, None, schedule.at.isoformat("minutes"), str(schedule.zone), expected.grace.total_seconds())
        else:
            row = (label, schedule.interval.total_seconds(), None, None, expected.grace.total_seconds())
        with describe_errors(self.path):
            (self.folder / EXPECTED).mkdir(0o700, parents=True, exist_ok=True)
        with writing(self.path, busy=self.busy) as connection:
            connection.execute(_TABLE)
            if connection.execute(_SAME, row).fetchone() is not None:
                return False
            connection.execute(_PUT, (*row, expected.since.timestamp()))
            return True

    def remove(self, label: str) -> bool:
        """Remove the expectation of a label. Return whether there was one."""
        if not self.used:
            return False
        with writing(self.path, busy=self.busy) as connection:
            connection.execute(_TABLE)
            found = connection.execute(_REMOVE, (line(label),)).rowcount > 0
        if found:
            self._claim_path(line(label)).unlink(missing_ok=True)
        return found

    def contents(self, now: datetime) -> Contents:
        """Return all expectations, with what is known of their labels at ``now``, an aware datetime."""
        stored, problems = list[Stored](), list[str]()
        if self.used:
            with reading(self.path, self.busy) as connection:
                if connection is not None and connection.execute(_EXISTS).fetchone() is not None:
                    files = _Files(open_runs(), killed_runs())
                    for row in list[Row](connection.execute(_ALL).fetchall()):
                        found = _stored(row, connection, files, now)
                        if isinstance(found, Stored):
                            stored.append(found)
                        else:
                            problems.append(found)
        return Contents(tuple(stored), tuple(problems))

    def find(self, label: str, now: datetime) -> Stored | None:
        """Return the expectation of a label; None if there is none that can be used."""
        return next((each for each in self.contents(now).stored if each.expected.label == label), None)

    def tell(self, label: str, told: ToldMiss | None) -> None:
        """Remember the miss that people were told of; None once it has recovered."""
        due = None if told is None else told.due.timestamp()
        after = None if told is None or told.after is None else told.after.timestamp()
        with writing(self.path, busy=self.busy) as connection:
            connection.execute(_TELL, (due, after, label))

    def note(self, stored: Stored, now: datetime) -> None:
        """Keep the start of the last run, which the history may lose, and the time since when, if the clock was set back since."""
        seen, since = stored.seen.last, min(stored.expected.since, now)
        last = stored.last if seen is None else last_start([seen.started], now)
        if last != stored.last or since != stored.expected.since:
            with writing(self.path, busy=self.busy) as connection:
                when = None if last is None else last.timestamp()
                connection.execute(_NOTE, (when, since.timestamp(), stored.expected.label))

    def claim(self, label: str) -> Claim | None:
        """Return the claim to tell of a label; None if another process, or another thread, has it."""
        with describe_errors(self.path):
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
            claim = Claim(file := os.open(self._claim_path(label), flags, 0o600))
            if try_exclusive_lock(file):
                forget_in_child(claim)
                return claim
            claim.close()
            return None

    def _claim_path(self, label: str) -> Path:
        from hashlib import sha256  # slow to load, and seldom needed

        return self.folder / EXPECTED / sha256(label.encode()).hexdigest()[:32]


@attrs.frozen
class _Files:
    """The runs that have a file of their own: those that are open, and those that were killed."""

    underway: tuple[KilledRun, ...]
    killed: tuple[KilledRun, ...]


def _stored(row: Row, connection: "Connection", files: _Files, now: datetime) -> Stored | str:
    from tocsin.shell.history.time_zones import UnknownZoneError, zone_of  # slow to load, and most programs expect no run

    label, interval, at, zone, grace, since, last, told, after = row
    name = text(label)
    try:
        schedule = Every(_span(interval)) if at is None else Daily(time.fromisoformat(text(at)), zone_of(text(zone)))
    except UnknownZoneError as error:
        return f"the expectation of {name!r}: {error}"
    expected = Expectation(name, schedule, _span(grace), _moment(since))
    miss = None if told is None else ToldMiss(_moment(told), None if after is None else _moment(after))
    noted = None if last is None else _moment(last)
    return Stored(expected, _seen(name, _ended(name, connection, now), files, noted, now), miss, noted)


def _ended(label: str, connection: "Connection", now: datetime) -> list[LastRun]:
    """Return the last ended run of a label, if there is one. Of what is watched in Python, the history has the streak alone."""
    limit = (now + DAY).timestamp()
    rows = connection.execute(_LAST, (label, limit)).fetchall() or connection.execute(_STREAK, (label, limit)).fetchall()
    return [LastRun(_moment(at), failed=None if failed is None else bool(failed)) for at, failed in list[Row](rows)]


def _seen(label: str, runs: list[LastRun], files: _Files, noted: datetime | None, now: datetime) -> Seen:
    """Return what is known of the runs of a label. What an earlier check noted counts if nothing else is known any more."""
    underway = [
        OpenRun(_moment(run.started), None if run.limit is None else _span(run.limit)) for run in files.underway if run.label == label
    ]
    starts = [run.started for run in underway] + [_moment(run.started) for run in files.killed if run.label == label]
    runs += [LastRun(start, ended=False) for start in starts if start - now <= DAY]
    if not runs and noted is not None:
        runs.append(LastRun(noted))
    return Seen(max(runs, key=lambda run: run.started, default=None), tuple(underway))


def _moment(value: object) -> datetime:
    return datetime.fromtimestamp(_seconds(value), UTC).astimezone()


def _span(value: object) -> timedelta:
    return timedelta(seconds=_seconds(value))


def _seconds(value: object) -> float:
    if isinstance(value, float):
        return value
    raise ValueError("no number of seconds")
