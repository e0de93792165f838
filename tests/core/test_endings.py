"""Tests of the event that the end of a body means: total, legal while it runs, and without the return value."""

import asyncio
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin import Aborted, Failed, Running, Skipped, State, Success, TimedOut, signals, transition
from tocsin.core.endings import CLOSED, body_ending, deciding, ending, failure, leaves, logged_state
from tocsin.core.events import Event, Facts, Signalled, Succeeded
from tocsin.testing import strategies
from tocsin.testing.value_strategies import errors, facts, moments

TABLE: list[tuple[BaseException | None, type[State], str | None]] = [
    (None, Success, None),
    (ValueError("no rows"), Failed, "Unexpected error: ValueError('no rows')"),
    (ExceptionGroup("one", [TimeoutError()]), TimedOut, "TimeoutError, in ExceptionGroup: one (1 sub-exception)"),
    (
        ExceptionGroup("1", [TimeoutError(), OSError()]),
        Failed,
        "Unexpected error: ExceptionGroup('1', [TimeoutError(), OSError()])",
    ),
    (BaseExceptionGroup("one", [asyncio.CancelledError()]), Aborted, "Interrupted."),
    (BaseExceptionGroup("one", [SystemExit(0), GeneratorExit()]), Success, None),
    (BaseExceptionGroup("one", [SystemExit(1), ExceptionGroup("in it", [KeyError()])]), Failed, None),
    (ExceptionGroup("one", [signals.SKIP("nothing new"), signals.SUCCESS("done")]), Skipped, "nothing new"),
    (ExceptionGroup("one", [signals.SKIP("nothing new"), signals.FAIL("full"), TimeoutError()]), Failed, "full"),
    (TimeoutError(), TimedOut, "TimeoutError"),
    (TimeoutError("the database slept"), TimedOut, "TimeoutError: the database slept"),
    (KeyboardInterrupt(), Aborted, "Interrupted."),
    (asyncio.CancelledError(), Aborted, "Interrupted."),
    (BaseExceptionGroup("two", [ValueError(), KeyboardInterrupt()]), Aborted, "Interrupted."),
    (SystemExit(), Success, None),
    (SystemExit(0), Success, None),
    (SystemExit(False), Success, None),
    (SystemExit(1), Aborted, "Interrupted."),
    (SystemExit("disk full"), Aborted, "Interrupted."),
    (SystemExit(""), Aborted, "Interrupted."),
    (GeneratorExit(), Success, CLOSED),
    (signals.SKIP("nothing new"), Skipped, "nothing new"),
    (signals.ENDRUN(TimedOut("late")), TimedOut, "late"),
]

raised = st.sampled_from([error for error, _, _ in TABLE]) | errors() | strategies.states().map(signals.ENDRUN)
"""What a body may raise, or None."""


@pytest.mark.parametrize(("error", "kind", "message"), TABLE, ids=repr)
@given(at=moments())
def test_an_exception_means_a_state(error: BaseException | None, kind: type[State], message: str | None, at: datetime) -> None:
    state = transition(Running(), ending(error, at)).unwrap()
    assert type(state) is kind
    assert message is None or state.message == message


# --- groups ---------------------------------------------------------------------------------------------------------------------------

RANKS: list[list[BaseException]] = [
    [KeyboardInterrupt()],
    [ValueError("no rows"), RuntimeError(), StopIteration()],
    [signals.FAIL("full"), signals.TRIGGERFAIL("no"), signals.ENDRUN(Failed("over"))],
    [TimeoutError("late"), TimeoutError(), signals.ENDRUN(TimedOut("late"))],
    [asyncio.CancelledError(), SystemExit(1), signals.ENDRUN(Aborted("stopped"))],
    [signals.RETRY("again"), signals.PAUSE("wait"), signals.LOOP("again")],
    [signals.SKIP("nothing new")],
    [signals.SUCCESS("done"), SystemExit(0), GeneratorExit()],
]
"""What may be in a group, the gravest first."""


def group(parts: list[BaseException]) -> BaseException:
    return BaseExceptionGroup("some tasks", parts)


flat = st.lists(st.sampled_from([error for rank in RANKS for error in rank]), min_size=1, max_size=5)
groups = st.recursive(flat.map(group), lambda inner: st.lists(inner | flat.map(group), min_size=1, max_size=3).map(group), max_leaves=4)


def rank(error: BaseException) -> int:
    return next(number for number, those in enumerate(RANKS) if any(error is one for one in those))


def meaning(error: BaseException, at: datetime) -> tuple[type[Event], type[State]]:
    event = ending(error, at)
    return type(event), type(transition(Running(), event).unwrap())


@given(groups, moments())
def test_a_group_ends_as_the_gravest_in_it_however_it_is_nested(error: BaseException, at: datetime) -> None:
    inside = list(leaves(error))
    gravest = next(one for one in inside if rank(one) == min(map(rank, inside)))
    assert deciding(error) is gravest
    assert meaning(error, at) == meaning(group(inside), at) == meaning(gravest, at)
    event, body = ending(error, at), body_ending(error, at, 3)
    assert type(event) is type(body) or isinstance(event, Succeeded)  # an exit interrupts a flow
    assert isinstance(event, Signalled) or getattr(event, "error", error) is error


@given(groups, moments())
def test_a_log_record_means_no_success(error: BaseException, at: datetime) -> None:
    state = logged_state("a text", error)
    kind = meaning(error, at)[1]
    assert type(state) is (kind if kind in {TimedOut, Aborted, Skipped} else Failed)
    assert (state.message, type(logged_state("a text", None))) == ("a text", Failed)


def test_a_group_that_is_deeply_nested_is_no_recursion() -> None:
    error = group([TimeoutError()])
    for _ in range(3000):
        error = group([error])
    assert isinstance(deciding(error), TimeoutError)


@given(raised, moments(), facts())
def test_the_event_says_when_and_where_and_holds_no_result(error: BaseException | None, at: datetime, known: Facts) -> None:
    event = ending(error, at, known)
    assert (event.at, event.facts) == (at, known)
    assert getattr(event, "result", None) is None


@given(raised.filter(lambda error: isinstance(error, BaseException) and not isinstance(error, signals.Signal)), moments())
def test_a_failure_keeps_its_exception(error: BaseException, at: datetime) -> None:
    state = transition(Running(), ending(error, at)).unwrap()
    assert state.is_successful() or state.result in (error, deciding(error))


@given(raised.filter(lambda error: error is not None), moments(), facts())
def test_any_uncaught_exception_is_a_failure(error: BaseException, at: datetime, known: Facts) -> None:
    event = failure(error, at, known)
    state = transition(Running(), event).unwrap()
    assert (state.is_failed(), state.result, event.facts) == (True, error, known)
