"""Laws of what would leave: no message is lost, the limits hold, and the simulation agrees with what sends for real."""

from collections import Counter, deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import ClassVar

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from tests.laws.test_digest import of_slack
from tocsin import Failed, Recording, Running, State, Task, callback_factory, gmail_notifier, interpreting, slack_notifier
from tocsin.core.delivery.destinations import destination
from tocsin.core.delivery.leaving import Leaving, Pacing, count_of, leaving, whom
from tocsin.core.delivery.rate_limit import Rate
from tocsin.core.effects import CallBack, Effect, Message
from tocsin.core.messages.content import Content
from tocsin.core.outcomes import Delivered, Outcome
from tocsin.shell.adapters import time_limits
from tocsin.shell.environment import Notify
from tocsin.shell.interpreter import Performer
from tocsin.shell.interpreters.digest import Digest
from tocsin.shell.interpreters.rate_limited import RateLimited
from tocsin.testing import FakeClock

START = datetime(2026, 1, 1, tzinfo=UTC)
FAR = START + timedelta(days=365)


def _examples() -> tuple[Effect, ...]:
    """Two messages to Slack and one by mail, each to another audience, and a call."""
    with interpreting(Recording()) as recording:
        for notify in (
            slack_notifier(webhook_secret="ONE"),
            slack_notifier(webhook_secret="TWO"),
            gmail_notifier(to=["a@example.com"]),
        ):
            notify(Task("load"), Running(), Failed("disk full"))
        callback_factory(lambda _, __: None, State.is_failed)(Task("load"), Running(), Failed("disk full"))
    return recording.effects


EXAMPLES = _examples()
MESSAGES = tuple(effect for effect in EXAMPLES if not isinstance(effect, CallBack))
quarters = st.integers(0, 400).map(lambda number: number / 4)  # exact as floats, as durations and as nanoseconds
rates = st.builds(Rate, st.just(1), st.sampled_from([0.25, 1.0, 2.0, 60.0]), st.integers(1, 5))
pacings = st.builds(
    Pacing,
    slack=rates,
    gmail=rates,
    threshold=st.integers(1, 12),
    min_interval=st.sampled_from([0.0, 2.0, 10.0]),
    max_queue=st.sampled_from([1, 3, 1000]),
    exit_timeout=st.sampled_from([0.0, 1.0, 10.0]),
    outbox=st.booleans(),
)


def recorded(effects: Sequence[Effect], times: Sequence[float]) -> list[tuple[Effect, datetime]]:
    """The effects at these times, in order."""
    return [(effect, START + timedelta(seconds=at)) for effect, at in zip(effects, sorted(times), strict=True)]


@st.composite
def recordings(draw: st.DrawFn, effects: Sequence[Effect] = EXAMPLES) -> list[tuple[Effect, datetime]]:
    """Effects with times; many come at once."""
    times = draw(st.lists(quarters | st.just(1.0), max_size=24))
    return recorded([draw(st.sampled_from(effects)) for _ in times], times)


def seconds(found: Leaving) -> list[tuple[float, int]]:
    """When messages leave, and what they stand for."""
    return [(round((each.at - START).total_seconds(), 3), each.count) for each in found.departures]


@given(recordings(), quarters, pacings)
def test_no_message_is_lost(effects: list[tuple[Effect, datetime]], end: float, pacing: Pacing) -> None:
    found = leaving(effects, START + timedelta(seconds=end), pacing)
    messages = [effect for effect, _ in effects if not isinstance(effect, CallBack)]
    assert found.messages == len(messages)
    assert found.calls == len(effects) - len(messages)
    assert found.unsent == 0 or not pacing.outbox
    assert pacing.outbox or not any(each.stays for each in found.departures)
    assert all(each.count == count_of(each.message) for each in found.departures)
    assert [each.at for each in found.departures] == sorted(each.at for each in found.departures)
    if not found.unsent:
        said = Counter[str]()
        for each in found.departures:
            said[whom(each.message)] += each.count
        assert said == Counter(whom(message) for message in messages)


@given(recordings(), pacings)
def test_the_rate_of_each_destination_holds(effects: list[tuple[Effect, datetime]], pacing: Pacing) -> None:
    found = leaving(effects, FAR, pacing)
    for message in MESSAGES:
        where = destination(message)
        rate = pacing.gmail if where is not None and where.channel == "gmail" else pacing.slack
        times = [each.at for each in found.departures if destination(each.message) == where]
        for first, last in zip(times, times[rate.burst :], strict=False):  # one more than the burst
            assert (last - first).total_seconds() >= rate.gap / 1e9 - 1e-5
    began = min((at for _, at in effects), default=START)
    assert all(each.at >= began for each in found.departures)


# --- agreement with what sends ------------------------------------------------------------------------------------------------


