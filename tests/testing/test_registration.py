"""Hypothesis learns our types as it is imported, and is none the slower for it."""

import subprocess
import sys

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from tocsin import Change, Failed, State, TimedOut, Tracked
from tocsin.core.changes import Key
from tocsin.core.effects import Effect
from tocsin.core.events import Event
from tocsin.core.filters import Filter
from tocsin.core.states import KINDS
from tocsin.testing.strategies import EVENTS


def told_about(state: State, event: Event, change: Change, effect: Effect, key: Key, job: Tracked) -> tuple[object, ...]:
    return state, event, change, effect, key, job


@given(st.builds(told_about), st.from_type(Filter))
def test_types_are_enough(drawn: tuple[object, ...], filter_: Filter) -> None:
    state, event, change, effect, key, job = drawn
    assert isinstance(state, State)
    assert isinstance(event, Event)
    assert isinstance(change, Change)
    assert isinstance(effect, Effect)
    assert isinstance(key, Key)
    assert isinstance(job, Tracked)
    assert isinstance(filter_(change), bool)


@pytest.mark.parametrize("kind", [*KINDS, *EVENTS])
@settings(max_examples=5)
@given(data=st.data())
def test_each_class_is_known(kind: type[object], data: st.DataObject) -> None:
    assert isinstance(data.draw(st.from_type(kind)), kind)


def test_a_class_stands_for_those_under_it() -> None:
    assert isinstance(find(st.from_type(Failed), lambda state: isinstance(state, TimedOut)), TimedOut)


@given(st.from_type(object))
def test_other_types_are_drawn_as_ever(value: object) -> None:
    assert isinstance(value, object)


def test_importing_hypothesis_builds_no_strategy_of_ours_and_survives_one_that_is_broken() -> None:
    code = """
import sys
sys.modules["tocsin.testing.strategies"] = None  # as good as broken
import hypothesis, tocsin
assert "tocsin.testing.registration" in sys.modules and "tocsin.testing.filling" not in sys.modules
"""
    ended = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
