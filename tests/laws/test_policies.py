"""Laws of policies over histories of runs: which changes they announce, and that each broken policy fails a law."""

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
    """Return the verdicts of a policy on each change, from an empty memory on."""
    memory, found = Streak(), list[Verdict]()
    for each in history:
        memory, verdict = policy.step(memory, each)
        found.append(verdict)
    return found


def announced(policy: Policy, history: History) -> list[int]:
    """Return which changes a policy announces."""
    return [at for at, verdict in enumerate(verdicts(policy, history)) if verdict.passed]


# --- the reference: it looks at the whole history, without a memory --------------------------------------------------------------


def outcomes(history: History) -> list[tuple[int, bool]]:
    """Return which changes end a run, and whether in a failure."""
    return [(at, each.new.is_failed()) for at, each in enumerate(history) if each.final and isinstance(each.new, Success | Failed)]


def spells(history: History) -> list[tuple[bool, list[int]]]:
    """Return the streaks of a history: whether they are failures, and their changes."""
    return [(failed, [at for at, _ in runs]) for failed, runs in groupby(outcomes(history), lambda run: run[1])]


def by_hand(policy: Policy, history: History) -> list[int]:
    """Return which changes are announced; the reference."""
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


# --- the laws, as data: for any policy of a class, and any history -----------------------------------------------------------------


def _no_two_alike(policy: Policy, history: History) -> bool:
    passed = [verdict for verdict in verdicts(policy, history) if verdict.passed]
    return all(one != two for one, two in pairwise(passed))


