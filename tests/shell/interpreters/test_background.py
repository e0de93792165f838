"""``Background``: callers do not wait, no message is lost, and each gets a final outcome."""

import asyncio
import ctypes
import gc
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta, tzinfo
from weakref import ref

import attrs
import pytest
from returns.io import IOResult

from tocsin import DryRun, Failed, Flow, Recording, Running, Task, callback_factory, flush, gmail_notifier, interpreting, slack_notifier
from tocsin.core.attachments import Attachment
from tocsin.core.delivery.digest import digest_key
from tocsin.core.effects import Effect, PostToSlack, SendEmail
from tocsin.core.messages.content import Content
from tocsin.core.messages.digest_summary import DigestSummary
from tocsin.core.messages.email import mail as lay_out
from tocsin.core.outcomes import Ambiguous, Delivered, DeliveryError, Outcome, Queued, Receipt, Rejected, Retryable, Shown, Withheld
from tocsin.interpreters import Background, Digest, Retrying
from tocsin.shell import destination_queue
from tocsin.shell.environment import NAME
from tocsin.shell.interpreter import Batching, Queueing, execute, result_of
from tocsin.shell.reliable import reliable

pytestmark = pytest.mark.tocsin_live
QUEUED = Queued("a background thread")
TIMEOUT = 10.0


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Check that the queues are empty when a test ends."""
    yield
    assert flush()


def effect(webhook: str = "SLACK_WEBHOOK_URL", name: str = "load") -> Effect:
    with interpreting(Recording()) as recording:
        slack_notifier(Task(name), Running(), Failed("disk full"), webhook_secret=webhook)
    return recording.effects[0]


def mail(to: str = "ops@example.com") -> Effect:
    with interpreting(Recording()) as recording:
        gmail_notifier(Task("load"), Running(), Failed("disk full"), to=[to])
    return recording.effects[0]


@attrs.frozen(eq=False)
class Door:
    """An inner interpreter that passes effects once it is open, and signals their arrival."""

    opened: threading.Event = attrs.field(factory=threading.Event)
    arrived: threading.Event = attrs.field(factory=threading.Event)
    came: threading.Semaphore = attrs.field(factory=lambda: threading.Semaphore(0))
    passed: list[Effect] = attrs.field(factory=list[Effect])
    shut_to: type[Effect] = PostToSlack

    notify = "live"

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        if isinstance(effect, self.shut_to):
            self.came.release()
            self.arrived.set()
            assert self.opened.wait(TIMEOUT)
        self.passed.append(effect)
        return result_of(Delivered())


def submitted(background: Background, effects: Sequence[Effect]) -> list[Outcome]:
    """Submit the effects; return the list that takes their final outcomes."""
    ends: list[Outcome] = []
    for each in effects:
        assert background.submit(each, ends.append) == QUEUED
    return ends


def test_a_slow_destination_delays_neither_callers_nor_other_destinations() -> None:
    door = Door()
    background = Background(door)
    ends = submitted(background, [effect(), mail()])
    assert door.arrived.wait(TIMEOUT)
    assert not flush(0.05)
    assert [type(each).__name__ for each in door.passed] == ["SendEmail"]
    door.opened.set()
    assert flush()
    assert ends == [Delivered()] * 2


def test_an_order_is_kept_and_each_is_sent_in_the_context_of_its_caller() -> None:
    who = ContextVar("who", default="default")
    seen: list[tuple[str, str]] = []

    def note(effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        seen.append((effect.key.slug, who.get()))
        return result_of(Delivered())

    background = Background(note)
    for name in ("a", "b", "c"):
        token = who.set(name.upper())
        assert execute(background, effect(name=name)) == QUEUED
        who.reset(token)
    assert flush()
    assert seen == [("a", "A"), ("b", "B"), ("c", "C")]


def test_a_function_is_called_at_once() -> None:
    called: list[int] = []
    handler = callback_factory(lambda _, __: called.append(threading.get_ident()), Failed.is_failed)
    with interpreting(reliable()):
        handler(Task("load"), Running(), Failed())
    assert called == [threading.get_ident()]


def test_the_report_has_the_outcomes_once_they_are_known() -> None:
    door = Door()
    flow = Flow("load", state_handlers=[slack_notifier(only_states=[Running])])
    report = flow.run(interpreter=Background(door))
    assert [each.outcome for each in report.deliveries] == [QUEUED]
    assert [each.outcome for each in report.wait(0.01).deliveries] == [QUEUED]
    door.opened.set()
    assert [each.outcome for each in report.wait().deliveries] == [Delivered()]
    assert report.wait(0) is report
    assert "delivered" in report.explain()


def test_a_run_that_needs_the_outcome_waits() -> None:
    def refuse(_: Effect, /) -> IOResult[Receipt, DeliveryError]:
        return IOResult.from_failure(Rejected("no"))

    flow = Flow("load", state_handlers=[slack_notifier(only_states=[Running])])
    assert flow.run(interpreter=Background(refuse), handler_errors="fail").state.is_failed()
    assert flow.run(interpreter=Background(refuse)).wait().state.is_successful()


def test_what_does_not_fit_is_folded_and_nothing_is_lost(caplog: pytest.LogCaptureFixture) -> None:
    door = Door()
    background = Background(door, max_queue=3)
    ends = submitted(background, [effect()])
    assert door.arrived.wait(TIMEOUT)
    ends_of_many = submitted(background, [effect(name=f"job {number}") for number in range(20)])
    door.opened.set()
    assert flush()
    counts = [
        each.content.count if isinstance(each, PostToSlack) and isinstance(each.content, DigestSummary) else 1 for each in door.passed
    ]
    assert sum(counts) == 21
    assert max(counts) > 3
    digests = {
        digest_key(each.content) for each in door.passed if isinstance(each, PostToSlack) and isinstance(each.content, DigestSummary)
    }
    assert ends == [Delivered()]
    assert len(ends_of_many) == 20
    assert {each.in_digest for each in ends_of_many if isinstance(each, Delivered)} == {None, *digests}
    assert not caplog.records


class OddZone(tzinfo):
    """A zone of a user's that raises when a mail is laid out again."""

    def utcoffset(self, moment: datetime | None, /) -> timedelta:
        raise OSError("no offset")

    def dst(self, moment: datetime | None, /) -> timedelta:
        raise OSError("no offset")

    def tzname(self, moment: datetime | None, /) -> str:
        raise OSError("no name")


