"""Laws of digests: no message is lost or sent twice, in whatever order they come, and a storm becomes few messages."""

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import accumulate, cycle, pairwise, repeat
from typing import ClassVar

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.io import IOResult
from typing_extensions import override

from tocsin import Recording
from tocsin.core.changes import Key
from tocsin.core.delivery.destinations import audience
from tocsin.core.delivery.digest import digest_content, fold, gist, portions
from tocsin.core.delivery.rate_limit import SLACK, Bucket, take
from tocsin.core.delivery.rendering import content_of
from tocsin.core.effects import Bot, CallBack, Effect, Message, PostToSlack, SendEmail
from tocsin.core.messages.content import Content, Line
from tocsin.core.messages.digest_summary import NAMED, DigestSummary, merge_summaries, summarize
from tocsin.core.messages.email import Mail, mail
from tocsin.core.messages.slack import slack_message
from tocsin.core.outcomes import Ambiguous, Delivered, DeliveryError, Outcome, Queued, Receipt, Retryable
from tocsin.shell.adapters import time_limits
from tocsin.shell.adapters.clock import Timer
from tocsin.shell.interpreter import result_of
from tocsin.shell.interpreters.digest import Digest
from tocsin.testing import assert_interpreter_agrees
from tocsin.testing import strategies as ours
from tocsin.testing.value_strategies import texts

names = st.sampled_from(["load", "load and 1 more", "extract", "<!channel>"]) | texts()
moments = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.timezones(), allow_imaginary=True)
colours = st.sampled_from(["#eb0000", "#28a745"])
lines = st.lists(
    st.builds(Line, st.sampled_from(["Environment", "Host", "Duration"]), st.sampled_from(["", "b"]) | texts()), max_size=3
)
contents = st.builds(
    Content,
    names,
    texts(),
    texts(),
    st.sampled_from(["Failed", "Success"]) | texts(),
    st.booleans(),
    colours,
    moments,
    lines.map(tuple[Line, ...]),
)
keys = st.builds(Key, texts(), names, st.none() | st.integers(0, 3), st.integers(0, 3), st.integers(0, 1))


@st.composite
def of_slack(draw: st.DrawFn, secrets: Sequence[str] = ("ONE",), bots: Sequence[Bot | None] = (None,)) -> Message:
    """Draw a post; some are made by hand, without a content."""
    content = draw(contents)
    kept = draw(st.sampled_from([content, content, None]))
    return PostToSlack(draw(st.sampled_from(secrets)), slack_message(content), draw(keys), draw(st.sampled_from(bots)), kept)


@st.composite
def of_mail(draw: st.DrawFn, recipients: Sequence[tuple[str, ...] | None] = (("a@example.com",),)) -> Message:
    """Draw a mail; some are made by hand, without a content."""
    content = draw(contents)
    letter: Mail = mail(content, draw(st.sampled_from(recipients)), ("c@example.com",))
    return SendEmail("EMAIL_USERNAME", "EMAIL_PASSWORD", letter, draw(keys), draw(st.sampled_from([content, content, None])))


to_some = st.one_of(st.lists(of_slack(), min_size=1, max_size=6), st.lists(of_mail(), min_size=1, max_size=6))
"""Messages with one audience."""

to_many = st.lists(
    st.one_of(
        of_slack(("ONE", "TWO"), (None, Bot("BOT", "#ops"), Bot("BOT", "#dev"))),
        of_mail((None, ("a@example.com",), ("b@example.com",))),
        ours.callbacks(),
    ),
    max_size=16,
)
"""Effects with several audiences."""


def audience_of(effect: Effect) -> object:
    """Return the audience of an effect; each callback has its own."""
    return object() if isinstance(effect, CallBack) else audience(effect)


def alike(one: Message, other: Message) -> bool:
    """Return whether two messages have equal effects, keys and contents."""
    return (one, one.key, one.content) == (other, other.key, other.content)


@given(to_many, st.integers(1, 4))
def test_every_effect_is_in_one_portion_and_many_to_one_audience_are_together(effects: list[Effect], most: int) -> None:
    parts = portions(effects, most)
    assert sorted(position for part in parts for position in part) == list(range(len(effects)))
    people = [audience_of(effect) for effect in effects]
    for part in parts:
        assert len({people[position] for position in part}) == 1
        together = people.count(people[part[0]])
        assert len(part) == (together if together > most else 1)
        assert list(part) == sorted(part)


