"""Laws of the delivery chain, for any answers and any clock: no flood, no loss, and no repeat without its mark.

The chain is that of ``reliable``. A queue like that of ``Background`` drives it in simulated time.
"""

from collections import Counter, deque
from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from itertools import accumulate, chain, pairwise

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.laws.chain import (
    HOUR,
    KINDS,
    Answer,
    DestinationQueue,
    Entry,
    Kind,
    Place,
    Scripted,
    Simulated,
    Slip,
    Turn,
    Turns,
    count,
    grouped,
    limited,
    made,
    names,
)
from tests.profile import PROFILE
from tocsin.core.changes import Key
from tocsin.core.delivery.circuit_breaker import DEAD_SECONDS
from tocsin.core.delivery.destinations import Channel
from tocsin.core.delivery.rate_limit import Rate
from tocsin.core.delivery.rendering import MARK, tells_of_failure
from tocsin.core.delivery.retry import RetryPolicy
from tocsin.core.effects import Message, PostToSlack
from tocsin.core.outcomes import Ambiguous, Delivered, DeliveryError, DestinationDead, Outcome, Rejected, Retryable
from tocsin.shell.interpreters.digest import Digest
from tocsin.shell.interpreters.rate_limited import _EARLY, RateLimited
from tocsin.shell.interpreters.retrying import Retrying

ROUNDING = 1e-6  # seconds

quarters = st.integers(0, 40).map(lambda quarter: quarter / 4)
refusals = st.builds(Retryable, st.just("busy"), st.none() | quarters.map(lambda seconds: timedelta(seconds=seconds)))
unanswered = st.just(Ambiguous("no answer"))
settling: st.SearchStrategy[Outcome] = st.sampled_from(
    [Delivered(), Delivered(("boss@example.com",)), Rejected("too long"), Rejected("no such file"), DestinationDead("revoked")]
)
answers = st.lists(st.builds(Answer, st.one_of(refusals, unanswered, settling), st.just(0.0) | quarters), max_size=9)
"""Mostly answers after which a message about a failure is retried."""
slips: st.SearchStrategy[Slip] = st.sampled_from(["exact", "early", "still", "suspended"])


@attrs.frozen
class Times:
    """The answers to the next tries, the course of the next waits, and the time limit for all of it in seconds, if any."""

    answers: list[Answer]
    slips: list[Slip]
    limit: float | None


times = st.builds(
    Times,
    answers,
    st.just(list[Slip]()) | st.lists(slips, max_size=6) | slips.map(lambda slip: [slip] * 6),
    st.sampled_from([None, 3.0]),
)
rates = st.builds(Rate, st.just(1), st.sampled_from([0.5, 1.0, 2.5, 7.0]), st.integers(1, 3))
policies = st.builds(RetryPolicy, st.sampled_from([1, 3, 6]), st.just(1.0), st.just(8.0), st.sampled_from([5.0, 60.0, 300.0]))
draws = st.floats(0, 1, exclude_max=True)
digests = st.tuples(st.integers(1, 10), st.sampled_from([10.0, 60.0]))
numbers = st.sampled_from([1, 1, 2, 3, 4, 12, 40])
places: st.SearchStrategy[Place] = st.sampled_from(["slack", "one by mail", "two by mail"])
channels: st.SearchStrategy[Channel] = st.sampled_from(["slack", "gmail"])


