"""The record of an ended run in the history, its end until a message is safe, and the error of a history that cannot be used."""

from datetime import UTC, datetime, timedelta
from typing import TypeGuard

import attrs

from tocsin.core.changes import Streak
from tocsin.core.events import Facts, Signalled
from tocsin.core.machine import Announcement, Run, Subject
from tocsin.core.states import KINDS, Failed, Running, State, Success, aware
from tocsin.core.text import cut, one_line, plain
from tocsin.core.values import Value
from tocsin.core.version import VERSION
from tocsin.shell.history.journal import Row, kept_line
from tocsin.shell.history.run_locks import line
from tocsin.shell.redaction import redact

_MAX_MESSAGE = 300  # characters
_MAX_NAME = 100  # characters


def _short(name: str) -> str:
    return cut(one_line(name), _MAX_NAME)


def _safe(message: str | None) -> str | None:
    return None if message is None else cut(one_line(redact(plain(message))), _MAX_MESSAGE)


@attrs.frozen(eq=False, repr=False)
class RunRecord(Value):
    """How a run ended.

    Args:
        run_id: the id of the run, unique over all machines.
        label: the name of the run, reduced to one line of printable characters.
        started: its start, an aware datetime, by the clock as it stood at the end.
        ended: its end, an aware datetime.
        kind: the name of the final state's class.
        failed: whether the final state is a failure; None if it is neither a failure nor a success.
        message: the message of the state in one line, at most 300 characters, without secrets; None if it has none.
        attempts: the number of attempts, 1 or more.
        status: the exit status of the command; None if there is none, or if a signal ended the command.
        version: the version of tocsin that wrote the record; empty if unknown.
    """

    run_id: str = attrs.field(converter=_short)
    label: str = attrs.field(converter=line)
    started: datetime = attrs.field(validator=aware)
    ended: datetime = attrs.field(validator=aware)
    kind: str = attrs.field(converter=_short)
    failed: bool | None
    message: str | None = attrs.field(default=None, converter=_safe)
    attempts: int = 1
    status: int | None = None
    version: str = ""

    @classmethod
    def of(
        cls,
        state: State,
        *,
        run_id: str,
        label: str,
        started: datetime,
        ended: datetime,
        attempts: int = 1,
        status: int | None = None,
    ) -> "RunRecord":
        """Return the record of a run that ended in the given state.

        >>> from tocsin import Failed
        >>> at = datetime(2026, 1, 1, tzinfo=UTC)
        >>> run = RunRecord.of(Failed("exit status 3"), run_id="r1", label="load", started=at, ended=at, status=3)
        >>> run.kind, run.failed, run.message
        ('Failed', True, 'exit status 3')
        """
        failed = state.is_failed() if state.is_failed() or state.is_successful() else None
        kind = type(state).__name__
        return cls(run_id, label, started, ended, kind, failed, state.message, attempts, status, VERSION)

    @property
    def duration(self) -> timedelta:
        """How long it took; zero for a run whose end is before its start, since the clock was set back."""
        return max(self.ended - self.started, timedelta(0))

    def row(self) -> Row:
        """Return the record as a row of the history."""
        times = (self.started.timestamp(), self.ended.timestamp())
        return (self.run_id, self.label, *times, self.kind, self.failed, self.message, self.attempts, self.status, self.version)


def from_row(row: Row) -> RunRecord:
    """Return the record of a row. Raise ValueError or OverflowError if tocsin did not write it."""
    run_id, label, started, ended, kind, failed, message, attempts, status, version = row
    return RunRecord(
        text(run_id),
        text(label),
        _moment(started),
        _moment(ended),
        text(kind),
        None if failed is None else bool(failed),
        None if message is None else text(message),
        whole(attempts),
        None if status is None else whole(status),
        text(version),
    )


_LAST_END = 1e11  # seconds since 1970; datetime can represent it


