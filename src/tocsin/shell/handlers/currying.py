"""Currying of the Slack and Gmail handlers: binds arguments and options, and announces the change on a full call.

- Positional arguments fill the unbound ones in the order ``tracked_obj, old_state, new_state``; keywords bind or rebind.
- A later option replaces an earlier one; None restores its default.
- Each call returns a new handler until the last argument is bound. Handlers are immutable.
- The handler types have a type parameter for the missing arguments, so that type checkers know whether a call is complete. It holds
  nothing at run time: handlers with equal bindings are equal, in whatever order they were bound.
"""

from collections.abc import Mapping, Sequence
from typing import Generic, Self, TypeGuard, overload

import attrs
from typing_extensions import TypeVar

from tocsin.core.absent import instead
from tocsin.core.changes import Tracked
from tocsin.core.events import Signalled
from tocsin.core.machine import Announcement, Run, Subject
from tocsin.core.notifiers import Messenger, Notifier
from tocsin.core.options import Classes, Format, Switch, Text, When
from tocsin.core.outcomes import DeliveryError
from tocsin.core.states import KINDS, State, Success
from tocsin.core.text import cut, label, quote, type_name
from tocsin.core.validation import is_mapping
from tocsin.shell.adapters.clock import CLOCK
from tocsin.shell.announce import Announcer, facts
from tocsin.shell.before_run import tell_before_run
from tocsin.shell.current import current
from tocsin.shell.environment import run_id
from tocsin.shell.errors import failed
from tocsin.shell.history.looked import look
from tocsin.shell.history.streaks import remembering
from tocsin.shell.report import DeliveryLog


def announce_change(notifier: Notifier, tracked_obj: Tracked, old: State, new: State) -> None:
    """Announce one change by the current interpreter. Raise ``NotificationFailed`` for the first failed delivery.

    It is raised outside every ``except`` block: an exception context would hold the failed request and the secrets in it.
    """
    if not notifier.concerns(type(new)) and not _is_heeded(type(new)):
        return
    known, handlers = facts(), (limit_formatter(notifier),)
    subject = Subject(tracked_obj, handlers, run_id(), label(tracked_obj), shows_run_id=False)
    announcer = Announcer(DeliveryLog(current()), CLOCK, known, remembering(handlers))
    tell_before_run(announcer, (subject,))
    event, after = Signalled(CLOCK.now(), state=new, facts=known), Run(subject, new, ended=True)  # nothing is known to follow
    ends = Announcement(Run(subject), after, event).ends  # whatever the old state: earlier calls are not known either
    announcer.announce(Announcement(Run(subject, old), after, event, 1), ends=ends)
    for entry in announcer.log.entries:
        if isinstance(entry.answer, DeliveryError):
            raise failed(entry.effect, entry.answer)


def _is_heeded(kind: type[State]) -> bool:
    """Return whether a change that concerns nobody is heeded all the same.

    It may be the recovery from a failure that a silence holds back, which is then not to be told, or the first sign of life of this
    program since somebody expected a run.
    """
    return issubclass(kind, Success) and look().anything


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


_LONGEST_SHOWN = 200  # characters of a value of the wrong kind
ARGUMENTS = ("tracked_obj", "old_state", "new_state")


_AIRFLOW = "write default_args=airflow_callbacks({}), from tocsin.integrations.airflow"
_PREFECT = "write @flow(**prefect_flow_hooks({})), from tocsin.integrations.prefect"
"""What to write where an engine calls its hooks in its own way."""


def tracked_of(value: object, function: str) -> Tracked:
    """Return what a handler is called with as ``tracked_obj``; ``function`` is what the error calls the handler."""
    if _has_name(value):
        return value
    taken = "tracked_obj takes a Task, a Flow, or anything with a name"
    if is_mapping(value):  # not its repr: a context of Airflow's is long, and holds all its configuration
        hook = f"Airflow calls a callback with its context: {_AIRFLOW.format(function)}"
        raise TypeError(f"{taken}, not a {type_name(value)}. {hook}")
    raise TypeError(f"{taken}, not {quote(value)}")


def _has_name(value: object) -> TypeGuard[Tracked]:
    try:
        return hasattr(value, "name")
    except Exception:
        return True  # its property raises; the message handles that


