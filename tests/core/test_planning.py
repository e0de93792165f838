"""Laws of planning: each plan can be carried out, for any run in any situation."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin import Retrying, Run, State, TriggerFailed, events, signals, step, triggers
from tocsin.core.machine import Subject, is_final
from tocsin.core.planning import Done, RetryRules, RunBody, Situation, Wait, ended, plan, verdict
from tocsin.testing import strategies
from tocsin.testing.strategies import moments


@attrs.frozen
class Job:
    name: str


NOW = datetime(2026, 1, 1, tzinfo=UTC)


def broken(_: Sequence[State]) -> bool:
    raise OSError("no")


def skips(_: Sequence[State]) -> bool:
    raise signals.SKIP("m")


TRIGGERS = [triggers.all_successful, triggers.all_finished, triggers.manual_only, triggers.any_failed, broken, skips, lambda _: False]
rules = st.builds(
    RetryRules,
    st.sampled_from(TRIGGERS),
    st.booleans(),
    st.integers(0, 3),
    st.none() | st.just(timedelta(minutes=1)),
    st.none() | st.just(timedelta(days=1)),
    st.sampled_from([lambda _state, _now: True, lambda _state, _now: False, lambda _state, _now: 1 / 0 > 1]),
)
situations = st.builds(Situation, st.just(NOW), st.lists(strategies.states(), max_size=3).map(tuple), rules)
runs = st.builds(
    Run,
    st.builds(Subject, strategies.tracked(), st.just(()), st.just("r"), st.just("s"), st.none(), st.integers(1, 4)),
    strategies.states(),
    st.integers(1, 4),
    st.integers(0, 5),
    st.booleans(),
    st.booleans(),
    st.none(),
    st.none() | st.just(NOW),
)


@given(runs, situations)
def test_what_is_planned_is_legal(run: Run, situation: Situation) -> None:
    planned = plan(run, situation)
    assert type(plan(run, situation)) is type(planned)
    assert not isinstance(planned, RunBody) or run.state.is_running()
    assert isinstance(planned, Done | RunBody | Wait) or step(run, planned).unwrap().run != run


def test_while_a_handler_is_asked_only_its_answer_is_legal() -> None:
    subject = Subject(Job("t"), (lambda _job, _old, _new: None,), "r", "s")
    asking = step(Run(subject), events.Started(NOW)).unwrap().run
    assert str(step(asking, events.Succeeded(NOW)).failure()) == "Succeeded is illegal while a handler is asked"
    answer = events.HandlerReplied(NOW, state=asking.state)
    assert str(step(Run(subject), answer).failure()) == "HandlerReplied is illegal while no handler is asked"
    assert step(asking, answer).unwrap().run.asking is None


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_a_trigger_gives_an_event_whatever_it_does(trigger: triggers.Trigger) -> None:
    run = Run(Subject(Job("t"), (), "r", "s"))
    planned = plan(run, Situation(NOW, (), RetryRules(trigger)))
    assert not isinstance(planned, Done | RunBody | Wait)
    assert step(run, planned).unwrap().run.state is not run.state


def test_a_retry_is_waited_for() -> None:
    later = NOW + timedelta(hours=1)
    run = Run(Subject(Job("t"), (), "r", "s"), Retrying(start_time=later), started_at=NOW)
    assert plan(run, Situation(NOW, (), RetryRules(max_retries=2))) == Wait(later)
    illegal = step(run, events.Succeeded(NOW)).failure()
    assert str(illegal) == "Succeeded is illegal in Retrying"


@given(moments(), st.timedeltas(timedelta(days=-9), timedelta(days=9)))
def test_a_pause_is_measured_by_the_steady_time_if_there_is_one(now: datetime, passed: timedelta) -> None:
    run = Run(Subject(Job("t"), (), "r", "s"), Retrying(start_time=NOW), started_at=NOW)
    planned = plan(run, Situation(now, (), RetryRules(max_retries=2), steady=NOW + passed))
    assert planned == (Wait(NOW) if passed < timedelta(0) else events.Started(now))


@given(runs, st.sampled_from([ValueError("no"), KeyboardInterrupt(), signals.FAIL("m"), signals.ENDRUN(State("s")), signals.RETRY()]))
def test_however_a_body_ends_the_machine_takes_it(run: Run, error: BaseException) -> None:
    running = step(attrs.evolve(run, state=signals.RETRY().state), events.Started(NOW)).unwrap().run
    after = step(running, ended(running, error, NOW)).unwrap().run
    assert after.ended is isinstance(error, signals.ENDRUN | KeyboardInterrupt) or run.ended


retrying = st.builds(RetryRules, max_retries=st.integers(0, 3), retry_delay=st.none() | st.just(timedelta(minutes=1)))


def begun(attempt: int, retrying: RetryRules) -> Run:
    """Return a run whose body is being entered, for the 1-based attempt ``attempt``."""
    run = Run(Subject(Job("t"), (), "r", "s", attempts=retrying.max_retries + 1), attempt=attempt)
    return step(run, events.Started(NOW)).unwrap().run


@given(st.integers(1, 4), retrying)
def test_a_body_that_raises_triggerfail_is_retried_like_one_that_raises_fail(attempt: int, retrying: RetryRules) -> None:
    running, situation = begun(attempt, retrying), Situation(NOW, (), retrying)
    one, other = (step(running, ended(running, signal, NOW)).unwrap().run for signal in (signals.TRIGGERFAIL("m"), signals.FAIL("m")))
    assert (type(one.state), one.state.message) == (TriggerFailed, "m")
    assert isinstance(plan(one, situation), Done) is (attempt > retrying.max_retries)
    assert plan(one, situation) == plan(other, situation)
    assert is_final(one) is is_final(other)


@given(st.sampled_from(TRIGGERS), st.lists(strategies.states(), max_size=3).map(tuple), retrying)
def test_a_trigger_that_is_not_met_is_never_retried(
    trigger: triggers.Trigger, upstream: tuple[State, ...], retrying: RetryRules
) -> None:
    situation = Situation(NOW, upstream, attrs.evolve(retrying, trigger=trigger, skip_on_upstream_skip=False))
    run = Run(Subject(Job("t"), (), "r", "s", attempts=retrying.max_retries + 1))
    planned = plan(run, situation)
    if isinstance(planned, events.TriggerNotMet):
        after = step(run, planned).unwrap().run
        assert isinstance(after.state, TriggerFailed)
        assert isinstance(plan(after, situation), Done)
        assert is_final(after)


@given(st.lists(strategies.states(), max_size=4))
def test_a_flow_is_judged_by_its_references(references: list[State]) -> None:
    judged = verdict(references, NOW)
    finished = all(state.is_finished() for state in references)
    assert (judged is not None) is finished
    if judged is not None:
        assert judged.state.is_failed() is any(state.is_failed() for state in references)
        assert judged.state.is_failed() is not judged.state.is_successful()
