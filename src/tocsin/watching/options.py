"""What the author of a ``watch`` decided about it, checked when it is written."""

import functools
from collections.abc import Callable, Iterable
from typing import TypedDict

import attrs

from tocsin.core.messages.text import quote
from tocsin.core.states import State
from tocsin.flows.task import checked_name, on_failed
from tocsin.shell.handlers.attach import attached
from tocsin.watching.context import WatchedRun
from tocsin.watching.emit import script
from tocsin.watching.recipients import Handlers, Recipients, default_recipients, recipients_of

WatchHandler = Callable[[WatchedRun, State, State], State | None]
"""``(run, old_state, new_state)``; what it returns is on the report, and changes nothing in what is watched."""


class WatchOptions(TypedDict, total=False):
    """What may be decided about a watch; see ``watch``."""

    name: str | None
    state_handlers: Iterable[WatchHandler] | None
    on_failure: Callable[[WatchedRun, State], object] | None
    show_arguments: bool
    show_result: bool
    retell: bool


@attrs.frozen(eq=False)
class WatchRules:
    """The options of a ``watch``. ``given`` is its own audience, None for that of the configuration; ``last`` come after that one."""

    name: str | None
    given: Recipients | None
    last: Handlers
    show_arguments: bool
    show_result: bool
    retell: bool

    @property
    def audience(self) -> Recipients:
        """Who is told."""
        if self.given is not None:
            return self.given
        return recipients_of(default_recipients().handlers + self.last) if self.last else default_recipients()

    def named(self, function: object) -> "WatchRules":
        """With a name for what they are about: their own, else the function's."""
        return self if self.name is not None else attrs.evolve(self, name=_called(function))

    @property
    def called(self) -> str:
        """The name; without one, and without a function to have it from, the program's."""
        return script() if self.name is None else self.name


def watch_rules(
    name: str | None = None,
    state_handlers: Iterable[WatchHandler] | None = None,
    on_failure: Callable[[WatchedRun, State], object] | None = None,
    *,
    show_arguments: bool = False,
    show_result: bool = False,
    retell: bool = False,
) -> WatchRules:
    """The options, if they make sense: else a TypeError of one line."""
    for option, value in (("show_arguments", show_arguments), ("show_result", show_result), ("retell", retell)):
        if not _is_switch(value):
            raise TypeError(f"watch: {option} takes True or False, not {quote(value)}")
    called, last = None if name is None else checked_name(name), on_failed(on_failure)
    given = None if state_handlers is None else recipients_of(attached(state_handlers) + last)
    return WatchRules(called, given, last, show_arguments, show_result, retell)


def _is_switch(value: object) -> bool:
    return isinstance(value, bool)


def _called(function: object) -> str:
    """The last part of a function's name in its source; of an object that can be called, that of its class."""
    while isinstance(function, functools.partial):
        function = function.func
    name: object = getattr(function, "__name__", None)
    return name if isinstance(name, str) and name else type(function).__name__
