"""Redaction: keeps the values of secrets out of error reasons, log lines and tracebacks.

- ``core.secrets`` decides what counts as a secret, and in which forms it might appear. Here is the registry of the known values.
- ``remember`` registers a value that the configuration uses as a secret, such as that of every ``Secret``. ``suspect`` registers what
  is secret in the value of a variable, of which only the name is known.
- ``redact`` replaces each form with the secret's name in brackets.
- An access token, which is valid for an hour, is forgotten afterwards: otherwise a long-running program would search each text for
  more and more values. The values forgotten last stay hidden, because texts about them may still be in flight.
- ``contained`` raises an exception without the frames that it came through, because their local variables hold secrets.
"""

import logging
from collections import deque
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, TypeVar

import attrs
from typing_extensions import override

from tocsin.core import text as texts
from tocsin.core.outcomes import Delivered, DeliveryError, Receipt
from tocsin.core.screen import CONTROL, shown
from tocsin.shell.fork_safety import ForkSafeLock

if TYPE_CHECKING:
    from tocsin.core.secrets import KnownForms

_T = TypeVar("_T")
_STILL_HIDDEN = 16  # forgotten values that stay hidden: the last ones
_LOGGERS = (
    "urllib3.connection",
    "urllib3.connectionpool",
    "urllib3.poolmanager",
    "urllib3.response",
    "urllib3.util.retry",
    "urllib3.util.ssl_",
)


@attrs.define(eq=False)
class _Value:
    """The forms in which a value might appear, and how many holders registered it."""

    forms: tuple[str, ...]
    count: int = 0


class _Memory(ForkSafeLock):
    """The registered values by name, value and whether it is used as a secret. ``version`` changes whenever the set of values does."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[tuple[str, str, bool], _Value] = {}
        self.forgotten: deque[tuple[str, str]] = deque()
        self.version: int = 0
        self.registering: bool = False  # whether a thread makes the calls of ``before_next_text``


_memory = _Memory()


def remember(name: str, value: str) -> None:
    """Register a value that is used as a secret: from now on ``redact`` replaces it with ``[name]``."""
    from tocsin.core.secrets import secret_parts  # its patterns are slow to make, and needed only if there is a secret

    with _memory.lock:
        known = _memory.values.get((name, value, True))
        if known is None:  # computing the forms takes longer than a search for all of them
            known = _memory.values[name, value, True] = _Value(secret_parts(value, used=True))
            _memory.version += 1
        known.count += 1


def suspect(name: str, value: str) -> None:
    """Register what is secret in the value of an environment variable, as far as its name and the value tell."""
    from tocsin.core.secrets import found_parts

    parts = found_parts(name, value)
    if parts:
        with _memory.lock:
            _memory.values[name, value, False] = _Value(parts)
            _memory.version += 1


def forget(name: str, value: str) -> None:
    """Undo one ``remember``. The value is dropped once every ``remember`` is undone and ``_STILL_HIDDEN`` other values followed."""
    with _memory.lock:
        _memory.forgotten.append((name, value))
        if len(_memory.forgotten) > _STILL_HIDDEN:
            _release(*_memory.forgotten.popleft())


def _release(name: str, value: str) -> None:
    known = _memory.values.get((name, value, True), _Value(()))
    known.count -= 1
    if known.count == 0:
        del _memory.values[name, value, True]
        _memory.version += 1


_before_next: list[Callable[[], None]] = []


def before_next_text(act: Callable[[], None]) -> None:
    """Call ``act`` once, before the next search for secrets, to register secrets that nothing looked up yet. It raises nothing."""
    _before_next.append(act)


def _register_more() -> None:
    """Make the calls that ``before_next_text`` asked for; other threads wait for them.

    A text that such a call redacts itself is searched for what was known before.
    """
    with _memory.lock:
        _memory.registering = True
        try:
            while _before_next:
                _before_next.pop(0)()
        finally:
            _memory.registering = False


def redact(text: str) -> str:
    """Replace each secret's value in the text with the secret's name in brackets.

    A text in which control characters hide a secret is returned without them: with all of its characters, if the secret is among
    these, or as a terminal shows it.
    """
    if _before_next or _memory.registering:
        _register_more()
    known = _known(_memory.version)
    if known is None:
        return text
    text = known.redacted(text)
    if CONTROL.search(text):
        for seen in (texts.printable(text), texts.printable(shown(text))):
            if (hidden := known.redacted(seen)) != seen:  # a mark may hold a known text
                return hidden
    return text


@lru_cache(maxsize=1)
def _known(_: int) -> "KnownForms | None":
    """Return all forms with their replacements, longest first; None if there are none. Cached per version."""
    marks: dict[str, str] = {}
    with _memory.lock:
        for (name, _value, _used), value in _memory.values.items():
            for form in value.forms:
                marks.setdefault(form, f"[{name}]")
    if not marks:
        return None
    from tocsin.core.secrets import KnownForms

    return KnownForms(sorted(marks.items(), key=lambda known: len(known[0]), reverse=True))


def clean(outcome: Receipt | DeliveryError) -> Receipt | DeliveryError:
    """Redact the reasons of the outcome."""
    if isinstance(outcome, DeliveryError):
        return attrs.evolve(outcome, reason=redact(outcome.reason))
    if isinstance(outcome, Delivered) and outcome.errors:
        return attrs.evolve(outcome, errors=tuple([attrs.evolve(error, reason=redact(error.reason)) for error in outcome.errors]))
    return outcome


def contained(act: Callable[[], _T]) -> _T:
    """Return ``act()``. An exception is raised again without its traceback, cause and context."""
    try:
        return act()
    except BaseException as error:
        escaped = error
    escaped.__cause__ = escaped.__context__ = escaped.__traceback__ = None
    escaped.__suppress_context__ = False  # the exception that the caller handles may be shown
    try:
        raise escaped
    finally:
        del escaped  # else this frame and the exception keep each other alive


class _Redacting(logging.Filter):
    """Redacts the message, the arguments and the exception text of a log record."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = redact(str(record.msg))
        if isinstance(record.args, Mapping):
            record.args = {name: _shown(value) for name, value in record.args.items()}
        elif record.args:
            record.args = tuple(_shown(value) for value in record.args)
        if record.exc_info:
            import traceback

            record.exc_text = redact("".join(traceback.format_exception(record.exc_info[1])).rstrip())
            record.exc_info = None
        return True


_FILTER = _Redacting()


def _shown(value: object) -> object:
    return value if all(redact(text) == text for text in (str(value), texts.quote(value))) else redact(str(value))


def guard_logs() -> None:
    """Add the redacting filter to the loggers that log URL paths. Repeated calls have no effect."""
    for logger in _loggers():
        logger.addFilter(_FILTER)  # a logger's filters do not apply to records of its children


@cache
def _loggers() -> tuple[logging.Logger, ...]:
    return tuple([logging.getLogger(name) for name in _LOGGERS])
