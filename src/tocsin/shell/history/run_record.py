"""The record of an ended run in the history, and the error of a history that cannot be read or written."""

from datetime import UTC, datetime

import attrs

from tocsin.core.states import State, aware
from tocsin.core.text import cut, one_line, plain
from tocsin.core.values import Value
from tocsin.shell.history.paths import NAME
from tocsin.shell.history.run_locks import line
from tocsin.shell.redaction import redact

ELSEWHERE = f"set {NAME} to another folder"
RENEW = f"move it away, so that tocsin begins a new one, or {ELSEWHERE}"

Row = tuple[object, ...]

_MAX_MESSAGE = 300  # characters
_MAX_NAME = 100  # characters


class HistoryError(Exception):
    """The history cannot be used. The message names the file, the reason and the remedy, in one line without a secret."""

    __module__ = "tocsin.errors"  # where users find it

    def __init__(self, text: str) -> None:
        super().__init__(redact(one_line(text)))


def _short(name: str) -> str:
    return cut(one_line(name), _MAX_NAME)


def _safe(message: str | None) -> str | None:
    return None if message is None else cut(redact(one_line(plain(message))), _MAX_MESSAGE)


@attrs.frozen(eq=False, repr=False)
class RunRecord(Value):
    """How a run ended.

    Args:
        run_id: the id of the run, unique over all machines.
        label: the name of the run, reduced to one line of printable characters.
        started: its start, an aware datetime.
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
        return cls(run_id, label, started, ended, kind, failed, state.message, attempts, status, _version())

    def row(self) -> Row:
        """Return the record as a row of the history."""
        times = (self.started.timestamp(), self.ended.timestamp())
        return (self.run_id, self.label, *times, self.kind, self.failed, self.message, self.attempts, self.status, self.version)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # slow to load

    try:
        return version("tocsin")
    except PackageNotFoundError:  # a copy inside another program has no metadata
        return ""


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
