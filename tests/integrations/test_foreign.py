"""Laws of what is heard of foreign runs: whatever the order, the doubles and the losses, it is told once and truly."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin import slack_notifier
from tocsin.core import events as e
from tocsin.core.changes import Change
from tocsin.core.integrations.foreign import NOTHING, ForeignRun, Heard, News, end_unheard, hear
from tocsin.core.machine import Announcement, propose
from tocsin.core.states import (
    KINDS,
    Aborted,
    Cached,
    Failed,
    Finished,
    Paused,
    Pending,
    Queued,
    Retrying,
    Running,
    Scheduled,
    Skipped,
    State,
    Submitted,
    Success,
    TimedOut,
    TriggerFailed,
)
from tocsin.core.transitions import leads_to
from tocsin.shell.handlers.attach import attached
from tocsin.testing import strategies

AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
LOAD = ForeignRun("load", "r1", attempts=3)
HANDLERS = attached([slack_notifier])


@attrs.frozen
class Said:
    """What an engine says: an event about an attempt."""

    foreign: ForeignRun
    event: e.Event


def given_state(state: State, attempt: int = 1) -> e.Signalled:
    return e.Signalled(AT, state=state, attempt=attempt)


ENDS: tuple[Callable[[], e.Event], ...] = (
    lambda: e.Succeeded(AT),
    lambda: e.Raised(AT, error=OSError("disk full")),
    lambda: e.TimedOutAt(AT),
    lambda: e.Interrupted(AT),
    lambda: given_state(Skipped("nothing to do")),
    lambda: given_state(Cached()),
)
BEGINNINGS: tuple[Callable[[], e.Event], ...] = (
    lambda: given_state(Scheduled()),
    lambda: given_state(Submitted()),
    lambda: given_state(Queued(state=Pending())),
    lambda: e.Started(AT, None),
)


@st.composite
def histories(draw: st.DrawFn) -> list[Said]:
    """Draw all that a truthful engine could say of a run, in order: some attempts, each with its beginnings and one end."""
    said: list[Said] = []
    count = draw(st.integers(1, 3))
    for attempt in range(1, count + 1):
        foreign = attrs.evolve(LOAD, attempt=attempt)
        for redelivered in [False, True] if draw(st.booleans()) else [False]:
            foreign = attrs.evolve(foreign, redelivered=redelivered)
            said += [Said(foreign, make()) for make in BEGINNINGS if draw(st.booleans())]
        if attempt < count:
            said.append(Said(foreign, given_state(Retrying(None, OSError("again")), attempt)))
        else:
            said.append(Said(foreign, draw(st.sampled_from(ENDS))()))
    return said


def received(draw: st.DrawFn) -> tuple[list[Said], list[Said]]:
    """Draw a history, and how it arrives: shuffled, doubled, with losses."""
    whole = draw(histories())
    arrives = draw(st.lists(st.sampled_from(whole), max_size=2 * len(whole)))
    return whole, arrives


arrivals = st.composite(received)()


def told(arrives: list[Said]) -> list[News]:
    """Return what is news of what arrives."""
    heard, found = NOTHING, list[News]()
    for said in arrives:
        news = hear(heard, said.foreign, said.event, HANDLERS, ends=True)
        if news is not None:
            heard = news.heard
            found.append(news)
    return found


def whole_change(news: News) -> Change:
    proposed = propose(news.run, news.event)
    assert isinstance(proposed, Announcement)  # what is news is legal
    return proposed.change


def change(news: News) -> tuple[State, State]:
    found = whole_change(news)
    return found.old, found.new


def place(news: News) -> tuple[int, bool]:
    assert isinstance(news.run.subject.tracked_obj, ForeignRun)
    return news.run.subject.tracked_obj.delivery


@given(arrivals)
def test_each_kind_of_each_attempt_is_told_once_at_most(drawn: tuple[list[Said], list[Said]]) -> None:
    counts = Counter((place(news), type(change(news)[1])) for news in told(drawn[1]))
    assert set(counts.values()) <= {1}


@given(arrivals)
def test_an_attempt_has_one_end(drawn: tuple[list[Said], list[Said]]) -> None:
    ends = Counter(place(news) for news in told(drawn[1]) if isinstance(change(news)[1], Finished))
    assert set(ends.values()) <= {1}


@given(arrivals)
def test_an_end_that_arrives_is_told(drawn: tuple[list[Said], list[Said]]) -> None:
    arrived = [said for said in drawn[1] if not isinstance(said.event, e.Signalled) or isinstance(said.event.state, Finished)]
    ends = [said for said in arrived if not isinstance(said.event, e.Started)]
    assert any(isinstance(change(news)[1], Finished) for news in told(drawn[1])) is bool(ends)


@given(arrivals)
def test_nothing_of_an_attempt_follows_its_end(drawn: tuple[list[Said], list[Said]]) -> None:
    over: set[tuple[int, bool]] = set()
    for news in told(drawn[1]):
        assert place(news) not in over
        if isinstance(change(news)[1], Finished):
            over.add(place(news))


@given(histories())
def test_what_arrives_in_order_is_told_whole(said: list[Said]) -> None:
    news = told(said)
    assert [one.foreign.delivery for one in said] == [place(one) for one in news]
    assert [change(one)[1] for one in news][-1:] == [change(told(said[-1:])[0])[1]]


@given(arrivals)
def test_keys_are_distinct_and_follow_from_the_attempt_and_the_phase_alone(drawn: tuple[list[Said], list[Said]]) -> None:
    def keys(arrives: list[Said]) -> dict[tuple[tuple[int, bool], type[State]], str]:
        return {(place(news), type(change(news)[1])): str(whole_change(news).key()) for news in told(arrives)}

    whole, arrives = drawn
    here, elsewhere = keys(arrives), keys(whole)  # two processes
    assert len(set(here.values())) == len(here)
    assert all(elsewhere.get(place, key) == key for place, key in here.items())


@given(strategies.states(), strategies.events())
def test_it_takes_any_event_after_any_state(state: State, event: e.Event) -> None:
    news = hear(Heard({(1, False): (1, state)}), LOAD, event, HANDLERS)
    if news is not None:
        proposed = propose(news.run, news.event)
        assert not isinstance(proposed, Announcement) or proposed.change.run_id == "r1"


# --- examples -----------------------------------------------------------------------------------------------------------------


def test_a_retry_that_is_heard_late_is_told_of_its_own_attempt() -> None:
    second = attrs.evolve(LOAD, attempt=2)
    arrives = [
        Said(LOAD, e.Started(AT, None)),
        Said(second, e.Started(AT, None)),
        Said(LOAD, given_state(Retrying(None, OSError("reset")), 1)),
        Said(second, e.Succeeded(AT)),
    ]
    news = told(arrives)
    assert [(type(old), type(new)) for old, new in map(change, news)] == [
        (Pending, Running),
        (Retrying, Running),
        (Running, Retrying),
        (Running, Success),
    ]
    assert [one.run.attempt for one in news] == [1, 2, 1, 2]


@pytest.mark.parametrize(
    ("event", "old"),
    [
        (e.Started(AT, None), Pending),
        (e.Succeeded(AT), Running),
        (e.Raised(AT, error=OSError()), Running),
        (e.TriggerNotMet(AT), Pending),
        (given_state(TriggerFailed()), Pending),
        (e.UpstreamSkipped(AT), Pending),
        (e.RetryDue(AT, attempt=1, attempts=3), Failed),
        (given_state(Retrying()), Running),
        (given_state(Queued()), Pending),
        (e.Resumed(AT), None),
    ],
)
def test_the_state_before_a_first_event_is_worked_out(event: e.Event, old: type[State] | None) -> None:
    news = hear(NOTHING, LOAD, event, HANDLERS)
    assert (None if news is None else type(news.run.state)) is old


def test_a_second_attempt_comes_from_a_retry_that_nobody_told() -> None:
    news = hear(NOTHING, attrs.evolve(LOAD, attempt=2), e.Started(AT, None), HANDLERS)
    assert news is not None
    assert news.run.state == Retrying(run_count=1)


def test_a_retry_after_a_failure_comes_from_that() -> None:
    failed = hear(NOTHING, LOAD, e.Raised(AT, error=OSError("reset")), HANDLERS)
    assert failed is not None
    news = hear(failed.heard, LOAD, given_state(Retrying(start_time=AT)), HANDLERS)
    assert news is not None
    old, new = change(news)
    assert isinstance(old, Failed)
    assert (new.message, new.result) == ("Retrying Task (after attempt 1 of 3)", old.result)


def test_a_wrapped_state_is_unwrapped_before_the_start() -> None:
    queued = hear(NOTHING, LOAD, given_state(Queued(state=Scheduled(start_time=AT))), HANDLERS)
    assert queued is not None
    news = hear(queued.heard, LOAD, e.Started(AT, None), HANDLERS)
    assert news is not None
    assert news.run.state == Scheduled(start_time=AT)


def test_a_run_that_was_stopped_while_it_waited_for_its_next_attempt_has_ended() -> None:
    waits = hear(NOTHING, LOAD, given_state(Retrying()), HANDLERS, ends=True)
    assert waits is not None
    assert hear(waits.heard, LOAD, e.Raised(AT, error=OSError()), HANDLERS, ends=False) is None
    news = hear(waits.heard, LOAD, e.Interrupted(AT), HANDLERS, ends=True)
    assert news is not None
    assert isinstance(change(news)[1], Aborted)


def test_an_end_after_all_has_a_key_of_its_own() -> None:
    failed = hear(NOTHING, LOAD, e.Raised(AT, error=OSError()), HANDLERS)
    assert failed is not None
    waits = hear(failed.heard, LOAD, given_state(Retrying()), HANDLERS)
    assert waits is not None
    stopped = hear(waits.heard, LOAD, e.Interrupted(AT), HANDLERS)
    assert stopped is not None
    keys = [str(whole_change(each).key()) for each in (failed, waits, stopped)]
    assert keys == sorted(set(keys))  # so that an outbox takes all, and the thread on Slack shows the last


def test_a_late_end_of_an_attempt_that_was_retried_is_no_news() -> None:
    waits = hear(NOTHING, LOAD, given_state(Retrying()), HANDLERS, ends=True)
    assert waits is not None
    again = hear(waits.heard, attrs.evolve(LOAD, attempt=2), e.Started(AT, None), HANDLERS, ends=True)
    assert again is not None
    assert hear(again.heard, LOAD, e.Raised(AT, error=OSError()), HANDLERS, ends=True) is None


class Mine(Failed):
    """A kind of a user's own."""