@given(to_many, st.integers(1, 4))
def test_audiences_come_in_order_and_so_do_the_messages_to_one(effects: list[Effect], most: int) -> None:
    people = [audience_of(effect) for effect in effects]
    flat = [position for part in portions(effects, most) for position in part]
    assert flat == sorted(flat, key=lambda position: (people.index(people[position]), position))


@given(to_some, st.data())
def test_messages_may_be_folded_in_any_portions(messages: list[Message], data: st.DataObject) -> None:
    whole, left = fold(messages), list(messages)
    while len(left) > 1:
        start = data.draw(st.integers(0, len(left) - 2))
        end = data.draw(st.integers(start + 2, len(left)))
        left[start:end] = [fold(left[start:end])]
    assert alike(left[0], whole)


@given(to_some, st.integers(0, 5))
def test_folding_one_by_one_is_summarising_the_list(messages: list[Message], shown: int) -> None:
    some = messages[shown:] or messages
    whole = some[0]
    for message in some[1:]:
        whole = fold([whole, message])
    parts = [summary_of(message) for message in some]
    assert alike(whole, fold(some))
    assert summary_of(whole) == merge_summaries(parts)
    for field in ("states", "names", "places"):  # each message is counted once, under what it says
        assert Counter(dict(getattr(summary_of(whole), field))) == sum(
            (Counter(dict(getattr(part, field))) for part in parts), Counter[str]()
        )


@given(to_some)
def test_a_single_message_is_untouched(messages: list[Message]) -> None:
    assert fold(messages[:1]) is messages[0]
    assert all(fold([fold([message])]) is message for message in messages)


@given(to_some)
def test_a_digest_counts_all_that_was_folded(messages: list[Message]) -> None:
    parts = [summary_of(message) for message in messages]
    whole = summary_of(fold(messages))
    assert whole.count == len(messages)
    assert whole.failed == sum(part.failed for part in parts)
    assert sum(count for _, count in whole.states) == sum(count for _, count in whole.names) == len(messages)
    assert sum(count for _, count in whole.places) == sum(len(part.places) for part in parts)
    assert whole.began.timestamp() == min(part.began.timestamp() for part in parts)
    assert whole.ended.timestamp() == max(part.ended.timestamp() for part in parts)
    assert whole.lasted >= timedelta(0)
    assert list(whole.first) == [part.last for part in parts[:3]]
    assert whole.last == parts[-1].last
    assert audience(fold(messages)) == audience(messages[0])


@given(to_some, st.data())
def test_a_digest_has_the_key_of_no_message_in_it(messages: list[Message], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(messages) - 1))
    end = data.draw(st.integers(start + 1, len(messages)))
    parts = [*messages[:start], fold(messages[start:end]), *messages[end:]]
    if len(parts) > 1:
        assert fold(parts).key not in {message.key for message in (*messages, *parts)}


