"""``LoggingHandler``: notifies of log records, like of failures of a watched body.

- A record is a change of the tracked logger from Running to Failed, with the record's message; to TimedOut, Aborted or Skipped if the
  record has an exception that means so. The exception is the result of that state, and where it was logged is a detail.
- A record of the root logger is named after the program, since "root" says nothing.
- The handler ignores the logger ``tocsin`` and those under it, and all records that are logged while it notifies (by urllib3, by
  requests, by a user's handler).
- It holds no lock while it notifies, so that other threads can log meanwhile. No record makes it raise.
"""

import copy
import logging
import re
from collections.abc import Iterable
from typing import TypeGuard

import attrs
from typing_extensions import override

from tocsin.core import events as e
from tocsin.core.endings import logged_state
from tocsin.core.events import Detail, Facts
from tocsin.core.machine import Run, StateHandler, Subject
from tocsin.core.states import Running
from tocsin.core.text import describe, is_a, plain, quote, worded
from tocsin.core.validation import invoke
from tocsin.shell.adapters.clock import CLOCK
from tocsin.shell.announce import ended_by, facts
from tocsin.shell.environment import run_id
from tocsin.shell.handlers.attach import attached
from tocsin.watching.emit import ANYWHERE, feed_alone, is_notifying, log_failure, program_name, told_by
from tocsin.watching.recipients import Handlers, default_recipients

_OWN_LOGGER = "tocsin"
_BASIC_FORMATS = (logging.BASIC_FORMAT, "{levelname}:{name}:{message}", "${levelname}:${name}:${message}")
"""What ``basicConfig`` gives a handler without a formatter: level and logger are in the message anyway."""
_TRACEBACK = re.compile(r"\n[ ]*(?:\+ Exception Group )?Traceback \(most recent call last\):\n")
"""What begins a traceback in a message itself, as loguru writes it, with the values of variables."""
_OWN_THREADS = "tocsin_"  # such a thread sends where an event loop must not be blocked


@attrs.frozen
class Logger:
    """A logger. State handlers get it as the tracked object."""

    name: str


class LoggingHandler(logging.Handler):
    """A handler of ``logging`` that notifies of records. A formatter, if it has one, makes the text of the message.

    Args:
        level: the lowest level, a name or a number.
        state_handlers: handlers to call, in order; None: those of the configuration.

    Raises:
        TypeError, ValueError: an option is invalid.

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

    def __init__(self, level: int | str = logging.ERROR, state_handlers: Iterable[StateHandler] | None = None) -> None:
        super().__init__(level)
        self._own_handlers = None if state_handlers is None else attached(_items(state_handlers))
        self._is_closed = False

    @property
    def handlers(self) -> Handlers:
        """The state handlers that are called."""
        return default_recipients().handlers if self._own_handlers is None else self._own_handlers

    @override
    def handle(self, record: logging.LogRecord) -> bool:
        """Notify of the record if the filters pass it. Unlike other handlers, it does not hold the lock."""
        passed = invoke(self.filter, record)  # True, or since Python 3.12 a record that replaces this one
        if passed:
            self.emit(passed if isinstance(passed, logging.LogRecord) else record)
        return bool(passed)

    @override
    def emit(self, record: logging.LogRecord) -> None:
        """Notify of the record, unless it is about a notification."""
        if self._is_closed or is_notifying():
            return
        name = plain(record.name)  # a record that a program made by hand may hold anything
        try:
            if not _is_own(record, name):
                self._notify(record, name)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            log_failure(error, name)

    def _notify(self, record: logging.LogRecord, name: str) -> None:
        name = program_name() if name == logging.root.name else name
        logger, now, error, text = Logger(name), CLOCK.now(), _error(record), self._text(record)
        state, interrupt = ended_by(error, lambda one: logged_state(text, one))
        known = _record_facts(record)
        if error is not None:
            known = attrs.evolve(known, told_by=told_by(error, ANYWHERE))
        feed_alone(
            Run(Subject(logger, self.handlers, run_id(), name, shows_run_id=False), Running()),
            e.Signalled(now, state=state, facts=known),
        )
        if interrupt is not None:
            raise interrupt

    def _text(self, record: logging.LogRecord) -> str:
        """Return the text of the message, also for a record whose arguments do not fit its format. Its exception is told apart."""
        try:
            if self.formatter is None or vars(self.formatter).get("_fmt") in _BASIC_FORMATS:
                text = plain(record.getMessage())
            else:
                text = plain(self.format(_without_exception(record)))
            return _without_traceback(text, _error(record))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            return f"{quote(record.msg)}, which cannot be formatted: {describe(error)}"

    @override
    def close(self) -> None:
        """Stop notifying."""
        self._is_closed = True
        super().close()


def _without_traceback(text: str, error: BaseException | None) -> str:
    """Return the text up to the traceback of its exception, which is told apart. Another traceback is the reason of something."""
    found = None if error is None else _TRACEBACK.search(text)
    if error is None or found is None or describe(error).partition("\n")[0] not in text[found.end() :]:
        return text
    return text[: found.start()]


def _without_exception(record: logging.LogRecord) -> logging.LogRecord:
    if not record.exc_info and not record.exc_text:
        return record
    other = copy.copy(record)
    other.exc_info = other.exc_text = None
    return other


def _record_facts(record: logging.LogRecord) -> Facts:
    level, file, line, function = map(worded, (record.levelname, record.filename, record.lineno, record.funcName))
    where = f"{level} at {file}:{line} in {function}"
    return attrs.evolve(facts(), details=(Detail("Logged", where),))


def _error(record: logging.LogRecord) -> BaseException | None:
    found: object = record.exc_info
    error: object = found[1] if type(found) is tuple and len(found) == 3 else None
    return error if is_a(error, BaseException) else None


def _is_own(record: logging.LogRecord, name: str) -> bool:
    by_name = name == _OWN_LOGGER or name.startswith(f"{_OWN_LOGGER}.")
    return by_name or plain(record.threadName).startswith(_OWN_THREADS)


def _items(handlers: object) -> object:
    """Return the items of a list by index: a list of ``logging.config`` resolves ``ext://...`` only when it is indexed."""
    return [handlers[index] for index in range(len(handlers))] if _is_list(handlers) else handlers


def _is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)
