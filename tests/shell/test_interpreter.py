"""``execute``: an answer may be plain or in an ``IOResult``, and a subclass of a user is called as it wants to be.

While the environment forbids to send, an interpreter of a user that may send is not asked, wherever it stands.
"""

import threading
import time
from collections.abc import Callable
from io import StringIO
from typing import NoReturn
from weakref import ref

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.io import IOResult
from typing_extensions import override

from tocsin import (
    DryRun,
    Failed,
    Flow,
    Interpreter,
    Live,
    Recording,
    Running,
    Task,
    flush,
    interpreting,
    reliable,
    slack_notifier,
    watch,
)
from tocsin.effects import Delivered, DeliveryError, Effect, Outcome, Queued, Receipt, Rejected, Shown, Withheld
from tocsin.interpreters import Background, ByMail, BySlack, Digest, Fallback, Fanout, Outbox, RateLimited, Retrying
from tocsin.shell.current import mode_of
from tocsin.shell.environment import NAME
from tocsin.shell.interpreter import Awaiting, OnSettled, execute, hand_over, ignore_outcome, loosely, outcome_of, together


def plain(_: Effect, /) -> Outcome:
    return Delivered()


def wrapped(_: Effect, /) -> IOResult[Receipt, DeliveryError]:
    return IOResult.from_value(Delivered())


def refused(_: Effect, /) -> IOResult[Receipt, DeliveryError]:
    return IOResult.from_failure(Rejected("no"))


class Louder(Recording):
    """A user's subclass that overrides the call."""

    __slots__ = ()

    @override
    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        super().__call__(effect)
        return IOResult.from_value(Delivered())


@pytest.fixture
def effect() -> Effect:
    with interpreting(Recording()) as recording:
        slack_notifier(Task("load"), Running(), Failed("disk full"))
    return recording.effects[0]


@pytest.mark.tocsin_live
@pytest.mark.parametrize(
    ("interpreter", "outcome"),
    [
        (plain, Delivered()),
        (wrapped, Delivered()),
        (refused, Rejected("no")),
        (Recording(), Withheld("recorded")),
        (Louder(), Delivered()),
    ],
)
def test_the_outcome_is_plain(interpreter: Interpreter, outcome: Outcome, effect: Effect) -> None:
    assert execute(interpreter, effect) == outcome_of(interpreter(effect)) == outcome


def test_a_recording_tells_its_messages_apart(effect: Effect) -> None:
    from tocsin import callback_factory, gmail_notifier

    with interpreting(Recording()) as recording:
        for handler in (slack_notifier, gmail_notifier, callback_factory(print, lambda _: True)):
            handler(Task("load"), Running(), Failed("disk full"))
        slack_notifier(Task("clean"), Running(), Failed("disk full"))
    assert [message.payload.fallback for message in recording.slack] == ["load failed: disk full", "clean failed: disk full"]
    assert [message.mail.subject for message in recording.mail] == ["load failed: disk full"]
    assert recording.about("load") == (recording.slack[0], recording.mail[0])
    assert recording.about("other") == ()
    assert len(recording.effects) == 4


@attrs.define(eq=False)
class Listener(Awaiting):
    """Keeps an outcome, as an entry of a report does."""

    then: OnSettled
    outcomes: list[Outcome] = attrs.field(factory=list[Outcome])

    @override
    def note(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)

    @override
    def __call__(self, outcome: Outcome) -> None:
        self.note(outcome)
        self.then(outcome)


def noted_in(told: list[int], number: int) -> OnSettled:
    """Return a callback that notes a number."""
    return lambda _: told.append(number)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=6), st.integers(0, 6))
def test_each_waiter_is_told_once_and_none_is_kept_that_nobody_holds(each: list[tuple[bool, bool]], cut: int) -> None:
    told: list[int] = []
    listeners, waiters = list[Listener](), list[OnSettled]()
    for number, (held, calls) in enumerate(each):
        waiters.append(Listener(inner := Listener(noted_in(told, number) if calls else ignore_outcome)))
        listeners += [inner] if held else []
        del inner
    refs = [ref(waiter) for waiter in waiters]
    parts = [together(part) for part in (waiters[:cut], waiters[cut:]) if part]
    whole = together([*parts, ignore_outcome])
    del waiters
    assert [waiter() for waiter in refs] == [None] * len(each)
    whole(Delivered())
    assert [listener.outcomes for listener in listeners] == [[Delivered()]] * len(listeners)
    assert told == [number for number, (_, calls) in enumerate(each) if calls]


