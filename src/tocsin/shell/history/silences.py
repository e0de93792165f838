"""The silences and what they hold back, in a file beside the history. ``core.silences`` makes the decisions.

- The file exists once somebody has silenced a label. Other programs look for it (``history.looked``), and do nothing else.
- A read-only command such as the list creates nothing. Silences that have ended are deleted by the next change.
- Who tells what was held back locks a file of its own for the label, and deletes the row once a message is safe. If that process is
  killed before, the kernel drops the lock, and the row is still there for the next start of the label. So it is told once.
- Without ``fcntl`` (Windows) there is no such lock: two processes that start at the same moment may both tell it.
- If the file cannot be used, that is logged once, and no label is silent: a message too many is better than one too few.
"""

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, get_args

import attrs

from tocsin.core.silences import Held, HeldBack, RunEnd, Silence, after_end, holds, silence_over
from tocsin.shell import log
from tocsin.shell.fork_safety import forget_in_child
from tocsin.shell.history.journal import HistoryError, Row, reading, writing
from tocsin.shell.history.looked import looked
from tocsin.shell.history.paths import SILENCES
from tocsin.shell.history.run_locks import RunLock, line, try_lock
from tocsin.shell.history.run_record import KeptEnd, text, whole
from tocsin.shell.history.store import HistoryStore

if TYPE_CHECKING:
    from pathlib import Path
    from sqlite3 import Connection

_SCHEMA = (
    """CREATE TABLE silences (
        number INTEGER PRIMARY KEY AUTOINCREMENT, label TEXT NOT NULL, since REAL NOT NULL, until REAL NOT NULL, because TEXT
    )""",
    """CREATE TABLE held (
        label TEXT PRIMARY KEY, broken_before INTEGER NOT NULL, held TEXT, kept TEXT, silence TEXT, updated REAL NOT NULL
    )""",
    "PRAGMA user_version = 1",
)
_SILENCES = "SELECT label, since, until, because FROM silences ORDER BY until, number"
_HELD = "SELECT label, broken_before, held, kept, silence FROM held"
_SET = "INSERT OR REPLACE INTO held (label, broken_before, held, kept, silence, updated) VALUES (?, ?, ?, ?, ?, ?)"
_UNUSABLE = "meanwhile no label is silent, and what silences held back is not told, or told again"
_MAX_BECAUSE = 300  # characters


@attrs.frozen
class HeldEnd:
    """The end of a run that a silence holds back.

    Args:
        label: the label of the run.
        state: what is known of the label.
        kept: the end; None if nothing is to be told.
        silence: when the silence was to end, and its reason, for people.
    """

    label: str
    state: HeldBack
    kept: KeptEnd | None
    silence: str


def usual_path() -> "Path":
    """Return the path of the file, which need not exist. Raise ``HistoryError`` if there is no place for it."""
    return HistoryStore.usual().folder / SILENCES


def silence(label: str, now: float, until: float, because: str | None = None) -> Silence:
    """Silence a label from now on, and return the silence. Raise ``HistoryError`` if the file cannot be used."""
    made = Silence(line(label), now, until, None if because is None else line(because)[:_MAX_BECAUSE])
    with writing(usual_path(), _SCHEMA) as connection:
        _forget_ended(connection, now)
        row = (made.label, made.since, made.until, made.because)
        connection.execute("INSERT INTO silences (label, since, until, because) VALUES (?, ?, ?, ?)", row)
    looked.forget()
    return made


def end_silences(label: str, now: float) -> int:
    """End the silences of exactly this label, and return how many were in force."""
    if not usual_path().exists():
        return 0
    with writing(usual_path(), _SCHEMA) as connection:
        _forget_ended(connection, now)
        return connection.execute("DELETE FROM silences WHERE label = ?", (line(label),)).rowcount


def _forget_ended(connection: "Connection", now: float) -> None:
    """Delete the silences that are not in force, also those of a clock that has been set back since."""
    connection.execute("DELETE FROM silences WHERE until <= ? OR since > ?", (now, now))


def silences(now: float) -> tuple[Silence, ...]:
    """Return the silences in force, those that end first at the beginning. Raise ``HistoryError`` if the file cannot be used."""
    with reading(usual_path()) as connection:
        return () if connection is None else tuple(each for each in _silences(connection) if each.is_in_force(now))


def held_ends() -> tuple[HeldEnd, ...]:
    """Return what is held back, of all labels. Raise ``HistoryError`` if the file cannot be used."""
    with reading(usual_path()) as connection:
        return () if connection is None else _held(connection)


