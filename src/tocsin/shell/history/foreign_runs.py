"""The open runs of other engines whose end is waited for, in a file beside the history.

- The file exists once a hook with ``no_end_after`` heard of a run. Other programs look for it, and do nothing else.
- A row is written when something is heard of a run, and marked when its end is. Its ``due`` is when people are to be told that no end
  was heard of. A late event of an earlier attempt changes nothing.
- Its ``owner`` says whose hook heard of it: another hook in this folder does not tell its own people of it.
- Who tells locks a file of its own for the run, reads the row again, and deletes it once a message is safe. If that process is killed
  before, the kernel drops the lock, and the row is still there for the next check. So one of many processes tells.
- Rows that nobody told of are deleted after a month.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from tocsin.core.integrations.foreign import ForeignRun
from tocsin.shell.fork_safety import forget_in_child
from tocsin.shell.history.journal import Row, reading, writing
from tocsin.shell.history.paths import state_folder
from tocsin.shell.history.run_locks import RunLock, line, try_lock
from tocsin.shell.history.run_record import text, whole
from tocsin.shell.history.store import HistoryFile

if TYPE_CHECKING:
    from sqlite3 import Connection

FILE = "foreign-runs.sqlite3"

_KEPT = timedelta(days=30)
_SCHEMA = (
    """CREATE TABLE runs (
        run_id TEXT NOT NULL, slug TEXT NOT NULL, map_index INTEGER NOT NULL, name TEXT NOT NULL, owner TEXT NOT NULL, flow TEXT,
        attempt INTEGER NOT NULL, attempts INTEGER NOT NULL, redelivered INTEGER NOT NULL, started REAL, link TEXT, host TEXT,
        heard REAL NOT NULL, due REAL NOT NULL, ended INTEGER NOT NULL, PRIMARY KEY (run_id, slug, map_index)
    )""",
    "CREATE INDEX runs_by_due ON runs (due)",
    "PRAGMA user_version = 1",
)
_COLUMNS = "run_id, slug, map_index, name, owner, flow, attempt, attempts, redelivered, started, link, host, heard, due"
_KEY = "run_id = ? AND slug = ? AND map_index = ?"
_PUT = f"""INSERT INTO runs ({_COLUMNS}, ended) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (run_id, slug, map_index) DO UPDATE SET name = excluded.name, owner = excluded.owner, flow = excluded.flow,
        attempt = excluded.attempt, attempts = excluded.attempts, redelivered = excluded.redelivered, started = excluded.started,
        link = excluded.link, host = excluded.host, heard = excluded.heard, due = excluded.due, ended = excluded.ended
    WHERE (excluded.attempt, excluded.redelivered, excluded.ended) >= (attempt, redelivered, ended)"""  # noqa: S608 - constants only
_DUE = f"SELECT {_COLUMNS} FROM runs WHERE due <= ? AND NOT ended ORDER BY due"  # noqa: S608 - as above
_ONE = f"SELECT {_COLUMNS} FROM runs WHERE {_KEY} AND NOT ended"  # noqa: S608 - as above
_TOLD = f"DELETE FROM runs WHERE {_KEY} AND due = ? AND NOT ended"  # noqa: S608 - as above
_POSTPONE = f"UPDATE runs SET due = ? WHERE {_KEY} AND due = ? AND NOT ended"  # noqa: S608 - as above
_PRUNE = "DELETE FROM runs WHERE due < ? OR (ended AND heard < ?)"
_KEPT_ENDED = timedelta(hours=1)
_BUSY = 0.5  # seconds that a hook, which an engine waits for, waits for a locked file
_UNMAPPED = -1


@attrs.frozen
class OpenRun:
    """A run of another engine whose end is waited for.

    Args:
        foreign: the run, as its last event showed it.
        owner: what tells those who are to be told: the engine and the handlers of the hook.
        heard: when something was heard of it last, an aware datetime.
        due: when people are to be told that no end was heard of, an aware datetime.
    """

    foreign: ForeignRun
    owner: str
    heard: datetime
    due: datetime


@attrs.frozen
class ForeignRunStore(HistoryFile):
    """The open runs. Each method is one transaction at most.

    Raises:
        HistoryError: each method, if the file cannot be used.
    """

    @property
    def _file(self) -> Path:
        return self.folder / FILE

    @property
    def used(self) -> bool:
        """Whether there may be open runs. It costs one look at a file."""
        return self._file.exists()

    def put(self, open_run: OpenRun) -> None:
        """Keep an open run in place of what was kept of it."""
        self._write(open_run, ended=False)

    def end(self, foreign: ForeignRun, at: datetime) -> None:
        """Note that the end of a run was heard of. It is kept for an hour, since an event of an earlier attempt may come late."""
        self._write(OpenRun(foreign, "", at, at), ended=True)

    def _write(self, run: OpenRun, *, ended: bool) -> None:
        """Keep a run in place of what was kept of it, unless that is of a later attempt, or an end of the same one."""
        foreign, now = run.foreign, run.heard.timestamp()
        started = None if foreign.started is None else foreign.started.timestamp()
        texts = [None if text is None else line(text) for text in (foreign.group, foreign.link, foreign.host)]
        numbers = (foreign.attempt, foreign.attempts, foreign.redelivered)
        who: Row = (*_key(foreign), line(foreign.name), run.owner, texts[0])
        row: Row = (*who, *numbers, started, *texts[1:], now, run.due.timestamp(), ended)
        with writing(self._file, _SCHEMA, busy=_BUSY) as connection:
            connection.execute(_PRUNE, (now - _KEPT.total_seconds(), now - _KEPT_ENDED.total_seconds()))
            connection.execute(_PUT, row)

    def due(self, at: datetime) -> tuple[OpenRun, ...]:
        """Return the runs that were due at a moment, an aware datetime, or before."""
        with reading(self._file) as connection:
            return () if connection is None else tuple(_runs(connection, _DUE, (at.timestamp(),)))

    def claim(self, due: OpenRun) -> RunLock | None:
        """Return the lock for telling of a run; None if another process has it, or if something was heard of the run since."""
        digest = sha256(repr(_key(due.foreign)).encode(errors="replace")).hexdigest()[:32]
        lock = try_lock(f"foreign-{digest}")
        if lock is None:
            return None
        found = list[OpenRun]()
        try:
            with reading(self._file) as connection:
                found += () if connection is None else _runs(connection, _ONE, _key(due.foreign))
        finally:
            if [each.due for each in found] != [due.due]:
                lock.close()
        if not found or found[0].due != due.due:
            return None
        forget_in_child(lock)
        return lock

    def told(self, due: OpenRun) -> None:
        """Forget a run of which people were told, unless something was heard of it since."""
        with writing(self._file, _SCHEMA) as connection:
            connection.execute(_TOLD, (*_key(due.foreign), due.due.timestamp()))

    def postpone(self, due: OpenRun, until: datetime) -> None:
        """Make a run due again at ``until``, an aware datetime, unless something was heard of it since."""
        with writing(self._file, _SCHEMA) as connection:
            connection.execute(_POSTPONE, (until.timestamp(), *_key(due.foreign), due.due.timestamp()))


def has_foreign_runs() -> bool:
    """Return whether there may be open runs of other engines. Raise nothing."""
    try:
        return ForeignRunStore(Path(state_folder())).used
    except OSError:
        return False


def _key(foreign: ForeignRun) -> Row:
    return line(foreign.run_id), line(foreign.slug), _UNMAPPED if foreign.map_index is None else foreign.map_index


def _runs(connection: "Connection", query: str, parameters: Row) -> Iterator[OpenRun]:
    rows: list[Row] = connection.execute(query, parameters).fetchall()
    for row in rows:
        with suppress(ValueError, OverflowError):  # tocsin did not write such a row
            yield _run(row)


def _run(row: Row) -> OpenRun:
    run_id, _, index, name, owner, group, attempt, attempts, redelivered, started, link, host, heard, due = row
    foreign = ForeignRun(
        text(name),
        text(run_id),
        None if group is None else text(group),
        None if index == _UNMAPPED else whole(index),
        whole(attempt),
        whole(attempts),
        bool(redelivered),
        None if started is None else _moment(started),
        None if link is None else text(link),
        None if host is None else text(host),
    )
    return OpenRun(foreign, text(owner), _moment(heard), _moment(due))


def _moment(value: object) -> datetime:
    if isinstance(value, float):
        return datetime.fromtimestamp(value, UTC)
    raise ValueError("no time")
