"""No secret's value gets out: not in a reason, not in a log line, not in a traceback.

- Every value that a ``Secret`` was made of is remembered, in each form in which it might turn up: as it is, percent-encoded,
  quoted, inside base64; of several lines also each, and of a URL what is behind its host, whole and in parts, one of which is the
  token, unless they are short.
- What serves for an hour, an access token, is forgotten after it: else a program that runs for long would search each text for more
  and more. What was forgotten last stays hidden all the same, since what was said of it may still be on its way.
- ``redact`` puts the secret's name in the place of each. Values of less than four characters are left alone: replacing them
  would garble every text and hide nothing.
- ``contained`` lets an exception out without the frames it came through, since those hold what must not be shown.
"""

import logging
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import TypeVar

import attrs
from typing_extensions import override

from tocsin.core.messages import text as texts
from tocsin.core.outcomes import DeliveryError, Receipt
from tocsin.shell.fork_safety import forget_in_child

_T = TypeVar("_T")
_SHORTEST = 4
_TOKEN = 12  # characters; a shorter part of a URL is a word, like "start", that may stand anywhere
_LINE = 16  # likewise of a line
_LINGERING = 16  # values that stay hidden though they are forgotten: the last ones
_LOGIN = re.compile("://[^/?#:@]*:([^/?#]+)@")  # the password in a URL, as of a database
_BEHIND_HOST = re.compile(r"://[^\s/?#]*([/?#]\S*)")
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
    """The forms in which a value might turn up, and how often it was remembered."""

    forms: tuple[str, ...]
    count: int = 0


class _Memory:
    """The values that do not show, each with the name that shows instead; ``version`` is another one after each change of them."""

    def __init__(self) -> None:
        self.lock: threading.RLock = threading.RLock()  # a signal's handler may come in between, and look for a secret
        self.values: dict[tuple[str, str], _Value] = {}
        self.leaving: deque[tuple[str, str]] = deque()
        self.version: int = 0
        forget_in_child(self)

    def forget(self) -> None:
        """Have a lock that no other thread of the parent holds, as a child needs; the values are the child's as well."""
        self.lock = threading.RLock()


_memory = _Memory()


def remember(name: str, value: str) -> None:
    """From now on ``redact`` shows ``[name]`` where ``value`` would be seen."""
    with _memory.lock:
        known = _memory.values.get((name, value))
        if known is None:  # to find its forms takes longer than to look for all of them
            known = _memory.values[name, value] = _Value(tuple(dict.fromkeys(_all_forms(value))))
            _memory.version += 1
        known.count += 1


def forget(name: str, value: str) -> None:
    """``value`` is done with, for one of those who had it remembered; once it is for all, and some others are too, it may show."""
    with _memory.lock:
        _memory.leaving.append((name, value))
        if len(_memory.leaving) > _LINGERING:
            _let_go(_memory.leaving.popleft())


def _let_go(known: tuple[str, str]) -> None:
    value = _memory.values.get(known, _Value(()))
    value.count -= 1
    if value.count == 0:
        del _memory.values[known]
        _memory.version += 1


def redact(text: str) -> str:
    """The text, with the name of the secret in brackets in place of each secret's value."""
    for form, shown in _longest_first(_memory.version):
        if form in text:
            text = text.replace(form, shown)
    return text


@lru_cache(maxsize=1)
def _longest_first(_: int) -> tuple[tuple[str, str], ...]:
    """All forms, so that none hides a longer one, with what is shown instead; made again when there are others."""
    shown: dict[str, str] = {}
    with _memory.lock:
        for (name, _value), value in _memory.values.items():
            for form in value.forms:
                shown.setdefault(form, f"[{name}]")
    return tuple(sorted(shown.items(), key=lambda known: len(known[0]), reverse=True))


def _all_forms(value: str) -> Iterator[str]:
    for part in _parts(value):
        yield from (form for form in _forms(part) if len(form) >= _SHORTEST)


def _parts(value: str) -> Iterator[str]:
    yield value
    lines = [line.strip() for line in value.splitlines()]
    if len(lines) > 1:
        yield from (line for line in lines if len(line) >= _LINE)
    behind = _BEHIND_HOST.search(value)
    if behind is not None:
        yield from (part for part in (behind[1], *re.split("[/?#&=]", behind[1])) if len(part) >= _TOKEN)
    login = _LOGIN.search(value)
    if login is not None:
        yield login[1]


def _forms(part: str) -> Iterator[str]:
    import json  # these are needed where there is a secret, and slow to load
    from base64 import b64encode, urlsafe_b64encode
    from urllib.parse import quote

    raw = part.encode(errors="surrogatepass")
    yield from (part, quote(raw), quote(raw, safe=""), json.dumps(part)[1:-1], repr(part)[1:-1])
    for encode in (b64encode, urlsafe_b64encode) if len(raw) > 2 * _SHORTEST else ():
        for offset, spoilt in ((0, 0), (1, 2), (2, 3)):  # inside a longer text, the first characters depend on what is before
            whole = (offset + len(raw)) * 8 // 6
            yield encode(bytes(offset) + raw)[spoilt:whole].decode()


def clean(outcome: Receipt | DeliveryError) -> Receipt | DeliveryError:
    """The outcome, with its reason redacted."""
    return attrs.evolve(outcome, reason=redact(outcome.reason)) if isinstance(outcome, DeliveryError) else outcome


def contained(act: Callable[[], _T]) -> _T:
    """``act()``; an exception leaves without the frames it came through and without the exceptions it came from."""
    try:
        return act()
    except BaseException as error:
        escaped = error
    escaped.__cause__ = escaped.__context__ = escaped.__traceback__ = None
    escaped.__suppress_context__ = False  # what the caller is handling may be shown
    try:
        raise escaped
    finally:
        del escaped  # else this frame and the exception would keep each other alive


class _Redacting(logging.Filter):
    """Redacts a record wherever it could show a secret: the message, its arguments, and the text of an exception."""

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
    return value if all(redact(said) == said for said in (str(value), texts.quote(value))) else redact(str(value))


def guard_logs() -> None:
    """Put the redacting filter on the loggers that would show a URL's path. Doing so again changes nothing."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_FILTER)  # a logger's filters do not see its children's records
