"""``Digest``: its waits, its outcomes and its log lines."""

import gc
import logging
import math
import os
import pickle
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import repeat

import attrs
import pytest
from returns.io import IOResult
from typing_extensions import override

from tocsin import DryRun, Recording, Running, Task
from tocsin.core.changes import Key
from tocsin.core.effects import Bot, CallBack, Effect, PostToSlack
from tocsin.core.messages.content import Content
from tocsin.core.messages.digest_summary import DigestSummary
from tocsin.core.messages.slack import slack_message
from tocsin.core.outcomes import Delivered, DeliveryError, DestinationDead, Outcome, Queued, Receipt, Retryable, Shown, Withheld
from tocsin.shell.adapters import time_limits
from tocsin.shell.adapters.clock import Timer
from tocsin.shell.interpreter import Interpreter, outcome_of, result_of
from tocsin.shell.interpreters.background import Background
from tocsin.shell.interpreters.digest import Digest, folded
from tocsin.shell.redaction import remember

pytestmark = pytest.mark.tocsin_live  # the interpreters here stand for ones that send

AT = datetime(2026, 2, 3, 3, 0, 7, tzinfo=UTC)


def message(
    ordinal: int, webhook: str = "ONE", *, name: str = "load", at: datetime = AT, bot: Bot | None = None, rest: str = ""
) -> PostToSlack:
    content = Content(name, f"{name} failed: {ordinal}", f"{name} failed", "Failed", True, "#eb0000", at, (), rest=rest)
    payload = slack_message(attrs.evolve(content, at=AT))
    return PostToSlack(webhook, payload, Key("run", name, None, ordinal, 0), bot, content)


def messages(count: int, webhook: str = "ONE") -> list[PostToSlack]:
    return [message(ordinal, webhook) for ordinal in range(count)]


@attrs.define(eq=False)
class Simulated(Timer):
    """A timer whose time passes in waits, at most ``most`` seconds in each; ``meanwhile`` is called in a wait."""

    most: float = math.inf
    meanwhile: Callable[[], object] = int
    time: float = 1000.0
    waits: list[float] = attrs.field(factory=list[float])

    @override
    def monotonic(self) -> float:
        return self.time

    @override
    def wait(self, seconds: float) -> None:
        if seconds > 0:
            self.waits.append(seconds)
            self.meanwhile()
            self.time += min(seconds, self.most)


@attrs.define(eq=False)
class Scripted:
    """Calls ``first``, and returns the prepared outcomes."""

    outcomes: Iterator[Outcome] = attrs.field(factory=lambda: repeat(Delivered()))
    first: Callable[[], object] = int
    sent: list[Effect] = attrs.field(factory=list[Effect])

    notify = "live"

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        self.sent.append(effect)
        self.first()
        return result_of(next(self.outcomes))


def test_a_single_message_goes_as_it_is_and_at_once() -> None:
    inner, timer = Scripted(iter([Delivered(), Delivered(), Queued("a drawer")])), Simulated()
    digest = Digest(inner, 1, timer=timer)
    digest.batch(messages(2))
    one = message(7)
    assert list(digest.batch([one])) == [Delivered()]
    assert outcome_of(digest(one)) == Queued("a drawer")
    assert inner.sent[1] is inner.sent[2] is one
    assert timer.waits == []


def test_ten_go_singly_and_eleven_are_folded() -> None:
    inner = Scripted()
    digest = Digest(inner, timer=Simulated())
    ten = messages(10)
    assert list(digest.batch(ten)) == [Delivered()] * 10
    assert [sent is given for sent, given in zip(inner.sent, ten, strict=True)] == [True] * 10
    outcomes = digest.batch(messages(11))
    assert len(inner.sent) == 11
    assert list(outcomes) == [Delivered(in_digest=inner.sent[10].key)] * 11
    assert {id(outcome) for outcome in outcomes} == {id(outcomes[0])}


@pytest.mark.parametrize(
    "outcome",
    [Queued("a drawer"), Withheld("no"), Shown(), Retryable("full", timedelta(seconds=3)), DestinationDead("revoked")],
    ids=repr,
)
def test_folded_messages_share_the_outcome_of_the_digest(outcome: Outcome) -> None:
    assert [one is outcome for one in Digest(Scripted(iter([outcome])), 1).batch(messages(3))] == [True] * 3


