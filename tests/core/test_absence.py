"""Absence: examples of what is overdue, and what people read."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from tocsin.core.absence import (
    Daily,
    Every,
    Expectation,
    LastRun,
    Missed,
    Recovered,
    Seen,
    ToldMiss,
    absence,
    decide,
    describe_miss,
    describe_recovery,
    last_start,
    miss_id,
)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BERLIN = ZoneInfo("Europe/Berlin")
AT_THREE = Expectation("load", Daily(time(3), BERLIN), HOUR, datetime(2026, 3, 1, 12, tzinfo=UTC))


def at(month: int, day: int, hour: int = 0, minute: int = 0, zone: ZoneInfo = BERLIN) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=zone)


def ran(month: int, day: int, hour: int, minute: int = 0) -> Seen:
    return Seen(LastRun(at(month, day, hour, minute)))


def test_a_label_that_never_ran_counts_from_when_it_was_expected() -> None:
    assert absence(AT_THREE, Seen(), at(3, 2, 3, 59)) is None
    missed = decide(AT_THREE, Seen(), None, at(3, 2, 4))
    assert isinstance(missed, Missed)
    assert missed.absence.due == at(3, 2, 3)
    assert describe_miss(AT_THREE, missed.absence, Seen()) == "no run started by 2026-03-02 04:00 CET, and it never ran"


def test_many_misses_are_one_message() -> None:
    missed = decide(AT_THREE, ran(3, 2, 3), None, at(3, 5, 12))
    assert isinstance(missed, Missed)
    assert (missed.absence.due, missed.absence.missed) == (at(3, 5, 3), 3)
    assert describe_miss(AT_THREE, missed.absence, ran(3, 2, 3)) == (
        "no run started by 2026-03-05 04:00 CET, and its last run started at 2026-03-02 03:00 CET; 3 runs were missed"
    )


def test_a_run_that_is_early_by_a_little_counts_and_one_of_the_day_before_does_not() -> None:
    assert absence(AT_THREE, ran(3, 3, 2, 59), at(3, 3, 12)) is None
    assert absence(AT_THREE, ran(3, 3, 2, 58), at(3, 3, 12)) is not None


@pytest.mark.parametrize(
    ("day", "first", "last"),
    [
        ((3, 29), "2026-03-29T00:30+00:00", "2026-03-29T01:30+00:00"),  # 02:30 is skipped
        ((10, 25), "2026-10-25T00:30+00:00", "2026-10-25T01:30+00:00"),  # 02:30 comes twice
    ],
)
def test_a_time_that_a_day_lacks_or_has_twice(day: tuple[int, int], first: str, last: str) -> None:
    expected = Expectation("load", Daily(time(2, 30), BERLIN), timedelta(0), datetime(2026, 1, 1, tzinfo=UTC))
    before = Seen(LastRun(at(*day, 2, 30) - DAY))
    opens, due = datetime.fromisoformat(first), datetime.fromisoformat(last)
    assert absence(expected, before, due - timedelta(seconds=1)) is None
    missed = absence(expected, before, due)
    assert missed is not None
    assert (missed.due, missed.missed) == (due, 1)
    assert absence(expected, Seen(LastRun(opens)), due) is None


def test_an_interval_counts_real_time_when_clocks_change() -> None:
    daily = Expectation("load", Every(DAY), timedelta(0), at(3, 28, 12))
    assert absence(daily, Seen(), at(3, 29, 12)) is None  # 23 hours later
    assert absence(daily, Seen(), at(3, 29, 13)) is not None


def test_a_short_interval_is_told_once_a_day() -> None:
    often, begin = Expectation("load", Every(timedelta(minutes=5)), timedelta(0), at(3, 1)), at(3, 1)
    told, dues = None, list[datetime]()
    for minute in range(0, 3 * 24 * 60, 7):
        decision = decide(often, Seen(), told, begin + timedelta(minutes=minute))
        if isinstance(decision, Missed):
            told = decision.told
            dues.append(told.due)
    assert dues == [begin + timedelta(minutes=5) + number * DAY for number in range(3)]


def test_it_runs_again() -> None:
    told = ToldMiss(at(3, 2, 3))
    decision = decide(AT_THREE, ran(3, 2, 5), told, at(3, 2, 6))
    assert isinstance(decision, Recovered)
    assert describe_recovery(AT_THREE, decision) == (
        "it runs again: a run started at 2026-03-02 05:00 CET, after that of 2026-03-02 03:00 CET was missed"
    )


def test_the_start_of_one_run_is_not_taken_for_two() -> None:
    """At its end, the start of a run is computed anew, and differs by a little from the one that was known while it was open."""
    told = ToldMiss(at(3, 2, 3), after=at(3, 2, 2))
    moved = Seen(LastRun(at(3, 2, 2) + timedelta(milliseconds=3)))
    assert decide(AT_THREE, moved, told, at(3, 2, 6)) is None


def test_a_new_outage_is_told_though_no_check_saw_the_run_between() -> None:
    told = ToldMiss(at(3, 9, 3), after=None)  # of a clock that stood a week ahead
    assert isinstance(decide(AT_THREE, ran(3, 2, 3), told, at(3, 3, 6)), Missed)


def test_a_start_in_the_future() -> None:
    now = at(3, 2, 12)
    assert last_start([], now) is None
    assert last_start([now + HOUR], now) == now
    assert last_start([now + 2 * DAY, now - DAY], now) == now - DAY
    assert absence(AT_THREE, Seen(LastRun(now + 2 * DAY)), now) is not None


def test_an_id_is_of_one_miss() -> None:
    ids = {miss_id(AT_THREE, ToldMiss(at(3, day, 3))) for day in (1, 2, 3)}
    assert len(ids) == 3
    assert miss_id(AT_THREE, ToldMiss(at(3, 1, 3))) == miss_id(AT_THREE, ToldMiss(at(3, 1, 2, zone=ZoneInfo("UTC")), after=at(1, 1)))


def test_words() -> None:
    assert str(AT_THREE) == "at 03:00 Europe/Berlin, grace 1 h"
    assert str(Expectation("load", Every(DAY), timedelta(0), at(3, 1))) == "every 1 d, grace none"


@pytest.mark.parametrize("interval", [timedelta(0), -DAY])
def test_an_interval_is_longer_than_nothing(interval: timedelta) -> None:
    with pytest.raises(ValueError, match="interval must be longer than 0"):
        Every(interval)
    with pytest.raises(ValueError, match="grace must be 0 or longer"):
        Expectation("load", Every(DAY), -DAY, at(3, 1))
