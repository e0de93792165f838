"""Laws of filters: a Boolean algebra over changes, and values that print as their formula."""

import pickle
from collections.abc import Callable
from datetime import UTC, datetime

import attrs
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.laws.user_kinds import EVERY, OWN
from tocsin import Change, Recording, State, filters, gmail_notifier, interpreting, slack_notifier
from tocsin.core.filters.algebra import Filter, everything, nothing
from tocsin.core.notifiers import SlackNotifier
from tocsin.core.states import KINDS
from tocsin.testing import strategies
from tocsin.testing.laws_filters import LAWS
from tocsin.testing.strategies import has_message, is_retry
from tocsin.testing.value_strategies import TrackedJob

Kinds = list[type[State]]

bare = st.sampled_from(EVERY).map(lambda kind: kind())
worded_or_not = st.builds(lambda kind, message: kind(message), st.sampled_from(EVERY), st.sampled_from([None, "disk full"]))
plain_changes = st.builds(  # the fields that filters read, from few values, since there are many combinations
    Change,
    tracked_obj=st.sampled_from(["", "nightly load", "a", "*", "\ud800"]).map(TrackedJob),
    old=worded_or_not,
    new=worded_or_not,
    at=st.just(datetime(2026, 1, 1, tzinfo=UTC)),
    run_id=st.just("r1"),
    slug=st.just("load"),
    attempt=st.integers(1, 9),
    attempts=st.just(9),
    final=st.booleans(),
)
some_kinds = st.lists(st.sampled_from(EVERY), max_size=4)


@pytest.mark.parametrize("law", LAWS)
@given(strategies.filters(), strategies.filters(), strategies.filters(), plain_changes)
def test_law(law: str, a: Filter, b: Filter, c: Filter, change: Change) -> None:
    assert LAWS[law](a, b, c, change)


# --- as values ----------------------------------------------------------------------------------------------------------------


@given(strategies.filters(), strategies.filters(), strategies.filters())
def test_equality_is_that_of_the_formula_up_to_order_grouping_and_repetition(a: Filter, b: Filter, c: Filter) -> None:
    for join in (Filter.__and__, Filter.__or__):
        same = [join(join(a, b), c), join(a, join(b, c)), join(join(c, a), b), join(join(a, b), join(c, a))]
        assert same == [same[0]] * 4
        assert len({*same}) == 1


@given(strategies.filters())
def test_constants_drop_out_of_a_formula_or_take_it_over(a: Filter) -> None:
    assert a & everything == everything & a == a | nothing == nothing | a == a & a == a | a == ~~a == a
    assert a & nothing == nothing & a == nothing
    assert a | everything == everything | a == everything


@given(strategies.filters(), strategies.filters(), plain_changes)
def test_equal_filters_give_equal_verdicts(a: Filter, b: Filter, change: Change) -> None:
    assert (a & b) != (a | b) or (a & b)(change) is (a | b)(change)
    assert a != b or a(change) is b(change)


@given(strategies.filters())
def test_the_repr_is_the_formula(a: Filter) -> None:
    atoms: dict[str, object] = {name: getattr(filters, name) for name in filters.__all__}
    names = atoms | {kind.__name__: kind for kind in KINDS} | {"is_retry": is_retry, "has_message": has_message}
    assert eval(repr(a), names) == a  # noqa: S307 - it is ours


@given(strategies.filters())
def test_filters_survive_pickle(a: Filter) -> None:
    copied = pickle.loads(pickle.dumps(a))
    assert (copied, hash(copied), repr(copied)) == (a, hash(a), repr(a))


@given(strategies.filters(), plain_changes)
def test_a_predicate_that_raises_is_a_fault_and_a_pass(a: Filter, change: Change) -> None:
    broken = filters.where(_broken)
    for formula, asked in ((broken, True), (~broken, True), (a & broken, a(change)), (a | broken, not a(change))):
        verdict = formula.explain(change)
        assert verdict.passed is (asked or a(change))
        assert isinstance(verdict.fault and verdict.fault.error, LookupError) is asked


def _broken(change: Change) -> bool:
    raise LookupError(change.slug)


# --- ignore_states and only_states --------------------------------------------------------------------------------------------


def sends(new: State, ignore: Kinds, only: Kinds) -> bool:
    """Return whether a message is sent; the reference."""
    if isinstance(new, tuple(ignore)):
        return False
    return not only or isinstance(new, tuple(only))


def by_hand(new: State, ignore: Kinds, only: Kinds) -> bool:
    return _sent(lambda: slack_notifier(ignore_states=ignore, only_states=only)(TrackedJob("load"), State(), new))


def bound_late(new: State, ignore: Kinds, only: Kinds) -> bool:
    return _sent(lambda: gmail_notifier(TrackedJob("load"), only_states=only)(new_state=new)(State(), ignore_states=ignore))


def in_a_flow(new: State, ignore: Kinds, only: Kinds) -> bool:
    return bool(SlackNotifier(ignore_states=ignore, only_states=only)(_change_to(new)))


def by_its_filter(new: State, ignore: Kinds, only: Kinds) -> bool:
    return SlackNotifier(ignore_states=ignore, only_states=only).filter(_change_to(new))


def _sent(call: Callable[[], object]) -> bool:
    with interpreting(Recording()) as recording:
        call()
    return len(recording.effects) == 1


def _change_to(new: State) -> Change:
    return attrs.evolve(_ANY, new=new)


_ANY = Change(TrackedJob("load"), State(), State(), datetime(2026, 1, 1, tzinfo=UTC), "r1", "load")

ways = pytest.mark.parametrize("way", [by_hand, bound_late, in_a_flow, by_its_filter])
Way = Callable[[State, Kinds, Kinds], bool]


@ways
@given(bare, some_kinds, some_kinds)
def test_notifiers_agree_with_the_reference(way: Way, new: State, ignore: Kinds, only: Kinds) -> None:
    assert way(new, ignore, only) is sends(new, ignore, only)


@ways
@given(bare, some_kinds, some_kinds, some_kinds)
def test_adding_to_ignore_never_sends_more(way: Way, new: State, ignore: Kinds, more: Kinds, only: Kinds) -> None:
    assert way(new, ignore, only) or not way(new, ignore + more, only)


@ways
@given(bare, some_kinds, some_kinds, some_kinds)
def test_adding_to_an_only_that_is_not_empty_never_sends_less(way: Way, new: State, ignore: Kinds, only: Kinds, more: Kinds) -> None:
    assume(only)
    assert way(new, ignore, only + more) or not way(new, ignore, only)


@given(strategies.filters(), plain_changes)
def test_when_is_one_more_condition(a: Filter, change: Change) -> None:
    assert bool(SlackNotifier(when=a)(change)) is a(change)


# --- users' kinds -------------------------------------------------------------------------------------------------------------


@given(strategies.filters(), st.sampled_from(KINDS), st.sampled_from(KINDS), plain_changes)
def test_a_users_kind_is_filtered_like_its_parent(a: Filter, old: type[State], new: type[State], change: Change) -> None:
    change = attrs.evolve(change, old=old(), new=new())
    assert a(attrs.evolve(change, old=OWN[old](), new=OWN[new]())) is a(change)
    assert a.settles(OWN[new]) is a.settles(new)


@ways
@given(st.sampled_from(KINDS), some_kinds, some_kinds)
def test_a_users_kind_is_announced_like_its_parent(way: Way, kind: type[State], ignore: Kinds, only: Kinds) -> None:
    ignore, only = ([listed for listed in kinds if listed in KINDS] for kinds in (ignore, only))
    assert way(OWN[kind](), ignore, only) is way(kind(), ignore, only)
