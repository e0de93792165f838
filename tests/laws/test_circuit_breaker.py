"""A destination that fails costs its callers a bounded time; one that recovers is used again; and one that delivers is not closed.

Durations are whole seconds, so that sums are exact.
"""

from collections.abc import Sequence
from datetime import timedelta

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tocsin.core.delivery.circuit_breaker import DEAD_SECONDS, MAX_LOST_SECONDS, SLOW_SECONDS, Circuit, error_if_open, record
from tocsin.core.outcomes import Ambiguous, Delivered, DestinationDead, Outcome, Queued, Rejected, Retryable, Shown, Withheld

WELL = Delivered()
GONE = DestinationDead("the webhook was revoked")
LATE = Retryable("no answer came")
LOST = Ambiguous("no answer came: it may have arrived")
NEITHER: tuple[Outcome, ...] = (Rejected("no such channel"), Queued("a thread"), Withheld("recorded"), Shown())
FAILING = (Retryable, Ambiguous, DestinationDead)


@attrs.frozen
class Try:
    """A message that a caller has after a pause, what became of it if it was tried, and the seconds that took."""

    pause: int
    outcome: Outcome
    took: int


@attrs.frozen
class Tried:
    """A try, from when to when."""

    began: float
    ended: float
    outcome: Outcome


pauses = st.sampled_from([0, 0, 1, 59, 60, 61, 300]) | st.integers(0, 40)
failures = st.sampled_from([LATE, LOST])
scripts = st.lists(st.builds(Try, pauses, st.sampled_from([LATE, LATE, LOST, GONE, WELL, *NEITHER]), st.integers(0, 12)), max_size=40)
patiences = st.integers(1, 20).map(float)
histories = st.lists(st.builds(Try, pauses, st.sampled_from([LATE, LOST, GONE, WELL, *NEITHER]), st.integers(-3, 12)), max_size=12)


def played(script: Sequence[Try], patience: float, start: float = 1000.0) -> tuple[list[Tried], Circuit, float]:
    """One caller's day: the tries that were made, and what is known in the end, and when that is."""
    now, standing, tried = start, Circuit(), list[Tried]()
    for each in script:
        now += each.pause
        if error_if_open(standing, now) is None:
            tried.append(Tried(now, now + max(each.took, 0), each.outcome))
            now += each.took
            standing = record(standing, each.outcome, now, each.took, patience)
    return tried, standing, now


def rows(tried: Sequence[Tried]) -> list[list[Tried]]:
    """The failures between one delivery and the next."""
    found: list[list[Tried]] = [[]]
    for each in tried:
        if isinstance(each.outcome, Delivered):
            found.append([])
        elif isinstance(each.outcome, FAILING):
            found[-1].append(each)
    return found


@given(scripts, patiences)
@example([Try(0, LATE, 3)] * 40, 10.0)
@example([Try(0, LATE, 9), Try(60, LATE, 9), Try(0, LATE, 9)], 10.0)
def test_in_any_minute_less_is_lost_on_a_row_of_failures_than_patience_and_a_try(script: list[Try], patience: float) -> None:
    for row in rows(played(script, patience)[0]):
        for start in {moment for each in row for moment in (each.began, each.ended - SLOW_SECONDS)}:
            inside = [max(min(each.ended, start + SLOW_SECONDS) - max(each.began, start), 0) for each in row]
            assert sum(inside) < patience + max(each.ended - each.began for each in row)


@given(histories, patiences, failures, st.integers(0, 999))
def test_one_that_took_all_patience_has_one_try_a_minute(
    script: list[Try], patience: float, error: Retryable | Ambiguous, later: int
) -> None:
    _, standing, now = played([*script, Try(301, error, 20)], patience)
    assert isinstance(error_if_open(standing, now), Retryable)
    probed = record(standing, error, now + SLOW_SECONDS + later, 0.0, patience)
    assert isinstance(error_if_open(probed, now + SLOW_SECONDS + later), Retryable)


