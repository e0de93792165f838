"""Laws of retries, for any clock: how many, how soon, how long, and the final outcome."""

import math
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import ClassVar

import attrs
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from returns.io import IOResult
from typing_extensions import override

from tocsin.core.changes import Key
from tocsin.core.delivery.combining import with_earlier_refusals
from tocsin.core.delivery.rendering import marked_as_repeat, rerender, tells_of_failure
from tocsin.core.delivery.retry import Final, RetryLater, RetryPolicy, Try, decide
from tocsin.core.effects import CallBack, Effect, Message, PostToSlack, SendEmail
from tocsin.core.messages.content import Content, Line
from tocsin.core.messages.digest_summary import merge_summaries, summarize
from tocsin.core.messages.email import Mail
from tocsin.core.messages.slack import SlackMessage
from tocsin.core.outcomes import (
    Ambiguous,
    Delivered,
    DeliveryError,
    DestinationDead,
    Outcome,
    Queued,
    Receipt,
    Rejected,
    Retryable,
    Shown,
    Withheld,
)
from tocsin.core.states import Failed
from tocsin.shell.adapters.clock import Timer
from tocsin.shell.adapters.time_limits import Deadline, with_deadline, with_shared_deadline
from tocsin.shell.interpreter import execute, result_of
from tocsin.shell.interpreters.retrying import Retrying
from tocsin.testing.value_strategies import TrackedJob

SETTLED: tuple[Outcome, ...] = (
    Delivered(),
    Delivered(("ops@example.com",)),
    Queued("a thread"),
    Withheld("none"),
    Shown(),
    Rejected("too long"),
    DestinationDead("revoked"),
)


@attrs.frozen
class Answer:
    """The answer to a try: its outcome, the seconds on a timer since the first try, and a random number."""

    outcome: Outcome
    elapsed: float
    draw: float


KEY = Key("run", "load", None, 0, 0)
AT = datetime(2026, 2, 3, 3, 0, 7, tzinfo=UTC)
BY_HAND: tuple[Message, ...] = (
    PostToSlack("SLACK_WEBHOOK_URL", SlackMessage("load failed", "#eb0000", "Failed", "load is now in a Failed state"), KEY),
    SendEmail("EMAIL_USERNAME", "EMAIL_PASSWORD", Mail("load failed", "", "", None, AT), KEY),
)
CONTENTS = tuple(
    Content("load", f"load {state.lower()}", "", state, state == "Failed", "#eb0000", AT, (Line("Host", "batch-7"),))
    for state in ("Failed", "Success")
)
COMPOSED = tuple(rerender(message, content, content) for message in BY_HAND for content in CONTENTS)
FOLDED = tuple(rerender(message, CONTENTS[1], merge_summaries([summarize(each, KEY) for each in CONTENTS])) for message in BY_HAND)


def messages() -> st.SearchStrategy[Message]:
    """Draw messages of every kind; no law depends on their details."""
    return st.sampled_from([*COMPOSED, *FOLDED, *BY_HAND])


def callbacks() -> st.SearchStrategy[CallBack]:
    return st.just(CallBack(print, TrackedJob("load"), Failed(), KEY))


def effects() -> st.SearchStrategy[Effect]:
    return messages() | callbacks()


def failures() -> st.SearchStrategy[Message]:
    return messages().filter(tells_of_failure)


def policies() -> st.SearchStrategy[RetryPolicy]:
    bases = st.floats(0.001, 10)
    times = st.tuples(st.integers(1, 8), bases, st.floats(1, 100), st.floats(0.001, 1000))
    return times.map(lambda drawn: RetryPolicy(drawn[0], drawn[1], drawn[1] * drawn[2], drawn[3]))


def retryables() -> st.SearchStrategy[Retryable]:
    asked = st.none() | st.timedeltas(timedelta(seconds=-9), timedelta(seconds=90)) | st.just(timedelta.max)
    return st.builds(Retryable, st.just("busy"), asked)


