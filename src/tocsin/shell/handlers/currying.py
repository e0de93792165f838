"""Currying of the Slack and Gmail handlers: binds arguments and options, and announces the change on a full call.

- Positional arguments fill the unbound ones in the order ``tracked_obj, old_state, new_state``; keywords bind or rebind.
- A later option replaces an earlier one; None restores its default.
- Each call returns a new handler until the last argument is bound. Handlers are immutable.
- The handler types have a type parameter for the missing arguments, so that type checkers know whether a call is complete. It holds
  nothing at run time: handlers with equal bindings are equal, in whatever order they were bound.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Generic, Self, TypeGuard, overload

import attrs
from typing_extensions import TypeVar

from tocsin.core.changes import Change, Tracked
from tocsin.core.machine import Run, Subject, ends
from tocsin.core.messages.text import label, quote
from tocsin.core.notifiers import Messenger, Notifier
from tocsin.core.options import Classes, Format, Switch, Text, When
from tocsin.core.outcomes import DeliveryError
from tocsin.core.states import KINDS, State
from tocsin.shell import log
from tocsin.shell.announce import DeliveryTracker, deliver
from tocsin.shell.environment import facts, run_id
from tocsin.shell.errors import NotificationFailed, failed
from tocsin.shell.history.streaks import remember_end, retraction
from tocsin.shell.interpreters.base import ignore_outcome


def announce_change(notifier: Notifier, tracked_obj: Tracked, old: State, new: State) -> None:
    """Announce one change by the current interpreter. Raise ``NotificationFailed`` for the first failed delivery.

    It is raised outside every ``except`` block: an exception context would hold the failed request and the secrets in it.
    """
    if not notifier.concerns(type(new)):
        return
    name, now = label(tracked_obj), datetime.now(UTC)
    run = Run(Subject(tracked_obj, (notifier,), run_id(), name))  # a handler called by hand knows no earlier states
    after = attrs.evolve(run, state=new)
    known = remember_end(run, after, name) if notifier.remembers() and ends(run, after) else run
    subject = known.subject
    change = Change(tracked_obj, old, new, now, subject.run_id, name, facts=facts(), past=subject.past)
    notice = limit_formatter(notifier).notice(change)
    for fault in notice.faults:
        log.note(fault)
    retract_end = None if known is run else retraction(known, after, name)
    tracker = None if retract_end is None else DeliveryTracker(retract_end)
    failures: list[NotificationFailed] = []
    for effect in notice.effects:
        outcome = deliver(effect, ignore_outcome if tracker is None else tracker.track(effect))
        failures += [failed(effect, outcome)] if isinstance(outcome, DeliveryError) else []
    if tracker is not None:
        tracker.complete()
    if failures:
        raise failures[0]


def limit_formatter(notifier: Notifier) -> Notifier:
    """Wrap the notifier's formatter, if it has one, with its time limit."""
    if not isinstance(notifier, Messenger) or notifier.message is None:
        return notifier
    from tocsin.shell.handlers.formatter_timeout import with_timeout  # slow to load, and most notifiers have no formatter

    return with_timeout(notifier, notifier.message)


class ForAll:
    """Waits for ``tracked_obj``, ``old_state`` and ``new_state``: a state handler."""


class ForStates:
    """Waits for ``old_state`` and ``new_state``."""


class ForNew:
    """Waits for ``new_state``."""


class ForSome:
    """Was bound out of order, by keyword: the missing arguments are known only at run time."""


Waits = TypeVar("Waits", bound=ForAll | ForStates | ForNew | ForSome, default=ForSome)
_S = TypeVar("_S", bound=State)


class Unbound(Enum):
    """The sentinel for an argument that is not bound yet."""

    UNBOUND = "unbound"


UNBOUND = Unbound.UNBOUND
ARGUMENTS = ("tracked_obj", "old_state", "new_state")


def _tracked(value: object) -> Tracked | Unbound:
    if isinstance(value, Unbound) or _has_name(value):
        return value
    raise TypeError(f"tracked_obj takes a Task, a Flow, or anything with a name, not {quote(value)}")


def _has_name(value: object) -> TypeGuard[Tracked]:
    try:
        return hasattr(value, "name")
    except Exception:
        return True  # its property raises; the message handles that


def _old(value: object) -> State | Unbound:
    return _state(value, "old_state")