@attrs.frozen(eq=False, repr=False)
class KeptEnd(Value):
    """The end of a run as it is on disk until a message about it is safe, so that a later start can announce it.

    Args:
        run_id: the id of the run, unique over all machines.
        ordinal: how many changes were announced before: it is part of the key of the message.
        attempt: the 1-based number of the last attempt.
        attempts: how many attempts there might have been.
        kind: the name of the final state's class.
        failed: whether the final state is a failure.
        message: its message in one line, at most 300 characters, without secrets; None if it has none.
        at: the time of the end, in seconds since 1970.
        started: when the last attempt began, in seconds since 1970; None if it did not.
        status: the exit status of the command; None if there is none.
        before: the streak of the label before this end.
    """

    run_id: str
    ordinal: int
    attempt: int
    attempts: int
    kind: str
    failed: bool
    message: str | None
    at: float
    started: float | None
    status: int | None
    before: Streak

    @classmethod
    def of(cls, ended: Announcement, before: Streak, status: int | None = None) -> "KeptEnd":
        """Return the end in a change that ends a run, with the streak before it."""
        run, state, subject, started = ended.after, ended.after.state, ended.before.subject, ended.after.started_at
        return cls(
            subject.run_id,
            ended.before.ordinal,
            run.attempt,
            max(subject.attempts, run.attempt),
            _short(type(state).__name__),
            state.is_failed(),
            _safe(state.message),
            ended.event.at.timestamp(),
            None if started is None else started.timestamp(),
            status,
            before,
        )

    @classmethod
    def parsed(cls, line: str | None) -> "KeptEnd | None":
        """Return the end of a line of ``line()``; None for anything else, as of another version."""
        import json  # seldom needed, and slow to load

        try:
            (values,) = _values(json.loads(line or ""))
            run_id, ordinal, attempt, attempts, kind, failed, message, at, started, status, before = _values(values)
            length = whole(before)
            return cls(
                text(run_id),
                whole(ordinal),
                max(whole(attempt), 1),
                max(whole(attempts), 1),
                text(kind),
                _switch(failed),
                None if message is None else text(message),
                _seconds(at),
                None if started is None else _seconds(started),
                None if status is None else whole(status),
                Streak(length > 0, abs(length)) if length else Streak(),
            )
        except (ValueError, OverflowError, RecursionError):
            return None

    def line(self) -> str:
        """Return the end as a JSON object in one line, in ASCII. The streak is its length, negative for successes."""
        length = self.before.length if self.before.failed else -self.before.length
        numbers, times = (self.ordinal, self.attempt, self.attempts), (self.at, self.started, self.status)
        return kept_line((self.run_id, *numbers, self.kind, self.failed, self.message, *times, length))

    def announcement(self, subject: Subject, facts: Facts) -> Announcement:
        """Return the change that ended the run, for the handlers of ``subject``, a later run of the same label."""
        fallback = Failed if self.failed else Success
        kind = next((kind for kind in KINDS if kind.__name__ == self.kind and issubclass(kind, fallback)), fallback)
        at, started = _moment(self.at), None if self.started is None else _moment(self.started)
        whose = attrs.evolve(subject, run_id=self.run_id, attempts=self.attempts, handler_errors="record")
        before = Run(whose, Running(), self.attempt, self.ordinal, started_at=started)
        after = Run(whose, kind(self.message), self.attempt, self.ordinal + 1, ended=True, started_at=started)
        event = Signalled(at, state=after.state, ends=True, attempt=self.attempt, facts=facts)
        return Announcement(before, after, event, len(whose.handlers))


def _values(value: object) -> tuple[object, ...]:
    """Return the values of a JSON array or object; else raise ValueError."""
    if _is_array(value):
        return tuple(value)
    if _is_object(value):
        return tuple(value.values())
    raise ValueError("no values")


def _is_array(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)


def _is_object(value: object) -> TypeGuard[dict[str, object]]:
    return isinstance(value, dict)


def _switch(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError("neither true nor false")


def _seconds(value: object) -> float:
    if isinstance(value, float) and 0 <= value < _LAST_END:
        return value
    raise ValueError("no time")


def text(value: object) -> str:
    """Return the value if it is a str; else raise ValueError."""
    if isinstance(value, str):
        return value
    raise ValueError("no text")


def whole(value: object) -> int:
    """Return the value if it is an int; else raise ValueError."""
    if isinstance(value, int):
        return value
    raise ValueError("no whole number")


def _moment(value: object) -> datetime:
    if isinstance(value, float):
        return datetime.fromtimestamp(value, UTC)
    raise ValueError("no time")
