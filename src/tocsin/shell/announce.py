"""Feeds events to the state machine, delivers the effects that it returns, and calls the handlers.

- ``Announcer`` makes no decision: ``tocsin.core.machine`` does. It records what was announced and which user code raised.
- Flows, watched code, watched commands and handlers called by hand all notify through it. No other code makes a message.
"""

import os
import platform
import threading
from collections.abc import Callable

import attrs

from tocsin.core import events as e
from tocsin.core.effects import CallBack, Effect
from tocsin.core.events import Answer, Event, Facts
from tocsin.core.machine import Announcement, Ask, Run, Step, advance, announce, propose, refusal, reply
from tocsin.core.notifiers import Notifier
from tocsin.core.outcomes import DeliveryError, Fault, Outcome, Receipt
from tocsin.core.transitions import IllegalTransition
from tocsin.core.validation import invoke
from tocsin.shell import log, queues
from tocsin.shell.adapters import Clock
from tocsin.shell.errors import NotificationFailed, failed
from tocsin.shell.history.streaks import Remember
from tocsin.shell.interpreter import ignore_outcome
from tocsin.shell.report import DeliveryLog, Entry


def facts() -> Facts:
    """Return the facts that events carry: the host, and the name of the environment."""
    from tocsin.shell.config.load import configuration  # slow to load, and read once

    return Facts(host=platform.node() or None, environment=os.environ.get("TOCSIN_ENV") or configuration().environment)


class DeliveryTracker:
    """Tracks whether at least one message about an event was delivered, which may be long after it was queued. Thread-safe.

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
        self._settle(None)

    def _settle(self, outcome: Outcome | None) -> None:
        with self._lock:
            self._pending -= 1
            self._failed |= isinstance(outcome, DeliveryError)
            self._delivered |= isinstance(outcome, Receipt)
            undelivered = self._pending == 0 and self._failed and not self._delivered
        if undelivered:
            self._on_undelivered()


@attrs.define
class Announcer:
    """Announces the changes of one run, or of all runs of a flow.

    Args:
        log: the interpreter, which keeps the outcomes.
        clock: shows the time.
        facts: the facts of events that answer a question.
        remember: called with each change that ends a run. It returns the streak of earlier runs; None for no use of the history.
        announced: all complete announcements, in order.
        faults: the exceptions that users' code raised.
    """

    log: DeliveryLog
    clock: Clock
    facts: Facts
    remember: Remember | None = None
    announced: list[Announcement] = attrs.field(factory=list[Announcement])
    faults: list[Fault] = attrs.field(factory=list[Fault])

    def feed(self, run: Run, event: Event) -> Run:
        """Step the machine with the event, deliver the effects, and answer its questions until it asks no more."""
        proposed = propose(run, event)
        if isinstance(proposed, Announcement):
            return self.announce(proposed)
        return _legal(proposed).run

    def announce(self, proposed: Announcement, *, ends: bool | None = None) -> Run:
        """Announce a change, and return the run after it.

        If the history remembers the change, and there are messages about it and all of them fail, the history forgets it again.
        ``ends`` says whether the change ends the run; None goes by the states before and after it.
        """
        tracker: DeliveryTracker | None = None
        if self.remember is not None and (proposed.ends if ends is None else ends):
            remembered = self.remember(proposed, self.log.mode)
            proposed = proposed.remembering(remembered.past)
            tracker = None if remembered.take_back is None else DeliveryTracker(remembered.take_back)
        stepped = announce(proposed)
        while stepped.ask is not None:
            stepped = _legal(advance(stepped.run, self._answer(stepped.ask, self._act(stepped, tracker))))
        self._act(stepped, tracker)
        if tracker is not None:
            tracker.complete()
        return stepped.run

    def _act(self, stepped: Step, tracker: DeliveryTracker | None) -> list[Entry]:
        """Deliver the effects of a step in order, and record its faults and its announcement."""
        for fault in stepped.faults:
            self.faults.append(fault)
            if not issubclass(type(fault.error), NotificationFailed):  # a failed notification is logged already
                log.note(fault)
        if stepped.announced is not None:
            self.announced.append(stepped.announced)
        entries: list[Entry] = []
        for effect in stepped.effects:
            entry = self.log.deliver(effect, ignore_outcome if tracker is None else tracker.track(effect))
            log.complain(effect, entry.answer)
            entries.append(entry)
        return entries

    def _answer(self, ask: Ask, deliveries: list[Entry]) -> Answer:
        if isinstance(ask.handler, Notifier):  # its answer is the final outcome of its effects
            for entry in deliveries:
                queues.wait_for(entry.is_final, queues.left_of_exit_timeout(queues.EXIT_TIMEOUT))
                if isinstance(entry.outcome, DeliveryError):
                    return e.HandlerRaised(self.clock.now(), error=failed(entry.effect, entry.outcome), facts=self.facts)
            return e.HandlerReplied(self.clock.now(), state=ask.new, facts=self.facts)
        try:
            returned = invoke(ask.handler, ask.tracked_obj, ask.old, ask.new)
        except Exception as error:
            return refusal(error, self.clock.now(), self.facts)
        return reply(ask, returned, self.clock.now(), self.facts)


def _legal(stepped: Step | IllegalTransition) -> Step:
    assert isinstance(stepped, Step), stepped  # the events of runs are legal
    return stepped
