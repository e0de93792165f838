"""Feeds events to the state machine, delivers the effects that it returns, and calls the handlers.

- ``Announcer`` makes no decision: ``tocsin.core.machine`` does. It records what was announced and which user code raised.
- Flows, watched code, watched commands and handlers called by hand all notify through it. No other code makes a message.
"""

import os
import platform
import threading
from collections.abc import Callable, Iterable
from typing import TypeVar

import attrs

from tocsin.core import events as e
from tocsin.core.delivery.rendering import redacted_message
from tocsin.core.effects import CallBack, Message, secrets_of
from tocsin.core.endings import stand_in
from tocsin.core.events import Answer, Event, Facts
from tocsin.core.machine import (
    Announcement,
    Ask,
    Run,
    Step,
    Subject,
    advance,
    advance_spoken,
    announce,
    announce_spoken,
    propose,
    propose_spoken,
    refusal,
    reply,
)
from tocsin.core.notifiers import Notifier
from tocsin.core.outcomes import STORED, Ambiguous, DeliveryError, Fault, Outcome, Receipt, Retryable, Silenced, Told, told
from tocsin.core.silences import RunEnd, Silence
from tocsin.core.transitions import IllegalTransition
from tocsin.core.validation import invoke
from tocsin.shell import log, queues
from tocsin.shell.adapters import Clock
from tocsin.shell.adapters.secrets import make_known
from tocsin.shell.errors import NotificationFailed, failed
from tocsin.shell.history.looked import look
from tocsin.shell.history.run_record import KeptEnd
from tocsin.shell.history.silences import described, note_end, silence_of
from tocsin.shell.history.streaks import Fate, Remember, claimed_ends, held_back_ends
from tocsin.shell.interpreter import ignore_outcome
from tocsin.shell.redaction import before_next_text, redact
from tocsin.shell.report import DeliveryLog, Entry

_T = TypeVar("_T")
_E = TypeVar("_E", bound=BaseException | None)


def facts() -> Facts:
    """Return the facts that events carry: the host, and the name of the environment."""
    from tocsin.shell.config.load import configuration  # slow to load, and read once

    return Facts(host=platform.node() or None, environment=os.environ.get("TOCSIN_ENV") or configuration().environment)


def _know_secrets() -> None:
    """Register for the redaction the secrets that the configuration names. Raises nothing."""
    from tocsin.shell.config.load import configuration

    make_known(configuration().secret_names)


before_next_text(_know_secrets)  # the first text of the process may be a line in the log


class DeliveryTracker:
    """Tracks what becomes of the messages about an event, which may be known long after they were queued. Thread-safe.

    A message that the outbox has committed is safe. Otherwise it is open until its final outcome.

    Args:
        on_fate: called once no message is open; once more if messages in the outbox are given up later. See ``Fate``.
        on_told: called at the same time with whether anybody was told, and once more if that changes.
    """

    def __init__(self, on_fate: Callable[[Fate], None], on_told: Callable[[Told], None] | None = None) -> None:
        self._on_fate = on_fate
        self._on_told = on_told
        self._told: Told | None = None
        self._rest = TrackedMessage(self)  # stands for messages still to come, until ``complete``
        self._open = {self._rest}  # messages without a final outcome
        self._unsafe = {self._rest}  # those of them that are not in the outbox
        self._outcomes: list[Outcome] = []
        self._fate: Fate | None = None
        self._lock = threading.Lock()

    def track(self) -> "TrackedMessage":
        """Return the callback that takes the final outcome of a message."""
        message = TrackedMessage(self)
        with self._lock:
            self._open.add(message)
            self._unsafe.add(message)
        return message

    def complete(self) -> None:
        """Declare that no more messages follow."""
        self.update(self._rest)

    def update(self, message: "TrackedMessage", *outcomes: Outcome, stored: bool = False) -> None:
        """Count a message as settled, or only as stored in the outbox."""
        with self._lock:
            self._unsafe.discard(message)
            if not stored:
                self._open.discard(message)
            self._outcomes += outcomes
            before, fate, heard = self._fate, self._fate_now(), self._told
            self._fate = fate or before
            if fate is not None:
                self._told = told([*self._outcomes, *([STORED] if self._open else [])])
            now = self._told
        if fate is not None and fate != before:
            self._on_fate(fate)
        if self._on_told is not None and now is not None and now != heard:
            self._on_told(now)

    def _fate_now(self) -> Fate | None:
        if self._open:
            return None if self._unsafe else "safe"
        if not self._outcomes or any(isinstance(outcome, Receipt) for outcome in self._outcomes):
            return "safe"
        ending = queues.is_ending() and any(isinstance(outcome, Retryable | Ambiguous) for outcome in self._outcomes)
        return "cut off" if ending else "given up"


