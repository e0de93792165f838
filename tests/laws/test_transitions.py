"""Laws of ``transition``: it is total, it follows its table, and users' kinds behave like their parents."""

from collections.abc import Mapping
from itertools import product

import attrs
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.laws.user_kinds import OWN
from tocsin import Run, State, transition
from tocsin import events as e
from tocsin.core import states as s
from tocsin.core.events import Event
from tocsin.core.machine import Subject, advance
from tocsin.core.states import KINDS
from tocsin.core.transitions import TABLE, IllegalTransition
from tocsin.testing import strategies
from tocsin.testing.strategies import EVENTS, event
from tocsin.testing.value_strategies import TrackedJob

Rows = Mapping[type[State], type[Event]]

ANSWERS = (e.HandlerReplied, e.HandlerSignalled, e.HandlerRaised)
FINISHED = [kind for kind in KINDS if issubclass(kind, s.Finished)]
LEAVING: Rows = {
    **dict.fromkeys((s.Failed, s.TimedOut, s.TriggerFailed), e.RetryDue),
    s.Looped: e.LoopDue,
    s.Cached: e.CacheInvalid,
}
STAYING: Rows = {s.Success: e.CacheStored, s.Mapped: e.ChildrenSubmitted}

one_of_each: SearchStrategy[tuple[Event, ...]] = st.tuples(*(event(kind) for kind in EVENTS))


def expected(state: State, happened: Event) -> type[State] | None:
    """Return the entry of the table for a state and an event, from the nearest parent that has one."""
    rows = [TABLE[kind] for kind in type(state).__mro__ if kind in TABLE and type(happened) in TABLE[kind]]
    return rows[0][type(happened)] if rows else None


def follows_the_table(state: State, happened: Event) -> bool:
    outcome, target = transition(state, happened), expected(state, happened)
    if target is not None:
        return isinstance(outcome.unwrap(), target)
    illegal = outcome.failure()
    named = type(state).__name__ in illegal.reason and type(happened).__name__ in illegal.reason
    return illegal.state is state and illegal.event is happened and named


@given(one_of_each, strategies.states())
def test_transition_is_total_and_its_table_is_the_truth(happened: tuple[Event, ...], filled: State) -> None:
    for state, event_ in product([filled, *(kind() for kind in KINDS)], happened):
        assert follows_the_table(state, event_)


@given(
    strategies.states(), st.one_of(event(e.HandlerReplied), event(e.HandlerSignalled), event(e.ReferencesSettled), event(e.Signalled))
)
def test_a_state_that_an_event_brings_is_the_one_that_comes(
    state: State, happened: e.HandlerReplied | e.HandlerSignalled | e.ReferencesSettled | e.Signalled
) -> None:
    came = transition(state, happened).value_or(happened.state)
    if isinstance(happened, e.Signalled):  # it may complete the state, by the time and the attempt
        assert (type(came), came.result, came.context) == (type(happened.state), happened.state.result, happened.state.context)
    else:
        assert came is happened.state


@given(strategies.states(s.MetaState, s.ClientFailed, s.Submitted, s.Queued), event(e.Unwrapped))
def test_an_unwrapped_state_is_no_wrapper(state: s.MetaState, happened: e.Unwrapped) -> None:
    inner: State | None = state
    while isinstance(inner, s.MetaState):
        inner = inner.state
    assert transition(state, happened).unwrap() == (inner or s.Pending())


@given(st.sampled_from(KINDS), strategies.events(), st.data())
def test_a_users_kind_goes_where_its_parent_goes(kind: type[State], happened: Event, data: st.DataObject) -> None:
    parent = data.draw(strategies.states(kind))
    child = OWN[kind](**{field.name: getattr(parent, field.name) for field in attrs.fields(kind)})
    one, other = transition(parent, happened), transition(child, happened)
    if isinstance(happened, e.Said):  # which leaves the state as it is
        assert other.value_or(child) is child
        return
    assert one.map(repr).value_or(None) == other.map(repr).value_or(None)
    assert one.value_or(None) == other.value_or(None)


@given(one_of_each, strategies.states(*FINISHED))
def test_a_finished_state_stays_so_except_for_the_rows_that_leave_it(happened: tuple[Event, ...], filled: State) -> None:
    for state, event_ in product([filled, *(kind() for kind in FINISHED)], happened):
        if not isinstance(event_, ANSWERS):
            kind = type(state)
            after = {LEAVING.get(kind): False, STAYING.get(kind): True}.get(type(event_))
            assert transition(state, event_).map(State.is_finished).value_or(None) is after


@given(strategies.states(*FINISHED), st.lists(strategies.events(), max_size=8))
def test_a_finished_run_stays_so_unless_it_is_retried_loops_or_its_cache_is_invalid(state: State, happened: list[Event]) -> None:
    run, reopening = Run(Subject(TrackedJob("load"), (), "r1", "load"), state), (e.RetryDue, e.LoopDue, e.CacheInvalid)
    for event_ in happened:
        stepped = advance(run, event_)
        run = run if isinstance(stepped, IllegalTransition) or isinstance(event_, reopening) else stepped.run
        assert run.state.is_finished()
