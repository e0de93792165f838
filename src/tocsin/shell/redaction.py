"""Redaction: keeps the values of secrets out of error reasons, log lines and tracebacks.

- The value of every ``Secret`` is registered in each form in which it might appear: unchanged, percent-encoded, quoted, and inside
  base64. Of a value of several lines, each line is registered too. Of a URL, the part after the host is registered whole and in
  pieces, one of which is the token. Short lines and pieces are not registered.
- ``redact`` replaces each form with the secret's name in brackets. Values of fewer than four characters are not replaced: that would
  garble every text and hide nothing.
- An access token, which is valid for an hour, is forgotten afterwards: otherwise a long-running program would search each text for
  more and more values. The values forgotten last stay hidden, because texts about them may still be in flight.
- ``contained`` raises an exception without the frames that it came through, because their local variables hold secrets.
"""

import logging
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import TypeVar

import attrs
from typing_extensions import override

from tocsin.core import text as texts
from tocsin.core.outcomes import Delivered, DeliveryError, Receipt
from tocsin.shell.fork_safety import ForkSafeLock

_T = TypeVar("_T")
_MIN_LENGTH = 4  # characters of a value
_MIN_URL_PART = 12  # characters; a shorter part of a URL may be an ordinary word, like "start"
_MIN_LINE = 16  # characters; a shorter line may be an ordinary word
_STILL_HIDDEN = 16  # forgotten values that stay hidden: the last ones
_LOGIN = re.compile("://[^/?#:@]*:([^/?#]+)@")  # the password in a URL, for example of a database
_AFTER_HOST = re.compile(r"://[^\s/?#]*([/?#]\S*)")
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
    """The registered values by name and value. ``version`` changes whenever the set of values does."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[tuple[str, str], _Value] = {}
        self.forgotten: deque[tuple[str, str]] = deque()
        self.version: int = 0


_memory = _Memory()


def remember(name: str, value: str) -> None:
    """Register ``value``: from now on ``redact`` replaces it with ``[name]``."""
    with _memory.lock:
        known = _memory.values.get((name, value))
        if known is None:  # computing the forms takes longer than a search for all of them
            known = _memory.values[name, value] = _Value(tuple(dict.fromkeys(_all_forms(value))))
            _memory.version += 1
        known.count += 1


def forget(name: str, value: str) -> None:
    """Undo one ``remember``. The value is dropped once every ``remember`` is undone and ``_STILL_HIDDEN`` other values followed."""
    with _memory.lock:
        _memory.forgotten.append((name, value))
        if len(_memory.forgotten) > _STILL_HIDDEN:
            _release(_memory.forgotten.popleft())


def _release(known: tuple[str, str]) -> None:
    value = _memory.values.get(known, _Value(()))
    value.count -= 1
    if value.count == 0:
        del _memory.values[known]
        _memory.version += 1


def redact(text: str) -> str:
    """Replace each secret's value in the text with the secret's name in brackets."""
    for form, shown in _longest_first(_memory.version):
        if form in text:
            text = text.replace(form, shown)
    return text


@lru_cache(maxsize=1)
def _longest_first(_: int) -> tuple[tuple[str, str], ...]:
    """Return all forms with their replacements, longest first, so that no form hides a longer one. Cached per version."""
    shown: dict[str, str] = {}
    with _memory.lock:
        for (name, _value), value in _memory.values.items():
            for form in value.forms:
                shown.setdefault(form, f"[{name}]")
    return tuple(sorted(shown.items(), key=lambda known: len(known[0]), reverse=True))


def _all_forms(value: str) -> Iterator[str]:
    for part in _parts(value):
        yield from (form for form in _forms(part) if len(form) >= _MIN_LENGTH)


def _parts(value: str) -> Iterator[str]:
    yield value
    lines = [line.strip() for line in value.splitlines()]
    if len(lines) > 1:
        yield from (line for line in lines if len(line) >= _MIN_LINE)
    after_host = _AFTER_HOST.search(value)
    if after_host is not None:
        yield from (part for part in (after_host[1], *re.split("[/?#&=]", after_host[1])) if len(part) >= _MIN_URL_PART)
    login = _LOGIN.search(value)
    if login is not None:
        yield login[1]


def _forms(part: str) -> Iterator[str]:
    import json  # slow to import, and needed only if there is a secret
    from base64 import b64encode, urlsafe_b64encode
    from urllib.parse import quote

    raw = part.encode(errors="surrogatepass")
    yield from (part, quote(raw), quote(raw, safe=""), json.dumps(part)[1:-1], repr(part)[1:-1])
    for encode in (b64encode, urlsafe_b64encode) if len(raw) > 2 * _MIN_LENGTH else ():
        for offset, skipped in ((0, 0), (1, 2), (2, 3)):  # inside a longer text, the first characters depend on the bytes before
            whole = (offset + len(raw)) * 8 // 6
            yield encode(bytes(offset) + raw)[skipped:whole].decode()


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
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_FILTER)  # a logger's filters do not apply to records of its children