@pytest.mark.parametrize("odd", [False, True])
def test_files_in_memory_are_bounded_and_a_message_without_room_names_them(monkeypatch: pytest.MonkeyPatch, odd: bool) -> None:
    monkeypatch.setattr(destination_queue, "WAITING_LIMIT", 1000)
    door = Door(shut_to=SendEmail)
    background = Background(door)
    file, given = Attachment("loss.png", bytes(400), "image/png"), mail()
    assert isinstance(given, SendEmail)
    assert isinstance(given.content, Content)
    content = attrs.evolve(given.content, attachments=(file,))
    whole = attrs.evolve(given, mail=lay_out(content, given.mail.recipients), content=content)
    background.submit(whole, lambda _: None)
    assert door.arrived.wait(TIMEOUT)
    last = attrs.evolve(whole, content=attrs.evolve(content, at=content.at.replace(tzinfo=OddZone()))) if odd else whole
    for each in (whole, whole, last, mail()):
        background.submit(each, lambda _: None)
    door.opened.set()
    assert flush()
    sent = [each.mail for each in door.passed if isinstance(each, SendEmail)]
    assert [sum(len(attached.content) for attached in each.attachments) for each in sent] == [400, 400, 400, 0, 0]
    assert ["Its files were left out" in each.plain for each in sent] == [False, False, False, not odd, False]
    assert ["Files: loss.png (400 bytes)" in each.plain for each in sent] == [True] * 4 + [False]


