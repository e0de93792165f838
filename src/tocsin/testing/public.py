"""What ``tocsin.testing`` offers of what needs Hypothesis."""

from tocsin.testing.laws_currying import assert_currying_laws
from tocsin.testing.laws_filters import assert_filter_laws
from tocsin.testing.laws_interpreters import assert_interpreter_agrees
from tocsin.testing.strategies import changes, effects, events, filters, states
from tocsin.testing.value_strategies import keys, kinds, moments, texts, tracked

__all__ = [
    "assert_currying_laws",
    "assert_filter_laws",
    "assert_interpreter_agrees",
    "changes",
    "effects",
    "events",
    "filters",
    "keys",
    "kinds",
    "moments",
    "states",
    "texts",
    "tracked",
]
