"""Policies over whole histories of runs: what they tell, in which order, and that breaking them is noticed."""

import pickle
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import groupby, pairwise

import attrs
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from tests.laws.user_kinds import EVERY, OWN
from tocsin import Aborted, Change, Failed, Retrying, Running, Skipped, State, Success, TimedOut, filters
from tocsin.core.changes import Streak
from tocsin.core.filters.policies import After, OnChange, Policy, Recovered
from tocsin.filters import Filter, Verdict
from tocsin.testing.laws_filters import LAWS as FILTER_LAWS
from tocsin.testing.value_strategies import TrackedJob

History = Sequence[Change]

ENDS = (Success, Failed, TimedOut, Aborted, Skipped)
ANY = Change(TrackedJob("nightly load"), Running(), State(), datetime(2026, 1, 1, tzinfo=UTC), "r1", "load", attempts=3)


def change(kind: type[State], *, final: bool = True) -> Change:
    return attrs.evolve(ANY, new=kind(), final=final)


def remembering(change: Change, past: Streak) -> Change:
    return attrs.evolve(change, past=past)


ends = st.builds(change, st.sampled_from(ENDS))
between = st.builds(change, st.sampled_from((Running, Retrying, Failed, TimedOut, *EVERY)), final=st.booleans())
histories = st.lists(ends | between, max_size=30)
numbers = st.integers(1, 4)
policies = st.one_of(st.builds(After, numbers), st.builds(OnChange, numbers, st.none() | numbers), st.builds(Recovered, numbers))
streaks = st.just(Streak()) | st.builds(Streak, st.booleans(), st.integers(1, 9))


def verdicts(policy: Policy, history: History) -> list[Verdict]:
    """What a policy says of each change, from an empty memory on."""
    memory, said = Streak(), list[Verdict]()
    for each in history:
        memory, verdict = policy.step(memory, each)
        said.append(verdict)
    return said


def told(policy: Policy, history: History) -> list[int]:
    """Which changes it tells."""
    return [at for at, verdict in enumerate(verdicts(policy, history)) if verdict.passed]


# --- a model, written differently: all runs are looked at together, and none is remembered -------------------------------------


def outcomes(history: History) -> list[tuple[int, bool]]:
    """Which changes end a run, and whether badly."""
    return [(at, each.new.is_failed()) for at, each in enumerate(history) if each.final and isinstance(each.new, Success | Failed)]


def spells(history: History) -> list[tuple[bool, list[int]]]:
    """The streaks of a history: whether they are of failures, and the changes that they are made of."""
    return [(failed, [at for at, _ in runs]) for failed, runs in groupby(outcomes(history), lambda run: run[1])]


def by_hand(policy: Policy, history: History) -> list[int]:
    """The reference: which changes are told."""
    found = spells(history)
    failures = [runs for failed, runs in found if failed]
    endings = [(runs, found[at + 1][1][0]) for at, (failed, runs) in enumerate(found[:-1]) if failed]
    match policy:
        case After(failures=least):
            return [runs[least - 1] for runs in failures if len(runs) >= least]
        case OnChange(after=least, every=every):
            further = [at for runs in failures for at in (runs[least - 1 :: every] if every else runs[least - 1 : least])]
            return sorted(further + [success for runs, success in endings if len(runs) >= least])
        case Recovered(after=least):
            return [success for runs, success in endings if len(runs) >= least]
        case _:
            raise AssertionError(policy)


# --- the laws, as data: of any policy of the kind, and any history -------------------------------------------------------------


def _no_two_alike(policy: Policy, history: History) -> bool:
    said = [verdict for verdict in verdicts(policy, history) if verdict.passed]
    return all(one != two for one, two in pairwise(said))