@pytest.mark.parametrize("held", [True, False])
def test_a_loose_callback_keeps_nothing_and_passes_the_outcome_on(held: bool) -> None:
    seen: list[Outcome] = []
    listener = Listener(seen.append)
    loose, outcomes, kept = loosely(listener), listener.outcomes, [listener] if held else []
    del listener
    loose(Delivered())
    assert outcomes == [Delivered()] * len(kept)
    assert seen == [Delivered()]


def test_a_callback_that_raises_keeps_the_outcome_from_no_other() -> None:
    def unwilling(outcome: Outcome) -> None:
        raise LookupError(outcome)

    seen: list[Outcome] = []
    together([unwilling, seen.append])(Delivered())
    assert seen == [Delivered()]


@pytest.mark.tocsin_live
def test_what_reliable_returns_can_be_closed() -> None:
    recording = Recording()
    interpreter: Background | Outbox = reliable(recording)
    with interpreting(interpreter):
        slack_notifier(Task("load"), Running(), Failed("disk full"))
    interpreter.close()
    assert len(recording.effects) == 1


# --- while the environment forbids to send ------------------------------------------------------------------------------------------

TIMEOUT = 10.0


class Sending:
    """Stands for an interpreter of a user that sends, and never gets an answer."""

    def __init__(self) -> None:
        self.asked: list[Effect] = []

    def __call__(self, effect: Effect, /) -> Outcome:
        self.asked.append(effect)
        threading.Event().wait(60)  # far more than any test waits
        return Delivered()


class SaysLive(Sending):
    """Says that it sends."""

    notify = "live"


class SaysNonsense(Sending):
    """Says a word that means nothing."""

    notify = "perhaps"


class SaysNothing(Sending):
    """Raises when it is asked what it does."""

    @property
    def notify(self) -> NoReturn:
        raise RuntimeError("it does not say")


class AsLive(Live):
    """A user's subclass of ``Live`` that sends by itself."""

    @override
    def perform(self, effect: Effect, /) -> Outcome:
        raise AssertionError(effect)


class AsBackground(Background):
    """A user's subclass of ``Background`` that sends by itself."""

    @override
    def submit(self, effect: Effect, on_settled: Callable[[Outcome], None], /) -> Outcome:
        raise AssertionError(effect)


ARRANGEMENTS: dict[str, Callable[[Interpreter], Interpreter]] = {
    "alone": lambda own: own,
    "Background": Background,
    "Digest": lambda own: Background(Digest(own)),
    "Retrying": Retrying,
    "RateLimited": RateLimited,
    "first of a Fallback": lambda own: Fallback(own, Live()),
    "second of a Fallback": lambda own: Fallback(Live(), own),
    "Fanout": lambda own: Fanout(own, own),
    "ByMail": ByMail,
    "BySlack": BySlack,
    "reliable": reliable,
    "fallback of reliable": lambda own: reliable(fallback=own),
    "subclass of Background": AsBackground,
}


def by_hand(interpreter: Interpreter) -> Outcome:
    with interpreting(interpreter):
        slack_notifier(Task("load"), Running(), Failed("disk full"))
    return Withheld("TOCSIN_NOTIFY=none says so")  # it raises if the notification fails


def by_flow(interpreter: Interpreter) -> Outcome:
    report = Flow("load", state_handlers=[slack_notifier(only_states=[Running])]).run(interpreter=interpreter)
    return report.deliveries[0].outcome


def by_watch(interpreter: Interpreter) -> Outcome:
    watched = watch("load", state_handlers=[slack_notifier(only_states=[Failed])])
    with interpreting(interpreter), pytest.raises(OSError, match="disk full"), watched as run:
        raise OSError("disk full")
    assert run.report is not None
    return run.report.deliveries[0].outcome


def in_thread(interpreter: Interpreter) -> Outcome:
    with interpreting(interpreter):
        thread = threading.Thread(target=lambda: slack_notifier(Task("load"), Running(), Failed("disk full")))
        thread.start()
        thread.join()
    return Withheld("TOCSIN_NOTIFY=none says so")