def outcomes() -> st.SearchStrategy[Outcome]:
    return retryables() | st.just(Ambiguous("no answer")) | st.sampled_from(SETTLED)


SPANS = st.floats(0, 1000)
"""Durations in seconds."""


def draws() -> st.SearchStrategy[float]:
    return st.floats(0, 1, exclude_max=True)


def answers() -> st.SearchStrategy[list[Answer]]:
    """Draw the answers to the tries, by a timer that may show any time."""
    lasting = retryables() | st.just(Ambiguous("no answer"))
    shown = st.floats(0, 100) | st.floats()
    return st.lists(st.builds(Answer, lasting | outcomes(), shown, draws()), min_size=1, max_size=9)


def played(policy: RetryPolicy, effect: Effect, script: Sequence[Answer]) -> tuple[list[Try], list[float], Outcome]:
    """Return all tries, the pauses between them and the final outcome, with the answers in a cycle."""
    tries, pauses, coming = [Try(effect)], list[float](), cycle(script)
    while isinstance(decision := _decided(policy, tries[-1], next(coming)), RetryLater):
        tries.append(decision.attempt)
        pauses.append(decision.pause)
    return tries, pauses, decision.outcome


def _decided(policy: RetryPolicy, last: Try, answer: Answer) -> RetryLater | Final:
    return decide(policy, last, answer.outcome, elapsed=answer.elapsed, draw=answer.draw)


@given(policies(), effects(), answers())
def test_it_ends_in_time_whatever_the_timer_shows(policy: RetryPolicy, effect: Effect, script: list[Answer]) -> None:
    tries, pauses, _ = played(policy, effect, script)
    assert len(tries) == len(pauses) + 1 <= policy.attempts
    assert sum(pauses) <= policy.deadline
    assert [each.number for each in tries] == list(range(1, len(tries) + 1))


@given(messages(), st.floats(1, 1000), st.sampled_from([0.0, -3600.0, math.nan]))
def test_a_timer_that_stands_still_gains_no_time(message: Message, deadline: float, shown: float) -> None:
    policy, asked = RetryPolicy(attempts=9, deadline=deadline), timedelta(seconds=deadline * 0.4)
    _, pauses, outcome = played(policy, message, [Answer(Retryable("busy", asked), shown, 0)])
    assert pauses == [asked.total_seconds()] * 2
    assert outcome == Retryable("busy; tried 3 times in less than 1 ms", asked)


@given(policies(), effects(), answers())
def test_a_pause_is_as_long_as_asked_and_no_longer_than_needed(policy: RetryPolicy, effect: Effect, script: list[Answer]) -> None:
    _, pauses, _ = played(policy, effect, script)
    for number, (pause, answer) in enumerate(zip(pauses, cycle(script), strict=False), 1):
        asked = asked_by(answer.outcome)
        apart = 7 * policy.initial_delay if isinstance(answer.outcome, Ambiguous) else 0.0
        assert max(0.0, asked) <= pause <= max(asked, min(policy.max_delay, max(policy.initial_delay * 2 ** (number - 1), apart)))


ROUNDING = 1e-9  # seconds by which a difference of two large numbers may be off


def asked_by(outcome: Outcome) -> float:
    return outcome.after.total_seconds() if isinstance(outcome, Retryable) and outcome.after else 0.0


@given(policies(), st.builds(Try, failures(), st.integers(1, 9), spent=SPANS), draws(), st.floats(0, 100) | st.just(math.inf))
def test_a_repetition_follows_some_seconds_later_if_there_is_time(policy: RetryPolicy, last: Try, draw: float, left: float) -> None:
    number, spent = last.number, last.spent
    lasting = attrs.evolve(policy, attempts=number + 1, deadline=max(policy.deadline, spent + 1e-3))
    decision = decide(lasting, last, Ambiguous("no answer"), elapsed=spent, draw=draw, left=left)
    time = min(left, lasting.deadline - spent)
    if isinstance(decision, Final):  # no time at all, or a drawn pause that is too long
        drawn = min(draw * lasting.bound(number), left / 2)
        assert drawn >= time - ROUNDING or left == 0 or spent + time / 2 >= lasting.deadline - ROUNDING
        return
    assert decision.pause < left
    assert decision.attempt.spent < lasting.deadline
    assert decision.pause >= decision.least >= min(5 * lasting.initial_delay, lasting.max_delay, time / 2)
    assert decision.least <= time / 2
    assert decision.attempt.repeated


