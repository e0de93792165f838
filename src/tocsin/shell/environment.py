"""The process's environment: the variable ``TOCSIN_NOTIFY``, and run ids.

- A dry run must stay dry in child processes, which inherit the environment: while a non-live interpreter is current, ``TOCSIN_NOTIFY``
  is ``print`` or ``none``.
- A value from outside always wins over one that tocsin wrote, and ``override`` returns it. A value that tocsin wrote is for children
  only.
- Each scope keeps the value that it found and the value that it wrote. The end of a scope restores what it found, in whatever order
  scopes end. A value that other code (a test, for example) wrote in the meantime stays; so does its removal.
"""

import os
from typing import Literal

import attrs

from tocsin.core.text import is_quoted
from tocsin.shell.fork_safety import ForkSafeLock

Notify = Literal["live", "print", "none"]
"""What becomes of notifications: they are sent, printed or dropped."""

NAME = "TOCSIN_NOTIFY"


@attrs.frozen(eq=False)
class _Mark:
    """The variable at the start of a scope: the value found, the value from outside, and the value that tocsin wrote."""

    scope: object
    found: str | None
    outside: str | None
    wrote: str | None


_marks: tuple[_Mark, ...] = ()  # of open scopes, innermost first
_guard = ForkSafeLock()


def override() -> Literal["print", "none"] | None:
    """Return what the environment asks of all live interpreters of this process. An unknown word means ``none``."""
    with _guard.lock:  # as in ``_value_from_outside``, without its call: each message asks
        value = os.environ.get(NAME)
        if _marks and value == _marks[0].wrote:
            value = _marks[0].outside
    if value is None or value in {"", "live"}:
        return None
    return "print" if value == "print" else "none"


def _value_from_outside() -> str | None:
    """Return the variable's value from outside: its present value, or the one before tocsin wrote it."""
    with _guard.lock:
        value = os.environ.get(NAME)
        return _marks[0].outside if _marks and value == _marks[0].wrote else value


def misspelt() -> str | None:
    """Return the error text for an unknown word in the variable; None if the value is valid."""
    value = _value_from_outside() or ""
    if is_quoted(value):
        return f"{NAME}={value} stands in quotation marks: write it without them, which docker's --env-file would keep"
    return None if value in {"", "live", "print", "none"} else f"{NAME}={value!r} is none of live, print, none"


def export_to_children(scope: object, notify: Notify) -> None:
    """Set the variable for child processes at the start of a scope."""
    global _marks  # noqa: PLW0603 - replaced as a whole
    with _guard.lock:
        found, outside = os.environ.get(NAME), _value_from_outside()
        wrote = _value_for_children(notify, outside)
        _marks = (_Mark(scope, found, outside, wrote), *_marks)
        _write(wrote)


def withdraw(scope: object, notify: Notify) -> None:
    """Set the variable for child processes at the end of a scope. ``notify`` is what the scopes still open ask for."""
    global _marks  # noqa: PLW0603 - as above
    with _guard.lock:
        place = next(place for place, mark in enumerate(_marks) if mark.scope is scope)
        inner, ended, outer = _marks[:place], _marks[place], _marks[place + 1 :]
        if inner and inner[-1].found == ended.wrote:
            inner = (*inner[:-1], attrs.evolve(inner[-1], found=ended.found))
        if not inner and os.environ.get(NAME) == ended.wrote:
            _write(ended.found)
        _marks = (*inner, *outer)
        if _marks and os.environ.get(NAME) == _marks[0].wrote:
            wrote = _value_for_children(notify, _marks[0].outside)
            _marks = (attrs.evolve(_marks[0], wrote=wrote), *_marks[1:])
            _write(wrote)


def _value_for_children(notify: Notify, outside: str | None) -> str | None:
    return notify if notify != "live" and (outside is None or outside in {"", "live"}) else outside


def _write(value: str | None) -> None:
    if value == os.environ.get(NAME):
        return
    if value is None:
        os.environ.pop(NAME)
    else:
        os.environ[NAME] = value


def run_id() -> str:
    """Return a new run id: 16 hexadecimal digits from the operating system's random source."""
    return os.urandom(8).hex()
