"""Tests of wrong filters: an error at construction; and of filters that raise when they are evaluated."""

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
    ("write", "expected"),
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
def test_a_formula_that_makes_no_sense(write: Callable[[], object], expected: str) -> None:
    with pytest.raises(TypeError, match=expected.replace("&, |,", r"&, \|,")):
        write()


@pytest.mark.parametrize("number", [0, -1, "1", True, 1.5])
def test_an_attempt_that_makes_no_sense(number: int) -> None:
    with pytest.raises(ValueError, match="attempt takes whole numbers from 1 on, not"):
        filters.attempt(1, number)


class FailingRemark(Filter):
    """A filter whose method ``remark`` raises."""

    def __call__(self, change: Change) -> bool:
        return True

    def remark(self, change: Change) -> str | None:
        raise LookupError("lost for words")

    def __repr__(self) -> str:
        return "failing"


def test_an_annotation_that_raises_is_a_fault_that_the_message_mentions() -> None:
    change = Change(Task("load"), Running(), Failed(), datetime(2026, 1, 1, tzinfo=UTC), "r1", "load")
    notice = SlackNotifier(when=FailingRemark()).notice(change)
    (effect,), (fault,) = notice.effects, notice.faults
    assert str(fault) == "the remark of failing raised LookupError: lost for words"
    assert str(fault) in repr(effect)
    assert FailingRemark().remembers() is False