def test_a_default_repetition_outlives_a_restart_of_some_seconds() -> None:
    """At exit, nine seconds are left: half of them are four and a half."""
    (failure, *_) = (message for message in COMPOSED if tells_of_failure(message))
    for left, least in ((math.inf, 5.0), (9.0, 4.5), (1.0, 0.5)):
        decision = decide(RetryPolicy(), Try(failure), Ambiguous("no answer"), elapsed=0.1, draw=0.0, left=left)
        assert isinstance(decision, RetryLater)
        assert decision.pause == decision.least == least


@given(policies(), messages(), st.integers(1, 9) | st.integers(1020, 3000), draws())
def test_the_jitter_is_full(policy: RetryPolicy, message: Message, number: int, draw: float) -> None:
    last, lasting = Try(message, number), attrs.evolve(policy, attempts=number + 1, deadline=10**9)
    soonest, drawn, later = (paused(lasting, last, chance) for chance in (0.0, draw, (draw + 1) / 2))
    assert soonest == 0 <= drawn <= later <= policy.bound(number) <= policy.bound(number + 1) <= policy.max_delay
    assert drawn == draw * policy.bound(number)


def paused(policy: RetryPolicy, last: Try, draw: float) -> float:
    decision = decide(policy, last, Retryable("busy"), elapsed=0, draw=draw)
    assert isinstance(decision, RetryLater)
    return decision.pause


REPLIES = {"yes": None, "later": Retryable("450"), "never": Rejected("550")}
PEOPLE = tuple(f"{name}@example.com" for name in "abcd")


@attrs.define
class PostOffice:
    """Takes mails for some people, and answers for each of them by a script."""

    script: dict[str, list[str]]
    got: list[str] = attrs.field(factory=list[str])
    asked: list[str] = attrs.field(factory=list[str])

    def take(self, effect: Effect) -> Outcome:
        assert isinstance(effect, SendEmail)
        people = PEOPLE if effect.rest is None else effect.rest.recipients
        replies = {name: REPLIES[self.script[name].pop(0) if self.script[name] else "yes"] for name in people}
        self.asked += people
        refused = {name: error for name, error in replies.items() if error is not None}
        if len(refused) == len(people):
            return next((error for error in refused.values() if isinstance(error, Retryable)), Rejected("550"))
        self.got += [name for name in people if name not in refused]
        return with_earlier_refusals(effect, Delivered(tuple(refused), errors=tuple(refused.values())))


@given(st.fixed_dictionaries({name: st.lists(st.sampled_from(list(REPLIES)), max_size=4) for name in PEOPLE}), st.integers(1, 7))
def test_each_recipient_gets_a_mail_once_or_is_in_the_outcome(script: dict[str, list[str]], attempts: int) -> None:
    office = PostOffice({name: list(replies) for name, replies in script.items()})
    letter = SendEmail("EMAIL_USERNAME", "EMAIL_PASSWORD", Mail("load failed", "", "", PEOPLE[:2], AT, PEOPLE[2:]), KEY)
    policy, last = RetryPolicy(attempts=attempts, deadline=10**9), Try(letter)
    while isinstance(decision := decide(policy, last, office.take(last.effect), elapsed=0, draw=0), RetryLater):
        last = decision.attempt
    outcome = decision.outcome
    assert len(office.got) == len(set(office.got))
    if not office.got:
        assert isinstance(outcome, Retryable | Rejected)
        return
    assert isinstance(outcome, Delivered)
    assert sorted((*office.got, *outcome.refused)) == list(PEOPLE)
    assert len(outcome.errors) == len(outcome.refused)
    assert last.number == attempts or not outcome.later
    replies = {name: script[name][office.asked.count(name) - 1] for name in outcome.refused}
    for name, error in zip(outcome.refused, outcome.errors, strict=True):  # a try that all refuse has one error, the mildest
        assert isinstance(error, Retryable) if replies[name] == "later" else isinstance(error, Rejected) or "later" in replies.values()


