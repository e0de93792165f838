"""``tocsin.testing`` and its strategies offer exactly these names, and load nothing before a name is used."""

import subprocess
import sys

import pytest

from tocsin import testing
from tocsin.testing import strategies

STRATEGIES = "changes effects events filters keys kinds moments states texts tracked"


def run(code: str) -> tuple[str, str]:
    """Return the stdout and the stderr of a fresh interpreter."""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    return ended.stdout, ended.stderr


def test_all_is_exact() -> None:
    assert testing.__all__ == ["FakeClock", "assert_currying_laws", "assert_filter_laws", "assert_interpreter_agrees", "strategies"]
    assert all(getattr(testing, name).__name__.rpartition(".")[2] == name for name in testing.__all__)
    assert {*testing.__all__} <= {*dir(testing)}


def test_the_strategies_are_exact() -> None:
    assert " ".join(strategies.__all__) == STRATEGIES
    assert all(getattr(strategies, name).__name__ == name for name in strategies.__all__)


@pytest.mark.parametrize("name", ["assert_nothing", "public", *STRATEGIES.split(" ")])
def test_other_names_are_unknown(name: str) -> None:
    with pytest.raises(AttributeError, match=f"^module 'tocsin.testing' has no attribute '{name}'$"):
        getattr(testing, name)


@pytest.mark.parametrize("name", testing.__all__)
def test_each_name_is_loaded_alone(name: str) -> None:
    assert run(f"import tocsin.testing; print(tocsin.testing.{name}.__name__.rpartition('.')[2])") == (f"{name}\n", "")


def test_the_clock_and_the_plugin_need_no_hypothesis() -> None:
    without = "import sys; sys.modules['hypothesis'] = None; "
    assert run(f"{without}from tocsin.testing import FakeClock, pytest_plugin; print(FakeClock().now().year)") == ("2026\n", "")
