"""The strategies draw every kind of value that they document."""

import pickle
from datetime import datetime

import attrs
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tocsin import Change, Failed, Mapped, MetaState, State
from tocsin.core.effects import CallBack, Effect, PostToSlack, SendEmail
from tocsin.core.events import Event
from tocsin.core.filters.algebra import And, Filter, Not, Or, everything, nothing
from tocsin.core.filters.predicates import AttemptIn, CameFrom, Entered, Left, Named, Where, final_attempt
from tocsin.core.states import KINDS
from tocsin.core.validation import invoke
from tocsin.testing import strategies
from tocsin.testing.strategies import EVENTS, callbacks

few = settings(database=None, deadline=None, max_examples=2000, phases=[Phase.generate])


@attrs.frozen(eq=False, repr=False)
class Broke(Failed):
    """A user's failure with fields of a type that tocsin uses, of another type, and without defaults."""

    since: datetime | None = attrs.field(default=None, kw_only=True)
    tried: dict[str, int] = attrs.field(factory=dict[str, int], kw_only=True)
    budget: int = attrs.field(kw_only=True)
    owner: bytes = attrs.field(kw_only=True)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_states_are_of_every_kind_and_their_fields_are_filled(kind: type[State]) -> None:
    assert type(find(strategies.states(), lambda state: type(state) is kind, settings=few)) is kind
    own = [field.name for field in attrs.fields(kind) if field.name not in {"message", "result", "context"}]
    filled = find(
        strategies.states(kind),
        lambda state: all(differs(state, name) for name in ("message", "result", "context", *own)),
        settings=few,
    )
    assert type(filled) is kind


def differs(state: State, name: str) -> bool:
    """Return whether a field of the state differs from its default."""
    bare: object = getattr(type(state)(), name)
    return bool(getattr(state, name) != bare)


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_are_all_drawn(kind: type[State]) -> None:
    assert find(strategies.kinds(), lambda drawn: drawn is kind, settings=few) is kind


@given(strategies.states(Broke, MetaState))
def test_states_of_a_kind_of_ones_own_are_filled_too(state: Broke | MetaState) -> None:
    assert type(state) in {Broke, MetaState}
    assert not isinstance(state, Broke) or (state.budget > 0, type(state.owner), state.tried) == (True, bytes, {})


def test_states_hold_states_that_hold_states() -> None:
    deep = find(
        strategies.states(Mapped),
        lambda state: any(isinstance(inner, Mapped) and inner.map_states for inner in state.map_states),
        settings=few,
    )
    assert isinstance(deep, Mapped)


@pytest.mark.slow
def test_events_are_of_every_kind() -> None:
    drawn: dict[type[Event], Event] = {}

    def complete(event: Event) -> bool:
        drawn.setdefault(type(event), event)
        return len(drawn) == len(EVENTS)

    find(strategies.events(), complete, settings=few)
    assert set(drawn) == set(EVENTS)
    assert all(event.at.utcoffset() is not None for event in drawn.values())


@pytest.mark.parametrize("kind", [And, Or, Not, Entered, CameFrom, Left, AttemptIn, Named, Where])
def test_filters_are_of_every_kind(kind: type[object]) -> None:
    assert isinstance(find(strategies.filters(), lambda drawn: isinstance(drawn, kind), settings=few), kind)


@pytest.mark.parametrize("constant", [everything, nothing, final_attempt])
def test_filters_without_arguments_are_drawn(constant: Filter) -> None:
    assert find(strategies.filters(), lambda drawn: drawn == constant, settings=few) == constant


@pytest.mark.parametrize("kind", [PostToSlack, SendEmail, CallBack])
def test_effects_are_of_every_kind(kind: type[Effect]) -> None:
    assert isinstance(find(strategies.effects(), lambda effect: isinstance(effect, kind), settings=few), kind)


@given(strategies.changes(), strategies.changes(old=st.just(State()), new=strategies.states(Failed)))
def test_changes_are_as_they_are_asked_for(anyhow: Change, failed: Change) -> None:
    assert anyhow.at.utcoffset() is not None
    assert 1 <= anyhow.attempt <= anyhow.attempts
    assert (type(failed.old), type(failed.new)) == (State, Failed)


@pytest.mark.parametrize("hostile", ["<", "`", "\ud800", "\x00", "=?", "\r\n", "é" * 5000])
def test_texts_are_hostile(hostile: str) -> None:
    assert hostile in find(strategies.texts(), lambda text: hostile in text, settings=few)


@pytest.mark.parametrize(
    "strategy",
    [
        strategies.states(),
        strategies.events(),
        strategies.changes(),
        strategies.filters(),
        strategies.effects(),
        strategies.keys(),
        strategies.tracked(),
    ],
    ids=["states", "events", "changes", "filters", "effects", "keys", "tracked"],
)
@given(data=st.data())
def test_what_is_drawn_prints_and_pickles(strategy: SearchStrategy[object], data: st.DataObject) -> None:
    value = data.draw(strategy)
    copied: object = pickle.loads(pickle.dumps(value))
    assert repr(copied) == repr(value) or "0x" in repr(value)


@given(strategies.moments())
def test_moments_are_aware(at: datetime) -> None:
    assert at.utcoffset() is not None
    assert at.astimezone().timestamp() > 0


def test_some_callbacks_raise_and_others_do_not() -> None:
    quiet = find(callbacks(), lambda effect: not fails(effect), settings=few)
    failing = find(callbacks(), fails, settings=few)
    assert quiet.fn is not failing.fn


def fails(effect: CallBack) -> bool:
    try:
        invoke(effect.fn, effect.tracked_obj, effect.state)
    except OSError:
        return True
    return False


@pytest.mark.parametrize(
    "strategy", [strategies.states(), strategies.events(), strategies.changes(), strategies.filters(), strategies.effects()]
)
def test_a_strategy_prints_itself_in_a_page(strategy: SearchStrategy[object]) -> None:
    find(strategy, lambda _: True, settings=few)
    assert len(repr(strategy)) < 4000