@given(policies(), effects(), st.sampled_from(SETTLED))
def test_a_settled_outcome_is_tried_once(policy: RetryPolicy, effect: Effect, outcome: Outcome) -> None:
    assert played(policy, effect, [Answer(outcome, 0, 0)]) == ([Try(effect)], [], outcome)


@given(policies(), callbacks(), outcomes())
def test_a_callback_is_called_once_with_any_outcome(policy: RetryPolicy, call: CallBack, outcome: Outcome) -> None:
    assert played(policy, call, [Answer(outcome, 0, 0)]) == ([Try(call)], [], outcome)


@given(policies(), messages(), answers())
def test_only_a_failure_is_repeated_once_with_a_mark(policy: RetryPolicy, message: Message, script: list[Answer]) -> None:
    tries, pauses, _ = played(policy, message, script)
    went_without = [
        i for i, (_, answer) in enumerate(zip(pauses, cycle(script), strict=False)) if isinstance(answer.outcome, Ambiguous)
    ]
    assert len(went_without) <= tells_of_failure(message)
    first = went_without[0] if went_without else len(tries)
    assert all(each.effect == message and not each.repeated for each in tries[: first + 1])
    assert all(each.effect == marked_as_repeat(message) and each.repeated for each in tries[first + 1 :])
    assert {id(each.effect.key) for each in tries} == {id(message.key)}


@given(failures(), st.sampled_from(SETTLED), draws())
def test_a_failure_without_an_answer_is_sent_again(message: Message, second: Outcome, draw: float) -> None:
    script = [Answer(Ambiguous("no answer"), 0, draw), Answer(second, 2, 0)]
    tries, _, outcome = played(RetryPolicy(), message, script)
    assert [each.effect for each in tries] == [message, marked_as_repeat(message)]
    assert tries[0].effect != tries[1].effect
    assert type(outcome) is type(second)
    assert isinstance(outcome, DeliveryError) or outcome == second


@given(policies(), failures(), answers())
def test_a_possible_arrival_is_never_reported_as_retryable(policy: RetryPolicy, message: Message, script: list[Answer]) -> None:
    tries, _, outcome = played(policy, message, script)
    assert not (tries[-1].repeated and isinstance(outcome, Retryable))


@given(policies(), messages(), answers())
def test_an_error_says_how_often_it_was_tried(policy: RetryPolicy, message: Message, script: list[Answer]) -> None:
    tries, _, outcome = played(policy, message, script)
    assume(isinstance(outcome, DeliveryError))
    assert isinstance(outcome, DeliveryError)
    match = re.search("; tried (once|[0-9]+ times) in ", outcome.reason)
    assert match is not None or (len(tries) == 1 and not isinstance(outcome, Retryable))
    assert match is None or match[1] == ("once" if len(tries) == 1 else f"{len(tries)} times")


@given(
    policies(),
    st.builds(Try, messages(), st.integers(1, 9), st.booleans()),
    st.builds(Answer, retryables(), SPANS, draws()),
    st.integers(0, 1000),  # whole seconds, which are not lost in rounding
)
@example(RetryPolicy(max_delay=100.0), Try(COMPOSED[0], 9), Answer(Retryable("busy"), 0.0, 0.9), 9)  # the pause is half of what is left
def test_a_more_generous_policy_gives_up_no_sooner(policy: RetryPolicy, last: Try, answer: Answer, more: int) -> None:
    strict = decide(policy, last, answer.outcome, elapsed=answer.elapsed, draw=answer.draw, left=100)
    laxer = attrs.evolve(policy, attempts=policy.attempts + 1, deadline=policy.deadline + more)
    lax = decide(laxer, last, answer.outcome, elapsed=answer.elapsed, draw=answer.draw, left=100 + more)
    assert isinstance(strict, Final) or (isinstance(lax, RetryLater) and 0 <= lax.pause - strict.pause <= more / 2)


