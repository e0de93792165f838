"""``LoggingHandler``: records of any logger, told like failures of what is watched.

- A record is a change of the tracked logger from Running to Failed, with the record's message. Its exception, if it has one, and where
  it was logged are said beside it.
- It does not hear itself: records of the logger ``tocsin`` and those under it, and whatever is logged while people are being told (by
  urllib3, by requests, by a handler of yours) are left alone.
- It holds no lock while it tells, so that other threads can log meanwhile. No record makes it raise.
"""

import logging
from collections.abc import Callable, Iterable
from typing import TypeGuard

import attrs
from typing_extensions import override

from tocsin.core import events as e
from tocsin.core.changes import Tracked
from tocsin.core.events import Detail, Facts
from tocsin.core.machine import Run, Subject
from tocsin.core.messages.text import describe, quote
from tocsin.core.states import Failed, Running, State
from tocsin.core.validation import invoke
from tocsin.shell.announce import Announcer
from tocsin.shell.environment import facts, run_id
from tocsin.shell.handlers.attach import attached
from tocsin.watching.emit import ANYWHERE, CLOCK, feed, is_telling, survived, told_by
from tocsin.watching.recipients import Handlers, default_recipients

_OURS = "tocsin"
_WORKER = "tocsin_"  # the thread that sends where an event loop must not be kept waiting


@attrs.frozen
class Logger:
    """A logger, as state handlers get it."""

    name: str


class LoggingHandler(logging.Handler):
    """A handler of ``logging`` that tells people of records. Where a formatter is set, its text is the message.

    Args:
        level: from which level on, a name or a number.
        state_handlers: handlers to tell, in order; None: those of the configuration.

    Raises:
        TypeError, ValueError: an option makes no sense.

    >>> import logging
    >>> from tocsin import Recording, interpreting, slack_notifier
    >>> logger, handler = logging.getLogger("loader"), LoggingHandler(state_handlers=[slack_notifier])
    >>> logger.addHandler(handler)
    >>> with interpreting(Recording()) as recording:
    ...     logger.error("%d rows are missing", 3)
    >>> recording.effects[0].payload.fallback
    'loader failed: 3 rows are missing'
    >>> logger.removeHandler(handler)
    """

    def __init__(
        self, level: int | str = logging.ERROR, state_handlers: Iterable[Callable[[Tracked, State, State], State | None]] | None = None
    ) -> None:
        super().__init__(level)
        self._given = None if state_handlers is None else attached(_each(state_handlers))
        self._closed_for_good = False

    @property
    def handlers(self) -> Handlers:
        """Who is told."""
        return default_recipients().handlers if self._given is None else self._given

    @override
    def handle(self, record: logging.LogRecord) -> bool:
        """Tell of the record, if the filters let it through; unlike other handlers, without holding the lock."""
        passed = invoke(self.filter, record)  # True, or since Python 3.12 a record in place of this one
        if passed:
            self.emit(passed if isinstance(passed, logging.LogRecord) else record)
        return bool(passed)

    @override
    def emit(self, record: logging.LogRecord) -> None:
        """Tell of the record, unless it is about the telling itself."""
        if self._closed_for_good or is_telling() or _is_ours(record):
            return
        try:
            self._tell(record)
        except Exception as error:
            survived(error, record.name)

    def _tell(self, record: logging.LogRecord) -> None:
        logger, now, known = Logger(record.name), CLOCK.now(), _known(record)
        event = e.Signalled(now, state=Failed(self._worded(record)), facts=known)
        run = Run(Subject(logger, self.handlers, run_id(), record.name), Running())
        feed(Announcer(CLOCK, known), run, event, record.name)

    def _worded(self, record: logging.LogRecord) -> str:
        """The text of the message, also of a record whose arguments do not fit it."""
        try:
            return self.format(record) if self.formatter else record.getMessage()
        except Exception as error:
            return f"{quote(record.msg)}, which cannot be formatted: {describe(error)}"

    @override
    def close(self) -> None:
        """Tell of nothing any more."""
        self._closed_for_good = True
        super().close()


def _known(record: logging.LogRecord) -> Facts:
    error = _error(record)
    said = [] if error is None else [Detail("Error", describe(error), quoted=True)]
    where = f"{record.levelname} at {record.filename}:{record.lineno} in {record.funcName}"
    return attrs.evolve(
        facts(),
        details=(*said, Detail("Logged", where)),
        told_by=None if error is None else told_by(error, ANYWHERE),
    )


def _error(record: logging.LogRecord) -> BaseException | None:
    found: object = record.exc_info
    error: object = found[1] if isinstance(found, tuple) and len(found) == 3 else None
    return error if isinstance(error, BaseException) else None


def _is_ours(record: logging.LogRecord) -> bool:
    ours = record.name == _OURS or record.name.startswith(f"{_OURS}.")
    return ours or (record.threadName or "").startswith(_WORKER)


def _each(handlers: object) -> object:
    """What is in a list. One out of ``logging.config`` turns what is written as ``ext://...`` into what it names by its index alone."""
    return [handlers[index] for index in range(len(handlers))] if _is_list(handlers) else handlers


def _is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)
