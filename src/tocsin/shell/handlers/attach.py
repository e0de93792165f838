"""Checks a list of state handlers when it is given to a Task, a Flow, a watch or a command."""

import inspect
import warnings
from typing import TypeGuard

from tocsin.core.filters.predicates import names
from tocsin.core.machine import ForeignHandler
from tocsin.core.notifiers import Messenger, Notifier
from tocsin.core.text import name_of, quote
from tocsin.core.validation import is_iterable
from tocsin.shell.handlers.callback import CallbackHandler
from tocsin.shell.handlers.currying import ARGUMENTS, CurriedHandler, check, limit_formatter

_HOW = "write state_handlers=[slack_notifier]"


def attached(handlers: object) -> tuple[Notifier | ForeignHandler, ...]:
    """Return the handlers for the state machine: notifiers unwrapped, so that it knows their effects, and others unchanged.

    A value that cannot be called as a handler is a TypeError that says what to write. The given list is not changed.
    """
    if handlers is None:
        return ()
    if isinstance(handlers, str) or callable(handlers) or not is_iterable(handlers):
        raise TypeError(f"state_handlers takes a list of handlers, not {quote(handlers)}: {_HOW}")
    return tuple([_attached(handler) for handler in handlers])


def _attached(handler: object) -> Notifier | ForeignHandler:
    if _is_curried(handler):
        return _notifier(handler)
    if isinstance(handler, CallbackHandler):
        return handler.notifier
    if isinstance(handler, Notifier):
        return limit_formatter(handler)
    if not _is_callable(handler):
        raise TypeError(f"state_handlers takes callables, and {quote(handler)} is none: {_HOW}")
    if inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(type(handler).__call__):
        raise TypeError(f"the state handler {name_of(handler)} is async, and tocsin never awaits a handler: make it a plain function")
    return handler


def _notifier(handler: CurriedHandler) -> Notifier:
    if handler.missing != ARGUMENTS:
        raise TypeError(
            f"state_handlers takes a handler that waits for {', '.join(ARGUMENTS)}, and {quote(handler)} waits only for"
            f" {', '.join(handler.missing)}: attach it without binding them"
        )
    check(handler.notifier)
    _warn_if_it_never_notifies(handler, handler.notifier)
    return limit_formatter(handler.notifier)


def _warn_if_it_never_notifies(handler: CurriedHandler, notifier: Messenger) -> None:
    only, ignored = notifier.only_states, tuple(notifier.ignore_states)
    if only and all(issubclass(kind, ignored) for kind in only):
        covered = f"ignore_states covers all of only_states ({names(only)})"
        warnings.warn(f"{handler!r} never notifies: {covered}", UserWarning, stacklevel=_stack_level_of_user())


def _stack_level_of_user() -> int:
    """Return the stack level of the first frame outside tocsin, so that a warning points at the user's line."""
    frame, level = inspect.currentframe(), 0
    while frame is not None and str(frame.f_globals.get("__name__", "")).split(".")[0] == "tocsin":
        frame, level = frame.f_back, level + 1
    return level


def _is_curried(value: object) -> TypeGuard[CurriedHandler]:
    return isinstance(value, CurriedHandler)


def _is_callable(value: object) -> TypeGuard[ForeignHandler]:
    return callable(value)