@given(policies(), messages(), retryables(), draws(), st.floats(0, 100))
def test_no_pause_exceeds_the_time_left(policy: RetryPolicy, message: Message, outcome: Retryable, draw: float, left: float) -> None:
    decision = decide(policy, Try(message), outcome, elapsed=0, draw=draw, left=left)
    assert isinstance(decision, Final) or decision.pause < left


@attrs.define(eq=False)
class Simulated(Timer):
    """A simulated timer: each wait and each try may take any time, even a negative one."""

    slips: Iterator[float]
    time: float = 1000.0
    shown: list[float] = attrs.field(factory=list[float])
    waits: list[float] = attrs.field(factory=list[float])

    @override
    def monotonic(self) -> float:
        self.time += next(self.slips)
        self.shown.append(self.time)
        return self.time

    @override
    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.time += seconds


@attrs.define(eq=False)
class Scripted:
    """An interpreter with a cycle of outcomes, which records the effects."""

    notify: ClassVar[str] = "none"  # it sends nothing, so it is asked whatever the environment says

    outcomes: Iterator[Outcome]
    given: list[Effect] = attrs.field(factory=list[Effect])

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        self.given.append(effect)
        return result_of(next(self.outcomes))


SLIPS = st.lists(st.sampled_from([0.0, 0.1, 3600.0, -3600.0]) | st.floats(-5, 5), min_size=1, max_size=9)


def unhurried(outcome: Outcome) -> Outcome:
    """Return an outcome after which a pause may be cut short."""
    return Retryable(outcome.reason) if isinstance(outcome, Retryable | Ambiguous) else outcome


@given(policies(), effects(), answers(), SLIPS, st.none() | st.floats(0, 100))
def test_the_interpreter_follows_the_decisions(
    policy: RetryPolicy, effect: Effect, script: list[Answer], slips: list[float], seconds: float | None
) -> None:
    script = [attrs.evolve(answer, outcome=unhurried(answer.outcome)) for answer in script]
    timer, inner = Simulated(cycle(slips)), Scripted(cycle([answer.outcome for answer in script]))
    retrying = Retrying(inner, policy, timer=timer, draw=cycle([answer.draw for answer in script]).__next__)
    until = math.inf if seconds is None else timer.time + seconds
    with with_deadline(until):
        outcome = execute(retrying, effect)
    began, *ends = timer.shown
    attempt = Try(effect)
    for end, pause, answer, sent in zip(ends, [*timer.waits, None], cycle(script), inner.given, strict=False):
        assert sent == attempt.effect
        left = max(until - end, 0.0)
        decision = decide(policy, attempt, answer.outcome, elapsed=end - began, draw=answer.draw, left=left)
        if isinstance(decision, Final):
            assert (pause, outcome) == (None, decision.outcome)
        else:
            assert pause == decision.pause
            attempt = decision.attempt
    assert len(ends) == len(inner.given) == len(timer.waits) + 1


@given(policies(), failures(), st.floats(1, 1000), draws())
def test_the_interpreter_waits_before_a_repetition(policy: RetryPolicy, message: Message, seconds: float, draw: float) -> None:
    policy = attrs.evolve(policy, attempts=2)
    timer, inner = Simulated(cycle([0.0])), Scripted(iter([Ambiguous("no answer"), Delivered()]))
    decision = decide(policy, Try(message), Ambiguous("no answer"), elapsed=0, draw=draw, left=seconds)
    assume(isinstance(decision, RetryLater))
    assert isinstance(decision, RetryLater)
    with with_deadline(timer.time + seconds):
        assert execute(Retrying(inner, policy, timer=timer, draw=lambda: draw), message) == Delivered()
    assert timer.waits[0] == pytest.approx(decision.pause, abs=1e-6)
    assert inner.given == [message, marked_as_repeat(message)]