def test_a_queue_of_too_many_audiences_says_that_it_is_full() -> None:
    door = Door(shut_to=type(mail()))
    background = Background(door, max_queue=2)
    submitted(background, [mail("first@example.com")])
    assert door.arrived.wait(TIMEOUT)
    submitted(background, [mail("second@example.com"), mail("third@example.com")])
    ends: list[Outcome] = []
    full = Retryable("2 messages to as many audiences wait for Gmail (EMAIL_USERNAME) already")
    for _ in range(2):
        assert background.submit(mail("fourth@example.com"), ends.append) == full
    assert ends == [full] * 2
    door.opened.set()


def test_a_queue_of_one_loses_nothing(caplog: pytest.LogCaptureFixture) -> None:
    door, caught = Door(), list[Outcome]()
    background = Background(door, max_queue=1)
    ends = submitted(background, [effect()])
    assert door.arrived.wait(TIMEOUT)
    post = effect()
    assert [background.submit(post, caught.append) for _ in range(1000)] == [QUEUED] * 1000
    door.opened.set()
    assert flush()
    first, rest = door.passed
    assert isinstance(rest, PostToSlack)
    assert isinstance(rest.content, DigestSummary)
    assert rest.content.count == 1000
    assert ends == [Delivered()]
    assert caught == [Delivered(in_digest=rest.key)] * 1000
    assert first.key != rest.key
    assert not caplog.records


def test_a_full_queue_of_many_audiences_folds_each_newcomer_into_what_waits_for_its_own() -> None:
    door = Door(shut_to=type(mail()))
    background = Background(door, max_queue=2)
    submitted(background, [mail("first@example.com")])
    assert door.arrived.wait(TIMEOUT)
    submitted(background, [mail("second@example.com"), mail("third@example.com")])
    ends = submitted(background, [mail("second@example.com") for _ in range(3)])
    others = submitted(background, [mail("third@example.com")])
    door.opened.set()
    assert flush()
    sent = [each for each in door.passed if isinstance(each, SendEmail)]
    assert [each.mail.recipients for each in sent] == [("first@example.com",), ("second@example.com",), ("third@example.com",)]
    assert [each.content.count for each in sent if isinstance(each.content, DigestSummary)] == [4, 2]
    assert (ends, others) == ([Delivered(in_digest=sent[1].key)] * 3, [Delivered(in_digest=sent[2].key)])


@pytest.mark.parametrize("held", [True, False])
def test_a_folded_message_is_kept_only_as_long_as_its_report(held: bool) -> None:
    door = Door()
    background = Background(door, max_queue=1)
    submitted(background, [effect()])
    assert door.arrived.wait(TIMEOUT)
    flow = Flow("load", state_handlers=[slack_notifier(only_states=[Running])])
    reports = [flow.run(interpreter=background) for _ in range(3)]
    messages = [ref(report.deliveries[0].effect) for report in reports]
    kept = reports if held else []
    del reports
    gc.collect()
    assert [message() is not None for message in messages] == [held, held, True]  # the digest is sent in the context of the last run
    door.opened.set()
    assert flush()
    digest = door.passed[1].key
    assert [each.outcome for report in kept for each in report.deliveries] == [Delivered(in_digest=digest)] * len(kept)