def _alternate(policy: OnChange, history: History) -> bool:
    ended = [history[at].new.is_failed() for at in told(attrs.evolve(policy, every=None), history)]
    return ended == [True, False] * (len(ended) // 2) + [True] * (len(ended) % 2)


def _first_is_told(policy: OnChange, history: History) -> bool:
    first = {runs[0] for failed, runs in spells(history) if failed}
    return first <= set(told(attrs.evolve(policy, after=1), history))


def _once_a_streak(policy: After, history: History) -> bool:
    said = told(policy, history)
    return all(len({*runs} & {*said}) == (failed and len(runs) >= policy.failures) for failed, runs in spells(history))


def _once_after_a_streak(policy: Recovered, history: History) -> bool:
    found = spells(history)
    due = [after[0] for (failed, runs), (_, after) in pairwise(found) if failed and len(runs) >= policy.after]
    return told(policy, history) == due


def _ends_only(policy: Policy, history: History) -> bool:
    return {*told(policy, history)} <= {at for at, _ in outcomes(history)}


def _agrees(policy: Policy, history: History) -> bool:
    return told(policy, history) == by_hand(policy, history)


ON_CHANGE: Mapping[str, Callable[[OnChange, History], bool]] = {
    "of what is told no two in a row are equal": _no_two_alike,
    "without every, failures and recoveries take turns": _alternate,
    "a first failure is told": _first_is_told,
    "only ends are told": _ends_only,
    "the reference agrees": _agrees,
}
AFTER: Mapping[str, Callable[[After, History], bool]] = {
    "it tells once in a streak that is long enough, and in no other": _once_a_streak,
    "the reference agrees": _agrees,
}
RECOVERED: Mapping[str, Callable[[Recovered, History], bool]] = {
    "it tells once after each streak that is long enough": _once_after_a_streak,
    "the reference agrees": _agrees,
}


@pytest.mark.parametrize("law", ON_CHANGE)
@given(st.builds(OnChange, numbers, st.none() | numbers), histories)
def test_law_of_on_change(law: str, policy: OnChange, history: History) -> None:
    assert ON_CHANGE[law](policy, history)


@pytest.mark.parametrize("law", AFTER)
@given(st.builds(After, numbers), histories)
def test_law_of_after(law: str, policy: After, history: History) -> None:
    assert AFTER[law](policy, history)


@pytest.mark.parametrize("law", RECOVERED)
@given(st.builds(Recovered, numbers), histories)
def test_law_of_recovered(law: str, policy: Recovered, history: History) -> None:
    assert RECOVERED[law](policy, history)


# --- breaking them ------------------------------------------------------------------------------------------------------------


class Eager(OnChange):
    """Tells every failure."""

    __slots__ = ()

    def tells(self, before: Streak, now: Streak) -> bool:
        return now.failures > 0 or super().tells(before, now)


class Glad(OnChange):
    """Tells the first success ever."""

    __slots__ = ()

    def tells(self, before: Streak, now: Streak) -> bool:
        return now == Streak(False, 1) or super().tells(before, now)


class Relieved(OnChange):
    """Tells the recovery from failures that were never told."""

    __slots__ = ()

    def tells(self, before: Streak, now: Streak) -> bool:
        return (before.failures > 0 and not now.failed) or super().tells(before, now)


class Grim(OnChange):
    """Tells no recovery."""

    __slots__ = ()

    def tells(self, before: Streak, now: Streak) -> bool:
        return now.failures > 0 and super().tells(before, now)


class Late(OnChange):
    """Is one failure behind."""

    __slots__ = ()

    def tells(self, before: Streak, now: Streak) -> bool:
        return now.length == self.after + 1 if now.failed else super().tells(before, now)


class Miscounting(OnChange):
    """Counts every so many failures from the first one on."""

    __slots__ = ()

    def tells(self, before: Streak, now: Streak) -> bool:
        return now.failures % (self.every or 1) == 0 if now.length > self.after else super().tells(before, now)


class Wordless(OnChange):
    """Says the same of each failure."""

    __slots__ = ()

    def why(self, before: Streak, now: Streak) -> str:
        return "a failure"


class Hasty(OnChange):
    """Takes each attempt for the last."""

    __slots__ = ()

    def step(self, memory: Streak, change: Change) -> tuple[Streak, Verdict]:
        return super().step(memory, attrs.evolve(change, final=True))


class Forgetful(OnChange):
    """Begins anew once it has told."""

    __slots__ = ()

    def step(self, memory: Streak, change: Change) -> tuple[Streak, Verdict]:
        memory, verdict = super().step(memory, change)
        return (Streak() if verdict.passed else memory), verdict


class Insistent(After):
    """Goes on telling once there are enough failures."""

    __slots__ = ()

    def tells(self, before: Streak, now: Streak) -> bool:
        return now.failures >= self.failures


class Cyclic(After):
    """Tells again each time that there are as many failures more."""

    __slots__ = ()

    def tells(self, before: Streak, now: Streak) -> bool:
        return now.failures > 0 and now.failures % self.failures == 0


class Pedantic(Recovered):
    """Tells the recovery from exactly so many failures."""

    __slots__ = ()

    def tells(self, before: Streak, now: Streak) -> bool:
        return not now.failed and before.failures == self.after


class Happy(Recovered):
    """Tells every success."""

    __slots__ = ()

    def tells(self, before: Streak, now: Streak) -> bool:
        return not now.failed


BROKEN: Mapping[str, Callable[[History], bool]] = {
    "Eager": partial(_alternate, Eager(1, None)),
    "Glad": partial(_alternate, Glad(1, None)),
    "Relieved": partial(_alternate, Relieved(2, None)),
    "Grim": partial(_alternate, Grim(1, None)),
    "Late": partial(_first_is_told, Late(1, None)),
    "Miscounting": partial(_agrees, Miscounting(2, 2)),
    "Wordless": partial(_no_two_alike, Wordless(1, 1)),
    "Hasty": partial(_ends_only, Hasty(1, None)),
    "Forgetful": partial(_alternate, Forgetful(1, None)),
    "Insistent": partial(_once_a_streak, Insistent(2)),
    "Cyclic": partial(_once_a_streak, Cyclic(2)),
    "Pedantic": partial(_once_after_a_streak, Pedantic(1)),
    "Happy": partial(_once_after_a_streak, Happy(1)),
}
"""By the name of a broken policy, the law that is to notice it."""

_THOROUGH = settings(max_examples=2000, derandomize=True, database=None, phases=[Phase.generate])


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_policy_breaks_its_law(broken: str) -> None:
    law = BROKEN[broken]
    assert find(histories, lambda history: not law(history), settings=_THOROUGH)


# --- as machines, and as filters ----------------------------------------------------------------------------------------------


@given(policies, policies, streaks, ends | between)
def test_the_memory_is_a_function_of_the_changes_alone(one: Policy, other: Policy, memory: Streak, change: Change) -> None:
    assert one.step(memory, change)[0] == other.step(memory, change)[0] == memory.after(change.new, final=change.final)


@given(policies, streaks, streaks, ends | between)
def test_a_step_is_total_and_does_not_ask_the_past_that_the_change_carries(
    policy: Policy, memory: Streak, other: Streak, change: Change
) -> None:
    assert policy.step(memory, change) == policy.step(memory, remembering(change, other))
    assert policy.step(memory, change)[1].reason


@given(policies, streaks, ends | between)
def test_the_filter_is_the_step_from_the_past_that_the_change_carries(policy: Policy, past: Streak, change: Change) -> None:
    assert policy.explain(remembering(change, past)) == policy.step(past, change)[1]


@pytest.mark.parametrize("law", FILTER_LAWS)
@given(policies, policies | st.just(filters.entered(Failed)), policies, st.builds(remembering, ends | between, streaks))
def test_law_of_filters(law: str, a: Filter, b: Filter, c: Filter, change: Change) -> None:
    assert FILTER_LAWS[law](a, b, c, change)


@given(policies)
def test_the_repr_is_what_one_writes(policy: Policy) -> None:
    names: dict[str, object] = {name: getattr(filters, name) for name in filters.__all__}
    assert eval(repr(policy), names) == policy  # noqa: S307 - it is ours


@given(st.builds(Streak, st.booleans(), st.integers(1, 9)) | st.just(Streak()))
def test_a_streak_survives_pickle(streak: Streak) -> None:
    assert pickle.loads(pickle.dumps(streak)) == streak


@given(policies, streaks, st.sampled_from([*OWN]), st.booleans())
def test_a_kind_of_ones_own_ends_a_run_like_its_parent(policy: Policy, memory: Streak, kind: type[State], final: bool) -> None:
    (one, told), (other, told_too) = (policy.step(memory, change(each, final=final)) for each in (kind, OWN[kind]))
    assert (one, told.passed) == (other, told_too.passed)