def test_each_message_has_the_refused_recipients() -> None:
    inner = Scripted(iter([Delivered(("boss@example.com",))]))
    assert (
        list(Digest(inner, 1).batch(messages(2))) == [Delivered(("boss@example.com",), Key("run", "load and 1 more", None, 0, -1))] * 2
    )


def test_a_call_is_made_where_it_stands_and_is_never_folded() -> None:
    called = [CallBack(print, Task("load"), Running(), Key("run", "load", None, ordinal, 0)) for ordinal in range(3)]
    inner = Scripted()
    assert list(Digest(inner, 1).batch([called[0], *messages(2), *called[1:]]))[::3] == [Delivered()] * 2
    assert [effect for effect in inner.sent if isinstance(effect, CallBack)] == called
    assert len(inner.sent) == 4


def test_an_inner_that_raises_has_rejected_it() -> None:
    outcomes = Digest(Scripted(iter(())), 1).batch(messages(2))
    assert "StopIteration" in repr(outcomes[0])
    assert outcomes[0] is outcomes[1]


def test_two_digests_to_the_same_people_are_apart() -> None:
    timer = Simulated()
    digest = Digest(Scripted(), 1, 10.0, timer=timer)
    digest.batch(messages(2))
    timer.time += 3.0
    digest.batch([*messages(2), *messages(2, "TWO")])
    assert timer.waits == [7.0]
    timer.time += 10.0
    digest.batch([*messages(2), *messages(2, "TWO")])
    assert timer.waits == [7.0]


def test_they_are_apart_from_the_end_of_one_to_the_beginning_of_the_next() -> None:
    timer = Simulated()
    digest = Digest(Scripted(first=lambda: setattr(timer, "time", timer.time + 60.0)), 1, timer=timer)
    digest.batch(messages(2))
    digest.batch(messages(2))
    assert timer.waits == [10.0]


def test_one_that_comes_while_another_is_sent_waits_for_its_own_turn() -> None:
    timer = Simulated()
    later: list[Sequence[Effect]] = [messages(2), messages(2)]
    moments: list[float] = []

    def meanwhile() -> None:
        moments.append(timer.time)
        if later:
            digest.batch(later.pop())

    digest = Digest(Scripted(first=meanwhile), 1, timer=timer)
    digest.batch(messages(2))
    assert moments == [1000.0, 1010.0, 1020.0]
    digest.batch(messages(2))
    assert timer.waits == [10.0, 10.0, 10.0]


def test_one_that_ends_late_does_not_bring_forward_those_after_the_next() -> None:
    timer, started, release = Simulated(), threading.Event(), threading.Event()

    def busy() -> None:
        started.set()
        assert release.wait(10)

    digest = Digest(Scripted(first=busy), 1, timer=timer)
    slow = threading.Thread(target=digest.batch, args=(messages(2),))

    def meanwhile() -> None:
        timer.meanwhile = int
        release.set()
        slow.join(10)
        digest.batch(messages(2))

    slow.start()
    assert started.wait(10)
    timer.meanwhile = meanwhile
    digest.batch(messages(2))
    assert timer.waits == [10.0, 20.0]


def test_a_digest_does_not_wait_under_a_deadline() -> None:
    timer = Simulated()
    digest = Digest(Scripted(), 1, timer=timer)
    digest.batch(messages(2))
    with time_limits.with_deadline(timer.time + 60.0):
        digest.batch(messages(2))
    assert timer.waits == []


@pytest.mark.parametrize(
    ("seconds", "takes", "counts"),
    [(14.0, 2.0, [1] * 8), (14.0, 2.5, [1, 1, 6]), (13.9, 1.0, [1, 7]), (10.0, 1.0, [1, 7]), (0.0, 1.0, [1, 7])],
)
def test_what_is_left_when_the_program_ends_is_folded_where_there_is_no_time_for_each(
    seconds: float, takes: float, counts: list[int]
) -> None:
    timer, deadline = Simulated(), time_limits.Deadline()

    def ends() -> None:
        if deadline.moment == math.inf:
            deadline.moment = timer.time + seconds
        else:
            timer.time += takes

    given = messages(8)
    inner = Scripted(first=ends)
    with time_limits.with_shared_deadline(deadline):
        outcomes = Digest(inner, timer=timer).batch(given)
    contents = [sent.content for sent in inner.sent if isinstance(sent, PostToSlack)]
    assert [content.count if isinstance(content, DigestSummary) else 1 for content in contents] == counts
    alone = counts.count(1)
    assert [outcome == Delivered() for outcome in outcomes] == [True] * alone + [False] * (8 - alone)