@given(messages(), st.floats(0, 60))
def test_a_caller_with_a_deadline_gets_the_latest_answer(message: Message, seconds: float) -> None:
    timer, inner = Simulated(cycle([0.0])), Scripted(iter([Retryable("busy", timedelta(seconds=30)), Delivered()]))
    with with_deadline(timer.time + seconds):
        outcome = execute(Retrying(inner, timer=timer), message)
    assert isinstance(outcome, Delivered) is (seconds > 30) is (len(inner.given) == 2)


@attrs.define
class Cut(Timer):
    """A simulated timer whose first wait is cut to a tenth."""

    deadline: Deadline | None = None
    time: float = 1000.0
    waits: list[float] = attrs.field(factory=list[float])

    @override
    def monotonic(self) -> float:
        return self.time

    @override
    def wait(self, seconds: float) -> None:
        self.time += seconds if self.waits else seconds / 10
        self.waits.append(seconds)
        if self.deadline is not None:
            self.deadline.moment = self.time + seconds / 10  # the program ends


@given(messages(), st.floats(1, 60))
def test_the_pause_that_the_service_asks_for_is_kept_if_a_wait_is_cut_short(message: Message, after: float) -> None:
    timer, inner = Cut(), Scripted(iter([Retryable("busy", timedelta(seconds=after)), Delivered()]))
    assert execute(Retrying(inner, timer=timer, draw=lambda: 0.0), message) == Delivered()
    assert timer.time >= 1000 + timedelta(seconds=after).total_seconds() - 0.1


@given(messages(), st.floats(1, 60))
def test_it_is_given_up_if_the_deadline_moves_before_the_pause_ends(message: Message, after: float) -> None:
    deadline = Deadline()
    timer, inner = Cut(deadline), Scripted(iter([Retryable("busy", timedelta(seconds=after))]))
    with with_shared_deadline(deadline):
        outcome = execute(Retrying(inner, timer=timer, draw=lambda: 0.0), message)
    assert isinstance(outcome, Retryable)
    assert outcome.reason.startswith("busy; tried once in ")
    assert len(inner.given) == 1


@given(messages(), st.floats(3600, 1e300))
def test_a_machine_that_slept_makes_its_next_try(message: Message, asleep: float) -> None:
    timer, inner = Simulated(iter([0.0, 0.0, asleep])), Scripted(cycle([Retryable("busy")]))
    outcome = execute(Retrying(inner, timer=timer), message)
    assert len(inner.given) == 2
    assert isinstance(outcome, Retryable)
    assert outcome.reason.startswith("busy; tried 2 times in ")


@given(failures())
def test_the_reasons(message: Message) -> None:
    third = Try(message, 3)
    for last, outcome, expected in (
        (Try(message), Retryable("busy", timedelta(hours=4)), Retryable("busy; tried once in 12 s", timedelta(hours=4))),
        (third, Retryable("busy"), Retryable("busy; tried 3 times in 12 s")),
        (third, Rejected("too long", "NAME"), Rejected("too long; tried 3 times in 12 s", "NAME")),
        (third, DestinationDead("revoked"), DestinationDead("revoked; tried 3 times in 12 s")),
        (third, Ambiguous("no answer"), Ambiguous("no answer; tried 3 times in 12 s")),
        (
            attrs.evolve(third, repeated=True),
            Retryable("busy"),
            Ambiguous("busy; tried 3 times in 12 s, and one try went without an answer: it may have arrived"),
        ),
    ):
        assert decide(RetryPolicy(attempts=3), last, outcome, elapsed=12.3, draw=0) == Final(expected)