@attrs.frozen(eq=False)
class Batches(Batching):
    """Returns a fraction of the outcomes, or raises."""

    answers: int

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        return result_of(Delivered())

    def batch(self, effects: Sequence[Effect], /) -> Sequence[Outcome]:
        return [execute(self, each) for each in effects][: len(effects) // self.answers]


def raising(effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
    raise LookupError(effect.key)


@pytest.mark.parametrize(
    ("inner", "reason"),
    [
        (Batches(0), "the interpreter Batches raised ZeroDivisionError: "),
        (Batches(2), "the interpreter Batches answered 0 outcomes to 1 messages"),
        (Retrying(raising), "the interpreter raising raised LookupError"),
    ],
)
def test_an_inner_interpreter_that_breaks_its_contract_has_rejected_the_effect(
    inner: Batches | Retrying, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    ends = submitted(Background(inner), [effect()])
    assert flush()
    (end,) = ends
    assert isinstance(end, Rejected)
    assert end.reason.startswith(reason)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_an_on_settled_callback_may_raise(caplog: pytest.LogCaptureFixture) -> None:
    def unwilling(outcome: Outcome) -> None:
        raise LookupError(outcome)

    background = Background(Recording())
    assert background.submit(effect(), unwilling) == QUEUED
    assert flush()
    assert not caplog.records


def test_messages_of_a_thread_that_dies_are_reported_and_another_takes_over(caplog: pytest.LogCaptureFixture) -> None:
    door = Door()

    def deadly(effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        if effect.key.slug == "poison":
            door.arrived.set()
            assert door.opened.wait(TIMEOUT)
            raise SystemExit(3)
        return result_of(Delivered())

    ends = submitted(Background(deadly), [effect(name="poison")])
    assert door.arrived.wait(TIMEOUT)
    more = submitted(Background(deadly), [effect(name="load")])
    door.opened.set()
    assert flush()
    assert ends == [Ambiguous("the thread that sent it died of SystemExit: 3: it may have arrived")]
    assert more == [Delivered()]
    assert ["may have failed to tell Slack of 'poison'" in said for said in caplog.messages] == [True]


def test_a_thread_that_is_killed_from_outside_is_replaced() -> None:
    door = Door()
    background = Background(door)
    submitted(background, [effect()])
    assert door.arrived.wait(TIMEOUT)
    (worker,) = [thread.ident for thread in threading.enumerate() if thread.name == "tocsin_delivery" and busy(thread, door)]
    assert worker is not None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(worker), ctypes.py_object(SystemExit))
    door.opened.set()
    assert flush()
    ends = submitted(background, [effect()])
    assert flush()
    assert ends == [Delivered()]


def busy(thread: threading.Thread, door: Door) -> bool:
    """Return whether the thread waits at the door."""
    import sys

    frame = sys._current_frames().get(thread.ident or 0)
    while frame is not None and frame.f_locals.get("self") is not door:
        frame = frame.f_back
    return frame is not None


def test_where_no_thread_can_be_started_it_is_sent_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    ends = submitted(Background(Recording()), [effect(), effect()])
    assert ends == [Withheld("recorded")] * 2


def test_an_interruption_as_a_thread_is_started_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: threading.Thread) -> None:
        raise KeyboardInterrupt

    recording = Recording()
    background = Background(recording)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", interrupted)
        with pytest.raises(KeyboardInterrupt):
            background(effect())
    background(effect())
    assert flush()
    assert len(recording.effects) == 2


def test_what_cannot_be_folded_is_sent_as_it_is() -> None:
    door = Door()
    background = Background(door, max_queue=2)
    submitted(background, [effect()])
    assert door.arrived.wait(TIMEOUT)
    message = effect()
    assert isinstance(message, PostToSlack)
    assert isinstance(message.content, Content)
    odd = attrs.evolve(message, content=attrs.evolve(message.content, name=5))  # type: ignore[arg-type]  # as in code that has no types
    ends = submitted(background, [odd, odd])
    assert isinstance(background.submit(odd, ends.append), Retryable)
    door.opened.set()
    assert flush()
    assert sorted(type(end).__name__ for end in ends) == ["Delivered", "Delivered", "Retryable"]


@contextmanager
def hurried_elsewhere() -> Iterator[None]:
    """Have another thread flush, too, and longer."""
    other = threading.Thread(target=flush, args=(0.3,))
    other.start()
    yield
    other.join()


def test_unsent_messages_are_reported_in_a_line_for_each_destination(caplog: pytest.LogCaptureFixture) -> None:
    door = Door(shut_to=object)  # type: ignore[arg-type]  # for every effect
    background = Background(door)
    submitted(background, [effect(), mail(), effect("TEAM")])
    for _ in range(3):
        assert door.came.acquire(timeout=TIMEOUT)
    submitted(background, [effect("TEAM")])
    with hurried_elsewhere():
        assert not flush(0.01)
    assert sorted(set(caplog.messages)) == [
        "tocsin: 1 message to Gmail (EMAIL_USERNAME) had no answer in time, and may have arrived",
        "tocsin: 1 message to Slack (SLACK_WEBHOOK_URL) had no answer in time, and may have arrived",
        "tocsin: 1 message to Slack (TEAM) could not be sent in time;"
        " 1 message to Slack (TEAM) had no answer in time, and may have arrived",
    ]
    door.opened.set()


@pytest.mark.parametrize("deadline", [-1, float("nan"), float("inf"), True, "soon"])
def test_a_deadline_that_makes_no_sense(deadline: float) -> None:
    with pytest.raises(ValueError, match="flush takes a deadline in seconds, 0 or more, not "):
        flush(deadline)


def test_flush_cuts_pauses_short() -> None:
    tries: list[float] = []
    tried = threading.Event()

    def once(_: Effect, /) -> IOResult[Receipt, DeliveryError]:
        tries.append(time.monotonic())
        tried.set()
        return result_of(Delivered()) if len(tries) > 1 else IOResult.from_failure(Retryable("not now", after=None))

    background = Background(Retrying(once, draw=lambda: 0.999))
    submitted(background, [effect()])
    assert tried.wait(TIMEOUT)
    assert flush(TIMEOUT)
    assert len(tries) == 2


def test_the_environment_is_obeyed_synchronously(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv(NAME, "print")
    assert execute(reliable(), effect()) == Shown()
    assert capsys.readouterr().out.startswith("Slack, to the webhook in SLACK_WEBHOOK_URL:")
    monkeypatch.setenv(NAME, "none")
    assert execute(reliable(), effect()) == Withheld("TOCSIN_NOTIFY=none says so")


def test_it_says_what_its_inner_one_says() -> None:
    assert Background(DryRun()).notify == "print"
    assert Background(Recording()).notify == "none"
    assert reliable().notify == "live"


def test_in_an_event_loop_nothing_blocks() -> None:
    door = Door()
    ticks: list[int] = []

    async def main() -> None:
        with interpreting(Background(door)):
            slack_notifier(Task("load"), Running(), Failed())
        for tick in range(3):
            await asyncio.sleep(0)
            ticks.append(tick)
        door.opened.set()
        assert await asyncio.to_thread(flush)

    asyncio.run(main())
    assert ticks == [0, 1, 2]
    assert len(door.passed) == 1


@pytest.mark.parametrize(
    ("compose", "says"),
    [
        (lambda: Retrying(Background(Recording())), "Background answers before the outcome is known"),
        (lambda: Background(Background(Recording())), "so it comes outermost: write Background"),
        (lambda: Digest(Background(Recording())), "so it comes outermost"),
        (lambda: Background(Recording), "write Recording()"),  # type: ignore[arg-type]  # as a beginner writes it
        (lambda: Background(Recording(), max_queue=0), "max_queue is how many messages may wait for one destination, 1 or more, not 0"),
        (lambda: Background(Recording(), max_queue=True), "max_queue is how many messages"),
        (lambda: Background(Recording(), exit_timeout=-1), "exit_timeout is a number of seconds greater than 0"),
        (lambda: Background(Recording(), after_fork="die"), "after_fork is 'wait' or 'queue', not 'die'"),  # type: ignore[arg-type]
    ],
)
def test_bad_compositions_say_what_to_write(compose: Callable[[], object], says: str) -> None:
    with pytest.raises((TypeError, ValueError), match=says.replace("(", r"\(").replace(")", r"\)")) as caught:
        compose()
    assert "\n" not in str(caught.value)


def test_a_background_answers_later() -> None:
    assert isinstance(reliable(), Queueing)
