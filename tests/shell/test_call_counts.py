"""Counts the calls inside tocsin's own files: a message costs the caller's thread no more of them than it must.

Times are not tested, since machines are busy. A number of calls is the same everywhere, and grows with each needless layer.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest

import tocsin
from tocsin import Failed, Recording, Running, Task, interpreting, reliable, slack_notifier, watch

PACKAGE = str(Path(tocsin.__file__).parent)
TASK, OLD, NEW = Task("load"), Running(), Failed("disk full")


def calls(act: Callable[[], object]) -> int:
    """Return the number of calls inside tocsin's files in the third run; the first two fill caches."""
    count = 0

    def seen(frame: FrameType, event: str, _: object) -> None:
        nonlocal count
        count += event == "call" and frame.f_code.co_filename.startswith(PACKAGE)

    before = sys.getprofile()
    for _ in range(3):
        count = 0
        sys.setprofile(seen)
        try:
            act()
        finally:
            sys.setprofile(before)
    return count


@pytest.mark.tocsin_live
def test_a_failing_watch_makes_few_calls() -> None:
    def fail() -> None:
        with pytest.raises(OSError, match="disk full"), watch("load", state_handlers=[slack_notifier]):
            raise OSError("disk full")

    with interpreting(reliable(Recording())) as interpreter:
        assert 0 < calls(fail) <= 290
    interpreter.close()


@pytest.mark.parametrize("notifier", [slack_notifier, slack_notifier(only_states=[Failed])], ids=["bare", "only_states"])
def test_a_handler_that_is_called_makes_few_calls(notifier: Callable[[Task, Running, Failed], Failed]) -> None:
    with interpreting(Recording()):
        assert 0 < calls(lambda: notifier(TASK, OLD, NEW)) <= 95
