"""Filters written wrongly: told when they are written."""

from collections.abc import Callable
from operator import and_, or_

import pytest

from tocsin import Failed, filters
from tocsin.core.invoke import invoke

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
