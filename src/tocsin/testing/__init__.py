"""Tools for the tests of tocsin's users: Hypothesis strategies, laws that check user code, and a clock that never waits.

- ``strategies`` holds the strategies.
- tocsin registers two plugins. ``hypothesis_plugin`` registers a strategy for each type of the core, so that ``st.from_type(State)``
  works. ``pytest_plugin`` keeps tests from sending anything, and has the fixture ``notifications``.
- What needs Hypothesis is loaded at first use, so that the pytest plugin and ``FakeClock`` work where Hypothesis is not installed.
"""

from typing import TYPE_CHECKING

from tocsin.testing.clock import FakeClock

if TYPE_CHECKING:
    from tocsin.testing import strategies
    from tocsin.testing.laws_currying import assert_currying_laws
    from tocsin.testing.laws_filters import assert_filter_laws
    from tocsin.testing.laws_interpreters import assert_interpreter_agrees
else:
    _MODULE_OF = {
        "assert_currying_laws": "laws_currying",
        "assert_filter_laws": "laws_filters",
        "assert_interpreter_agrees": "laws_interpreters",
        "strategies": "strategies",
    }

    def __getattr__(name: str) -> object:
        if name not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        module = import_module(f"{__name__}.{_MODULE_OF[name]}")
        return module if name == _MODULE_OF[name] else getattr(module, name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *_MODULE_OF})


__all__ = [
    "FakeClock",
    "assert_currying_laws",
    "assert_filter_laws",
    "assert_interpreter_agrees",
    "strategies",
]
