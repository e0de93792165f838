"""Hypothesis knows our types after its import, and importing it builds no strategy."""

import subprocess
import sys

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from tocsin import Change, Failed, TimedOut, Tracked
from tocsin.core.changes import Key
from tocsin.core.effects import Effect
from tocsin.core.events import Event
from tocsin.core.filters.algebra import Filter
from tocsin.core.states import KINDS
from tocsin.testing.strategies import EVENTS

quick = settings(max_examples=500, database=None, deadline=None, phases=[Phase.generate])


def verdict(filter_: Filter, change: Change) -> bool:
    return filter_(change)


def kinds_of(event: Event, effect: Effect) -> tuple[type[Event], type[Effect]]:
    return type(event), type(effect)


@given(st.builds(verdict), st.builds(kinds_of))
def test_types_are_enough(passed: bool, kinds: tuple[type[Event], type[Effect]]) -> None:
    assert isinstance(passed, bool)
    assert kinds[0] in EVENTS
    assert issubclass(kinds[1], Effect)


@pytest.mark.parametrize("kind", [*KINDS, *EVENTS, Key, Tracked, Change])
@settings(max_examples=5)
@given(data=st.data())
def test_each_class_is_known(kind: type[object], data: st.DataObject) -> None:
    assert isinstance(data.draw(st.from_type(kind)), kind)


def test_a_class_stands_for_those_under_it() -> None:
    assert isinstance(find(st.from_type(Failed), lambda state: isinstance(state, TimedOut), settings=quick), TimedOut)


def test_importing_hypothesis_builds_no_strategy_of_ours_and_survives_one_that_is_broken() -> None:
    code = """
import sys
sys.modules["tocsin.testing.strategies"] = None  # as if its import failed
import hypothesis, tocsin
assert "tocsin.testing.hypothesis_plugin" in sys.modules and "tocsin.testing.value_strategies" not in sys.modules
"""
    ended = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