@given(histories, patiences, st.integers(0, 400))
def test_one_that_recovers_is_used_again_when_its_time_is_over_at_the_latest(script: list[Try], patience: float, later: int) -> None:
    _, standing, now = played(script, patience)
    longest = SLOW_SECONDS if isinstance(error_if_open(standing, now), Retryable) else DEAD_SECONDS
    assert error_if_open(standing, now + longest) is None
    if error_if_open(standing, now + later) is None:
        assert error_if_open(record(standing, WELL, now + later, 1.0, patience), now + later) is None
        assert record(standing, WELL, now + later, 1.0, patience) == Circuit()


@given(histories, patiences, st.sampled_from(NEITHER), st.integers(0, 99))
def test_what_says_nothing_of_the_destination_changes_nothing(script: list[Try], patience: float, outcome: Outcome, spent: int) -> None:
    _, standing, now = played(script, patience)
    assert record(standing, outcome, now, spent, patience) == standing


@given(histories, patiences, st.floats(0, 2000), st.sampled_from([WELL, GONE, LATE, LOST, *NEITHER]))
def test_only_a_failure_closes(script: list[Try], patience: float, now: float, outcome: Outcome) -> None:
    _, standing, _ = played(script, patience)
    after = error_if_open(record(standing, outcome, now, 1.0, patience), now)
    assert after is None or error_if_open(standing, now) is not None or isinstance(outcome, FAILING)


@given(histories, patiences, st.integers(0, 2000))
def test_a_clock_that_jumps_back_keeps_nothing_closed_for_longer(script: list[Try], patience: float, now: int) -> None:
    _, standing, _ = played(script, patience)
    assert error_if_open(standing, now) is None or error_if_open(standing, now + DEAD_SECONDS) is None
    assert error_if_open(standing, standing.at - 1) is None
    back = record(standing, LATE, standing.at - 1, -1.0, 1e9)
    assert error_if_open(back, standing.at - 1) is None
    assert back.lost == standing.lost


@given(failures, st.lists(st.integers(0, 9), min_size=1, max_size=9))
def test_it_is_closed_as_soon_as_patience_is_at_its_end(error: Retryable | Ambiguous, spent: list[int]) -> None:
    standing, now = Circuit(), 0.0
    for count, each in enumerate(spent, 1):
        now += each
        standing = record(standing, error, now, each)
        assert (error_if_open(standing, now) is not None) is (sum(spent[:count]) >= MAX_LOST_SECONDS)
        if error_if_open(standing, now):
            return
    assert standing.lost == sum(spent)


def test_what_one_says_that_is_closed() -> None:
    standing = record(Circuit(), LATE, 12.0, 12.0)
    said = "12 s were lost on tries that failed, so none is made for a minute; the last: no answer came"
    assert error_if_open(standing, 12.0) == Retryable(said, timedelta(minutes=1))
    assert error_if_open(standing, 71.5) == Retryable(said, timedelta(seconds=0.5))
    assert error_if_open(standing, 72.0) is None


def test_what_was_under_way_when_it_was_closed_does_not_prolong_that() -> None:
    for first in (GONE, LATE):
        standing = record(Circuit(), first, 20.0, 12.0)
        assert record(standing, LATE, 22.0, 14.0) == standing
        assert error_if_open(record(standing, GONE, 22.0, 14.0), 321.0) == GONE
        assert record(standing, WELL, 22.0, 14.0) == Circuit()


@pytest.mark.parametrize(("pause", "expected"), [(60, 12.0), (60.5, 6.0)])
def test_a_minute_without_failures_ends_a_row(pause: float, expected: float) -> None:
    standing = record(Circuit(), LATE, 6.0, 6.0, 20.0)
    assert record(standing, LATE, 6.0 + pause + 6.0, 6.0, 20.0).lost == expected
