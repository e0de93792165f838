"""Delivers one effect by the interpreter in force; a failure is one line in the log.

Whether anybody heard of an event: that is known once all messages about it have ended, perhaps long after they were queued.

Feeds events to ``step`` and does what it says: delivers the effects, calls the handlers, answers what is asked.

It decides nothing, and writes everything down: what was announced, and which of the user's code raised. Flows, watched code and
watched commands all tell people through it; there is no second way to make a message.
"""

import threading
from collections.abc import Callable

import attrs

from tocsin.core import events as e
from tocsin.core.effects import CallBack, Effect
from tocsin.core.events import Answer, Event, Facts
from tocsin.core.machine import Announcement, Ask, Run, Step, refusal, reply, step
from tocsin.core.notifiers import Notifier
from tocsin.core.outcomes import DeliveryError, Fault, Outcome, Receipt
from tocsin.core.validation import invoke
from tocsin.shell import log, queues
from tocsin.shell.adapters import Clock
from tocsin.shell.current import current
from tocsin.shell.errors import NotificationFailed, failed
from tocsin.shell.interpreters.base import hand_over, ignore_outcome
from tocsin.shell.log import complain


def deliver(effect: Effect, on_settled: Callable[[Outcome], None] = ignore_outcome) -> Outcome:
    """Execute the effect, and say how it went, as far as that is known; the end of it is told to ``settled``. Raises nothing."""
    outcome = hand_over(current(), effect, on_settled)
    complain(effect, outcome)
    return outcome


def deliver_and_wait(effect: Effect, on_settled: Callable[[Outcome], None]) -> Outcome:
    """The same, for those who cannot go on without the end: it is waited for, though not for ever."""
    ends: list[Outcome] = []

    def ended(outcome: Outcome) -> None:
        ends.append(outcome)
        on_settled(outcome)

    outcome = deliver(effect, ended)
    queues.wait_for(lambda: bool(ends), queues.left_of_exit_timeout(queues.EXIT_TIMEOUT))
    return ends[0] if ends else outcome


class DeliveryTracker:
    """Waits for the ends of the messages about one event. Any thread may bring one.

    Args:
        unheard: called, once, if there were messages and none got through.
    """

    def __init__(self, unheard: Callable[[], None]) -> None:
        self._unheard = unheard
        self._open = 1  # until it is known how many there are
        self._failed = False
        self._heard = False
        self._lock = threading.Lock()

    def of(self, effect: Effect) -> Callable[[Outcome], None]:
        """What to tell the end of the effect to; that a function was called tells nobody anything."""
        if isinstance(effect, CallBack):
            return lambda _: None
        with self._lock:
            self._open += 1
        return self._ended

    def complete(self) -> None:
        """No more messages follow."""
        self._close(failed=False, heard=False)

    def _ended(self, outcome: Outcome) -> None:
        heard = isinstance(outcome, Receipt)
        self._close(failed=not heard, heard=heard)

    def _close(self, *, failed: bool, heard: bool) -> None:
        with self._lock:
            self._open -= 1
            self._failed = self._failed or failed
            self._heard = self._heard or heard
            unheard = self._open == 0 and self._failed and not self._heard
        if unheard:
            self._unheard()


@attrs.define
class Announcer:
    """Announces the changes of one run, or of all runs of a flow, by the interpreter in force."""

    clock: Clock
    facts: Facts
    announced: list[Announcement] = attrs.field(factory=list[Announcement])
    faults: list[Fault] = attrs.field(factory=list[Fault])

    def feed(self, run: Run, event: Event, unheard: Callable[[], None] | None = None) -> Run:
        """Take one step, do what it says, and answer what it asks, until it asks no more.

        ``unheard`` is called if there are messages about the event and none of them gets through, once that is known.
        """
        hearing = None if unheard is None else DeliveryTracker(unheard)
        stepped = step(run, event).unwrap()
        while stepped.ask is not None:
            outcomes = self._act(stepped, hearing)
            stepped = step(stepped.run, self._answer(stepped.ask, stepped, outcomes)).unwrap()
        self._act(stepped, hearing)
        if hearing is not None:
            hearing.complete()
        return stepped.run

    def _act(self, stepped: Step, hearing: DeliveryTracker | None) -> list[Outcome]:
        """Deliver the effects of a step in order, and write down what came of it."""
        for fault in stepped.faults:
            self.faults.append(fault)
            if not isinstance(fault.error, NotificationFailed):  # which was logged when it failed
                log.note(fault)
        if stepped.announced is not None:
            self.announced.append(stepped.announced)
        waits = stepped.ask is not None and isinstance(stepped.ask.handler, Notifier)  # whose answer is how they went
        act = deliver_and_wait if waits else deliver
        return [act(effect, ignore_outcome if hearing is None else hearing.of(effect)) for effect in stepped.effects]

    def _answer(self, ask: Ask, stepped: Step, outcomes: list[Outcome]) -> Answer:
        if isinstance(ask.handler, Notifier):
            for effect, outcome in zip(stepped.effects, outcomes, strict=True):
                if isinstance(outcome, DeliveryError):
                    return e.HandlerRaised(self.clock.now(), error=failed(effect, outcome), facts=self.facts)
            return e.HandlerReplied(self.clock.now(), state=ask.new, facts=self.facts)
        try:
            returned = invoke(ask.handler, ask.tracked_obj, ask.old, ask.new)
        except Exception as error:
            return refusal(error, self.clock.now(), self.facts)
        return reply(ask, returned, self.clock.now(), self.facts)