def _new(value: object) -> State | Unbound:
    return _state(value, "new_state")


def _state(value: object, argument: str) -> State | Unbound:
    if isinstance(value, Unbound | State):
        return value
    raise TypeError(f"{argument} takes a State, not {quote(value)}")


def _silent(handler: "CurriedHandler[Waits]") -> frozenset[type[State]]:
    """Return the State classes of ``new_state`` for which a full call has nothing to do."""
    if handler.missing != ARGUMENTS:
        return frozenset()
    return frozenset(kind for kind in KINDS if not handler.notifier.concerns(kind))


@attrs.frozen(repr=False)
class CurriedHandler(Generic[Waits]):
    """A notifier, and the arguments bound to it so far.

    Its type is what all handlers have in common: a list of different ones is a list of state handlers.
    """

    notifier: Messenger
    tracked_obj: Tracked | Unbound = attrs.field(default=UNBOUND, converter=_tracked)
    old_state: State | Unbound = attrs.field(default=UNBOUND, converter=_old)
    new_state: State | Unbound = attrs.field(default=UNBOUND, converter=_new)
    _silent: frozenset[type[State]] = attrs.field(init=False, eq=False, default=attrs.Factory(_silent, takes_self=True))

    @property
    def missing(self) -> tuple[str, ...]:
        """The arguments that are not bound yet, in order."""
        bound = (self.tracked_obj, self.old_state, self.new_state)
        return tuple(name for name, value in zip(ARGUMENTS, bound, strict=True) if value is UNBOUND)

    @property
    def function(self) -> str:
        """The public name of the handler."""
        return self.notifier.function

    def __repr__(self) -> str:
        bound = tuple(f"{name}={quote(getattr(self, name))}" for name in ARGUMENTS if name not in self.missing)
        shown = ", ".join((*bound, *self.notifier.written()))
        return f"{self.function}({shown})" if shown else self.function

    @overload
    def __call__(self: "CurriedHandler[ForAll]", tracked_obj: Tracked, old_state: State, new_state: _S) -> _S: ...
    @overload
    def __call__(
        self,
        *,
        ignore_states: Classes = ...,
        only_states: Classes = ...,
        when: When = ...,
        message: Format = ...,
        title_link: Text = ...,
        traceback: Switch = ...,
    ) -> Self: ...
    def __call__(self, *arguments: object, **named: object) -> object:
        if len(arguments) == 3 and not named:  # the fast path for states that the handler ignores
            new = arguments[2]
            if type(new) in self._silent:
                return new
        return self.bind(arguments, named)

    def bind(self, arguments: tuple[object, ...], named: Mapping[str, object]) -> State | Self:
        """Return the handler with more bound. Once all arguments are bound, announce the change and return the new state."""
        options = {name: value for name, value in named.items() if name not in ARGUMENTS}
        bound = attrs.evolve(self, notifier=self._with(options) if options else self.notifier, **self._filled(arguments, named))
        tracked, old, new = bound.tracked_obj, bound.old_state, bound.new_state
        if isinstance(tracked, Unbound) or isinstance(old, Unbound) or isinstance(new, Unbound):
            return bound
        bound.check()
        announce_change(bound.notifier, tracked, old, new)
        return new

    def check(self) -> None:
        """Raise ValueError if an option is bound without another that it needs."""
        lacking = self.notifier.lacking()
        if lacking is not None:
            raise ValueError(lacking)

    def _filled(self, arguments: tuple[object, ...], named: Mapping[str, object]) -> dict[str, object]:
        """Return the arguments of a call by name."""
        free = [name for name in self.missing if name not in named]
        if len(arguments) > len(free):
            takes = f"{len(free)} more: {', '.join(free)}" if free else "no more"
            raise TypeError(f"{self.function} was given {len(arguments)} positional arguments, and takes {takes}")
        by_keyword = {name: value for name, value in named.items() if name in ARGUMENTS}
        return {**dict(zip(free, arguments, strict=False)), **by_keyword}

    def _with(self, options: Mapping[str, object]) -> Messenger:
        known = self.notifier.options()
        for name in options:
            if name not in known:
                from difflib import get_close_matches

                near = get_close_matches(name, known, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"its options are {', '.join(known)}"
                raise TypeError(f"{self.function} has no option {name!r}: {hint}")
        return attrs.evolve(self.notifier, **options)
