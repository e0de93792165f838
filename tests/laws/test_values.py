"""Laws of states and signals as values: immutable, equal by class and fields, and safe to pickle."""

import pickle
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import get_args

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.laws.user_kinds import EVERY
from tocsin import State, signals
from tocsin.core.endings import Ending
from tocsin.core.events import Event, ReferencesSettled
from tocsin.core.text import describe
from tocsin.core.validation import invoke
from tocsin.testing import strategies
from tocsin.testing.strategies import event
from tocsin.testing.value_strategies import maps, results

naive = st.datetimes()
TIMES = (datetime, datetime | None)


def plain(value: object) -> object:
    """Return a value as data that compares fully: exceptions by their text, states with their message and context."""
    if isinstance(value, State):
        return type(value), {field.name: plain(getattr(value, field.name)) for field in attrs.fields(type(value))}
    if isinstance(value, BaseException):
        return describe(value)
    if isinstance(value, tuple):
        return [plain(inner) for inner in value]
    return dict(value) if isinstance(value, Mapping) else value


@given(strategies.states(*EVERY))
def test_a_state_cannot_be_changed(filled: State) -> None:
    for state in (filled, *(kind() for kind in EVERY)):
        before = plain(state)
        for name in (*(field.name for field in attrs.fields(type(state))), "anything", "color"):
            with pytest.raises(AttributeError):
                setattr(state, name, None)
            with pytest.raises(AttributeError):
                delattr(state, name)
        assert not hasattr(state.context, "__setitem__")
        assert plain(state) == before


@given(strategies.states(*EVERY))
def test_a_state_survives_pickle(filled: State) -> None:
    for state in (filled, *(kind() for kind in EVERY)):
        copied: object = pickle.loads(pickle.dumps(state))
        assert plain(copied) == plain(state)
        assert hash(copied) == hash(state)


@given(strategies.states(*EVERY), st.none() | strategies.texts(), maps())
def test_how_a_state_came_about_does_not_count(state: State, message: str | None, context: Mapping[str, object]) -> None:
    other = attrs.evolve(state, message=message, context=context)
    assert other == state
    assert hash(other) == hash(state)


@given(strategies.states(*EVERY), strategies.states(*EVERY))
def test_states_are_equal_where_class_result_and_own_fields_are(one: State, other: State) -> None:
    same = all(getattr(one, field.name) == getattr(other, field.name, None) for field in counting(one))
    assert (one == other) is (type(one) is type(other) and same)
    assert one != other or hash(one) == hash(other)


@given(strategies.states(*EVERY), results())
def test_another_result_makes_another_state(state: State, result: object) -> None:
    assert (attrs.evolve(state, result=result) == state) is bool(state.result is result or state.result == result)


def counting(state: State) -> list["attrs.Attribute[object]"]:
    return [field for field in attrs.fields(type(state)) if field.name not in {"message", "context"}]


MEASURED = st.one_of([event(kind) for kind in (*get_args(Ending), ReferencesSettled)])


@given(MEASURED, st.timedeltas(max_value=timedelta(microseconds=-1)))
def test_no_event_takes_a_negative_time(event: Ending | ReferencesSettled, took: timedelta) -> None:
    with pytest.raises(ValueError, match="an attempt takes no time or more, not"):
        attrs.evolve(event, took=took)


@given(strategies.states(*EVERY) | strategies.events(), naive)
def test_no_state_and_no_event_takes_a_naive_time(filled: State | Event, at: datetime) -> None:
    for value in (filled, *(kind() for kind in EVERY)):
        for name in (field.name for field in attrs.fields(type(value)) if field.type in TIMES):
            with pytest.raises(ValueError, match=f"{name} must be an aware datetime"):
                invoke(attrs.evolve, value, **{name: at})


@given(
    st.sampled_from([signals.SUCCESS, signals.FAIL, signals.TRIGGERFAIL, signals.SKIP, signals.PAUSE, signals.LOOP, signals.RETRY]),
    st.none() | strategies.texts(),
    st.fixed_dictionaries({}, optional={"result": results()}),
)
def test_signals_survive_pickle(kind: type[signals.Signal], message: str | None, given_: dict[str, object]) -> None:
    signal = kind(message, **given_)
    copied: object = pickle.loads(pickle.dumps(signal))
    assert isinstance(copied, signals.Signal)
    assert (type(copied), copied.args, copied.state.message) == (kind, signal.args, message)
    assert plain(copied.state.result) == plain(given_["result"]) if given_ else copied.state.result is copied


@given(strategies.moments(), strategies.states())
def test_signals_with_more_in_them_survive_pickle(at: datetime, state: State) -> None:
    for signal in (signals.RETRY("later", start_time=at), signals.ENDRUN(state)):
        copied: object = pickle.loads(pickle.dumps(signal))
        assert isinstance(copied, signals.Signal)
        assert (type(copied), plain_or_own(copied)) == (type(signal), plain_or_own(signal))


def plain_or_own(signal: signals.Signal) -> object:
    """Return the state of a signal as data; its result may be the signal itself."""
    return plain(attrs.evolve(signal.state, result="itself") if signal.state.result is signal else signal.state)