@pytest.mark.parametrize(
    "state", [Failed(OSError("x")), Mine("m"), Retrying(None, OSError("x"), run_count=2), Success("done", object())]
)
def test_what_is_kept_of_a_run_holds_nothing_of_the_users(state: State) -> None:
    news = hear(NOTHING, LOAD, given_state(state), HANDLERS)
    assert news is not None
    _, kept = news.heard.states[LOAD.delivery]
    assert isinstance(state, type(kept))
    assert type(kept) is not Mine
    assert kept.message == state.message
    assert (type(kept.result).__name__, str(kept.result)) in {("OSError", "x"), ("NoneType", "None")}
    assert kept.result is None or kept.result is not state.result


@pytest.mark.parametrize(
    ("event", "attempt", "is_final"),
    [
        (e.Raised(AT, error=OSError()), 1, False),
        (e.Raised(AT, error=OSError()), 3, True),
        (e.TimedOutAt(AT), 2, False),
        (e.Interrupted(AT), 1, True),
        (e.Succeeded(AT), 1, True),
    ],
)
def test_without_word_from_the_engine_the_numbers_say_whether_an_end_is_final(event: e.Event, attempt: int, is_final: bool) -> None:
    news = hear(NOTHING, attrs.evolve(LOAD, attempt=attempt), event, HANDLERS)
    assert news is not None
    proposed = propose(news.run, event)
    assert isinstance(proposed, Announcement)
    assert (proposed.change.final, news.heard.ended is not None) == (is_final, is_final)


