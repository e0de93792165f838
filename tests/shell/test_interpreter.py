"""``execute``: an answer may be plain or in an ``IOResult``, and a subclass of a user is called as it wants to be."""

from weakref import ref

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.io import IOResult
from typing_extensions import override

from tocsin import Failed, Interpreter, Recording, Running, Task, interpreting, reliable, slack_notifier
from tocsin.effects import Delivered, DeliveryError, Effect, Outcome, Receipt, Rejected, Withheld
from tocsin.interpreters import Background, Outbox
from tocsin.shell.interpreter import Awaiting, OnSettled, execute, ignore_outcome, loosely, outcome_of, together


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
