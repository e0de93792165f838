"""What keeps the journal from being read or written, in one line that says what to do about it.

A run that came to its end, as the journal keeps it.
"""

from datetime import UTC, datetime

import attrs

from tocsin.core.messages.text import cut, one_line
from tocsin.core.states import State, aware
from tocsin.core.values import Value
from tocsin.shell.adapters.redaction import redact
from tocsin.shell.history.paths import NAME
from tocsin.shell.history.run_locks import line

ELSEWHERE = f"set {NAME} to another folder"
RENEW = f"move it away, and a new one is begun, or {ELSEWHERE}"


class HistoryError(Exception):
    """The journal cannot be used; the message says which, why, and what to do, in one line without a secret."""

    def __init__(self, text: str) -> None:
        super().__init__(redact(one_line(text)))


Row = tuple[object, ...]

_MESSAGE = 300  # characters
_NAME = 100


def _short(name: str) -> str:
    return cut(one_line(name), _NAME)


def _said(message: str | None) -> str | None:
    return None if message is None else cut(redact(one_line(message)), _MESSAGE)


@attrs.frozen(eq=False, repr=False)
class RunRecord(Value):
    """How a run ended.

    Args:
        run_id: names the run, unique over all machines.
        label: what people call it; made one line of what can be printed.
        started: when, an aware datetime.
        ended: when, an aware datetime.
        kind: the name of the state at the end.
        failed: whether that is a failure; None where it is neither that nor a success.
        message: what the state says, in one line, without secrets and not too long; None: nothing.
        attempts: how many it took, 1 or more.
        status: the exit status of the command; None where there was none, or where a signal ended it.
        version: the version of tocsin that wrote this; empty where nobody knows.
    """

    run_id: str = attrs.field(converter=_short)
    label: str = attrs.field(converter=line)
    started: datetime = attrs.field(validator=aware)
    ended: datetime = attrs.field(validator=aware)
    kind: str = attrs.field(converter=_short)
    failed: bool | None
    message: str | None = attrs.field(default=None, converter=_said)
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
        """The run that ended in this state.

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
        """The run as a row of the journal."""
        times = (self.started.timestamp(), self.ended.timestamp())
        return (self.run_id, self.label, *times, self.kind, self.failed, self.message, self.attempts, self.status, self.version)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # slow to load

    try:
        return version("tocsin")
    except PackageNotFoundError:  # a copy inside another program has no metadata
        return ""


def from_row(row: Row) -> RunRecord:
    """The run in a row; a ValueError or an OverflowError where no tocsin wrote it."""
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
    """The value, if it is a text; else a ValueError."""
    if isinstance(value, str):
        return value
    raise ValueError("no text")


def whole(value: object) -> int:
    """The value, if it is a whole number; else a ValueError."""
    if isinstance(value, int):
        return value
    raise ValueError("no whole number")


def _moment(value: object) -> datetime:
    if isinstance(value, float):
        return datetime.fromtimestamp(value, UTC)
    raise ValueError("no time")
