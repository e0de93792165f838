"""The fake clock moves forward at once and never waits."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.adapters import Clock, Timer
from tocsin.testing import FakeClock, strategies

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_it_stands_still_jumps_instead_of_sleeping_and_records_it() -> None:
    fake = FakeClock(NOON)
    clock: Clock = fake
    assert clock.now() == clock.now() == NOON
    clock.sleep_until(NOON + timedelta(minutes=5))
    clock.sleep_until(NOON)
    assert clock.now() == NOON + timedelta(minutes=5)
    fake.advance(timedelta(seconds=1))
    assert clock.now() == NOON + timedelta(minutes=5, seconds=1)
    assert fake.sleeps == (timedelta(minutes=5),)


def test_it_measures_what_passes_also_if_it_is_set() -> None:
    clock = FakeClock(NOON)
    timer: Timer = clock
    clock.advance(timedelta(seconds=1))
    clock.time = NOON - timedelta(days=9)
    timer.wait(2.5)
    timer.wait(0.0)
    clock.sleep_until(clock.now() + timedelta(seconds=1))
    assert timer.monotonic() == 4.5
    assert clock.sleeps == (timedelta(seconds=2.5), timedelta(seconds=1))
    assert clock.now() == NOON - timedelta(days=9) + timedelta(seconds=3.5)


@given(st.lists(strategies.moments(), max_size=5))
def test_it_never_goes_back(asked: list[datetime]) -> None:
    clock = FakeClock(NOON)
    for moment in asked:
        before = clock.now()
        clock.sleep_until(moment)
        assert clock.now() == max(before, moment)
    assert NOON + sum(clock.sleeps, timedelta()) == clock.now()


def test_it_shows_no_naive_time() -> None:
    with pytest.raises(ValueError, match="time must be an aware datetime"):
        FakeClock(datetime(2026, 1, 1))
