"""What this process was told to do with notifications, and what it tells its children: the variable ``TOCSIN_NOTIFY``.

A dry run must stay dry in the processes that it starts. They share no memory with us, but they inherit the environment: while
an interpreter other than a live one is in force, the variable says ``print`` or ``none``. What came from outside always wins
over what we set ourselves, and is what ``override`` answers with: our own value is for our children only.

Each scope leaves a mark: what it found in the variable, and what it wrote there. The end of a scope puts back what the scope found,
in whatever order scopes end. A value that other code wrote in the meantime, a test among them, stays; so does its removal.

What is true of this process: the host's name, and the environment's as it is configured; and ids that no other run has.
"""

import os
import platform
import threading
from typing import Literal

import attrs

from tocsin.core.events import Facts
from tocsin.shell.interpreters.base import Notify

NAME = "TOCSIN_NOTIFY"


@attrs.frozen(eq=False)
class _Mark:
    """The variable at the start of a scope: its value before, the value that came from outside, and the value that we wrote."""

    scope: object
    found: str | None
    outside: str | None
    wrote: str | None


_marks: tuple[_Mark, ...] = ()  # of the scopes that are open, innermost first
_lock = threading.RLock()  # a handler of a signal may come in between


def override() -> Literal["print", "none"] | None:
    """What the environment asks of every live interpreter of this process; a word that it does not know silences them."""
    return _meant(_outside())


def _meant(value: str | None) -> Literal["print", "none"] | None:
    if value is None or value in {"", "live"}:
        return None
    return "print" if value == "print" else "none"


def _outside() -> str | None:
    """The value of the variable, unless it is ours: then the one before it."""
    with _lock:
        value = os.environ.get(NAME)
        return _marks[0].outside if _marks and value == _marks[0].wrote else value


def misspelt() -> str | None:
    """What to say where the environment holds a word that nobody knows; None where it does not."""
    value = _outside() or ""
    return None if value in {"", "live", "print", "none"} else f"{NAME}={value!r} is none of live, print, none"


def export_to_children(scope: object, notify: Notify) -> None:
    """Tell the processes that are started from now on, since a scope begins."""
    global _marks  # noqa: PLW0603 - replaced as a whole
    with _lock:
        found, outside = os.environ.get(NAME), _outside()
        wrote = _wanted(notify, outside)
        _marks = (_Mark(scope, found, outside, wrote), *_marks)
        _write(wrote)


def withdraw(scope: object, notify: Notify) -> None:
    """Tell them what holds now that a scope has ended; ``notify`` is for the scopes that are still open."""
    global _marks  # noqa: PLW0603 - as above
    with _lock:
        place = next(place for place, mark in enumerate(_marks) if mark.scope is scope)
        inner, gone, outer = _marks[:place], _marks[place], _marks[place + 1 :]
        if inner and inner[-1].found == gone.wrote:
            inner = (*inner[:-1], attrs.evolve(inner[-1], found=gone.found))
        if not inner and os.environ.get(NAME) == gone.wrote:
            _write(gone.found)
        _marks = (*inner, *outer)
        if _marks and os.environ.get(NAME) == _marks[0].wrote:
            wanted = _wanted(notify, _marks[0].outside)
            _marks = (attrs.evolve(_marks[0], wrote=wanted), *_marks[1:])
            _write(wanted)


def _wanted(notify: Notify, outside: str | None) -> str | None:
    return notify if notify != "live" and _meant(outside) is None else outside


def _write(value: str | None) -> None:
    if value == os.environ.get(NAME):
        return
    if value is None:
        os.environ.pop(NAME)
    else:
        os.environ[NAME] = value


def _unlock() -> None:
    """A child has a lock of its own: another thread of the parent may have held the old one."""
    global _lock  # noqa: PLW0603 - as the name says
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has none
    os.register_at_fork(after_in_child=_unlock)


def facts() -> Facts:
    """The facts that events are to carry."""
    return Facts(host=platform.node() or None, environment=os.environ.get("TOCSIN_ENV") or _configured())


def _configured() -> str | None:
    """What the files of the configuration say; they are read once."""
    from tocsin.shell.config.load import configuration

    return configuration().environment


def run_id() -> str:
    """A fresh id: 16 hexadecimal digits, from the operating system's randomness."""
    return os.urandom(8).hex()