def state_of(value: object, argument: str, function: str) -> State:
    """Return what a handler is called with as ``old_state`` or ``new_state``."""
    if isinstance(value, State):
        return value
    taken, kind = f"{argument} takes a State", type_name(value)
    if kind.endswith("Run"):  # a FlowRun or a TaskRun
        hook = f"Prefect calls a hook with (flow, flow_run, state): {_PREFECT.format(function)}"
        raise TypeError(f"{taken}, not a {kind}. {hook}")
    if _is_kind(value):
        raise TypeError(f"{taken}, not {quote(value)}: write {value.__name__}()")
    raise TypeError(f"{taken}, not {cut(quote(value), _LONGEST_SHOWN)}")


def _is_kind(value: object) -> TypeGuard[type[State]]:
    return isinstance(value, type) and issubclass(value, State)


def _missing(handler: "CurriedHandler[Waits]") -> tuple[str, ...]:
    return tuple([name for name in ARGUMENTS if getattr(handler, name) is None])


def _silent(handler: "CurriedHandler[Waits]", *, success: bool = False) -> frozenset[type[State]]:
    """Return the State classes of ``new_state``, of success or the others, about which a full call notifies nobody."""
    if handler.missing != ARGUMENTS:
        return frozenset()
    return frozenset(kind for kind in KINDS if issubclass(kind, Success) is success and not handler.notifier.concerns(kind))


def _silent_success(handler: "CurriedHandler[Waits]") -> frozenset[type[State]]:
    return _silent(handler, success=True)


@attrs.frozen(repr=False)
class CurriedHandler(Generic[Waits]):
    """A notifier, and the arguments bound to it so far. None stands for one that is not.

    Its type is what all handlers have in common: a list of different ones is a list of state handlers.
    """

    notifier: Messenger
    tracked_obj: Tracked | None = None
    old_state: State | None = None
    new_state: State | None = None
    missing: tuple[str, ...] = attrs.field(init=False, eq=False, default=attrs.Factory(_missing, takes_self=True))
    """The arguments that are not bound yet, in order."""
    _silent: frozenset[type[State]] = attrs.field(init=False, eq=False, default=attrs.Factory(_silent, takes_self=True))
    _silent_success: frozenset[type[State]] = attrs.field(init=False, eq=False, default=attrs.Factory(_silent_success, takes_self=True))

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
            if type(new) in self._silent or (type(new) in self._silent_success and not look().anything):
                return new
        return self.bind(arguments, named)

    def bind(self, arguments: tuple[object, ...], named: Mapping[str, object]) -> State | Self:
        """Return the handler with more bound. Once all arguments are bound, announce the change and return the new state."""
        free = [name for name in self.missing if name not in named] if named else self.missing
        if len(arguments) > len(free):
            takes = f"{len(free)} more: {', '.join(free)}" if free else "no more"
            raise TypeError(f"{self.function} was given {len(arguments)} positional arguments, and takes {takes}")
        given = {**dict(zip(free, arguments, strict=False)), **named}
        options = {name: value for name, value in named.items() if name not in ARGUMENTS} if named else {}
        notifier = self._with(options) if options else self.notifier
        tracked = tracked_of(given["tracked_obj"], self.notifier.function) if "tracked_obj" in given else self.tracked_obj
        old = state_of(given["old_state"], "old_state", self.notifier.function) if "old_state" in given else self.old_state
        new = state_of(given["new_state"], "new_state", self.notifier.function) if "new_state" in given else self.new_state
        if tracked is None or old is None or new is None:
            return attrs.evolve(self, notifier=notifier, tracked_obj=tracked, old_state=old, new_state=new)
        check(notifier)
        announce_change(notifier, tracked, old, new)
        return new

    def _with(self, options: Mapping[str, object]) -> Messenger:
        known = self.notifier.options()
        for name in options:
            if name not in known:
                raise TypeError(instead(self.function, name) or f"{self.function} has no option {name!r}: {_suggestion(name, known)}")
        return attrs.evolve(self.notifier, **options)


def _suggestion(name: str, known: Sequence[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, known, 1)
    return f"did you mean {near[0]!r}?" if near else f"its options are {', '.join(known)}"


def check(notifier: Messenger) -> None:
    """Raise ValueError if an option is bound without another that it needs."""
    lacking = notifier.lacking()
    if lacking is not None:
        raise ValueError(lacking)
