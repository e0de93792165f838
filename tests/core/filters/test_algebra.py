"""Filters written wrongly: told when they are written; and such as fail when they are asked."""

from collections.abc import Callable
from datetime import UTC, datetime
from operator import and_, or_

import pytest

from tocsin import Change, Failed, Running, Task, filters
from tocsin.core.filters.algebra import Filter
from tocsin.core.notifiers import SlackNotifier
from tocsin.core.validation import invoke

FILTER = filters.entered(Failed)


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (
            lambda: and_(FILTER, Failed),
            r"& and \| join filters, and <class '.*Failed'> is none: write filters\.entered",
        ),
        (lambda: or_(FILTER, len), r"& and \| join filters, and <built-in function len>"),
        (lambda: bool(FILTER), "write &, |, ~ in place of and, or, not, around entered"),
        (lambda: not FILTER, "a filter is true of a change, not by itself"),
        (lambda: invoke(filters.named, 3), "named takes a pattern as a str, not 3"),
        (lambda: invoke(filters.where, "load"), "where takes a function of a Change, not 'load'"),
        (lambda: invoke(filters.entered, "Failed"), r"and 'Failed' is none: write entered\(Failed\)"),
    ],
)
def test_a_formula_that_makes_no_sense(write: Callable[[], object], said: str) -> None:
    with pytest.raises(TypeError, match=said.replace("&, |,", r"&, \|,")):
        write()


@pytest.mark.parametrize("number", [0, -1, "1", True, 1.5])
def test_an_attempt_that_makes_no_sense(number: int) -> None:
    with pytest.raises(ValueError, match="attempt takes whole numbers from 1 on, not"):
        filters.attempt(1, number)


class Tongue(Filter):
    """A filter whose remark fails."""

    def __call__(self, change: Change) -> bool:
        return True

    def remark(self, change: Change) -> str | None:
        raise LookupError("lost for words")

    def __repr__(self) -> str:
        return "tongue"


def test_a_remark_that_raises_is_a_fault_and_the_message_goes_out_and_says_so() -> None:
    change = Change(Task("load"), Running(), Failed(), datetime(2026, 1, 1, tzinfo=UTC), "r1", "load")
    notice = SlackNotifier(when=Tongue()).notice(change)
    (effect,), (fault,) = notice.effects, notice.faults
    assert str(fault) == "the remark of tongue raised LookupError: lost for words"
    assert str(fault) in repr(effect)
    assert Tongue().remembers() is False
