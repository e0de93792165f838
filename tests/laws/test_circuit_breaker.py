"""Laws of the circuit breaker: a failing destination costs bounded time, and one that recovers is used again.

Durations are whole seconds, so that sums are exact.
"""

from collections.abc import Sequence
from datetime import timedelta

import attrs
import pytest
from hypothesis import assume, example, given
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
    """A message after a pause, its outcome if it is tried, and the seconds that the try takes."""

    pause: int
    outcome: Outcome
    took: int


@attrs.frozen
class Tried:
    """A try, with its start and its end."""

    began: float
    ended: float
    outcome: Outcome


pauses = st.sampled_from([0, 0, 1, 59, 60, 61, 300]) | st.integers(0, 40)
failures = st.sampled_from([LATE, LOST])
scripts = st.lists(st.builds(Try, pauses, st.sampled_from([LATE, LATE, LOST, GONE, WELL, *NEITHER]), st.integers(0, 12)), max_size=40)
limits = st.integers(1, 20).map(float)
histories = st.lists(st.builds(Try, pauses, st.sampled_from([LATE, LOST, GONE, WELL, *NEITHER]), st.integers(-3, 12)), max_size=12)


def played(script: Sequence[Try], limit: float, start: float = 1000.0) -> tuple[list[Tried], Circuit, float]:
    """Play a script; return the tries that were made, the circuit at the end, and the time at the end."""
    now, circuit, tried = start, Circuit(), list[Tried]()
    for each in script:
        now += each.pause
        if error_if_open(circuit, now) is None:
            tried.append(Tried(now, now + max(each.took, 0), each.outcome))
            now += each.took
            circuit = record(circuit, each.outcome, now, each.took, limit)
    return tried, circuit, now


def rows(tried: Sequence[Tried]) -> list[list[Tried]]:
    """Return the failures between each delivery and the next."""
    found: list[list[Tried]] = [[]]
    for each in tried:
        if isinstance(each.outcome, Delivered):
            found.append([])
        elif isinstance(each.outcome, FAILING):
            found[-1].append(each)
    return found


@given(scripts, limits)
@example([Try(0, LATE, 3)] * 40, 10.0)
@example([Try(0, LATE, 9), Try(60, LATE, 9), Try(0, LATE, 9)], 10.0)
def test_in_any_minute_a_row_of_failures_costs_less_than_the_limit_and_one_try(script: list[Try], limit: float) -> None:
    for row in rows(played(script, limit)[0]):
        for start in {moment for each in row for moment in (each.began, each.ended - SLOW_SECONDS)}:
            inside = [max(min(each.ended, start + SLOW_SECONDS) - max(each.began, start), 0) for each in row]
            assert sum(inside) < limit + max(each.ended - each.began for each in row)


@given(histories, limits, failures, st.integers(0, 999))
def test_a_destination_past_the_limit_gets_one_try_a_minute(
    script: list[Try], limit: float, error: Retryable | Ambiguous, later: int
) -> None:
    _, circuit, now = played([*script, Try(301, error, 20)], limit)
    assert isinstance(error_if_open(circuit, now), Retryable)
    probed = record(circuit, error, now + SLOW_SECONDS + later, 0.0, limit)
    assert isinstance(error_if_open(probed, now + SLOW_SECONDS + later), Retryable)


@given(histories, limits, st.integers(0, 400))
def test_a_destination_that_recovers_is_used_again_when_its_time_is_over_at_the_latest(
    script: list[Try], limit: float, later: int
) -> None:
    _, circuit, now = played(script, limit)
    longest = SLOW_SECONDS if isinstance(error_if_open(circuit, now), Retryable) else DEAD_SECONDS
    assert error_if_open(circuit, now + longest) is None
    assume(error_if_open(circuit, now + later) is None)
    assert error_if_open(record(circuit, WELL, now + later, 1.0, limit), now + later) is None
    assert record(circuit, WELL, now + later, 1.0, limit) == Circuit()


@given(histories, limits, st.sampled_from(NEITHER), st.integers(0, 99))
def test_an_outcome_that_says_nothing_of_the_destination_changes_nothing(
    script: list[Try], limit: float, outcome: Outcome, spent: int
) -> None:
    _, circuit, now = played(script, limit)
    assert record(circuit, outcome, now, spent, limit) == circuit


@given(histories, limits, st.floats(0, 2000), st.sampled_from([WELL, GONE, LATE, LOST, *NEITHER]))
def test_only_a_failure_opens_a_circuit(script: list[Try], limit: float, now: float, outcome: Outcome) -> None:
    _, circuit, _ = played(script, limit)
    after = error_if_open(record(circuit, outcome, now, 1.0, limit), now)
    assert after is None or error_if_open(circuit, now) is not None or isinstance(outcome, FAILING)


@given(histories, limits, st.integers(0, 2000))
def test_a_clock_that_jumps_back_keeps_no_circuit_open_for_longer(script: list[Try], limit: float, now: int) -> None:
    _, circuit, _ = played(script, limit)
    assert error_if_open(circuit, now) is None or error_if_open(circuit, now + DEAD_SECONDS) is None
    assert error_if_open(circuit, circuit.at - 1) is None
    back = record(circuit, LATE, circuit.at - 1, -1.0, 1e9)
    assert error_if_open(back, circuit.at - 1) is None
    assert back.lost == circuit.lost


@given(failures, st.lists(st.integers(0, 9), min_size=1, max_size=9))
def test_a_circuit_opens_as_soon_as_the_limit_is_reached(error: Retryable | Ambiguous, spent: list[int]) -> None:
    circuit, now = Circuit(), 0.0
    for count, each in enumerate(spent, 1):
        now += each
        circuit = record(circuit, error, now, each)
        assert (error_if_open(circuit, now) is not None) is (sum(spent[:count]) >= MAX_LOST_SECONDS)
        if error_if_open(circuit, now):
            return
    assert circuit.lost == sum(spent)


def test_the_error_of_an_open_circuit() -> None:
    circuit = record(Circuit(), LATE, 12.0, 12.0)
    reason = "12 s were lost on tries that failed, so none is made for a minute; the last: no answer came"
    assert error_if_open(circuit, 12.0) == Retryable(reason, timedelta(minutes=1))
    assert error_if_open(circuit, 71.5) == Retryable(reason, timedelta(seconds=0.5))
    assert error_if_open(circuit, 72.0) is None


def test_a_try_under_way_when_the_circuit_opens_does_not_prolong_that() -> None:
    for first in (GONE, LATE):
        circuit = record(Circuit(), first, 20.0, 12.0)
        assert record(circuit, LATE, 22.0, 14.0) == circuit
        assert error_if_open(record(circuit, GONE, 22.0, 14.0), 321.0) == GONE
        assert record(circuit, WELL, 22.0, 14.0) == Circuit()


@pytest.mark.parametrize(("pause", "expected"), [(60, 12.0), (60.5, 6.0)])
def test_a_minute_without_failures_ends_a_row(pause: float, expected: float) -> None:
    circuit = record(Circuit(), LATE, 6.0, 6.0, 20.0)
    assert record(circuit, LATE, 6.0 + pause + 6.0, 6.0, 20.0).lost == expected
