"""All ways to watch a body announce the same changes, and none alters the body."""

import asyncio
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.watching.watched_bodies import WAYS, Seen, Way, block, raised, raising
from tocsin import Aborted, Failed, Pending, Running, Skipped, State, TimedOut, signals, slack_notifier, transition
from tocsin.core.endings import ending
from tocsin.core.events import Started
from tocsin.shell.adapters import SystemClock
from tocsin.testing import strategies

ways = pytest.mark.parametrize("way", WAYS, ids=lambda way: str(way.__name__))

kinds: st.SearchStrategy[type[BaseException]] = st.sampled_from(
    [ValueError, KeyError, TimeoutError, OSError, RecursionError, KeyboardInterrupt, SystemExit, asyncio.CancelledError, GeneratorExit]
)
errors = (
    st.builds(lambda kind, text: kind(text), kinds, st.text(max_size=5))
    | st.builds(SystemExit, st.none() | st.integers(-1, 3))
    | st.builds(signals.ENDRUN, strategies.states(Failed, Skipped, Aborted, TimedOut, Pending))
    | st.builds(signals.FAIL, st.none() | st.text(max_size=5))
    | st.builds(lambda inner: ExceptionGroup("several", [inner]), st.builds(ValueError))
)


def changes_of(way: Way, error: BaseException | None) -> list[tuple[type[State], State]]:
    seen = Seen()
    assert raised(lambda: way(raising(error), [seen])) is error
    return seen.changes


@given(error=st.none() | errors)
def test_every_way_announces_the_same_changes(error: BaseException | None) -> None:
    now = SystemClock().now()
    running = transition(Pending(), Started(now, None)).unwrap()
    expected = [(Pending, running), (Running, transition(running, ending(error, now)).unwrap())]
    for way in WAYS:
        assert changes_of(way, error) == expected, way


@ways
@given(error=errors)
def test_the_exception_goes_on_as_it_was(way: Way, error: BaseException) -> None:
    error.__cause__ = cause = LookupError("why")
    changes_of(way, error)
    assert (error.__cause__, error.__context__) == (cause, None)
    frames = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
    assert frames[-1] == "body"
    assert not {"end", "begin", "feed"} & set(frames)


@ways
def test_a_result_comes_back_untouched(way: Way) -> None:
    assert changes_of(way, None)[-1] == (Running, transition(Running(), ending(None, SystemClock().now())).unwrap())


@ways
def test_what_a_handler_raises_or_says_changes_nothing(way: Way) -> None:
    seen = Seen()

    def broken(tracked_obj: object, old: State, new: State) -> None:
        raise LookupError("no such handler")

    def exiting(tracked_obj: object, old: State, new: State) -> None:
        raise SystemExit(3)

    def finishing(tracked_obj: object, old: State, new: State) -> State:
        return Skipped("never mind")

    def signalling(tracked_obj: object, old: State, new: State) -> State:
        raise signals.ENDRUN(Failed("never"))

    error = ValueError("no rows")
    assert raised(lambda: way(raising(error), [seen, broken, finishing, signalling])) is error
    assert [(old, type(new)) for old, new in seen.changes] == [(Pending, Running), (Running, Failed)]
    assert raised(lambda: way(raising(error), [exiting])) is error
    assert error.__context__ is None


@ways
def test_ctrl_c_during_a_notification_stops_the_program(way: Way) -> None:
    def pressed(tracked_obj: object, old: State, new: State) -> None:
        raise KeyboardInterrupt

    assert isinstance(raised(lambda: way(raising(None), [pressed])), KeyboardInterrupt)


def test_ctrl_c_at_the_end_stops_the_program_too() -> None:
    def pressed(tracked_obj: object, old: State, new: State) -> None:
        if new.is_finished():
            raise KeyboardInterrupt

    assert isinstance(raised(lambda: block(raising(None), [pressed])), KeyboardInterrupt)


@ways
def test_a_report_says_what_became_of_it(way: Way, caplog: pytest.LogCaptureFixture) -> None:
    error = ValueError("no rows")
    assert raised(lambda: way(raising(error), [slack_notifier])) is error
    assert caplog.messages == []