@pytest.mark.tocsin_live
@pytest.mark.parametrize("arranged", ARRANGEMENTS.values(), ids=ARRANGEMENTS)
@pytest.mark.parametrize("make", [Sending, SaysLive, SaysNonsense, SaysNothing])
def test_one_that_may_send_is_not_asked_while_the_environment_forbids_it(
    arranged: Callable[[Interpreter], Interpreter], make: Callable[[], Sending], effect: Effect, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = make()
    interpreter = arranged(own)
    monkeypatch.setenv(NAME, "none")
    began = time.monotonic()
    assert execute(interpreter, effect) == Withheld("TOCSIN_NOTIFY=none says so")
    settled: list[Outcome] = []
    assert hand_over(interpreter, effect, settled.append) == Withheld("TOCSIN_NOTIFY=none says so")
    assert settled == [Withheld("TOCSIN_NOTIFY=none says so")]
    assert time.monotonic() - began < TIMEOUT / 2
    assert own.asked == []
    assert mode_of(interpreter) == "none"


@pytest.mark.parametrize("route", [by_hand, by_flow, by_watch, in_thread])
@pytest.mark.parametrize("arranged", [ARRANGEMENTS[name] for name in ("alone", "reliable", "Fanout")])
def test_the_guard_of_pytest_withholds_by_every_route(
    route: Callable[[Interpreter], Outcome], arranged: Callable[[Interpreter], Interpreter]
) -> None:
    own, began = SaysLive(), time.monotonic()
    assert route(arranged(own)) == Withheld("TOCSIN_NOTIFY=none says so")
    assert time.monotonic() - began < TIMEOUT / 2
    assert own.asked == []


def test_a_subclass_that_sends_by_itself_is_not_asked(effect: Effect) -> None:
    assert execute(AsLive(), effect) == execute(Retrying(AsLive()), effect) == Withheld("TOCSIN_NOTIFY=none says so")


@pytest.mark.tocsin_live
def test_what_is_withheld_is_printed_as_it_would_be_sent_if_the_environment_asks_for_it(
    effect: Effect, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = Sending()
    monkeypatch.setenv(NAME, "print")
    assert execute(reliable(ByMail(own)), effect) == Shown()
    assert capsys.readouterr().out.startswith("Mail, from the account in EMAIL_USERNAME:")
    assert own.asked == []


@pytest.mark.tocsin_live
@pytest.mark.parametrize("sender", [Live, Sending])
def test_nobody_waits_for_a_rate_limit_of_messages_that_are_not_sent(
    sender: Callable[[], Interpreter], effect: Effect, monkeypatch: pytest.MonkeyPatch
) -> None:
    interpreter, began = reliable(sender()), time.monotonic()
    monkeypatch.setenv(NAME, "none")
    assert [execute(interpreter, effect) for _ in range(20)] == [Withheld("TOCSIN_NOTIFY=none says so")] * 20
    assert time.monotonic() - began < TIMEOUT / 2  # the rate limit of Slack lets 20 messages pass in 15 seconds


def test_those_that_send_nothing_are_asked(effect: Effect) -> None:
    recording, file = Recording(), StringIO()
    own = SaysLive()
    assert execute(Fanout(recording, DryRun(file), own), effect) == Shown()
    assert recording.effects == (effect,)
    assert file.getvalue().startswith("Slack, to the webhook in SLACK_WEBHOOK_URL:")
    assert own.asked == []


@pytest.mark.tocsin_live
@pytest.mark.parametrize("word", ["live", "none", "print"])
def test_the_variable_does_not_change_who_waits(word: str, effect: Effect, monkeypatch: pytest.MonkeyPatch) -> None:
    opened, asked = threading.Event(), threading.Event()

    class Slow:
        notify = "none"

        def __call__(self, _: Effect, /) -> Outcome:
            asked.set()
            assert opened.wait(TIMEOUT)
            return Withheld("kept")

    background, settled = Background(Slow()), list[Outcome]()
    monkeypatch.setenv(NAME, word)
    assert hand_over(background, effect, settled.append) == Queued("a background thread")
    assert asked.wait(TIMEOUT)
    assert settled == []
    opened.set()
    assert flush()
    assert settled == [Withheld("kept")]