class TrackedMessage:
    """A tracked message: the callback for its final outcome."""

    __slots__ = ("_tracker",)

    def __init__(self, tracker: DeliveryTracker) -> None:
        self._tracker = tracker

    def __call__(self, outcome: Outcome) -> None:
        self._tracker.update(self, outcome)

    def mark_stored(self) -> None:
        """Count the message as safe: the outbox has committed it."""
        self._tracker.update(self, stored=True)


def _appending(announcer: "Announcer") -> Callable[[Announcement], None]:
    return announcer.announced.append


@attrs.define
class Announcer:
    """Announces the changes of one run, or of all runs of a flow.

    Args:
        log: the interpreter, which keeps the outcomes.
        clock: shows the time.
        facts: the facts of events that answer a question.
        remember: called with each change that ends a run. It returns the streak of earlier runs; None for no use of the history.
        announced: all complete announcements, in order, unless ``keep`` takes them.
        faults: the exceptions that users' code raised.
        calls_handlers: whether handlers that are functions of the user's are called. In a preview they are not, and change no state.
        keep: takes each complete announcement.
    """

    log: DeliveryLog
    clock: Clock
    facts: Facts
    remember: Remember | None = None
    announced: list[Announcement] = attrs.field(factory=list[Announcement])
    faults: list[Fault] = attrs.field(factory=list[Fault])
    calls_handlers: bool = attrs.field(default=True, kw_only=True)
    keep: Callable[[Announcement], None] = attrs.field(default=attrs.Factory(_appending, takes_self=True), kw_only=True)
    _interrupt: KeyboardInterrupt | None = attrs.field(init=False, default=None)

    def feed(self, run: Run, event: Event) -> Run:
        """Step the machine with the event, deliver the effects, and answer its questions until it asks no more."""
        try:
            proposed = propose(run, event)
        except KeyboardInterrupt:
            spoken = propose_spoken(run, event)
            _ = self.announce(spoken) if isinstance(spoken, Announcement) else run  # then it was a Ctrl-C, and nobody is to be told
            raise
        if isinstance(proposed, Announcement):
            return self.announce(proposed)
        return _legal(proposed).run

    def announce(self, proposed: Announcement, *, ends: bool | None = None, retold: bool = False) -> Run:
        """Announce a change, and return the run after it.

        A KeyboardInterrupt that the text of an exception raises is raised once people are told.

        If the history remembers the change, and there are messages about it and all of them fail, the history forgets it again.

        Args:
            proposed: the change.
            ends: whether the change ends the run; None goes by the states before and after it.
            retold: whether an earlier process made the change. Then functions of the user's are not called: they may have been.
        """
        tracker: DeliveryTracker | None = None
        is_held = False
        if self.remember is not None and (proposed.ends if ends is None else ends):
            remembered = self.remember(proposed, self.log.mode)
            proposed = proposed.remembering(remembered.past, is_findable=remembered.is_findable)
            if remembered.settle is not None or remembered.note is not None:
                tracker = DeliveryTracker(remembered.settle or _ignore_fate, remembered.note)
            is_held = remembered.is_held
        silences = look().silences and not is_held and self.log.mode == "live"
        silence = silence_of(proposed.before.subject.label) if silences else None
        self._interrupt, begin = None, len(self.log.entries)
        try:
            stepped = announce(proposed)
        except KeyboardInterrupt as interruption:  # of the text of a user's exception, or of a Ctrl-C meanwhile: people are told first
            stepped, self._interrupt = announce_spoken(proposed), interruption
        while stepped.ask is not None:
            entries = self._act(stepped, tracker, silence, retold=retold)
            answer = self._unchanged(stepped.ask) if retold else self._answer(stepped.ask, entries)
            try:
                stepped = _legal(advance(stepped.run, answer))
            except KeyboardInterrupt as interruption:
                stepped, self._interrupt = _legal(advance_spoken(stepped.run, answer)), interruption
        self._act(stepped, tracker, silence, retold=retold)
        if silences and (proposed.ends if ends is None else ends):
            self._hold_back(proposed, silence, self.log.entries[begin:])
        if tracker is not None:
            tracker.complete()
        if self._interrupt is not None:
            raise self._interrupt
        return stepped.run

    @staticmethod
    def _hold_back(proposed: Announcement, silence: Silence | None, entries: list[Entry]) -> None:
        """Keep the end of a run until the silence is over, or forget what was kept. This comes before the removal of the run's file."""
        subject, failed = proposed.before.subject, proposed.after.state.is_failed()
        wanted = any(not isinstance(entry.effect, CallBack) for entry in entries)
        end = RunEnd(failed=failed, wanted=wanted, silenced=silence is not None, broken_before=subject.past.failed is True)
        note_end(subject.label, end, KeptEnd.of(proposed, subject.past), silence)

    def _act(self, stepped: Step, tracker: DeliveryTracker | None, silence: Silence | None, *, retold: bool) -> list[Entry]:
        """Deliver the effects of a step in order, and record its faults and its announcement.

        A step that is ``retold`` makes no calls. Under a silence, no message is delivered.
        """
        for fault in stepped.faults:
            self.faults.append(fault)
            if not issubclass(type(fault.error), NotificationFailed):  # a failed notification is logged already
                self._note(fault)
        if stepped.announced is not None:
            self.keep(stepped.announced)
        entries: list[Entry] = []
        for asked in stepped.effects:
            if retold and isinstance(asked, CallBack):
                continue
            effect = asked if isinstance(asked, CallBack) else _redacted(asked)
            message = None if tracker is None or isinstance(effect, CallBack) else tracker.track()
            if silence is None or isinstance(effect, CallBack):
                entry = self.log.deliver(effect, message or ignore_outcome)
            else:
                entry = self.log.silence(effect, Silenced(f"silenced {described(silence)}"), message or ignore_outcome)
            if message is not None and entry.answer == STORED:
                message.mark_stored()
            log.complain(effect, entry.answer)
            entries.append(entry)
        return entries

    def _note(self, fault: Fault) -> None:
        try:
            log.note(fault)
        except KeyboardInterrupt as interruption:  # of its text: people are told first
            self._interrupt = interruption
            log.note(Fault(fault.where, stand_in(fault.error)))

    def _answer(self, ask: Ask, deliveries: list[Entry]) -> Answer:
        if isinstance(ask.handler, Notifier):  # its answer is the final outcome of its effects
            for entry in deliveries:
                queues.wait_for(entry.is_final, queues.left_of_exit_timeout(queues.EXIT_TIMEOUT))
                if isinstance(entry.outcome, DeliveryError):
                    return e.HandlerRaised(self.clock.now(), error=failed(entry.effect, entry.outcome), facts=self.facts)
            return self._unchanged(ask)
        if not self.calls_handlers:
            return self._unchanged(ask)
        try:
            returned = invoke(ask.handler, ask.tracked_obj, ask.old, ask.new)
        except Exception as error:
            return refusal(error, self.clock.now(), self.facts)
        return reply(ask, returned, self.clock.now(), self.facts)

    def _unchanged(self, ask: Ask) -> Answer:
        return e.HandlerReplied(self.clock.now(), state=ask.new, facts=self.facts)

    def tell_left(self, subjects: Iterable[Subject]) -> None:
        """Announce the ends that killed processes left, or silences held back, under the labels of these subjects, to their handlers.

        Each end is announced by one process. Its messages are not in the log of this announcer: they are about another run.
        """
        if self.log.mode != "live":
            return
        known = tuple(subjects)
        if self.remember is not None:
            for left in claimed_ends(known):
                self._retell(left.remember, left.announcement(self.facts))
        if look().silences:
            for held in held_back_ends(known):
                self._retell(held.remember, held.announcement(self.facts))

    def _retell(self, remember: Remember, ended: Announcement) -> None:
        Announcer(DeliveryLog(self.log.below), self.clock, self.facts, remember).announce(ended, retold=True)


def _ignore_fate(_: Fate) -> None:
    """Do nothing: nothing follows from the fate of the messages."""


def ended_by(error: _E, ending: Callable[[_E | BaseException], _T]) -> tuple[_T, KeyboardInterrupt | None]:
    """Return ``ending(error)``, and the interrupt to raise once people are told, which the text of the exception raised, or None."""
    try:
        return ending(error), None
    except KeyboardInterrupt as interrupt:
        return ending(error if error is None else stand_in(error)), interrupt


def _redacted(message: Message) -> Message:
    """Return the message without secrets, before anything cuts, folds, keeps or shows it."""
    from tocsin.shell.config.load import configuration

    make_known(configuration().secret_names + secrets_of(message))
    return redacted_message(message, redact)


def _legal(stepped: Step | IllegalTransition) -> Step:
    assert isinstance(stepped, Step), stepped  # the events of runs are legal
    return stepped
