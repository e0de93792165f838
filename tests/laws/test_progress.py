"""How far a run has come: the rate of a constant pace is exact, the time left shrinks, and no count harms the words."""

import math
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.progress import MIN_PERIOD, Count, Progress, count, next_reminder, worded
from tocsin.core.text import span

pytestmark = pytest.mark.laws

seconds = st.floats(0.0, 1e7, allow_nan=False)
counts = st.integers(0, 10**15) | st.floats(0.0, 1e15, allow_nan=False)
totals = st.none() | st.integers(1, 10**15) | st.floats(0.001, 1e15, allow_nan=False)
Readings = list[tuple[Count, Count | None, float]]
readings = st.lists(st.tuples(counts, totals, seconds), min_size=1, max_size=20)


def following(read: Readings) -> Progress:
    done, total, at = read[0]
    progress = Progress(done, total, at)
    for done, total, at in read[1:]:
        progress = progress.advanced(done, total, at)
    return progress


@given(pace=st.floats(1e-3, 1e3), gaps=st.lists(st.floats(0.01, 1e4), min_size=1, max_size=30))
def test_the_rate_of_a_constant_pace_is_that_pace(pace: float, gaps: list[float]) -> None:
    at, progress = 0.0, Progress(0.0, None, 0.0)
    for gap in gaps:
        at += gap
        progress = progress.advanced(pace * at, None, at)
    assert progress.rate == pytest.approx(pace, rel=1e-6)


@given(readings, st.none() | seconds)
def test_no_reading_harms_the_words(read: Readings, now: float | None) -> None:
    progress = following(read)
    words = worded(progress, now)
    assert words.isprintable()
    assert len(words) <= 100
    assert (progress.rate is None) == (words.count("/") == 0 and "no step" not in words)
    assert "left" not in words or (now is not None and progress.total is not None and progress.done < progress.total)


@given(readings)
def test_the_rate_is_between_the_slowest_and_the_fastest_of_its_parts(
    read: Readings,
) -> None:
    done, total, at = 0.0, None, 0.0
    progress, rates = Progress(done, total, at), list[float]()
    for step, _, passed in read:
        gap = passed % 1e4 + 1.0
        done, at = done + step % 1e6, at + gap
        rates.append(step % 1e6 / gap)
        progress = progress.advanced(done, total, at)
    if progress.rate is not None:
        assert min(rates) * (1 - 1e-6) - 1e-6 <= progress.rate <= max(rates) * (1 + 1e-6) + 1e-6


@given(done=st.integers(1, 10**6), more=st.integers(1, 10**6), passed=st.floats(0.1, 1e5))
def test_less_time_is_left_the_later_it_is(done: int, more: int, passed: float) -> None:
    progress = Progress(0, done + more, 0.0).advanced(done, done + more, passed)
    assert progress.rate is not None
    left = more / progress.rate
    assert worded(progress, passed).endswith(" left")
    later = progress.advanced(done + more, done + more, passed + left)
    assert later.rate == pytest.approx(progress.rate, rel=1e-6)
    assert "(100 %)" in worded(later, passed + left)
    assert "left" not in worded(later, passed + left)


@given(done=st.integers(0, 10**9), more=st.integers(1, 10**9))
def test_only_what_is_complete_is_a_hundred_per_cent(done: int, more: int) -> None:
    assert "(100 %)" not in worded(Progress(done, done + more, 0.0))
    assert "(100 %)" in worded(Progress(done + more, done + more, 0.0))
    assert "%" not in worded(Progress(done + more + 1, done + more, 0.0))


@given(readings, counts, totals)
def test_a_smaller_count_or_another_total_begins_anew(read: Readings, done: float, total: float | None) -> None:
    before = following(read)
    after = before.advanced(done, total, before.at + 1.0)
    if done < before.done or total != before.total:
        assert after == Progress(done, total, before.at + 1.0)
    else:
        assert after.seconds >= 1.0
        assert (after.done, after.total, after.at) == (done, total, before.at + 1.0)


@given(readings, st.floats(0.0, 1e6))
def test_a_clock_that_goes_back_takes_nothing_away(read: Readings, back: float) -> None:
    before = following(read)
    after = before.advanced(before.done, before.total, before.at - back)
    assert (after.at, after.steps, after.seconds) == (before.at, before.steps, before.seconds)


@pytest.mark.parametrize(
    ("passed", "words"),
    [
        (0.0, "10 of 20 (50 %), 1/s, about 10 s left"),
        (59.0, "10 of 20 (50 %), 1/s, about 9 s left"),
        (60.0, "10 of 20 (50 %), no step for 1 m"),
        (7200.0, "10 of 20 (50 %), no step for 2 h"),
    ],
)
def test_a_run_without_a_step_has_stalled(passed: float, words: str) -> None:
    assert worded(Progress(0, 20, 0.0).advanced(10, 20, 10.0), 10.0 + passed) == words


@pytest.mark.parametrize(
    ("done", "total", "took", "words"),
    [
        (3, None, 86_400.0, "3 done, 3/d"),
        (3, None, 3_600.0, "3 done, 3/h"),
        (3, None, 60.0, "3 done, 3/min"),
        (2500, None, 1.0, "2,500 done, 2,500/s"),
        (0.5, 3.0, 1.0, "0.5 of 3 (16 %), 30/min, about 5 s left"),
        (1, 10**15, 1.0, "1 of 1,000,000,000,000,000 (0 %), 1/s, more than 100 d left"),
        (1, 7200, 1.0, "1 of 7,200 (0 %), 1/s, about 2 h left"),
        (1, 200_000, 1.0, "1 of 200,000 (0 %), 1/s, about 2 d 8 h left"),
        (7, 7, 1.0, "7 of 7 (100 %), 7/s"),
        (8, 7, 1.0, "8 of 7, 8/s"),
    ],
)
def test_the_words_have_the_unit_that_reads_best(done: float, total: float | None, took: float, words: str) -> None:
    assert worded(Progress(0, total, 0.0).advanced(done, total, took), took) == words


class Numbered:
    """Is a number by ``__index__`` alone, as those of NumPy are."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __index__(self) -> int:
        return self.number


class Lying(int):
    def __le__(self, other: object) -> bool:
        return True

    __ge__ = __le__

    def __format__(self, spec: str) -> str:
        return "<!channel>"


class Infinite(float):
    def __add__(self, other: float) -> float:
        return 1.0


def test_what_counts_is_a_plain_number() -> None:
    assert [count(value) for value in (3, 2.5, Numbered(7), Lying(7), Infinite(7.0))] == [3, 2.5, 7, 7, 7.0]
    assert [type(count(value)) for value in (Numbered(7), Lying(7), Infinite(7.0))] == [int, int, float]


@pytest.mark.parametrize("value", [True, -1, 10**16, math.nan, math.inf, -0.5, "3", None, Lying(-1), Infinite("inf"), [3]])
def test_what_counts_nothing_is_no_count(value: object) -> None:
    assert count(value) is None


@given(period=st.floats(MIN_PERIOD, 1e6), elapsed=st.floats(0.0, 1e9))
def test_the_next_reminder_is_the_first_doubling_that_is_to_come(period: float, elapsed: float) -> None:
    due = next_reminder(period, elapsed)
    assert due > elapsed
    assert due == period or due / 2 <= elapsed
    assert math.log2(due / period) == pytest.approx(round(math.log2(due / period)))
    assert span(timedelta(seconds=due))
