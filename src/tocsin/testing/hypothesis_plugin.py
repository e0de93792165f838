"""The Hypothesis plugin: registers strategies, so that ``st.from_type`` draws States, Changes, Filters, events and effects.

- Hypothesis loads it by an entry point when it is imported.
- The strategy of a class draws its subclasses too: ``from_type(Failed)`` also draws a ``TimedOut``.
- Unions of classes work as well: ``from_type(Event)``, ``from_type(Effect)``.
- Registering builds no strategy. A strategy is built at first use.
"""

from collections.abc import Callable
from typing import TypeVar, get_args

from hypothesis.strategies import SearchStrategy, deferred, register_type_strategy

from tocsin.core.changes import Change, Key, Tracked
from tocsin.core.effects import CallBack, PostToSlack, SendEmail
from tocsin.core.events import Event
from tocsin.core.filters.algebra import Filter
from tocsin.core.states import KINDS, State

_T = TypeVar("_T")

_OTHERS: tuple[type[object], ...] = (Change, Key, Tracked, Filter, PostToSlack, SendEmail, CallBack)


def register() -> None:
    """Register a strategy for each class. Hypothesis calls this function."""
    events: tuple[type[Event], ...] = get_args(Event)
    for kind in KINDS:
        register_type_strategy(kind, _lazily(_states, kind))
    for event in events:
        register_type_strategy(event, _lazily(_events, event))
    for other in _OTHERS:
        register_type_strategy(other, _lazily(_other, other))


def _lazily(make: Callable[[type[_T]], SearchStrategy[_T]], kind: type[_T]) -> SearchStrategy[_T]:
    return deferred(lambda: make(kind))


def _states(kind: type[State]) -> SearchStrategy[State]:
    from tocsin.testing.strategies import states

    return states(kind, *(known for known in KINDS if issubclass(known, kind) and known is not kind))


def _events(kind: type[Event]) -> SearchStrategy[Event]:
    from tocsin.testing.strategies import event

    return event(kind)


def _other(kind: type[object]) -> SearchStrategy[object]:
    from tocsin.testing import strategies

    made: dict[type[object], SearchStrategy[object]] = {
        Change: strategies.changes(),
        Key: strategies.keys(),
        Tracked: strategies.tracked(),
        Filter: strategies.filters(),
        PostToSlack: strategies.posts(),
        SendEmail: strategies.mails(),
        CallBack: strategies.callbacks(),
    }
    return made[kind]
