"""A list of state handlers, checked when it is given to a Task, a Flow, or whatever runs."""

import inspect
import warnings
from collections.abc import Iterable
from typing import TypeGuard

from tocsin.core.machine import ForeignHandler
from tocsin.core.messages.text import name_of, quote
from tocsin.core.notifiers import Messenger, Notifier
from tocsin.core.options import names
from tocsin.shell.handlers.callback import CallbackHandler
from tocsin.shell.handlers.currying import ARGUMENTS, CurriedHandler, in_time

_HOW = "write state_handlers=[slack_notifier]"


def attached(handlers: object) -> tuple[Notifier | ForeignHandler, ...]:
    """The handlers as the machine takes them: notifiers bare, so that their effects are known, and others as they are.

    Anything that could never be called as a handler is a TypeError that says what to write. The list given is not changed.
    """
    if handlers is None:
        return ()
    if isinstance(handlers, str) or callable(handlers) or not _is_iterable(handlers):
        raise TypeError(f"state_handlers takes a list of handlers, not {quote(handlers)}: {_HOW}")
    return tuple(_attached(handler) for handler in handlers)


def _attached(handler: object) -> Notifier | ForeignHandler:
    if isinstance(handler, CurriedHandler):
        return _notifier(handler)
    if isinstance(handler, CallbackHandler):
        return handler.notifier
    if isinstance(handler, Notifier):
        return in_time(handler)
    if not _is_callable(handler):
        raise TypeError(f"state_handlers takes callables, and {quote(handler)} is none: {_HOW}")
    if inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(type(handler).__call__):
        raise TypeError(f"the state handler {name_of(handler)} is async, and nobody would await it: make it a plain function")
    return handler


def _notifier(handler: CurriedHandler) -> Notifier:
    if handler.missing != ARGUMENTS:
        raise TypeError(
            f"state_handlers takes a handler that waits for {', '.join(ARGUMENTS)}, and {quote(handler)} waits only for"
            f" {', '.join(handler.missing)}: attach it without binding them"
        )
    handler.check()
    _warn_if_mute(handler, handler.notifier)
    return in_time(handler.notifier)


def _warn_if_mute(handler: CurriedHandler, notifier: Messenger) -> None:
    only, ignored = notifier.only_states, tuple(notifier.ignore_states)
    if only and all(issubclass(kind, ignored) for kind in only):
        covered = f"ignore_states covers all of only_states ({names(only)})"
        warnings.warn(f"{handler!r} never notifies: {covered}", UserWarning, stacklevel=_outside())


def _outside() -> int:
    """How far up the first frame is that is not ours: a warning is to point at the line that the user wrote."""
    frame, level = inspect.currentframe(), 0
    while frame is not None and str(frame.f_globals.get("__name__", "")).split(".")[0] == "tocsin":
        frame, level = frame.f_back, level + 1
    return level


def _is_iterable(value: object) -> TypeGuard[Iterable[object]]:
    return isinstance(value, Iterable)


def _is_callable(value: object) -> TypeGuard[ForeignHandler]:
    return callable(value)
