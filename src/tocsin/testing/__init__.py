"""For the tests of those who use tocsin: strategies for Hypothesis, laws to hold your own code to, and a clock that never waits.

Two plugins come with it. Hypothesis learns to make whatever tocsin has types for, so that ``st.from_type(State)`` works; pytest
sends nothing for real, and has the fixture ``notifications``. See ``hypothesis_plugin`` and ``pytest_plugin``.

What needs Hypothesis is loaded when it is first asked for, so that the pytest plugin works where Hypothesis is not installed.
"""

from typing import TYPE_CHECKING

from tocsin.testing.clock import FakeClock

if TYPE_CHECKING:
    from tocsin.testing.laws_currying import assert_currying_laws
    from tocsin.testing.laws_filters import assert_filter_laws
    from tocsin.testing.laws_interpreters import assert_interpreter_agrees
    from tocsin.testing.strategies import changes, effects, events, filters, states
    from tocsin.testing.value_strategies import keys, kinds, moments, texts, tracked
else:

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from tocsin.testing import public

        return getattr(public, name)


__all__ = [
    "FakeClock",
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
