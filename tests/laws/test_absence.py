"""Laws of absence: when a label is overdue, and what is told, whatever clocks, runs and checks do."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import attrs
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tocsin.core.absence import (
    DAY,
    EARLY,
    Absence,
    Daily,
    Every,
    Expectation,
    LastRun,
    Missed,
    OpenRun,
    Recovered,
    Seen,
    ToldMiss,
    absence,
    deadline,
    decide,
)

ZERO = timedelta(0)
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu", "America/Santiago")

zones = st.sampled_from(ZONES).map(ZoneInfo)
moments = st.datetimes(datetime(2011, 6, 1), datetime(2027, 6, 1), timezones=st.just(UTC))
graces = st.integers(0, 3 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes))
schedules = st.builds(Every, st.integers(1, 40 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes))) | st.builds(
    Daily, st.times().map(lambda at: at.replace(second=0, microsecond=0)), zones
)
expectations = st.builds(Expectation, st.just("load"), schedules, graces, moments)
durations = st.integers(0, 90 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes))


def run(at: datetime | None, *, failed: bool | None = False) -> Seen:
    return Seen(None if at is None else LastRun(at, failed=failed))


@given(expectations, st.none() | durations, durations)
def test_a_label_is_overdue_from_its_deadline_on(expected: Expectation, ran: timedelta | None, later: timedelta) -> None:
    now = expected.since + later
    seen = run(None if ran is None else min(expected.since + ran, now))
    until = deadline(expected, seen, now)
    assert until > expected.since
    found = absence(expected, seen, now)
    assert (found is not None) == (now >= until)
    if found is not None:
        assert until - expected.grace <= found.due <= now - expected.grace
        assert found.missed >= 1


@given(expectations, durations, st.none() | durations)
def test_it_is_never_overdue_while_a_run_is_open_within_its_limit(
    expected: Expectation, later: timedelta, limit: timedelta | None
) -> None:
    now = expected.since + later
    started = now - (later if limit is None else limit)
    seen = Seen(LastRun(started, ended=False), (OpenRun(started, limit),))
    assert absence(expected, seen, now) is None
    assert decide(expected, seen, None, now) is None
    if limit is not None:
        late = now + timedelta(microseconds=1)
        assert absence(expected, seen, late) == absence(expected, attrs.evolve(seen, underway=()), late)


@given(expectations, st.lists(durations, max_size=12), st.lists(durations, min_size=1, max_size=12))
def test_each_miss_is_told_once_and_many_at_once_make_one_message(
    expected: Expectation, runs: Sequence[timedelta], checks: Sequence[timedelta]
) -> None:
    told: ToldMiss | None = None
    misses: list[datetime] = []
    starts = sorted(expected.since + each for each in runs)
    for check in sorted(expected.since + each for each in checks):
        seen = run(max((start for start in starts if start <= check), default=None))
        decision = decide(expected, seen, told, check)
        if isinstance(decision, Missed):
            told = decision.told
            misses.append(decision.absence.due)
        elif isinstance(decision, Recovered):
            told = None
        assert not isinstance(decide(expected, seen, told, check), Missed)  # nothing is left to tell
        assert (told is None) == (absence(expected, seen, check) is None) or not seen.last
    assert misses == sorted(set(misses))


@given(expectations, st.lists(durations, min_size=1, max_size=12), durations)
def test_checks_that_were_missed_change_nothing_for_the_last_one(
    expected: Expectation, checks: Sequence[timedelta], later: timedelta
) -> None:
    """What is overdue depends on the runs and the time, not on who looked before."""
    now, told = expected.since + later, None
    for check in sorted(expected.since + each for each in checks if expected.since + each <= now):
        decision = decide(expected, Seen(), told, check)
        told = decision.told if isinstance(decision, Missed) else told
    last = decide(expected, Seen(), told, now)
    missed = absence(expected, Seen(), now)
    assert missed is None or (last.told if isinstance(last, Missed) else told) == ToldMiss(missed.due)


@given(expectations, durations, durations, st.booleans())
def test_it_recovers_when_it_runs(expected: Expectation, later: timedelta, after: timedelta, failed: bool) -> None:
    now = expected.since + later
    missed = decide(expected, Seen(), None, now)
    assume(isinstance(missed, Missed))
    assert isinstance(missed, Missed)
    again = now + after
    seen = run(again, failed=failed)
    assert decide(expected, seen, missed.told, again) == Recovered(missed.told, again, failed)
    assert decide(expected, seen, None, again) is None
    open_run = Seen(LastRun(again, ended=False), (OpenRun(again),))
    assert decide(expected, open_run, missed.told, again) is None  # how it ends is not known yet


@given(expectations, durations, st.integers(-4000, 4000).map(lambda hours: timedelta(hours=hours)))
def test_a_clock_that_is_set_costs_no_more_than_one_interval(expected: Expectation, later: timedelta, jump: timedelta) -> None:
    """A run while the clock stood elsewhere does not silence the label: from some moment on it is overdue again."""
    now = expected.since + later
    seen = run(now + jump)
    interval = expected.schedule.interval if isinstance(expected.schedule, Every) else 3 * DAY
    assert deadline(expected, seen, now) <= max(now, expected.since) + max(interval, 3 * DAY) + expected.grace


@given(expectations, durations)
def test_a_clock_that_is_set_back_and_on_again_tells_nothing_twice(expected: Expectation, later: timedelta) -> None:
    now = expected.since + later
    first = decide(expected, Seen(), None, now)
    told = first.told if isinstance(first, Missed) else None
    assume(told is not None)
    for moment in (expected.since, expected.since - DAY, now - later / 2, now):
        assert not isinstance(decide(expected, Seen(), told, moment), Missed)


@given(st.builds(Daily, st.times().map(lambda at: at.replace(second=0, microsecond=0)), zones), moments)
@example(Daily(time(2, 30), ZoneInfo("Europe/Berlin")), datetime(2026, 3, 28, 12, tzinfo=UTC))
@example(Daily(time(2, 30), ZoneInfo("Europe/Berlin")), datetime(2026, 10, 24, 12, tzinfo=UTC))
@example(Daily(time(2, 15), ZoneInfo("Australia/Lord_Howe")), datetime(2026, 10, 3, 5, tzinfo=UTC))
@example(Daily(time(3), ZoneInfo("Pacific/Apia")), datetime(2011, 12, 29, 20, tzinfo=UTC))
def test_a_run_at_the_time_of_the_clock_meets_each_civil_day(daily: Daily, since: datetime) -> None:
    """A scheduler that starts a run whenever the clock on the wall first shows the time, or skips it, is never called late."""
    expected = Expectation("load", daily, EARLY, since)
    last: datetime | None = None
    begin = since.astimezone(daily.zone).date()
    for day in (begin + DAY * number for number in range(8)):
        starts = [datetime.combine(day, daily.at, daily.zone).replace(fold=fold).astimezone(UTC) for fold in (0, 1)]
        at, until = min(starts), max(starts)
        if until <= since or day not in {at.astimezone(daily.zone).date(), until.astimezone(daily.zone).date()}:
            continue  # it was not expected yet, or the zone left the day out
        before = at - timedelta(microseconds=1)
        if last is not None and last <= before:
            assert absence(expected, run(last), before) is None
        last = max(at, since, last or at)
        assert absence(expected, run(last), until + EARLY) is None


@given(st.integers(1, 3 * 24 * 60), durations)
def test_no_two_messages_come_on_one_day(minutes: int, later: timedelta) -> None:
    expected = Expectation("load", Every(timedelta(minutes=minutes)), ZERO, BEGIN)
    found = absence(expected, Seen(), BEGIN + later)
    assume(found is not None)
    assert isinstance(found, Absence)
    before = absence(expected, Seen(), found.due - timedelta(microseconds=1))
    assert before is None or found.due - before.due >= DAY
