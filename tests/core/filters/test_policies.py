"""Tests of policies: their arguments, verdicts, reasons and annotations."""

from datetime import UTC, datetime

import attrs
import pytest

from tocsin import Change, Failed, Looped, Retrying, Running, State, Success, slack_notifier
from tocsin.core.changes import Streak
from tocsin.filters import Filter, after, entered, everything, nothing, on_change, recovered
from tocsin.testing.value_strategies import TrackedJob

ANY = Change(TrackedJob("load"), Running(), State(), datetime(2026, 1, 1, tzinfo=UTC), "r1", "load", attempt=1, attempts=3)
UNKNOWN = Streak()


def ended(kind: type[State], past: Streak = UNKNOWN, *, final: bool = True) -> Change:
    return attrs.evolve(ANY, new=kind(), past=past, final=final)


def failures(length: int) -> Streak:
    return Streak(True, length)


def successes(length: int) -> Streak:
    return Streak(False, length)


# --- verdicts and reasons -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "change", "passed", "reason"),
    [
        (after(3), ended(Failed), False, "a failure with nothing known of earlier runs; only the 3rd failure in a row is announced"),
        (after(3), ended(Failed, failures(2)), True, "the 3rd failure in a row"),
        (after(3), ended(Failed, failures(3)), False, "the 4th failure in a row; only the 3rd failure in a row is announced"),
        (
            after(3),
            ended(Success, failures(3)),
            False,
            "a success after 3 failures in a row; only the 3rd failure in a row is announced",
        ),
        (after(1), ended(Failed, successes(1)), True, "a failure after a success"),
        (on_change(), ended(Failed), True, "a failure with nothing known of earlier runs"),
        (on_change(), ended(Failed, successes(1200)), True, "a failure after 1,200 successes in a row"),
        (on_change(), ended(Failed, failures(1)), False, "the 2nd failure in a row; only the 1st is announced"),
        (on_change(), ended(Success), False, "a success with nothing known of earlier runs"),
        (on_change(), ended(Success, successes(2)), False, "the 3rd success in a row"),
        (on_change(), ended(Success, failures(1)), True, "recovered after a failure"),
        (on_change(after=2), ended(Success, failures(1)), False, "a success after a failure"),
        (on_change(after=2), ended(Failed, failures(1)), True, "the 2nd failure in a row"),
        (on_change(2, 3), ended(Failed, failures(4)), True, "still failing: the 5th failure in a row"),
        (
            on_change(2, 3),
            ended(Failed, failures(5)),
            False,
            "the 6th failure in a row; only the 2nd and every 3rd further one are announced",
        ),
        (
            on_change(2, 1),
            ended(Failed),
            False,
            f"{on_change().explain(ended(Failed))}; only the 2nd and each further one are announced",
        ),
        (recovered(), ended(Success, failures(2)), True, "recovered after 2 failures in a row"),
        (recovered(), ended(Failed, successes(1)), False, "a failure after a success; only a success after a failure is announced"),
        (
            recovered(3),
            ended(Success),
            False,
            f"{on_change().explain(ended(Success))}; only a success after 3 failures in a row or more is announced",
        ),
    ],
)
def test_an_end(policy: Filter, change: Change, passed: bool, reason: str) -> None:
    verdict = policy.explain(change)
    assert (verdict.passed, verdict.reason) == (passed, reason)
    assert (~policy).explain(change).passed is not passed
    assert (~policy).explain(change).reason == reason


@pytest.mark.parametrize("policy", [after(1), on_change(every=1), recovered()])
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (ended(Running), "the new state, Running, is no end of a run"),
        (ended(Retrying, final=False), "the new state, Retrying, is no end of a run"),
        (ended(Looped), "the new state, Looped, is no end of a run"),
        (ended(Failed, final=False), "after attempt 1 of 3 another may follow"),
    ],
)
def test_a_change_that_ends_no_run_is_not_announced(policy: Filter, change: Change, reason: str) -> None:
    change = attrs.evolve(change, past=failures(1))
    assert not policy(change)
    assert policy.explain(change).reason == reason
    assert policy.remark(change) is None