@attrs.define(eq=False)
class Sink(Performer):
    """Accepts each message at once, and keeps when."""

    clock: FakeClock
    sent: list[tuple[float, int]] = attrs.field(factory=list[tuple[float, int]])

    notify: ClassVar[Notify] = "none"

    @override
    def perform(self, effect: Effect, /) -> Outcome:
        assert not isinstance(effect, CallBack)
        self.sent.append((round((self.clock.now() - START).total_seconds(), 3), count_of(effect)))
        return Delivered()


def really_sent(effects: list[tuple[Effect, datetime]], pacing: Pacing) -> list[tuple[float, int]]:
    """What the interpreters send, if their thread takes all that waits each time that it is free."""
    clock = FakeClock(START)
    sink = Sink(clock)
    limited = RateLimited(sink, pacing.slack, pacing.gmail, timer=clock)
    digest = Digest(limited, pacing.threshold, pacing.min_interval, timer=clock)
    coming, waiting = deque(effects), list[Effect]()
    while coming or waiting:
        clock.sleep_until(coming[0][1] if coming and not waiting else START)
        while coming and coming[0][1] <= clock.now():
            waiting.append(coming.popleft()[0])
        batch, waiting = waiting, []
        digest.batch(batch)
    return sink.sent


@pytest.mark.parametrize("message", MESSAGES[:1] + MESSAGES[2:])
@given(data=st.data(), pacing=pacings)
def test_the_simulation_agrees_with_the_interpreters(message: Message, data: st.DataObject, pacing: Pacing) -> None:
    effects = data.draw(recordings([message]))
    bare = attrs.evolve(pacing, outbox=False, max_queue=1000)
    start = effects[0][1] if effects else START
    assert seconds(leaving(effects, FAR, bare)) == really_sent(effects, bare), start


@given(number=st.integers(1, 40), pacing=pacings)
def test_the_end_of_the_program_agrees_with_a_deadline(number: int, pacing: Pacing) -> None:
    bare = attrs.evolve(pacing, outbox=False, max_queue=1000)
    effects = recorded([MESSAGES[0]] * number, [0.0] * number)
    with time_limits.with_deadline(bare.exit_timeout):
        real = really_sent(effects, bare)
    found = leaving(effects, START, bare)
    assert seconds(found) == real
    assert found.unsent == number - sum(count for _, count in real)


@given(st.lists(of_slack(), max_size=12), pacings)
@settings(max_examples=20)  # a content is slow to make
def test_messages_of_any_content_are_all_there(messages: list[Message], pacing: Pacing) -> None:
    found = leaving(recorded(messages, [0.0] * len(messages)), FAR, pacing)
    assert found.messages == sum(map(count_of, messages))


# --- examples -----------------------------------------------------------------------------------------------------------------


def test_a_digest_keeps_its_interval() -> None:
    effects = recorded([MESSAGES[0]] * 24, [0.0] * 12 + [1.0] * 12)
    assert seconds(leaving(effects, FAR, Pacing())) == [(0.0, 12), (10.0, 12)]
    assert seconds(leaving(effects, START, Pacing())) == [(0.0, 12), (1.0, 12)]  # the end cuts the interval short


def test_a_mail_that_must_wait_too_long_is_not_sent_or_stays_in_the_outbox() -> None:
    slow = Pacing(gmail=Rate(1, 600.0, 2))
    effects = recorded([MESSAGES[2]] * 3, [0.0, 1.0, 2.0])
    assert leaving(effects, START, slow).unsent == 1
    found = leaving(effects, START, attrs.evolve(slow, outbox=True))
    assert (found.unsent, [each.stays for each in found.departures]) == (0, [False, False, True])
    assert seconds(found)[-1] == (600.0, 1)


def test_a_full_queue_is_folded() -> None:
    found = leaving(recorded([MESSAGES[0]] * 5, [0.0] * 5), FAR, Pacing(max_queue=2, threshold=10))
    assert seconds(found) == [(0.0, 5)]


def test_an_outbox_waits_after_a_digest() -> None:
    effects = recorded([MESSAGES[0]] * 24, [0.0] * 12 + [1.0] * 12)
    assert seconds(leaving(effects, FAR, Pacing(outbox=True))) == [(0.0, 12), (10.0, 12)]


class Broken(tzinfo):
    """A zone of a user's that raises."""

    @override
    def utcoffset(self, _: datetime | None, /) -> timedelta:
        raise RuntimeError("no offset")

    @override
    def dst(self, _: datetime | None, /) -> None:
        return None

    @override
    def tzname(self, _: datetime | None, /) -> None:
        return None


@pytest.mark.parametrize("outbox", [False, True])
def test_messages_that_cannot_be_folded_go_alone(outbox: bool) -> None:
    post = MESSAGES[0]
    assert isinstance(post.content, Content)
    broken = attrs.evolve(post, content=attrs.evolve(post.content, at=datetime(2026, 1, 1, tzinfo=Broken())))
    found = leaving(recorded([broken] * 3, [0.0] * 3), FAR, Pacing(threshold=1, outbox=outbox))
    assert seconds(found) == [(0.0, 1)] * 3


def test_nothing_leaves_of_nothing() -> None:
    assert leaving([], START, Pacing()) == Leaving(())
