"""What ``tocsin.testing`` offers is what it says, and costs nothing until it is asked for."""

import subprocess
import sys

import pytest

from tocsin import testing
from tocsin.testing import public


def test_all_is_exact() -> None:
    assert {*testing.__all__} == {*public.__all__, "FakeClock"}
    assert all(getattr(testing, name).__name__ == name for name in testing.__all__)


def test_other_names_are_unknown() -> None:
    with pytest.raises(AttributeError, match=r"'tocsin.testing' has no attribute 'assert_nothing'"):
        getattr(testing, "assert_nothing")  # noqa: B009 - type checkers know it too


def test_the_clock_and_the_plugin_need_no_hypothesis() -> None:
    without = "import sys; sys.modules['hypothesis'] = None; "
    code = f"{without}from tocsin.testing import FakeClock, pytest_plugin; print(FakeClock().now().year)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.stdout, ended.stderr) == ("2026\n", "")
