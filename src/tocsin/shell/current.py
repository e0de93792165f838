"""The current interpreter: the one that ``interpreting`` set, else the configured one.

- ``interpreting`` sets it for this context (a ContextVar, so that event loop tasks and threads do not see each other's) and for the
  process. Threads started inside have a context of their own, in which none is set.
- Such a thread, and a child process, use the innermost interpreter open in the process. One that sends for real comes last: a dry run
  elsewhere in the process must not become a real message.
- Where none is open, a ``Live`` sends as configured. Runs (flows and watched code) use ``reliable()`` around it.
"""

from contextlib import ContextDecorator
from contextvars import ContextVar
from functools import cache
from typing import Generic, Self, TypeVar

import attrs

from tocsin.shell.environment import Notify, export_to_children, override, withdraw
from tocsin.shell.fork_safety import ForkSafeLock
from tocsin.shell.interpreter import Interpreter, checked, notify_of, sends

_I = TypeVar("_I", bound=Interpreter)


@attrs.define(eq=False)
class Scope:
    """One ``with interpreting(...)`` block. Scopes compare by identity, since one interpreter may be set twice."""

    interpreter: Interpreter
    is_open: bool = True


_here: ContextVar[tuple[Scope, ...]] = ContextVar("tocsin_interpreter", default=())  # innermost first
_open: tuple[Scope, ...] = ()  # of the whole process, innermost first
_guard = ForkSafeLock()


@cache
def _configured() -> Interpreter:
    """Return the interpreter that sends as configured in files and variables."""
    from tocsin.shell.config.defaults import live
    from tocsin.shell.config.load import configuration

    return live(configuration())


@cache
def _configured_for_runs() -> Interpreter:
    """Return the configured interpreter of runs: it sends in the background and retries."""
    from tocsin.shell.reliable import reliable

    return reliable()


def forget() -> None:
    """Drop the cached interpreters: the configuration is read again on the next use."""
    _configured.cache_clear()
    _configured_for_runs.cache_clear()


def current() -> Interpreter:
    """Return the current interpreter."""
    return _set_here() or _configured()


def current_of_runs() -> Interpreter:
    """Return the current interpreter of runs: where none is set, it sends in the background."""
    return _set_here() or _configured_for_runs()


def current_mode() -> Notify:
    """Return whether notifications are sent, printed or dropped in this context."""
    return mode_of(current())


def mode_of(interpreter: Interpreter) -> Notify:
    """Return what the interpreter does with notifications; the variable ``TOCSIN_NOTIFY`` overrides one that sends."""
    asked = override()
    return notify_of(interpreter) if asked is None or not sends(interpreter) else asked


def _set_here() -> Interpreter | None:
    """Return the interpreter that ``interpreting`` set."""
    scopes = _here.get()
    return scopes[0].interpreter if scopes else _of_other_contexts()


def _of_other_contexts() -> Interpreter | None:
    """Return the process's interpreter, for contexts in which none is set."""
    scopes = _open
    not_live = (scope.interpreter for scope in scopes if notify_of(scope.interpreter) != "live")
    return next(not_live, scopes[0].interpreter if scopes else None)


@attrs.define(eq=False)
class InForce(ContextDecorator, Generic[_I]):
    """Uses the interpreter inside a block or a decorated function: everywhere as ``interpreting`` does, else as ``here`` does.

    It is no generator: Python asks the class of an exception before it throws it into one, and then sets its attributes, so that
    another exception than that of a user's work could come out.
    """

    interpreter: _I
    everywhere: bool
    _scopes: list[tuple[Scope, Scope]] = attrs.field(factory=list[tuple[Scope, Scope]], init=False)

    def __enter__(self) -> _I:
        outer = Scope(self.interpreter)
        if self.everywhere:
            _begin(outer)
        self._scopes.append((outer, enter_here(self.interpreter)))
        return self.interpreter

    def __exit__(self, *_: object) -> None:
        outer, inner = self._scopes.pop()
        leave_here(inner)
        if self.everywhere:
            _end(outer)

    def _recreate_cm(self) -> Self:
        return attrs.evolve(self)  # each call of a decorated function has a block of its own


def interpreting(interpreter: _I) -> InForce[_I]:
    """Use this interpreter for all effects inside the block: of handlers called by hand, of flows, and of custom handlers.

    The block also covers threads started inside it, and child processes through ``TOCSIN_NOTIFY``: children print under a ``DryRun``
    and drop notifications under a ``Recording``. Anything but an interpreter is a TypeError.

    >>> import tocsin
    >>> with tocsin.interpreting(tocsin.Recording()) as recording:
    ...     report = tocsin.Flow("nothing", state_handlers=[tocsin.slack_notifier]).run()
    >>> [effect.payload.text for effect in recording.effects]
    ['nothing is now in a Running state', 'nothing is now in a Success state']
    """
    checked(interpreter)
    return InForce(interpreter, everywhere=True)


def here(interpreter: _I) -> InForce[_I]:
    """Use the interpreter in this context only: other threads and child processes do not see it.

    Blocks may end in any order: the end of a block removes its own interpreter and restores none of an ended block. A block that ends
    in another context changes nothing there; the context in which it began keeps its interpreter until an enclosing block ends.
    """
    return InForce(interpreter, everywhere=False)


def enter_here(interpreter: Interpreter) -> Scope:
    """Begin what ``here`` does, for callers that a ``with`` block costs too much."""
    scope, scopes = Scope(interpreter), _here.get()
    _here.set((scope, *(_reachable(scopes) if len(scopes) > 1 else scopes)))
    return scope


def leave_here(scope: Scope) -> None:
    """End what ``enter_here`` began."""
    scope.is_open, scopes = False, _here.get()
    _here.set(scopes[1:] if scopes and scopes[0] is scope else _without(scope, scopes))


def _reachable(scopes: tuple[Scope, ...]) -> tuple[Scope, ...]:
    """Return the scopes without those that can never be current again: they and the next inner scope have ended."""
    return tuple(
        scope for scope, inside in zip(scopes, (None, *scopes), strict=False) if scope.is_open or inside is None or inside.is_open
    )


def _without(scope: Scope, scopes: tuple[Scope, ...]) -> tuple[Scope, ...]:
    """Return the scopes without this one and without ended scopes inside it."""
    if scope not in scopes:
        return scopes
    place = scopes.index(scope)
    return (*(inside for inside in scopes[:place] if inside.is_open), *scopes[place + 1 :])


def _begin(scope: Scope) -> None:
    global _open  # noqa: PLW0603 - replaced as a whole, so that readers need no lock
    with _guard.lock:
        _open = (scope, *_open)
        export_to_children(scope, _of_process())


def _end(scope: Scope) -> None:
    global _open  # noqa: PLW0603 - as above
    with _guard.lock:
        _open = tuple(other for other in _open if other is not scope)
        withdraw(scope, _of_process())


def _of_process() -> Notify:
    """Return what child processes started now do with their notifications."""
    interpreter = _of_other_contexts()
    return "live" if interpreter is None else notify_of(interpreter)
