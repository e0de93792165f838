"""Laws of silences: each ends by itself whatever the clock does, and what is told afterwards is what is then still true."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tocsin.core.changes import Streak
from tocsin.core.filters.policies import OnChange
from tocsin.core.silences import HeldBack, RunEnd, Silence, after_end, holds, silence_over

times = st.integers(-50, 50).map(float)
spans = st.integers(1, 30).map(float)
labels = st.sampled_from(["load", "load/extract", "loads", "backup", "load/", "/load", ""])
silences = st.builds(lambda label, since, span: Silence(label, since, since + span), labels, times, spans)
outcomes = st.lists(st.booleans(), min_size=1, max_size=8)


@given(silences, times)
def test_a_silence_is_in_force_in_its_time_alone_whatever_the_clock_is_set_to(silence: Silence, now: float) -> None:
    assert silence.is_in_force(now) is (silence.since <= now < silence.until)


@given(silences, st.lists(times, min_size=2, max_size=20))
def test_a_clock_that_is_set_back_makes_no_silence_longer_than_it_was_to_be(silence: Silence, clock: list[float]) -> None:
    clock.sort()
    silent = [later - earlier for earlier, later in pairwise(clock) if silence.is_in_force(earlier) and silence.is_in_force(later)]
    assert sum(silent) < silence.until - silence.since


@given(st.lists(silences, max_size=6), labels, times)
def test_overlapping_silences_are_silent_while_one_of_them_is_in_force(found: list[Silence], label: str, now: float) -> None:
    whole = silence_over(found, label, now)
    covering = [each for each in found if each.covers(label) and each.since <= now < each.until]
    assert (whole is not None) is bool(covering)
    assert whole is None or whole.until == max(each.until for each in covering)
    assert silence_over(found, label, 100.0) is None


@given(labels, labels)
def test_a_silence_covers_its_label_and_the_parts_of_it(label: str, other: str) -> None:
    assert Silence(label, 0.0, 1.0).covers(other) is (other == label or other.startswith(label + "/"))


def every_end(_: Streak, __: Streak) -> bool:
    return True


def failures(_: Streak, now: Streak) -> bool:
    return bool(now.failed)


def played(
    ends: Sequence[bool],
    before: Streak,
    wants: Callable[[Streak, Streak], bool],
    held: HeldBack | None = None,
    *,
    silenced: bool = True,
) -> tuple[HeldBack | None, int | None, Streak]:
    """Play ends of runs. Return what is held back, which end that is, and the streak."""
    which: int | None = None
    for number, failed in enumerate(ends):
        now = before.then(failed=failed)
        end = RunEnd(failed=failed, wanted=wants(before, now), silenced=silenced, broken_before=before.failed is True)
        after = after_end(held, end)
        if after is None or after.held is None:
            which = None
        elif holds(held, end, after):
            which = number
        held, before = after, now
    return held, which, before


@given(outcomes, st.booleans())
@example([True, False, True, False], True)
def test_where_each_end_is_told_the_last_one_is_held_back_if_it_is_news(ends: list[bool], broken: bool) -> None:
    held, which, _ = played(ends, Streak(broken, 1), every_end)
    assert held is not None
    if ends[-1]:
        assert (held.held, which) == ("failure", len(ends) - 1)
    elif broken:
        first = next(number for number in range(len(ends), 0, -1) if number == 1 or ends[number - 2]) - 1
        assert (held.held, which) == ("recovery", first)
    else:
        assert held.held is None


@given(outcomes, st.sampled_from([None, True, False]))
def test_where_failures_are_told_a_failure_is_held_back_until_the_recovery(ends: list[bool], broken: bool | None) -> None:
    held, _, _ = played(ends, Streak() if broken is None else Streak(broken, 1), failures)
    assert held is not None
    assert held.held == ("failure" if ends[-1] else None)


@given(outcomes, st.booleans())
def test_where_changes_are_told_the_change_over_the_whole_silence_is(ends: list[bool], broken: bool) -> None:
    held, _, _ = played(ends, Streak(broken, 1), OnChange(1, None).tells)
    assert held is not None
    if ends[-1] is not broken:
        assert held.held == ("failure" if ends[-1] else "recovery")
    else:
        assert held.held == ("failure" if broken and False in ends else None)


@pytest.mark.parametrize("wants", [every_end, failures, OnChange(1, None).tells, OnChange(3, 2).tells])
@given(ends=outcomes, broken=st.booleans())
def test_no_failure_is_held_back_after_a_success_and_no_recovery_after_a_failure(
    wants: Callable[[Streak, Streak], bool], ends: list[bool], broken: bool
) -> None:
    held, _, _ = played(ends, Streak(broken, 1), wants)
    assert held is not None
    assert held.held != ("recovery" if ends[-1] else "failure")
    assert held.held != "recovery" or broken


@given(outcomes, st.booleans())
def test_without_a_silence_nothing_is_held_back(ends: list[bool], broken: bool) -> None:
    assert played(ends, Streak(broken, 1), every_end, silenced=False)[0] is None


@given(outcomes, outcomes, st.booleans())
def test_an_end_that_is_told_after_the_silence_takes_the_place_of_what_was_held_back(
    ends: list[bool], later: list[bool], broken: bool
) -> None:
    held, _, streak = played(ends, Streak(broken, 1), every_end)
    assert played(later, streak, every_end, held, silenced=False)[0] is None


@given(outcomes, st.booleans())
def test_an_end_that_no_handler_wants_leaves_a_failure_held_back_until_the_recovery(ends: list[bool], later: bool) -> None:
    held, _, streak = played([*ends, True], Streak(False, 1), every_end)
    after, which, _ = played([later], streak, lambda _, __: False, held, silenced=False)
    assert which is None
    assert (after is not None and after.held == "failure") is later
