"""Tests of small functions that many modules use."""

from datetime import UTC, datetime, timedelta

import pytest

from tocsin import Running, Success
from tocsin.core.changes import slugs
from tocsin.core.delivery.destinations import address_fault
from tocsin.core.delivery.retry import parse_retry_after
from tocsin.core.text import name_of, span
from tocsin.core.validation import invoke
from tocsin.core.values import FrozenMap, freeze
from tocsin.effects import Ambiguous, Delivered, Queued
from tocsin.events import ReferencesSettled
from tocsin.shell.report import outcome_text


def test_a_frozen_map_is_a_copy_that_stays() -> None:
    given = {"rows": 1}
    frozen = FrozenMap(given)
    given["rows"] = 2
    assert (frozen["rows"], len(frozen), list(frozen), repr(frozen)) == (1, 1, ["rows"], "{'rows': 1}")
    assert freeze(frozen) is frozen
    assert frozen == {"rows": 1}
    with pytest.raises(TypeError):
        frozen["rows"] = 3  # type: ignore[index]  # the refused assignment is under test


def test_only_what_can_be_called_is_called() -> None:
    assert invoke(dict, function=1) == {"function": 1}
    with pytest.raises(TypeError, match="a int cannot be called"):
        invoke(3)
    assert name_of(3) == "3"


def test_slugs_never_repeat() -> None:
    assert slugs(["a", "a-2", "a", "a"]) == ["a", "a-2", "a-3", "a-4"]


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        (timedelta(microseconds=999), "less than 1 ms"),
        (timedelta(milliseconds=999), "999 ms"),
        (timedelta(seconds=9.96), "10.0 s"),
        (timedelta(seconds=61), "1 m 1 s"),
        (timedelta(hours=49, seconds=1), "2 d 1 h 1 s"),
        (timedelta(days=1), "1 d"),
    ],
)
def test_durations_in_words(duration: timedelta, expected: str) -> None:
    assert span(duration) == expected


@pytest.mark.parametrize(("text", "after"), [(None, None), ("soon", None), ("٣", None), ("3", 3), (" 5 ", 5), ("9" * 40, 86_400)])
def test_retry_after(text: str | None, after: float | None) -> None:
    assert parse_retry_after(text) == (None if after is None else timedelta(seconds=after))


def test_outcomes_in_words() -> None:
    assert outcome_text(Queued("a background thread")) == "queued in a background thread"
    assert outcome_text(Ambiguous("no answer came")) == "unknown: no answer came"
    assert outcome_text(Delivered()) == "delivered"
    assert Success() == Success("whatever")


def test_a_flow_ends_in_a_finished_state() -> None:
    with pytest.raises(ValueError, match=r"a flow ends in a finished state, not in Running\(\)"):
        ReferencesSettled(datetime(2026, 1, 1, tzinfo=UTC), state=Running())


INVALID_ADDRESSES = [
    ".@a",
    "a.@b.c",
    "a..b@c.d",
    "a@.b",
    "a@b-",
    "a@-b",
    "@b",
    "a@",
    "a b@c.d",
    '"a"@b.c',
    "a@b@c",
    "é@b.c",
    "a" * 65 + "@b",
]


@pytest.mark.parametrize("address", INVALID_ADDRESSES)
def test_an_invalid_address(address: str) -> None:
    assert address_fault(address) is not None