def test_a_run_that_is_delivered_again_after_its_end_is_news() -> None:
    ended = hear(NOTHING, LOAD, e.Succeeded(AT), HANDLERS)
    assert ended is not None
    assert hear(ended.heard, attrs.evolve(LOAD, redelivered=True), e.Started(AT, None), HANDLERS) is not None


def test_a_failure_that_the_engine_calls_final_is_so_whatever_its_number() -> None:
    news = hear(NOTHING, LOAD, e.Raised(AT, error=OSError()), HANDLERS, ends=True)
    assert news is not None
    proposed = propose(news.run, news.event)
    assert isinstance(proposed, Announcement)
    assert (proposed.change.final, proposed.change.attempt, proposed.change.attempts, proposed.ends) == (True, 1, 3, True)


def test_no_end_has_a_key_of_its_own() -> None:
    run, event = end_unheard(LOAD, HANDLERS, AT, timedelta(hours=2))
    proposed = propose(run, event)
    assert isinstance(proposed, Announcement)
    ended = hear(NOTHING, LOAD, e.Interrupted(AT), HANDLERS)
    assert ended is not None
    assert (proposed.change.final, proposed.change.new.message) == (
        True,
        "no end was heard of within 2 h: it may still run, or its worker may be lost",
    )
    assert proposed.change.key() != whole_change(ended).key()


def test_facts_of_the_engine_win() -> None:
    run = ForeignRun("load", "r1", link="https://example.com/run", host="worker-1")
    known = e.Facts("here", "production")
    told = run.facts(known, e.Facts(details=(e.Detail("Queue", "fast"),)))
    assert (told.host, told.environment, told.link, len(told.details)) == ("worker-1", "production", "https://example.com/run", 1)
    assert run.facts(known, e.Facts("other", "test", link="https://example.com/event")).link == "https://example.com/event"


def test_every_kind_of_state_has_a_phase() -> None:
    for kind in KINDS:
        news = hear(NOTHING, LOAD, given_state(kind()), HANDLERS)
        assert news is not None
        assert leads_to(type(news.run.state), e.Signalled) is not None
    assert hear(NOTHING, LOAD, given_state(Paused()), HANDLERS) is not None
    assert hear(NOTHING, LOAD, given_state(TimedOut()), HANDLERS) is not None