def test_a_timer_that_returns_early_is_obeyed_and_the_next_counts_from_then() -> None:
    timer = Simulated(most=1.0)
    inner = Scripted()
    digest = Digest(inner, 1, timer=timer)
    for _ in range(4):
        digest.batch(messages(2))
    assert timer.waits == [10.0] * 3
    assert len(inner.sent) == 4


def test_past_digests_are_forgotten() -> None:
    timer, inner = Simulated(), Scripted()
    digest, bot = Digest(inner, 1, timer=timer), Bot("BOT", "#ops")
    digest.batch([message(ordinal, bot=bot) for ordinal in range(2)])
    inner.sent.clear()
    kept = weakref.ref(bot)
    del bot
    gc.collect()
    assert kept() is not None
    timer.time += 10.0
    digest.batch(messages(2))
    gc.collect()
    assert kept() is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_child_starts_afresh() -> None:
    timer = Simulated()
    digest = Digest(Scripted(), 1, timer=timer)
    digest.batch(messages(2))
    child = os.fork()
    if not child:
        digest.batch(messages(2))
        os._exit(len(timer.waits))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    digest.batch(messages(2))
    assert len(timer.waits) == 1


def test_it_pickles_as_a_new_one() -> None:
    digest = Digest(DryRun(), 3, 5.0)
    again = pickle.loads(pickle.dumps(digest))
    assert repr(again) == repr(digest) == "Digest(inner=DryRun(), threshold=3, min_interval=5.0)"
    assert again.batch([]) == []


def test_the_log_has_each_that_was_folded(caplog: pytest.LogCaptureFixture) -> None:
    remember("TOKEN", "s3cr3t-s3cr3t")
    caplog.set_level(logging.INFO, "tocsin")
    folded([message(0), message(1, name="a\nb", rest=" s3cr3t-s3cr3t")])
    assert caplog.messages == [
        "tocsin: in the digest 'run.load and 1 more..0.-1': 2026-02-03 03:00:07 +0000 load failed: 0",
        "tocsin: in the digest 'run.load and 1 more..0.-1': 2026-02-03 03:00:07 +0000 a b failed: 1 [TOKEN]",
    ]


def test_the_log_has_them_only_at_level_info(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "tocsin")
    Digest(Recording(), 1).batch(messages(2))
    assert caplog.messages == []


class Lost(tzinfo):
    """A user's broken time zone."""

    @override
    def utcoffset(self, when: datetime | None, /) -> timedelta:
        raise LookupError("no such zone")

    dst = tzname = utcoffset  # type: ignore[assignment]  # these are never asked


def test_what_cannot_be_folded_goes_singly(caplog: pytest.LogCaptureFixture) -> None:
    inner = Scripted()
    given = [message(0), message(1, at=AT.replace(tzinfo=Lost()))]
    assert list(Digest(inner, 1).batch(given)) == [Delivered()] * 2
    assert inner.sent == given
    assert caplog.messages == ["tocsin: the digest raised LookupError: no such zone"]


def test_a_child_process_does_what_the_inner_one_says() -> None:
    assert Digest(Scripted()).notify == "live"
    assert Digest(Recording()).notify == "none"


@pytest.mark.parametrize("most", [0, -3, True, 2.5, "11", None])
def test_how_many_go_singly_is_a_number(most: int) -> None:
    with pytest.raises(ValueError, match=r"^threshold is how many waiting messages go singly, 1 or more, not") as caught:
        Digest(Recording(), most)
    assert str(caught.value).endswith(repr(most))


@pytest.mark.parametrize("apart", [-1, math.nan, math.inf, True, "1", None])
def test_how_far_they_are_apart_is_a_number_of_seconds(apart: float) -> None:
    with pytest.raises(ValueError, match=r"^min_interval is how many seconds lie between two digests, 0 or more, not") as caught:
        Digest(Recording(), min_interval=apart)
    assert str(caught.value).endswith(repr(apart))


@pytest.mark.parametrize("given", [Recording, Background(Recording()), None], ids=["a class", "a queueing one", "None"])
def test_it_wraps_an_interpreter_that_answers_at_once(given: Interpreter) -> None:
    with pytest.raises(TypeError, match=r"^(an interpreter is needed|Background answers before the outcome is known)"):
        Digest(given)