class Chain(RuleBasedStateMachine):
    """One process with two queues, and a model that knows all messages, turns and tries so far."""

    @initialize(slack=rates, gmail=rates, policy=policies, digests=digests, draw=draws)
    def start(self, slack: Rate, gmail: Rate, policy: RetryPolicy, digests: tuple[int, float], draw: float) -> None:
        self.most, apart = digests
        self.timer = Simulated()
        self.destination = Scripted(self.timer)
        self.turns = Turns(Retrying(self.destination, policy, timer=self.timer, draw=lambda: draw), self.destination)
        digest = Digest(RateLimited(self.turns, slack, gmail, timer=self.timer), self.most, apart, timer=self.timer)
        self.queues: dict[Channel, DestinationQueue] = {
            channel: DestinationQueue(digest, self.timer, 3 * self.most) for channel in ("slack", "gmail")
        }
        self.rates, self.policy = {"slack": slack, "gmail": gmail}, policy
        self.known: dict[Key, Message] = {}
        self.slept = False

    @rule(place=places, number=numbers, gap=quarters, kind=st.sampled_from(KINDS), times=times)
    def come(self, place: Place, number: int, gap: float, kind: Kind, times: Times) -> None:
        channel: Channel = "slack" if place == "slack" else "gmail"
        coming = self.queues[channel].coming
        last = max([self.timer.time, *(moment for moment, _ in coming)])
        for one in range(number):
            message = made(place, len(self.known), kind)
            self.known[message.key] = message
            coming.append((last + one * gap / number, message))
        self.send(channel, times)

    @rule(seconds=st.sampled_from([2.0, 12.0, DEAD_SECONDS - 5, HOUR]))
    def time_passes(self, seconds: float) -> None:
        self.timer.time += seconds

    @rule(channel=channels, times=times)
    def go_on(self, channel: Channel, times: Times) -> None:
        self.send(channel, times)

    def send(self, channel: Channel, times: Times) -> None:
        self.destination.answers, self.timer.slips = deque(times.answers), deque(times.slips)
        self.slept = self.slept or "suspended" in times.slips
        turns, waits = len(self.turns.taken), len(self.timer.waits)
        with limited(self.timer, times.limit):
            batch = self.queues[channel].send()
        self.nothing_is_folded_without_need(batch, self.turns.taken[turns:], has_limit=times.limit is not None)
        for turn in self.turns.taken[turns:]:
            assert len(turn.tries) <= self.policy.attempts
            if not times.slips:
                self.tries_are_as_far_apart_as_they_may_be(turn)
            self.only_a_failure_is_repeated_and_says_so(turn)
        if times.limit is not None and not times.slips:
            assert sum(wait for wait in self.timer.waits[waits:] if wait > 0) <= times.limit + ROUNDING

    def nothing_is_folded_without_need(self, batch: Sequence[Entry], taken: Sequence[Turn], *, has_limit: bool) -> None:
        untouched = {id(entry.message) for entry in batch}
        alone, folded = (
            {name for turn in taken if (id(turn.message) in untouched) is whole for name in names(turn.message)}
            for whole in (True, False)
        )
        groups = grouped(batch).values()
        for group in groups:
            those = {name for entry in group for name in names(entry.message)}
            if len(group) > self.most:
                assert not those & alone
            elif not has_limit:
                assert not those & folded
        assert len(taken) <= sum(len(group) if len(group) <= self.most else 1 for group in groups)

    def tries_are_as_far_apart_as_they_may_be(self, turn: Turn) -> None:
        assert len(turn.tries) == len(turn.pauses) + 1
        for tried, pause in zip(turn.tries, turn.pauses, strict=False):
            assert isinstance(tried.outcome, Retryable | Ambiguous)
            asked = tried.outcome.after if isinstance(tried.outcome, Retryable) else None
            assert pause >= (asked or timedelta(0)).total_seconds()
        assert sum(turn.pauses) < self.policy.deadline

    def only_a_failure_is_repeated_and_says_so(self, turn: Turn) -> None:
        may_have_come = [isinstance(tried.outcome, Ambiguous | Delivered) for tried in turn.tries]
        lost = next((number for number, tried in enumerate(turn.tries) if isinstance(tried.outcome, Ambiguous)), len(turn.tries))
        assert sum(may_have_come) <= (2 if tells_of_failure(turn.message) else 1)
        assert all(tried.message is turn.message for tried in turn.tries[: lost + 1])
        assert all(head(tried.message).startswith(MARK) for tried in turn.tries[lost + 1 :])
        assert all(tried.message.key is turn.message.key for tried in turn.tries)
        if lost < len(turn.tries) - 1:
            assert tells_of_failure(turn.message)
        last = turn.tries[-1].outcome
        unknown = lost < len(turn.tries) and isinstance(last, Retryable)
        assert isinstance(turn.outcome, Ambiguous if unknown else type(last))
        assert turn.outcome == last or not isinstance(last, Delivered)

    @invariant()
    def each_message_that_ended_was_sent_once_or_its_error_is_known(self) -> None:
        sent = Counter[str](chain.from_iterable(names(turn.message).elements() for turn in self.turns.taken))
        assert set(sent.values()) <= {1}
        taken = {name: turn for turn in self.turns.taken for name in names(turn.message)}
        for queue in self.queues.values():
            for key, outcome in queue.ended.items():
                self.it_is_the_outcome_of_its_turn(self.known[key], outcome, taken.get(key.slug))
        assert taken.keys() <= {key.slug for queue in self.queues.values() for key in queue.ended}

    def it_is_the_outcome_of_its_turn(self, message: Message, outcome: Outcome, turn: Turn | None) -> None:
        if turn is None:
            assert isinstance(outcome, Retryable | DestinationDead)
        elif isinstance(turn.outcome, Delivered):
            digest = None if turn.message.key == message.key else turn.message.key
            assert outcome == Delivered(turn.outcome.refused, digest)
        else:
            assert outcome == turn.outcome
            assert isinstance(outcome, DeliveryError)

    @invariant()
    def over_any_window_no_more_went_than_the_rate_allows(self) -> None:
        for channel, rate in self.rates.items():
            began = [turn.began for turn in self.turns.taken if channel_of(turn.message) == channel]
            for first, start in enumerate(began):
                for number, end in enumerate(began[first:], 1):
                    # a message that waits while the machine sleeps is sent as soon as it wakes
                    most = rate.burst + self.slept
                    assert number <= (end - start + _EARLY + ROUNDING) / rate.per * rate.messages + most

    @invariant()
    def a_dead_destination_is_left_alone(self) -> None:
        for channel in self.rates:
            taken = [turn for turn in self.turns.taken if channel_of(turn.message) == channel]
            for turn, following in pairwise(taken):
                assert not isinstance(turn.outcome, DestinationDead) or following.began >= turn.ended + DEAD_SECONDS

    def teardown(self) -> None:
        for queue in self.queues.values():
            while queue.coming:
                queue.send()
        assert {key for queue in self.queues.values() for key in queue.ended} == self.known.keys()
        self.each_message_that_ended_was_sent_once_or_its_error_is_known()


