"""Laws of the rate limit: no window exceeds it, a message goes as soon as it may, and no clock makes it wait for ever.

Times are whole nanoseconds, small enough for a float to hold exactly. So the laws hold to the nanosecond, without a tolerance.
"""

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tocsin.core.delivery.rate_limit import GMAIL, SLACK, Bucket, Rate, take
from tocsin.core.validation import invoke

NANO = 10**9
HOUR = 3600 * NANO

rates = st.one_of(
    st.sampled_from([SLACK, GMAIL, Rate(1, 1, 1), Rate(3, 1.0, 2)]),
    st.builds(Rate, st.integers(1, 500), st.floats(1e-3, 100.0) | st.integers(1, 86_400), st.integers(1, 20)),
)
steps = st.sampled_from([0, 0, 1, NANO // 3, NANO, HOUR]) | st.integers(0, 5 * NANO)
onward = st.lists(steps, min_size=1, max_size=40)
anyhow = st.lists(steps | st.integers(-2 * HOUR, 0), min_size=1, max_size=40)


def readings(moves: Sequence[int]) -> list[int]:
    """Return the readings of a clock with these moves, in nanoseconds."""
    shown = [1000 * NANO]
    for move in moves:
        shown.append(shown[-1] + move)
    return shown


def waits(rate: Rate, nows: Sequence[int]) -> list[int]:
    """Return how long a message at each moment waits, in nanoseconds."""
    bucket, found = Bucket(), list[int]()
    for now in nows:
        bucket, wait = take(bucket, rate, now / NANO)
        found.append(round(wait * NANO))
    return found


def grants(rate: Rate, nows: Sequence[int]) -> list[int]:
    """Return when each message may go."""
    return [now + wait for now, wait in zip(nows, waits(rate, nows), strict=True)]


def most(rate: Rate, window: int) -> Fraction:
    """Return how many messages may go in a window of so many nanoseconds: rate x window + burst."""
    return rate.messages * Fraction(window) / (Fraction(rate.per) * NANO) + rate.burst


def by_hand(rate: Rate, nows: Sequence[int]) -> list[int]:
    """Return when each message goes, as early as all windows that end with it allow; the reference, over the whole history."""
    gone: list[int] = []
    for now in nows:
        ends = [start + (count - rate.burst) * rate.gap for count, start in enumerate(reversed(gone), 2)]
        gone.append(max([now, *ends]))
    return gone


@given(rates, onward)
@example(SLACK, [0] * 20)
@example(GMAIL, [0] * 101 + [HOUR] + [0] * 20)
def test_over_any_window_no_more_go_than_the_rate_allows(rate: Rate, moves: list[int]) -> None:
    gone = grants(rate, readings(moves))
    for first, start in enumerate(gone):
        for last, end in enumerate(gone[first:], first):
            assert last - first + 1 <= most(rate, end - start)


@given(rates, onward)
def test_a_message_goes_as_soon_as_that_allows_and_in_its_turn(rate: Rate, moves: list[int]) -> None:
    nows = readings(moves)
    gone = grants(rate, nows)
    assert gone == by_hand(rate, nows)
    assert all(one <= other for one, other in pairwise(gone))


@given(rates, anyhow)
def test_a_clock_that_jumps_back_is_one_that_stands_still(rate: Rate, moves: list[int]) -> None:
    assert waits(rate, readings(moves)) == waits(rate, readings([max(move, 0) for move in moves]))


@given(rates, anyhow)
def test_no_clock_makes_a_message_wait_for_more_than_those_before_it(rate: Rate, moves: list[int]) -> None:
    for before, wait in enumerate(waits(rate, readings(moves))):
        assert 0 <= wait <= max(before + 1 - rate.burst, 0) * rate.gap


@given(rates, anyhow, st.integers(1, 30))
def test_however_far_a_clock_jumps_ahead_no_more_than_a_burst_goes_at_once(rate: Rate, moves: list[int], more: int) -> None:
    nows = readings([*moves, 366 * 24 * HOUR, *[0] * more])
    at_once = waits(rate, nows)[len(moves) + 1 :].count(0)
    assert at_once == min(more + 1, rate.burst)


@given(rates)
def test_the_gap_is_the_rate_rounded_up_to_a_nanosecond(rate: Rate) -> None:
    exact = Fraction(rate.per) * NANO / rate.messages
    assert exact <= rate.gap < exact + 1


def test_any_day_has_room_for_what_a_personal_account_may_send() -> None:
    assert most(GMAIL, 24 * HOUR) == 500
    assert most(SLACK, 60 * NANO) == 65


@pytest.mark.parametrize("name", ["messages", "burst"])
@pytest.mark.parametrize(
    ("value", "error"), [(0, ValueError), (-1, ValueError), (1.5, ValueError), (True, TypeError), ("3", TypeError)]
)
def test_a_count_is_a_whole_number(name: str, value: object, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        invoke(attrs.evolve, SLACK, **{name: value})
    wrong = f"{name} of a Rate is a whole number from 1 on, not {value!r}: write Rate(30, per=60, burst=3) for 30 a minute"
    assert str(caught.value).startswith(wrong)


@pytest.mark.parametrize(
    ("value", "error"),
    [(0, ValueError), (-1.0, ValueError), (math.nan, ValueError), (math.inf, ValueError), (False, TypeError), ("1 s", TypeError)],
)
def test_a_span_is_a_number_of_seconds(value: object, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        invoke(attrs.evolve, SLACK, per=value)
    wrong = f"per of a Rate is a number of seconds, more than 0 and at most a year, not {value!r}: write Rate(30, per=60, burst=3)"
    assert str(caught.value).startswith(wrong)


@pytest.mark.parametrize("rate", [Rate(10**400, 1.0, 1), Rate(1, 5e-324, 1), Rate(1, 366 * 86_400, 10**400)])
def test_a_rate_at_the_edge_is_kept_too(rate: Rate) -> None:
    assert waits(rate, [0, 0]) == [0, rate.gap if rate.burst == 1 else 0]
