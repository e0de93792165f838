"""Tests of the event that the end of a body means: total, legal while it runs, and without the return value."""

import asyncio
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin import Aborted, Failed, Running, Skipped, State, Success, TimedOut, signals, transition
from tocsin.core.endings import CLOSED, ending, failure
from tocsin.core.events import Facts
from tocsin.testing import strategies
from tocsin.testing.value_strategies import errors, facts, moments

TABLE: list[tuple[BaseException | None, type[State], str | None]] = [
    (None, Success, None),
    (ValueError("no rows"), Failed, "Unexpected error: ValueError('no rows')"),
    (ExceptionGroup("one", [TimeoutError()]), Failed, "Unexpected error: ExceptionGroup('one', [TimeoutError()])"),
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
    assert (type(state), state.message) == (kind, message)


@given(raised, moments(), facts())
def test_the_event_says_when_and_where_and_holds_no_result(error: BaseException | None, at: datetime, known: Facts) -> None:
    event = ending(error, at, known)
    assert (event.at, event.facts) == (at, known)
    assert getattr(event, "result", None) is None


@given(raised.filter(lambda error: isinstance(error, BaseException) and not isinstance(error, signals.Signal)), moments())
def test_a_failure_keeps_its_exception(error: BaseException, at: datetime) -> None:
    state = transition(Running(), ending(error, at)).unwrap()
    assert state.is_successful() or state.result is error


@given(raised.filter(lambda error: error is not None), moments(), facts())
def test_any_uncaught_exception_is_a_failure(error: BaseException, at: datetime, known: Facts) -> None:
    event = failure(error, at, known)
    state = transition(Running(), event).unwrap()
    assert (state.is_failed(), state.result, event.facts) == (True, error, known)