@given(to_some, st.sampled_from(["x", "負", "&", "\U0001f514", "`", "<"]))
def test_a_digest_keeps_slacks_limits_and_has_no_markup(messages: list[Message], letter: str) -> None:
    many = tuple((letter * 150 + str(n), 10**9) for n in range(NAMED))
    long = attrs.evolve(summary_of(fold(messages)), names=many, places=many, files=many, attached=10**12)
    for summary in (summary_of(fold(messages)), long):
        payload = slack_message(digest_content(summary))
        parts = [payload.fallback, payload.title, payload.text, *(text for f in payload.fields for text in (f.title, f.value))]
        assert sum(len(text.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")) for text in parts) < 4000
        assert not any(mark in text for text in parts for mark in "<>")
        assert payload.mrkdwn_in == ()
        assert len(digest_content(summary).sentence) <= 200
        payload.to_json().encode()


@given(to_some)
def test_the_gist_is_one_printable_line(messages: list[Message]) -> None:
    for message in (*messages, fold(messages)):
        assert "\n" not in gist(message)
        gist(message).encode()


@given(st.integers(NAMED + 1, NAMED + 50), st.sampled_from(["", "x" * 500]))
@settings(max_examples=4)
def test_a_digest_is_bounded_whatever_is_in_it(count: int, tail: str) -> None:
    many = [made(n, f"{n} {tail}", f"{n} {tail}", host=f"{n} {tail}") for n in range(count)]
    summary = summary_of(fold(many))
    assert len(summary.names) == len(summary.states) == len(summary.places) == NAMED
    assert len(repr(summary)) < 3 * NAMED * 200
    assert summary_of(fold([fold(many[: count // 2]), fold(many[count // 2 :])])) == summary
    whole = fold(many[: NAMED - 5])
    for message in many[NAMED - 5 :]:  # one by one, past the bound
        whole = fold([whole, message])
    assert summary_of(whole) == summary
    assert summary.count == count


def summary_of(message: Message) -> DigestSummary:
    return summarize(content_of(message), message.key)


def made(ordinal: int, name: str, state: str = "Failed", host: str = "") -> PostToSlack:
    """Return a message about one change; each state but Success is a failure."""
    at = datetime(2026, 2, 3, tzinfo=UTC)
    content = Content(name, f"{name} changed", "", state, state != "Success", "#eb0000", at, (Line("Host", host),))
    return PostToSlack("ONE", slack_message(content), Key("run", name, None, ordinal, 0), content=content)


@attrs.define(eq=False)
class Simulated(Timer):
    """A simulated timer: each wait lasts as long as it should, or not at all if ``skips_waits``."""

    skips_waits: bool = False
    time: float = 0.0

    @override
    def monotonic(self) -> float:
        return self.time

    @override
    def wait(self, seconds: float) -> None:
        self.time += 0.0 if self.skips_waits else max(seconds, 0.0)


@attrs.define(eq=False)
class Slow:
    """A scripted interpreter at Slack's rate limit; it records each message with its start."""

    notify: ClassVar[str] = "none"  # it sends nothing, so it is asked whatever the environment says

    timer: Simulated
    takes: float = 0.0
    outcomes: Iterator[Outcome] = attrs.field(factory=lambda: repeat(Delivered()))
    sent: list[tuple[float, Effect]] = attrs.field(factory=list[tuple[float, Effect]])
    bucket: Bucket = attrs.field(factory=Bucket)

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        began = self.timer.time
        self.bucket, wait = take(self.bucket, SLACK, began)
        self.timer.time += wait + self.takes
        self.sent.append((began, effect))
        return result_of(next(self.outcomes))


answers = st.sampled_from([Delivered(), Delivered(("a@example.com",)), Queued("a drawer"), Retryable("full"), Ambiguous("silence")])


@given(to_many, st.lists(answers, min_size=1), st.integers(1, 4), st.booleans())
def test_every_effect_has_one_outcome_and_is_in_one_message(
    effects: list[Effect], script: list[Outcome], most: int, skips_waits: bool
) -> None:
    timer = Simulated(skips_waits)
    inner = Slow(timer, outcomes=cycle(script))
    outcomes = Digest(inner, most, timer=timer).batch(effects)
    expected: dict[int, Outcome] = {}
    for part, (_, sent), answer in zip(portions(effects, most), inner.sent, cycle(script), strict=False):
        alone = len(part) == 1
        assert not alone or sent is effects[part[0]]
        known = answer if alone or not isinstance(answer, Delivered) else attrs.evolve(answer, in_digest=sent.key)
        expected.update(dict.fromkeys(part, known))
    assert list(outcomes) == [expected[position] for position in range(len(effects))]


@attrs.define(eq=False)
class Ending:
    """An interpreter with a fixed duration for each message; during message ``number`` the program ends."""

    notify: ClassVar[str] = "none"  # it sends nothing, so it is asked whatever the environment says

    timer: Simulated
    deadline: time_limits.Deadline
    takes: float
    number: int
    exit_timeout: float
    sent: list[Effect] = attrs.field(factory=list[Effect])

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        if len(self.sent) == self.number:
            self.deadline.moment = self.timer.time + self.exit_timeout
        self.timer.time += self.takes
        self.sent.append(effect)
        return result_of(Queued(str(len(self.sent) - 1)))


@given(to_many, st.integers(1, 6), st.integers(0, 16), st.floats(0.0, 2.0), st.sampled_from([0.0, 3.0, 10.0]))
def test_every_effect_has_one_outcome_whenever_the_program_ends(
    effects: list[Effect], most: int, number: int, takes: float, seconds: float
) -> None:
    timer, deadline = Simulated(), time_limits.Deadline()
    inner = Ending(timer, deadline, takes, number, seconds)
    with time_limits.with_shared_deadline(deadline):
        outcomes = Digest(inner, most, timer=timer).batch(effects)
    went = [int(outcome.where) for outcome in outcomes if isinstance(outcome, Queued)]
    assert len(went) == len(outcomes) == len(effects)
    people = [audience_of(effect) for effect in effects]
    for turn, sent in enumerate(inner.sent):
        members = [effect for effect, place in zip(effects, went, strict=True) if place == turn]
        messages = [member for member in members if not isinstance(member, CallBack)]
        if isinstance(sent, CallBack) or len(members) == 1:
            assert [sent] == members
        else:
            assert len(messages) == len(members)
            assert alike(sent, fold(messages))
    for person in people:
        places = [place for other, place in zip(people, went, strict=True) if other == person]
        assert places == sorted(places)


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 12), st.floats(0.0, 2.0), st.sampled_from([4.0, 5.0, 10.0]))
def test_all_is_sent_in_time_if_a_message_takes_two_seconds_at_most(
    count: int, most: int, number: int, takes: float, seconds: float
) -> None:
    timer, deadline = Simulated(), time_limits.Deadline()
    inner = Ending(timer, deadline, takes, number, seconds)
    with time_limits.with_shared_deadline(deadline):
        Digest(inner, most, timer=timer).batch([made(ordinal, f"load {ordinal}") for ordinal in range(count)])
    assert timer.time <= deadline.moment


@given(to_many, st.integers(1, 4))
def test_every_failure_is_in_one_message(effects: list[Effect], most: int) -> None:
    timer = Simulated()
    inner = Slow(timer)
    Digest(inner, most, timer=timer).batch(effects)
    before, after = (
        [summary_of(one) for one in some if not isinstance(one, CallBack)] for some in (effects, [e for _, e in inner.sent])
    )
    assert sum(summary.count for summary in after) == len(before)
    assert sum(summary.failed for summary in after) == sum(summary.failed for summary in before)


@cache
def storm() -> tuple[PostToSlack, ...]:
    """Return ten thousand failures."""
    return tuple(made(ordinal, f"load {ordinal % 40}") for ordinal in range(10_000))


@given(st.lists(st.integers(1, 20), min_size=60, max_size=60), st.floats(0.0, 4.0))
@settings(max_examples=10)
def test_ten_thousand_failures_in_a_minute_are_at_most_sixty_messages(weights: list[int], takes: float) -> None:
    timer = Simulated()
    inner = Slow(timer, takes)
    digest, total, waiting = Digest(inner, timer=timer), sum(weights), deque[tuple[float, Effect]]()
    shares = list(accumulate((weight * 10_000 / total for weight in weights), initial=0.0))
    for second, (start, end) in enumerate(pairwise(round(share) for share in shares)):
        waiting.extend((second + (n - start) / (end - start), storm()[n]) for n in range(start, end))
    outcomes = list[Outcome]()
    while waiting:
        timer.time = max(timer.time, waiting[0][0])
        batch = list[Effect]()
        while waiting and waiting[0][0] <= timer.time:
            batch.append(waiting.popleft()[1])
        outcomes.extend(digest.batch(batch))
    assert len(inner.sent) <= 60
    assert len(outcomes) == sum(summary_of(message).failed for _, message in inner.sent if not isinstance(message, CallBack)) == 10_000
    digests = [began for began, effect in inner.sent if effect.key.position < 0]
    assert all(round(after - before, 6) >= 10.0 for before, after in pairwise(digests))


def test_it_fulfils_the_contract_of_an_interpreter() -> None:
    assert_interpreter_agrees(lambda: Digest(Recording(), 1), examples=10)
