"""``callback_factory``: makes a state handler from a function and a check of the state."""

from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Generic

import attrs
from typing_extensions import TypeVar

from tocsin.core.changes import Tracked
from tocsin.core.notifiers import Callback
from tocsin.core.states import State
from tocsin.core.text import quote
from tocsin.shell.handlers.currying import announce_change, state_of, tracked_of

_T_contra = TypeVar("_T_contra", bound=Tracked, contravariant=True, default=Tracked)  # a lambda's object is a Tracked
_S = TypeVar("_S", bound=State)
_NAME = "callback_factory(...)"


@attrs.frozen(repr=False)
class CallbackHandler(Generic[_T_contra]):
    """A state handler that calls a function if a check of the new state is True."""

    notifier: Callback

    def __call__(self, tracked_obj: _T_contra, old_state: State, new_state: _S) -> _S:
        """Call the function by the current interpreter if the check passes. Return ``new_state`` itself."""
        called = tracked_of(tracked_obj, _NAME)
        announce_change(self.notifier, called, state_of(old_state, "old_state", _NAME), state_of(new_state, "new_state", _NAME))
        return new_state

    def __repr__(self) -> str:
        return repr(self.notifier)


def callback_factory(fn: Callable[[_T_contra, State], object], check: Callable[[State], bool]) -> CallbackHandler[_T_contra]:
    """Return a state handler that calls ``fn(tracked_obj, state)`` if ``check(state)`` is True.

    The return value of ``fn`` is ignored. The current interpreter calls ``fn``: a dry run prints its name and does not call it. An
    exception of ``fn`` is a failed delivery: in a flow it is in the report and in the log; a handler called outside a flow raises
    ``NotificationFailed`` with the exception as its cause. A check that raises counts as True.

    Raises:
        TypeError: ``fn`` or ``check`` cannot be called.

    >>> import tocsin
    >>> on_failure = tocsin.callback_factory(print, check=lambda state: state.is_failed())
    >>> with tocsin.interpreting(tocsin.DryRun()):
    ...     state = on_failure(tocsin.Task("load"), tocsin.Running(), tocsin.Failed("disk full"))
    Call of print for 'load' in Failed("disk full")
    """
    for name, function in (("fn", fn), ("check", check)):
        if not callable(function):
            raise TypeError(f"callback_factory: {name} takes a function, not {quote(function)}")
        if iscoroutinefunction(function):
            raise TypeError(f"callback_factory: {name} is async, and tocsin never awaits it: make it a plain function")
    return CallbackHandler(Callback(fn, check))