def silence_of(label: str) -> Silence | None:
    """Return the silence that is in force for a label, or None. An error is logged once."""
    now = time.time()
    try:
        return silence_over(silences(now), line(label), now)
    except HistoryError as error:
        log.once(f"{error}; {_UNUSABLE}")
        return None


def note_end(label: str, end: RunEnd, kept: KeptEnd, why: Silence | None) -> None:
    """Hold back the end of a run, or forget what was held back, as ``after_end`` decides. An error is logged once."""
    name = line(label)
    try:
        before = next((each for each in held_ends() if each.label == name), None)
        if before is None and not end.silenced:
            return
        with writing(usual_path(), _SCHEMA) as connection:
            before = next((each for each in _held(connection) if each.label == name), None)
            state = None if before is None else before.state
            after = after_end(state, end)
            if after is None:
                connection.execute("DELETE FROM held WHERE label = ?", (name,))
                return
            if after.held is None:
                told: tuple[str | None, str | None] = (None, None)
            elif holds(state, end, after) or before is None or before.kept is None:
                told = kept.line(), "" if why is None else described(why)
            else:
                told = before.kept.line(), before.silence
            connection.execute(_SET, (name, after.broken_before, after.held, *told, time.time()))
    except HistoryError as error:
        log.once(f"{error}; {_UNUSABLE}")


def described(silence: Silence) -> str:
    """Return when a silence ends, and why it began, for people."""
    until = time.strftime("%Y-%m-%d %H:%M", time.localtime(silence.until))
    return f"until {until}" if silence.because is None else f"until {until} ({silence.because})"


@attrs.frozen
class ClaimedEnd:
    """An end that was held back and that this process tells, and no other. Call ``release`` once the fate of its message is known."""

    label: str
    kept: KeptEnd
    silence: str
    lock: RunLock

    def release(self, *, told: bool) -> None:
        """Let other processes tell it, unless it was ``told``. Raises nothing."""
        if told:
            try:
                with writing(usual_path(), _SCHEMA) as connection:
                    connection.execute("DELETE FROM held WHERE label = ? AND kept = ?", (self.label, self.kept.line()))
            except HistoryError as error:
                log.once(f"{error}; {_UNUSABLE}")
        self.lock.close()


def due_labels() -> tuple[str, ...]:
    """Return the labels that are silent no more, and of which something was held back. An error is logged once."""
    now = time.time()
    try:
        found = [each.label for each in held_ends() if each.kept is not None]
        in_force = silences(now) if found else ()
        return tuple(label for label in found if silence_over(in_force, label, now) is None)
    except HistoryError as error:
        log.once(f"{error}; {_UNUSABLE}")
        return ()


def claimed_silent_ends(labels: Iterable[str]) -> Iterator[ClaimedEnd]:
    """Claim what was held back of these labels, where the silence is over. An error is logged once."""
    due = due_labels()
    for label in dict.fromkeys(line(each) for each in labels):
        claimed = _claim(label) if label in due else None
        if claimed is not None:
            yield claimed


def _claim(label: str) -> ClaimedEnd | None:
    from hashlib import sha256

    lock = try_lock(f"silence-{sha256(label.encode()).hexdigest()[:32]}")
    if lock is None:
        return None
    found = _still_held(label)  # as it stands now that no other process can claim it
    if found is None or found.kept is None:
        lock.close()
        return None
    forget_in_child(lock)
    return ClaimedEnd(label, found.kept, found.silence, lock)


def _still_held(label: str) -> HeldEnd | None:
    try:
        return next((each for each in held_ends() if each.label == label), None)
    except HistoryError:
        return None


def _silences(connection: "Connection") -> Iterator[Silence]:
    rows: list[Row] = connection.execute(_SILENCES).fetchall()
    for label, since, until, because in rows:
        yield Silence(text(label), _number(since), _number(until), None if because is None else text(because))


def _held(connection: "Connection") -> tuple[HeldEnd, ...]:
    rows: list[Row] = connection.execute(_HELD).fetchall()
    return tuple(_held_end(*row) for row in rows)


def _held_end(label: object, broken_before: object, held: object, kept: object, silence: object) -> HeldEnd:
    what: Held | None = next((each for each in get_args(Held) if each == held), None)
    end = KeptEnd.parsed(text(kept)) if kept is not None else None
    return HeldEnd(text(label), HeldBack(bool(whole(broken_before)), what), end, "" if silence is None else text(silence))


def _number(value: object) -> float:
    if isinstance(value, float):
        return value
    raise ValueError("no time")
