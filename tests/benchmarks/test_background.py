"""The caller's cost of a message that is sent in the background.

The destination is a function that returns at once, or one that blocks without using the processor, like a slow server. With the
former, the sending thread competes for the interpreter; the figures include that.
"""

import threading
from collections.abc import Iterator
from contextlib import suppress
from queue import Empty, Queue
from timeit import Timer

import attrs
import pytest
from returns.io import IOResult

from tests.benchmarks.ratios import Rivals
from tocsin import Failed, Pending, Recording, Task, flush, interpreting, reliable, slack_notifier
from tocsin.core.effects import Effect
from tocsin.core.outcomes import Delivered, DeliveryError, Queued, Receipt, received
from tocsin.interpreters import Interpreter, Rate
from tocsin.shell.interpreter import outcome_of
from tocsin.shell.report import DeliveryLog

pytestmark = pytest.mark.tocsin_live

_CALLS = 300  # fewer than the queue holds
_BRISK = Rate(10**6, per=1.0, burst=10**6)


@attrs.frozen(eq=False)
class Destination:
    """Accepts each message once ``open`` is set."""

    open: threading.Event
    waits: bool

    def __call__(self, _: Effect, /) -> IOResult[Receipt, DeliveryError]:
        """Accept the message."""
        self.open.wait()
        return received(Delivered())


@attrs.frozen
class Office:
    """An interpreter that sends in the background, a queue without a reader, and an effect for both."""

    destination: Destination
    background: Interpreter
    effect: Effect
    queue: "Queue[Effect]"

    def clear(self) -> None:
        """Empty both, so that all rounds begin alike."""
        self.destination.open.set()
        assert flush()
        if self.destination.waits:
            self.destination.open.clear()
        with suppress(Empty):
            while True:
                self.queue.get_nowait()


@pytest.fixture(params=[False, True], ids=["to a fast destination", "to one that waits"])
def office(request: pytest.FixtureRequest) -> Iterator[Office]:
    """The interpreter that ``reliable`` composes, without limits that slow it down."""
    assert isinstance(request.param, bool)
    destination = Destination(threading.Event(), request.param)
    with interpreting(Recording()) as recording:
        slack_notifier(Task("load"), Pending(), Failed("no such table: orders"))
    yield Office(destination, reliable(destination, slack=_BRISK, min_interval=0.0), recording.effects[0], Queue())
    destination.open.set()
    assert flush()


CASES = {
    "an effect left to the background": "send = office.background",
    "the same, with a report of it": "send = DeliveryLog(office.background)",
}


@pytest.mark.parametrize("what", CASES)
def test_a_message_left_to_the_background(what: str, office: Office, rivals: Rivals) -> None:
    names = {"office": office, "DeliveryLog": DeliveryLog}
    limit = Timer("put(effect)", setup="office.clear(); put, effect = office.queue.put, office.effect", globals=names)
    ours = Timer("send(effect)", setup=f"{CASES[what]}; effect = office.effect", globals=names)
    name = f"{what}, {'slow' if office.destination.waits else 'fast'}"
    # 20 µs, on a machine where a put takes 1 µs
    rivals.measure(name, 20, ours, limit, calls=_CALLS, rounds=30, unit="µs")
    assert isinstance(outcome_of(office.background(office.effect)), Queued)
