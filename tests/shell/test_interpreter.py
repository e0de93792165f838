"""``execute``: an answer may be plain or in an ``IOResult``, and a subclass of a user is called as it wants to be."""

import pytest
from returns.io import IOResult
from typing_extensions import override

from tocsin import Failed, Interpreter, Recording, Running, Task, interpreting, reliable, slack_notifier
from tocsin.effects import Delivered, DeliveryError, Effect, Outcome, Receipt, Rejected, Withheld
from tocsin.interpreters import Background, Outbox
from tocsin.shell.interpreter import execute, outcome_of


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


@pytest.mark.tocsin_live
def test_what_reliable_returns_can_be_closed() -> None:
    recording = Recording()
    interpreter: Background | Outbox = reliable(recording)
    with interpreting(interpreter):
        slack_notifier(Task("load"), Running(), Failed("disk full"))
    interpreter.close()
    assert len(recording.effects) == 1