@pytest.mark.parametrize(
    ("policy", "change", "annotation"),
    [
        (on_change(), ended(Failed, successes(3)), None),
        (after(3), ended(Failed, failures(2)), "the 3rd failure in a row"),
        (on_change(every=10), ended(Failed, failures(20)), "still failing: the 21st failure in a row"),
        (on_change(every=10), ended(Failed, failures(10)), "still failing: the 11th failure in a row"),
        (on_change(every=10), ended(Failed, failures(11)), "the 12th failure in a row"),
        (on_change(), ended(Success, failures(22)), "recovered after 22 failures in a row"),
        (recovered(), ended(Success, failures(1)), "recovered after a failure"),
        (recovered(), ended(Success, successes(1)), None),
        (recovered(), ended(Success), None),
        (entered(Failed) & (after(3) | recovered(3)), ended(Failed, failures(2)), "the 3rd failure in a row"),
        (~on_change(), ended(Failed, failures(1)), None),
    ],
)
def test_the_annotation_for_a_message(policy: Filter, change: Change, annotation: str | None) -> None:
    assert policy.remark(change) == annotation


@pytest.mark.parametrize(("number", "expected"), [(12, "12th"), (13, "13th"), (112, "112th"), (1001, "1,001st"), (102, "102nd")])
def test_the_ordinal_of_a_failure(number: int, expected: str) -> None:
    assert on_change().remark(ended(Failed, failures(number - 1))) == f"the {expected} failure in a row"


# --- as filters ---------------------------------------------------------------------------------------------------------------


def test_a_kind_that_ends_no_run_is_settled_by_the_kind_alone() -> None:
    for policy in (after(1), on_change(), recovered()):
        assert [policy.settles(kind) for kind in (Running, Retrying, Looped, State)] == [False] * 4
    assert [policy.settles(Success) for policy in (after(1), on_change(), recovered())] == [False, None, None]
    assert [policy.settles(Failed) for policy in (after(1), on_change(), recovered())] == [None, None, False]


def test_a_formula_knows_whether_it_remembers() -> None:
    assert all(policy.remembers() for policy in (after(1), ~on_change(), entered(Failed) & recovered()))
    assert not any(policy.remembers() for policy in (entered(Failed), everything, nothing & after(1)))


def test_they_are_values() -> None:
    assert len({after(2), after(2), after(3), on_change(), on_change(1), on_change(every=2), recovered(), recovered(1)}) == 5
    assert repr(on_change(2, 24) & ~after(3)) == "on_change(after=2, every=24) & ~after(3)"
    assert repr(slack_notifier(when=on_change() | recovered(after=3))) == "slack_notifier(when=on_change() | recovered(after=3))"


@pytest.mark.parametrize("wrong", ["3", 2.0, True])
def test_a_threshold_of_another_type_is_refused_at_construction(wrong: int) -> None:
    for write in (after, on_change, recovered, lambda n: on_change(every=n)):
        with pytest.raises(TypeError, match=r"is a whole number from 1 on, not .*: write "):
            write(wrong)


@pytest.mark.parametrize("wrong", [0, -1])
def test_a_count_below_1_is_refused(wrong: int) -> None:
    for write in (after, on_change, recovered, lambda n: on_change(every=n)):
        with pytest.raises(ValueError, match=rf"is a whole number from 1 on, not {wrong}: write "):
            write(wrong)


def test_none_is_refused_as_a_threshold() -> None:
    with pytest.raises(TypeError, match=r"after\(failures\) is a whole number from 1 on, not None: write after\(3\)"):
        after(None)  # type: ignore[arg-type]  # as a user without a type checker may


# --- streaks ------------------------------------------------------------------------------------------------------------------


def test_a_streak_goes_on_or_begins_anew() -> None:
    assert UNKNOWN.after(Success(), final=True) == successes(1)
    assert successes(1).after(Success(), final=True) == successes(2)
    assert successes(2).after(Failed(), final=True) == failures(1)
    assert successes(2).after(Failed(), final=False) == successes(2)
    assert (UNKNOWN.failures, successes(2).failures, failures(2).failures) == (0, 0, 2)


@pytest.mark.parametrize(("failed", "length"), [(None, 1), (True, 0), (False, 0), (True, -1), (None, -1)])
def test_a_contradictory_streak_is_refused(failed: bool | None, length: int) -> None:
    with pytest.raises(ValueError, match=f"not {length} with failed={failed}"):
        Streak(failed, length)
