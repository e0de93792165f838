"""The options of ``watch``, checked where the watch is written."""

import functools
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TypedDict

import attrs

from tocsin.core.expected import ExpectedKinds, expected_kinds
from tocsin.core.notifiers import Notifier
from tocsin.core.progress import MIN_PERIOD
from tocsin.core.states import State
from tocsin.core.text import quote
from tocsin.flows.task import checked_name, on_failed
from tocsin.shell.handlers.attach import attached
from tocsin.watching.context import WatchedRun
from tocsin.watching.emit import program_name
from tocsin.watching.recipients import Handlers, Recipients, default_recipients, recipients_of

# spelt out, since pyright refuses ``StateHandler[WatchedRun]``
WatchHandler = Callable[[WatchedRun, State, State], State | None] | Notifier
"""``(run, old_state, new_state)``. Its return value is on the report, and changes nothing in the watched body."""


class WatchOptions(TypedDict, total=False):
    """The options of ``watch``, which describes them."""

    name: str | None
    state_handlers: Iterable[WatchHandler] | None
    on_failure: Callable[[WatchedRun, State], object] | None
    show_arguments: bool
    show_result: bool
    retell: bool
    expected: ExpectedKinds | None
    still_running: timedelta | None
    ranks: bool


@attrs.frozen(eq=False)
class WatchRules:
    """The checked options of a ``watch``.

    ``own_recipients`` is None for the recipients of the configuration. ``on_failure`` is then called after their handlers.
    ``still_running`` is in seconds.
    """

    name: str | None
    own_recipients: Recipients | None
    on_failure: Handlers
    show_arguments: bool
    show_result: bool
    retell: bool
    expected: ExpectedKinds
    still_running: float | None
    ranks: bool

    @property
    def recipients(self) -> Recipients:
        """The recipients: the watch's own, or those of the configuration."""
        if self.own_recipients is not None:
            return self.own_recipients
        return recipients_of(default_recipients().handlers + self.on_failure) if self.on_failure else default_recipients()

    def named(self, function: object) -> "WatchRules":
        """Return the rules with a name: their own, else the function's."""
        return self if self.name is not None else attrs.evolve(self, name=_name_of(function))

    @property
    def display_name(self) -> str:
        """The name, or the program's where neither an option nor a function gave one."""
        return program_name() if self.name is None else self.name


def watch_rules(
    name: str | None = None,
    state_handlers: Iterable[WatchHandler] | None = None,
    on_failure: Callable[[WatchedRun, State], object] | None = None,
    *,
    show_arguments: bool = False,
    show_result: bool = False,
    retell: bool = False,
    expected: ExpectedKinds | None = None,
    still_running: timedelta | None = None,
    ranks: bool = False,
) -> WatchRules:
    """Return the checked options. A wrong one raises a TypeError of one line."""
    switches: dict[str, object] = {"show_arguments": show_arguments, "show_result": show_result, "retell": retell, "ranks": ranks}
    for option, value in switches.items():
        if not isinstance(value, bool):
            raise TypeError(f"watch: {option} takes True or False, not {quote(value)}")
    period = _period(still_running)
    kinds = expected_kinds(expected)
    checked, failure_handlers = None if name is None else checked_name(name), on_failed(on_failure)
    recipients = None if state_handlers is None else recipients_of(attached(state_handlers) + failure_handlers)
    return WatchRules(checked, recipients, failure_handlers, show_arguments, show_result, retell, kinds, period, ranks)


def _period(given: object) -> float | None:
    """Return the seconds after which a run is said to go on."""
    if given is None:
        return None
    if not isinstance(given, timedelta) or given.total_seconds() < MIN_PERIOD:
        example = "write still_running=timedelta(hours=2)"
        raise TypeError(f"watch: still_running takes a timedelta of 100 ms or more, not {quote(given)}: {example}")
    return given.total_seconds()


def _name_of(function: object) -> str:
    """Return the function's name without its module and class; for another callable object, the name of its class."""
    while isinstance(function, functools.partial):
        function = function.func
    name: object = getattr(function, "__name__", None)
    return name if isinstance(name, str) and name else type(function).__name__
