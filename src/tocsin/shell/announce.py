"""Feeds events to the state machine, delivers the effects that it returns, and calls the handlers.

- ``Announcer`` makes no decision: ``tocsin.core.machine.step`` does. It records what was announced and which user code raised.
- Flows, watched code and watched commands all notify through ``Announcer``. No other code makes a message.
- ``deliver`` executes an effect by the current interpreter. A failure is one line in the log.
- ``DeliveryTracker`` knows whether a message about an event was delivered once all of them have an outcome. That may be long after they
  were queued.
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
from tocsin.shell.interpreter import hand_over, ignore_outcome
from tocsin.shell.log import complain


def deliver(effect: Effect, on_settled: Callable[[Outcome], None] = ignore_outcome) -> Outcome:
    """Execute the effect and return its outcome so far. The final outcome is passed to ``on_settled``. Raises nothing."""
    outcome = hand_over(current(), effect, on_settled)
    complain(effect, outcome)
    return outcome


def deliver_and_wait(effect: Effect, on_settled: Callable[[Outcome], None]) -> Outcome:
    """Deliver the effect and wait for its final outcome, at most what is left of ``EXIT_TIMEOUT``."""
    final: list[Outcome] = []

    def settle(outcome: Outcome) -> None:
        final.append(outcome)
        on_settled(outcome)

    outcome = deliver(effect, settle)
    queues.wait_for(lambda: bool(final), queues.left_of_exit_timeout(queues.EXIT_TIMEOUT))
    return final[0] if final else outcome


class DeliveryTracker:
    """Tracks whether at least one message about an event was delivered. Thread-safe.

    Args:
        on_undelivered: called once if there were messages and none was delivered.
    """

    def __init__(self, on_undelivered: Callable[[], None]) -> None:
        self._on_undelivered = on_undelivered
        self._pending = 1  # the 1 stands for messages still to come, until ``complete``
        self._failed = False
        self._delivered = False
        self._lock = threading.Lock()

    def track(self, effect: Effect) -> Callable[[Outcome], None]:
        """Return the callback that takes the effect's final outcome. A function call delivers no message and is not tracked."""
        if isinstance(effect, CallBack):
            return ignore_outcome
        with self._lock:
            self._pending += 1
        return self._settle

    def complete(self) -> None:
        """Declare that no more messages follow."""
        self._close(failed=False, delivered=False)

    def _settle(self, outcome: Outcome) -> None:
        delivered = isinstance(outcome, Receipt)
        self._close(failed=not delivered, delivered=delivered)

    def _close(self, *, failed: bool, delivered: bool) -> None:
        with self._lock:
            self._pending -= 1
            self._failed = self._failed or failed
            self._delivered = self._delivered or delivered
            undelivered = self._pending == 0 and self._failed and not self._delivered
        if undelivered:
            self._on_undelivered()


@attrs.define
class Announcer:
    """Announces the changes of one run, or of all runs of a flow, by the current interpreter."""

    clock: Clock
    facts: Facts
    announced: list[Announcement] = attrs.field(factory=list[Announcement])
    faults: list[Fault] = attrs.field(factory=list[Fault])

    def feed(self, run: Run, event: Event, on_undelivered: Callable[[], None] | None = None) -> Run:
        """Step the machine with the event, deliver the effects, and answer its questions until it asks no more.

        ``on_undelivered`` is called if there are messages about the event and all of them failed.
        """
        tracker = None if on_undelivered is None else DeliveryTracker(on_undelivered)
        stepped = step(run, event).unwrap()
        while stepped.ask is not None:
            outcomes = self._act(stepped, tracker)
            stepped = step(stepped.run, self._answer(stepped.ask, stepped, outcomes)).unwrap()
        self._act(stepped, tracker)
        if tracker is not None:
            tracker.complete()
        return stepped.run

    def _act(self, stepped: Step, tracker: DeliveryTracker | None) -> list[Outcome]:
        """Deliver the effects of a step in order, and record its faults and its announcement."""
        for fault in stepped.faults:
            self.faults.append(fault)
            if not isinstance(fault.error, NotificationFailed):  # a failed notification is logged already
                log.note(fault)
        if stepped.announced is not None:
            self.announced.append(stepped.announced)
        waits = stepped.ask is not None and isinstance(stepped.ask.handler, Notifier)  # its answer depends on the outcomes
        act = deliver_and_wait if waits else deliver
        return [act(effect, ignore_outcome if tracker is None else tracker.track(effect)) for effect in stepped.effects]

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
