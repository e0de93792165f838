"""Which interpreter is in force, here and now.

``interpreting`` sets it twice: for this context (a ContextVar, so that tasks of an event loop and threads do not see each other's), and
for the process, for threads that somebody starts inside: they have a context of their own, in which nothing is set.

Such a thread, and a child process, see the innermost that is open in the process, but one that sends only where no other is open: a
dry run elsewhere in the process is no reason to be loud by accident. Where nothing is open, messages are sent as the configuration
says: by a ``Live``, and for what runs (a flow, what is watched) by ``reliable()`` around one.
"""

import os
import threading
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TypeVar

import attrs

from tocsin.shell.environment import export_to_children, override, withdraw
from tocsin.shell.interpreters.base import Interpreter, Notify, checked, notify_of

_I = TypeVar("_I", bound=Interpreter)


@attrs.define(eq=False)
class _Scope:
    """One ``with interpreting(...)``; told apart by identity, since one interpreter may be set twice."""

    interpreter: Interpreter
    is_open: bool = True


_here: ContextVar[tuple[_Scope, ...]] = ContextVar("tocsin_interpreter", default=())  # innermost first
_open: tuple[_Scope, ...] = ()  # of the whole process, innermost first
_lock = threading.Lock()


@cache
def _usual() -> Interpreter:
    """What sends as the files and variables of the configuration say, where nobody says otherwise."""
    from tocsin.shell.config.defaults import live
    from tocsin.shell.config.load import configuration

    return live(configuration())


@cache
def _usual_of_runs() -> Interpreter:
    """Likewise, so that a run neither waits for it nor gives up at once."""
    from tocsin.shell.interpreters.reliable import reliable

    return reliable()


def forget() -> None:
    """Read the files and variables again, once it is needed."""
    _usual.cache_clear()
    _usual_of_runs.cache_clear()


def current() -> Interpreter:
    """The interpreter in force."""
    return _set() or _usual()


def current_of_runs() -> Interpreter:
    """The same, for what runs: where nobody set one, it sends in the background."""
    return _set() or _usual_of_runs()


def current_mode() -> Notify:
    """What becomes of notifications, here and now: they are sent, printed, or neither."""
    said = notify_of(current())
    return override() or said if said == "live" else said


def _set() -> Interpreter | None:
    """The one that somebody set."""
    scopes = _here.get()
    return scopes[0].interpreter if scopes else _elsewhere()


def _elsewhere() -> Interpreter | None:
    """The one that is open elsewhere in the process, where the context says nothing."""
    scopes = _open
    quiet = (scope.interpreter for scope in scopes if notify_of(scope.interpreter) != "live")
    return next(quiet, scopes[0].interpreter if scopes else None)


@contextmanager
def interpreting(interpreter: _I) -> Generator[_I, None, None]:
    """Have everything inside executed by this interpreter: handlers called by hand, flows, and what custom handlers call.

    It reaches threads started inside, and child processes through ``TOCSIN_NOTIFY``: they print under a ``DryRun``, and are silent
    under a ``Recording``. Anything but an interpreter is a TypeError.

    >>> import tocsin
    >>> with tocsin.interpreting(tocsin.Recording()) as recording:
    ...     report = tocsin.Flow("nothing", state_handlers=[tocsin.slack_notifier]).run()
    >>> [effect.payload.text for effect in recording.effects]
    ['nothing is now in a Running state', 'nothing is now in a Success state']
    """
    scope = _Scope(checked(interpreter))
    _begin(scope)
    try:
        with here(interpreter):
            yield interpreter
    finally:
        _end(scope)


@contextmanager
def here(interpreter: _I) -> Generator[_I, None, None]:
    """Have this context alone use the interpreter: nobody else's threads, and no child process, see it.

    Blocks may end in any order: the end of a block takes its own interpreter away, and puts none back that is over. A block that ends
    in another context changes nothing there; the context in which it began keeps its interpreter until a block around it ends.
    """
    scope, scopes = _Scope(interpreter), _here.get()
    _here.set((scope, *_reachable(scopes)))
    try:
        yield interpreter
    finally:
        scope.is_open = False
        _here.set(_without(scope, _here.get()))


def _reachable(scopes: tuple[_Scope, ...]) -> tuple[_Scope, ...]:
    """The scopes, less those that never come to light again: each is over, and so is the one inside it."""
    return tuple(
        scope for scope, inside in zip(scopes, (None, *scopes), strict=False) if scope.is_open or inside is None or inside.is_open
    )


def _without(scope: _Scope, scopes: tuple[_Scope, ...]) -> tuple[_Scope, ...]:
    """The scopes without this one, and without those inside it that are over."""
    if scope not in scopes:
        return scopes
    place = scopes.index(scope)
    return (*(inside for inside in scopes[:place] if inside.is_open), *scopes[place + 1 :])


def _begin(scope: _Scope) -> None:
    global _open  # noqa: PLW0603 - replaced as a whole, so that readers need no lock
    with _lock:
        _open = (scope, *_open)
        export_to_children(scope, _of_process())


def _end(scope: _Scope) -> None:
    global _open  # noqa: PLW0603 - as above
    with _lock:
        _open = tuple(other for other in _open if other is not scope)
        withdraw(scope, _of_process())


def _of_process() -> Notify:
    """What processes that are started now are to do with their notifications."""
    outermost = _elsewhere()
    return "live" if outermost is None else notify_of(outermost)


def _unlock() -> None:
    """A child has a lock of its own: another thread of the parent may have held the old one."""
    global _lock  # noqa: PLW0603 - as the name says
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has none
    os.register_at_fork(after_in_child=_unlock)