def head(message: Message) -> str:
    """Return the text of a telephone's notification."""
    return message.payload.fallback if isinstance(message, PostToSlack) else message.mail.subject


def channel_of(message: Message) -> Channel:
    """Return the channel of a message."""
    return "slack" if isinstance(message, PostToSlack) else "gmail"


TestChain = Chain.TestCase

STORMS = 10 if PROFILE.fresh else 2  # each takes seconds, and more where branches are measured


@cache
def storm() -> tuple[Message, ...]:
    """Return ten thousand failures."""
    return tuple(made("slack", ordinal, "failed") for ordinal in range(10_000))


def sent_storm(moments: Sequence[float], takes: float) -> tuple[DestinationQueue, list[Turn]]:
    """Send the storm with failures at these moments and tries of this duration; return the queue and the turns."""
    timer = Simulated(0.0)
    destination = Scripted(timer, deque(Answer(Delivered(), takes) for _ in range(200)))
    turns = Turns(Retrying(destination, timer=timer), destination)
    queue = DestinationQueue(
        Digest(RateLimited(turns, timer=timer), timer=timer), timer, 1000, deque(zip(moments, storm(), strict=True))
    )
    while queue.coming:
        queue.send()
    return queue, turns.taken


@st.composite
def storms(draw: st.DrawFn) -> list[float]:
    """Draw the moments of the failures in one minute: none in some seconds, a hundred or more in each of the others."""
    weights = draw(st.lists(st.integers(0, 30), min_size=60, max_size=60).filter(any))
    left = 10_000 - 100 * sum(weight > 0 for weight in weights)
    shares = [100 * (weight > 0) + left * weight / sum(weights) for weight in weights]
    ends = [round(end) for end in accumulate(shares, initial=0.0)]
    within = draw(st.sampled_from([0.0, 0.2, 1.0]))  # how long it lasts within its second
    return [
        second + (number - start) / (end - start) * within
        for second, (start, end) in enumerate(pairwise(ends))
        for number in range(start, end)
    ]


@given(storms(), st.floats(0.0, 4.0))
@settings(max_examples=STORMS)
def test_ten_thousand_failures_in_a_minute_are_at_most_sixty_messages(moments: list[float], takes: float) -> None:
    queue, taken = sent_storm(moments, takes)
    assert len(taken) <= 60
    assert sum(count(turn.message) for turn in taken) == len(queue.ended) == 10_000
    assert all(isinstance(outcome, Delivered) for outcome in queue.ended.values())


@given(st.integers(1, 30), st.floats(0.2, 3.0), st.floats(0.0, 2.0))
@settings(max_examples=STORMS)
def test_a_trickle_and_then_a_storm_are_no_faster_than_the_rate(at_once: int, gap: float, takes: float) -> None:
    trickle = [second * gap for second in range(int(60 / gap)) for _ in range(at_once)]
    queue, taken = sent_storm([*trickle[:5000], *[60.0] * (10_000 - len(trickle[:5000]))], takes)
    began = [turn.began for turn in taken]
    assert all(sum(start <= moment < start + 60 for moment in began) <= 60 + 5 for start in began)
    assert sum(count(turn.message) for turn in taken) == len(queue.ended) == 10_000
    assert began[-1] < 60 + 2 * (10 + 10 * max(1.0, takes))  # two batches at most are left at the end of the minute