def _alternate(policy: OnChange, history: History) -> bool:
    ended = [history[at].new.is_failed() for at in announced(attrs.evolve(policy, every=None), history)]
    return ended == [True, False] * (len(ended) // 2) + [True] * (len(ended) % 2)


def _announces_the_first(policy: OnChange, history: History) -> bool:
    first = {runs[0] for failed, runs in spells(history) if failed}
    return first <= set(announced(attrs.evolve(policy, after=1), history))


def _once_a_streak(policy: After, history: History) -> bool:
    found = announced(policy, history)
    return all(len({*runs} & {*found}) == (failed and len(runs) >= policy.failures) for failed, runs in spells(history))


def _once_after_a_streak(policy: Recovered, history: History) -> bool:
    found = spells(history)
    due = [after[0] for (failed, runs), (_, after) in pairwise(found) if failed and len(runs) >= policy.after]
    return announced(policy, history) == due


def _ends_only(policy: Policy, history: History) -> bool:
    return {*announced(policy, history)} <= {at for at, _ in outcomes(history)}


def _agrees(policy: Policy, history: History) -> bool:
    return announced(policy, history) == by_hand(policy, history)


ON_CHANGE: Mapping[str, Callable[[OnChange, History], bool]] = {
    "no two announced verdicts in a row are equal": _no_two_alike,
    "without every, failures and recoveries take turns": _alternate,
    "a first failure is announced": _announces_the_first,
    "only ends of runs are announced": _ends_only,
    "the reference agrees": _agrees,
}
AFTER: Mapping[str, Callable[[After, History], bool]] = {
    "it announces once in a streak that is long enough, and in no other": _once_a_streak,
    "the reference agrees": _agrees,
}
RECOVERED: Mapping[str, Callable[[Recovered, History], bool]] = {
    "it announces once after each streak that is long enough": _once_after_a_streak,
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
    """Announces every failure."""

    __slots__ = ()

    def tells(self, before: Streak, now: Streak) -> bool:
        return now.failures > 0 or super().tells(before, now)


class Glad(OnChange):
    """Announces the first success ever."""

    __slots__ = ()

    def tells(self, before: Streak, now: Streak) -> bool:
        return now == Streak(False, 1) or super().tells(before, now)


class Relieved(OnChange):
    """Announces the recovery from failures that were not announced."""

    __slots__ = ()

    def tells(self, before: Streak, now: Streak) -> bool:
        return (before.failures > 0 and not now.failed) or super().tells(before, now)


class Grim(OnChange):
    """Announces no recovery."""

    __slots__ = ()

    def tells(self, before: Streak, now: Streak) -> bool:
        return now.failures > 0 and super().tells(before, now)


class Late(OnChange):
    """Is one failure behind."""

    __slots__ = ()

    def tells(self, before: Streak, now: Streak) -> bool:
        return now.length == self.after + 1 if now.failed else super().tells(before, now)


class Miscounting(OnChange):
    """Counts the reminders from the first failure on."""

    __slots__ = ()

    def tells(self, before: Streak, now: Streak) -> bool:
        return now.failures % (self.every or 1) == 0 if now.length > self.after else super().tells(before, now)


class Wordless(OnChange):
    """Gives the same reason for each failure."""

    __slots__ = ()

    def why(self, before: Streak, now: Streak) -> str:
        return "a failure"


class Hasty(OnChange):
    """Takes each attempt for the last."""

    __slots__ = ()

    def step(self, memory: Streak, change: Change) -> tuple[Streak, Verdict]:
        return super().step(memory, attrs.evolve(change, final=True))


class Forgetful(OnChange):
    """Clears its memory after an announcement."""

    __slots__ = ()

    def step(self, memory: Streak, change: Change) -> tuple[Streak, Verdict]:
        memory, verdict = super().step(memory, change)
        return (Streak() if verdict.passed else memory), verdict


class Insistent(After):
    """Announces each further failure too."""

    __slots__ = ()

    def tells(self, before: Streak, now: Streak) -> bool:
        return now.failures >= self.failures


class Cyclic(After):
    """Announces again after each so many failures."""

    __slots__ = ()

    def tells(self, before: Streak, now: Streak) -> bool:
        return now.failures > 0 and now.failures % self.failures == 0


class Pedantic(Recovered):
    """Announces the recovery from exactly so many failures only."""

    __slots__ = ()

    def tells(self, before: Streak, now: Streak) -> bool:
        return not now.failed and before.failures == self.after


class Happy(Recovered):
    """Announces every success."""

    __slots__ = ()

    def tells(self, before: Streak, now: Streak) -> bool:
        return not now.failed


BROKEN: Mapping[str, Callable[[History], bool]] = {
    "Eager": partial(_alternate, Eager(1, None)),
    "Glad": partial(_alternate, Glad(1, None)),
    "Relieved": partial(_alternate, Relieved(2, None)),
    "Grim": partial(_alternate, Grim(1, None)),
    "Late": partial(_announces_the_first, Late(1, None)),
    "Miscounting": partial(_agrees, Miscounting(2, 2)),
    "Wordless": partial(_no_two_alike, Wordless(1, 1)),
    "Hasty": partial(_ends_only, Hasty(1, None)),
    "Forgetful": partial(_alternate, Forgetful(1, None)),
    "Insistent": partial(_once_a_streak, Insistent(2)),
    "Cyclic": partial(_once_a_streak, Cyclic(2)),
    "Pedantic": partial(_once_after_a_streak, Pedantic(1)),
    "Happy": partial(_once_after_a_streak, Happy(1)),
}
"""For each broken policy, by name, the law that it must fail."""

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
def test_a_step_is_total_and_ignores_the_past_of_the_change(policy: Policy, memory: Streak, other: Streak, change: Change) -> None:
    assert policy.step(memory, change) == policy.step(memory, remembering(change, other))
    assert policy.step(memory, change)[1].reason


@given(policies, streaks, ends | between)
def test_the_filter_is_the_step_from_the_past_of_the_change(policy: Policy, past: Streak, change: Change) -> None:
    assert policy.explain(remembering(change, past)) == policy.step(past, change)[1]


@pytest.mark.parametrize("law", FILTER_LAWS)
@given(policies, policies | st.just(filters.entered(Failed)), policies, st.builds(remembering, ends | between, streaks))
def test_law_of_filters(law: str, a: Filter, b: Filter, c: Filter, change: Change) -> None:
    assert FILTER_LAWS[law](a, b, c, change)


@given(policies)
def test_the_repr_is_what_one_writes(policy: Policy) -> None:
    names: dict[str, object] = {name: getattr(filters, name) for name in filters.__all__}
    assert eval(repr(policy), names) == policy  # noqa: S307 - the text is our own repr


@given(st.builds(Streak, st.booleans(), st.integers(1, 9)) | st.just(Streak()))
def test_a_streak_survives_pickle(streak: Streak) -> None:
    assert pickle.loads(pickle.dumps(streak)) == streak


@given(policies, streaks, st.sampled_from([*OWN]), st.booleans())
def test_a_users_kind_ends_a_run_like_its_parent(policy: Policy, memory: Streak, kind: type[State], final: bool) -> None:
    (one, verdict), (other, other_verdict) = (policy.step(memory, change(each, final=final)) for each in (kind, OWN[kind]))
    assert (one, verdict.passed) == (other, other_verdict.passed)
