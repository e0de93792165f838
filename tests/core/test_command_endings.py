"""Tests of the event that the end of a command means."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from tocsin import Aborted, Failed, Run, Success, TimedOut
from tocsin import events as e
from tocsin.core.endings import Command, outcome
from tocsin.core.machine import Subject, advance, is_final
from tocsin.core.states import State
from tocsin.core.supervisor import Ended
from tocsin.core.transitions import IllegalTransition

NOW = datetime(2026, 1, 1, tzinfo=UTC)
numbers = st.integers(1, 64)
endings = st.builds(
    Ended,
    status=st.integers(0, 255),
    signal=st.none() | numbers,
    timed_out=st.booleans(),
    killed=st.booleans(),
    stopped_by=st.none() | numbers,
    fault=st.none() | st.just("no such file"),
    tail=st.binary(max_size=9),
    started=st.just(0.0),
    ended=st.just(1.0),
)


def state_after(ended: Ended, attempts: int = 1) -> tuple[State, bool]:
    """Return the state of a run after its first attempt, and whether no other may follow."""
    run = Run(Subject(Command("load"), (), "r1", "load", attempts=attempts))
    begun = advance(run, e.Started(NOW))
    assert not isinstance(begun, IllegalTransition)
    over = advance(begun.run, outcome(ended, NOW))
    assert not isinstance(over, IllegalTransition)
    return over.run.state, is_final(over.run)


@given(endings)
def test_every_end_is_legal_and_finishes_the_run(ended: Ended) -> None:
    state, final = state_after(ended)
    assert state.is_finished()
    assert final


@given(endings)
def test_only_status_0_is_a_success(ended: Ended) -> None:
    state, _ = state_after(ended)
    assert state.is_successful() is (ended.status == 0 and not ended.timed_out and ended.fault is None)


@given(endings)
def test_a_command_that_was_stopped_is_not_retried(ended: Ended) -> None:
    state, final = state_after(ended, attempts=3)
    assert final is (type(state) in {Aborted, Success} or (ended.fault is not None and not ended.timed_out))


def test_the_message_of_each_end() -> None:
    after = [
        state_after(
            Ended(status=status, signal=signal, timed_out=late, stopped_by=stopped, fault=fault, began=0.0, started=0.0, ended=1.0)
        )[0]
        for status, signal, late, stopped, fault in (
            (0, None, False, None, None),
            (3, None, False, None, None),
            (139, 11, False, None, None),
            (143, 15, False, 15, None),
            (124, 15, True, None, None),
            (127, None, False, None, "no such file"),
        )
    ]
    assert [(type(state), state.message) for state in after] == [
        (Success, None),
        (Failed, "exit status 3"),
        (Failed, "killed by SIGSEGV"),
        (Aborted, "killed by SIGTERM"),
        (TimedOut, "timed out"),
        (Failed, "could not be started: no such file"),
    ]


@given(endings, st.frozensets(st.integers(0, 255)))
def test_an_expected_status_is_a_success(ended: Ended, expected: frozenset[int]) -> None:
    event = outcome(ended, NOW, expected=expected)
    told = isinstance(event, e.Succeeded)
    assert told is (ended.status in expected and not ended.timed_out and ended.fault is None)


def test_what_was_expected_is_said() -> None:
    ended = Ended(status=3, began=0.0, started=0.0, ended=1.0)
    event = outcome(ended, NOW, expected={0, 3})
    assert isinstance(event, e.Succeeded)
    assert event.message == "exit status 3, which was expected"
    unexpected = outcome(Ended(status=0, began=0.0, started=0.0, ended=1.0), NOW, expected={3})
    assert isinstance(unexpected, e.Signalled)
    assert unexpected.state == Failed("exit status 0, which was not expected")
