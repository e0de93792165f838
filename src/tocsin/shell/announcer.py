"""Feeds events to ``step`` and does what it says: delivers the effects, calls the handlers, answers what is asked.

It decides nothing, and writes everything down: what was announced, and which of the user's code raised. Flows, watched code and
watched commands all tell people through it; there is no second way to make a message.
"""

from collections.abc import Callable

import attrs

from tocsin.core import events as e
from tocsin.core.answers import refusal, reply
from tocsin.core.events import Answer, Event, Facts
from tocsin.core.invoke import invoke
from tocsin.core.machine import Announcement, Ask, Run, Step, step
from tocsin.core.notifiers import Notifier
from tocsin.core.outcomes import DeliveryError, Fault, Outcome
from tocsin.shell import log
from tocsin.shell.adapters import Clock
from tocsin.shell.deliver import deliver, delivered
from tocsin.shell.errors import NotificationFailed, failed
from tocsin.shell.hearing import Hearing
from tocsin.shell.interpreters.protocol import nobody


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
        hearing = None if unheard is None else Hearing(unheard)
        stepped = step(run, event).unwrap()
        while stepped.ask is not None:
            outcomes = self._act(stepped, hearing)
            stepped = step(stepped.run, self._answer(stepped.ask, stepped, outcomes)).unwrap()
        self._act(stepped, hearing)
        if hearing is not None:
            hearing.complete()
        return stepped.run

    def _act(self, stepped: Step, hearing: Hearing | None) -> list[Outcome]:
        """Deliver the effects of a step in order, and write down what came of it."""
        for fault in stepped.faults:
            self.faults.append(fault)
            if not isinstance(fault.error, NotificationFailed):  # which was logged when it failed
                log.note(fault)
        if stepped.announced is not None:
            self.announced.append(stepped.announced)
        waits = stepped.ask is not None and isinstance(stepped.ask.handler, Notifier)  # whose answer is how they went
        act = delivered if waits else deliver
        return [act(effect, nobody if hearing is None else hearing.of(effect)) for effect in stepped.effects]

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
