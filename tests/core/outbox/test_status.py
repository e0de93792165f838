"""The status of an outbox, selections by hand, and moments and ages in words."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.outbox.model import WAITING, Status, age_text, duration_text, moment_of, seconds_between
from tocsin.core.outbox.state_machine import TABLE, RetryAsked
from tocsin.core.outbox.status import (
    REMOVABLE,
    RETRYABLE,
    UNSETTLED,
    RetrySelection,
    StatusCount,
    count,
    destination_statuses,
    messages,
    parse_age,
    select_for_retry,
    statuses_to_remove,
    to_do,
)

STATUSES = st.sampled_from(Status)
COUNTS = st.lists(st.builds(StatusCount, st.sampled_from(["slack:A", "gmail:B"]), STATUSES, st.integers(1, 9), st.floats(0.0, 100.0)))


@given(COUNTS)
def test_nothing_is_lost_in_counting(counts: list[StatusCount]) -> None:
    found = destination_statuses(counts)
    assert [each.destination for each in found] == sorted({each.destination for each in counts})
    for status in Status:
        counted = sum(each.counts[status] for each in found)
        assert counted == count(counts, [status]) == sum(each.count for each in counts if each.status is status)


@given(COUNTS)
def test_the_oldest_is_of_those_that_wait(counts: list[StatusCount]) -> None:
    waiting = [each.oldest for each in counts if each.status in WAITING]
    oldest = [each.oldest for each in destination_statuses(counts) if each.oldest is not None]
    assert min(oldest, default=None) == min(waiting, default=None)


@given(COUNTS)
def test_a_person_is_asked_where_nothing_goes_by_itself(counts: list[StatusCount]) -> None:
    lines = to_do(counts)
    assert bool(lines) == bool(count(counts, UNSETTLED))
    assert len(lines) == len({each.status for each in counts} & set(UNSETTLED))


def test_what_a_person_is_asked() -> None:
    counts = [StatusCount("slack:A", Status.DEAD, 1200, 0.0), StatusCount("slack:A", Status.UNKNOWN, 1, 0.0)]
    assert to_do(counts) == (
        "1,200 messages given up, and kept: see why with tocsin outbox list --status dead",
        "1 message may have arrived, or not: see which with tocsin outbox list --status unknown",
    )
    assert messages(0) == "0 messages"


@given(st.lists(st.text(), max_size=3), st.lists(STATUSES, max_size=3), st.booleans())
def test_what_is_tried_again_is_named_or_all_of_a_status(keys: list[str], statuses: list[Status], everything: bool) -> None:
    chosen = select_for_retry(keys, statuses, all_of_them=everything)
    if isinstance(chosen, RetrySelection):
        assert bool(chosen.keys) != bool(chosen.statuses)
        assert set(chosen.keys) == set(keys)
        assert set(chosen.statuses) <= set(RETRYABLE)
        assert len(set(chosen.keys)) == len(chosen.keys)
    else:
        assert "\n" not in chosen


@pytest.mark.parametrize(
    ("keys", "statuses", "everything", "said"),
    [
        ([], [], False, "nothing is named: write tocsin outbox retry KEY"),
        ([], [Status.DEAD], False, "nothing is named"),
        (["a"], [], True, "KEY and --all exclude each other"),
        (["a"], [Status.DEAD], False, "KEY and --all exclude each other"),
        ([], [Status.DELIVERED], True, "what is delivered is not sent again: --status is one of dead, unknown, delayed"),
        ([], [Status.UNKNOWN, Status.PENDING], True, "what is pending is sent anyway: --status is one of"),
    ],
)
def test_what_makes_no_sense_is_said(keys: list[str], statuses: list[Status], everything: bool, said: str) -> None:
    chosen = select_for_retry(keys, statuses, all_of_them=everything)
    assert isinstance(chosen, str)
    assert chosen.startswith(said)


def test_what_may_be_tried_again_may_be_by_the_table() -> None:
    assert all(RetryAsked in TABLE[status] for status in RETRYABLE)


@given(st.lists(STATUSES))
def test_what_waits_is_never_removed(statuses: list[Status]) -> None:
    chosen = statuses_to_remove(statuses)
    assert isinstance(chosen, str) == any(status in WAITING for status in statuses)
    assert isinstance(chosen, str) or (set(chosen) <= set(REMOVABLE) and set(chosen) == set(statuses or [Status.DELIVERED]))


@given(st.integers(0, 999_999), st.sampled_from("smhdw"))
def test_an_age_is_a_number_and_a_unit(number: int, unit: str) -> None:
    seconds = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}[unit]
    assert parse_age(f" {number}{unit}\n") == timedelta(seconds=number * seconds)


@pytest.mark.parametrize("text", ["", "7", "d", "-1d", "7D", "9" * 20 + "d", "9" * 400 + "d", "٧d", "7d!"])
def test_what_is_no_age(text: str) -> None:
    assert parse_age(text) is None


@given(st.floats(), st.floats())
def test_any_number_is_some_moment(then: float, at: float) -> None:
    assert datetime(1970, 1, 1, tzinfo=UTC) <= moment_of(then) <= datetime(9999, 12, 31, 23, tzinfo=UTC)
    assert 0.0 <= seconds_between(then, at) < math.inf
    assert age_text(then, at) == duration_text(seconds_between(then, at))
