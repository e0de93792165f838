"""The state machine of a run: ``step(run, event)`` returns the next run, the effects to execute, and the handler to ask.

1. An event changes the state by the table of ``transitions``. A pair that the table lacks gives an ``IllegalTransition``, a value.
2. A new state that is not the old one (by identity) is announced to the handlers, in the order of their list. All handlers receive
   the same old state. Each receives the new state as the handlers before it left it.
3. A notifier yields its effects at once. A foreign handler returns a state, which no effect can express, so it becomes the one
   ``ask`` of the step, always last. The run waits for its answer, an event (``HandlerReplied``, ``HandlerSignalled``,
   ``HandlerRaised``; ``reply`` and ``refusal`` make them). The announcement then continues with the next handler.
4. A state returned by a foreign handler replaces the new state, and is not announced again. A signal skips the handlers after it. An
   error is recorded as a fault, and the handlers after it still run; in the mode "fail" it fails the run, and they are skipped.
5. ``ended`` means that the run is never retried, even if its state would allow it.
6. What the author of a run says (``Said``) changes no state. Each notifier that sends messages sends one, whatever its filter; no other
   handler is called.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal, Never, TypeGuard

import attrs
from returns.result import Result
from typing_extensions import TypeVar

from tocsin.core import events as e
from tocsin.core import states as s
from tocsin.core.changes import UNREMEMBERED, Change, Streak, Tracked
from tocsin.core.effects import Effect
from tocsin.core.endings import signalled_state, spoken, stand_in
from tocsin.core.events import UNKNOWN, Answer, Event, Facts
from tocsin.core.notifiers import Notifier
from tocsin.core.outcomes import Fault
from tocsin.core.signals import ENDRUN
from tocsin.core.states import State
from tocsin.core.text import is_a, name_of, quote
from tocsin.core.transitions import IllegalTransition, completed, leads_to, settle
from tocsin.core.values import Value

_T = TypeVar("_T", bound=Tracked, default=Tracked)

StateHandler = Callable[[_T, State, State], State | None] | Notifier
"""What ``state_handlers`` takes: a function of ``(tracked_obj, old_state, new_state)``, or a notifier of one's own.

The function returns a state, or None for no change. A bare ``StateHandler`` accepts anything with a name, and fits everywhere;
``StateHandler[Task]`` accepts only tasks.
"""

ForeignHandler = Callable[[Never, State, State], object]
"""A user's function as it is attached; ``reply`` checks its return value."""

HandlerErrors = Literal["record", "fail"]

_UNANNOUNCED = (e.Unwrapped, e.LoopDue)  # steps between two states that no handler receives
_ENDING = (e.TriggerNotMet, e.Interrupted)  # events after which a run is never retried


@attrs.frozen(eq=False, repr=False, weakref_slot=False)  # a flow of many tasks holds many
class Subject(Value):
    """The constant part of a run.

    Args:
        tracked_obj: what runs. Handlers get it.
        handlers: the handlers to notify, in order.
        run_id: the id of the run, unique over all machines.
        slug: the name of the tracked object, unique in the run.
        map_index: the 0-based index of a child of a mapped task; None if it is not mapped.
        attempts: how many attempts there may be, 1 or more.
        handler_errors: "record" records the error of a handler; "fail" fails the run.
        past: how earlier runs ended, for policies.
        group: the name of the flow of which it is a task; None if it is none.
        shows_run_id: whether a message has the id: a reader can look it up in the engine that gave it, or by ``tocsin runs show``.
    """

    tracked_obj: Tracked
    handlers: tuple[Notifier | ForeignHandler, ...]
    run_id: str
    slug: str
    map_index: int | None = None
    attempts: int = 1
    handler_errors: HandlerErrors = "record"
    past: Streak = UNREMEMBERED
    group: str | None = None
    shows_run_id: bool = True

    @property
    def label(self) -> str:
        """The name under which the history keeps how runs end, and a silence covers them."""
        return self.slug if self.group is None else f"{self.group}/{self.slug}"


@attrs.frozen(eq=False, repr=False)
class Ask(Value):
    """A handler whose answer is the next event.

    A foreign handler is to be called with ``(tracked_obj, old, new)``. A notifier is asked only in the mode "fail". The outcomes of
    the step's effects are its answer: a failed effect is ``HandlerRaised``.
    """

    handler: Notifier | ForeignHandler
    tracked_obj: Tracked
    old: State
    new: State
    position: int


@attrs.frozen(eq=False, repr=False, weakref_slot=False)  # a run of many tasks holds many
class Announcement(Value):
    """A proposed change, and how far its announcement has come.

    It holds the run before and after the event. ``change`` is built from them on access, since most changes concern no handler.
    ``replies`` holds each state that a handler returned in place of the one it received, with the handler's position. ``settled`` is
    the last of these states, or the proposed state.
    """

    before: "Run"
    after: "Run"
    event: Event
    position: int = 0
    replies: tuple[tuple[int, State], ...] = ()

    @property
    def change(self) -> Change:
        """The proposed change."""
        run, after, event, subject, new = self.before, self.after, self.event, self.before.subject, self.after.state
        took = after.took
        if after.started_at is None or not isinstance(new, s.Finished):
            took = None
        elif took is None:  # nobody measured it, so the times tell; they may run backwards
            took = max(event.at - after.started_at, timedelta(0))
        return Change(
            subject.tracked_obj,
            run.state,
            new,
            event.at,
            subject.run_id,
            subject.slug,
            subject.map_index,
            run.ordinal,
            after.attempt,
            max(subject.attempts, after.attempt),
            is_final(after),
            took,
            event.facts,
            subject.past,
            subject.shows_run_id,
            None if took is None else after.run_took,
        )

    @property
    def handlers(self) -> tuple[Notifier | ForeignHandler, ...]:
        """The handlers to notify, in order."""
        return self.before.subject.handlers

    @property
    def settled(self) -> State:
        """The new state after the answers so far."""
        return self.replies[-1][1] if self.replies else self.after.state

    @property
    def said(self) -> str | None:
        """The text that the author of the run said, which changed no state; None for a change."""
        return self.event.words if isinstance(self.event, e.Said) else None

    @property
    def ends(self) -> bool:
        """Whether the change ends the run: in a success or a failure that nothing follows, once."""
        before, after = self.before, self.after
        if not isinstance(after.state, (s.Failed, s.Success)) or not is_final(after):
            return False
        return not (isinstance(before.state, s.Finished) and is_final(before))

    def remembering(self, past: Streak, *, is_findable: bool | None = None) -> "Announcement":
        """Return the announcement with this streak of earlier runs; with ``is_findable``, its message has the run's id, or has not."""
        shown = self.before.subject.shows_run_id if is_findable is None else is_findable
        subject = attrs.evolve(self.before.subject, past=past, shows_run_id=shown)
        return attrs.evolve(self, before=attrs.evolve(self.before, subject=subject), after=attrs.evolve(self.after, subject=subject))

    def shown_to(self, position: int) -> Change:
        """Return the change as the handler at ``position`` received it."""
        seen = [state for at, state in self.replies if at < position]
        if not seen:
            return self.change
        return attrs.evolve(self.change, new=seen[-1], final=is_final(attrs.evolve(self.after, state=seen[-1])))


@attrs.frozen(eq=False, repr=False, weakref_slot=False)  # a run of many tasks holds many
class Run(Value):
    """The current position of a tracked object in its run.

    Args:
        subject: the constant part of the run.
        state: the current state; while a handler is asked, the state after the answers so far.
        attempt: the 1-based number of the current attempt.
        ordinal: how many changes were announced before.
        due: whether the body is to be entered now.
        ended: whether the run is never retried, whatever its state.
        asking: the announcement that waits for a foreign handler's answer, or None.
        started_at: when the body was last entered; None before.
        took: how long the body ran then, as its last event measured it; None if no event did.
        run_took: how long the run took, from its first attempt on, as its last event measured it; None if no event did.
    """

    subject: Subject
    state: State = attrs.field(factory=s.Pending)
    attempt: int = 1
    ordinal: int = 0
    ended: bool = False
    due: bool = False
    asking: Announcement | None = None
    started_at: datetime | None = None
    took: timedelta | None = None
    run_took: timedelta | None = None


@attrs.frozen(eq=False, repr=False)
class Step(Value):
    """The result of an event.

    Args:
        run: the run after the event.
        effects: the effects to execute now, in order.
        ask: the handler to ask after the effects, or None.
        faults: the exceptions of users' code.
        announced: the announcement, once it is complete.
    """

    run: Run
    effects: tuple[Effect, ...] = ()
    ask: Ask | None = None
    faults: tuple[Fault, ...] = ()
    announced: Announcement | None = None

    @property
    def ends(self) -> bool:
        """Whether the event ends the run, in a success or a failure that nothing follows, whatever its handlers answer."""
        announcement = self.announced or self.run.asking
        return announcement is not None and announcement.ends


def step(run: Run, event: Event) -> Result[Step, IllegalTransition]:
    """Return the run after the event and all that is to be done, or a failure if the event is illegal. Raise nothing.

    >>> from datetime import UTC, datetime
    >>> @attrs.frozen
    ... class Job:
    ...     name: str
    >>> run = Run(Subject(Job("nightly load"), (), run_id="r1", slug="nightly load"))
    >>> step(run, e.Started(datetime(2026, 1, 1, tzinfo=UTC))).unwrap().run.state
    Running("Starting task run.")
    """
    stepped = advance(run, event)
    return Result.from_failure(stepped) if isinstance(stepped, IllegalTransition) else Result.from_value(stepped)


def advance(run: Run, event: Event) -> Step | IllegalTransition:
    """Do what ``step`` does, and return a plain union, which costs less than a ``Result``."""
    proposed = propose(run, event)
    return announce(proposed) if isinstance(proposed, Announcement) else proposed


def propose(run: Run, event: Event) -> Announcement | Step | IllegalTransition:
    """Return the change that the event makes, for ``announce``; a step if the event changes nothing that handlers receive.

    Between the two, the caller may add the streak of earlier runs to a change that ends the run.
    """
    if isinstance(event, e.Answered):
        return _answered(run, event)
    if run.asking is not None:
        return IllegalTransition(run.state, event, f"{type(event).__name__} is illegal while a handler is asked")
    new = settle(run.state, event)
    if isinstance(new, IllegalTransition):
        return new
    if new is run.state and isinstance(event, e.Said):
        return Announcement(run, attrs.evolve(run, ordinal=run.ordinal + 1), event, len(run.subject.handlers))
    if new is run.state or isinstance(event, _UNANNOUNCED):
        return Step(moved(run, event, new, run.ordinal))
    return Announcement(run, moved(run, event, new, run.ordinal + 1), event, len(run.subject.handlers))


def propose_spoken(run: Run, event: Event) -> Announcement | Step | IllegalTransition:
    """Do what ``propose`` does, with a ``stand_in`` for the exception of the event, whose text raised a KeyboardInterrupt."""
    return propose(run, attrs.evolve(event, error=stand_in(event.error)) if isinstance(event, e.Raised) else event)


def announce_spoken(announcement: Announcement) -> Step:
    """Do what ``announce`` does, with a ``stand_in`` for the exception of the new state, whose text raised a KeyboardInterrupt."""
    return announce(_spoken(announcement))


def advance_spoken(run: Run, answer: Answer) -> Step | IllegalTransition:
    """Do what ``advance`` does with an answer, with a ``stand_in`` for each exception: a text of one raised a KeyboardInterrupt."""
    asking = None if run.asking is None else _spoken(run.asking)
    plain = attrs.evolve(run, state=spoken(run.state), asking=asking)
    if isinstance(answer, e.HandlerRaised):
        return advance(plain, attrs.evolve(answer, error=stand_in(answer.error)))
    return advance(plain, attrs.evolve(answer, state=plain.state if answer.state is run.state else spoken(answer.state)))


def _spoken(announcement: Announcement) -> Announcement:
    after, replies = announcement.after, announcement.replies
    after = attrs.evolve(after, state=spoken(after.state))
    return attrs.evolve(announcement, after=after, replies=tuple([(at, spoken(state)) for at, state in replies]))


def announce(announcement: Announcement) -> Step:
    """Notify the handlers of a proposed change, up to the first one to ask."""
    if isinstance(announcement.event, e.Said):
        return _said(announcement, announcement.event)
    return _announced(announcement.after, announcement)


def moved(run: Run, event: Event, new: State, ordinal: int) -> Run:
    """Return the run in its new state, with its number of attempts, its start, and whether it may be retried.

    It calls ``Run`` instead of ``attrs.evolve``, since every event comes here and ``attrs.evolve`` costs more than the rest of a step.
    """
    if isinstance(event, e.Started):
        return Run(run.subject, new, _next_attempt(run), ordinal, run.ended, True, None, event.at)
    started_at = None if isinstance(event, e.LoopDue) else run.started_at  # the next turn of a loop is not another attempt
    ends = isinstance(event, _ENDING) or (isinstance(event, e.Signalled) and event.ends)
    took, run_took = run.took, run.run_took
    if isinstance(event, e.Measured):
        took = took if event.took is None else event.took
        run_took = run_took if event.run_took is None else event.run_took
    return Run(run.subject, new, run.attempt, ordinal, run.ended or ends, False, None, started_at, took, run_took)


def _next_attempt(run: Run) -> int:
    if isinstance(run.state, s.Retrying):
        return max(run.state.run_count + 1, run.attempt)
    return run.attempt if run.started_at is None else run.attempt + 1


def is_final(run: Run) -> bool:
    """Return whether no further attempt can follow."""
    if isinstance(run.state, s.Retrying):
        return run.ended
    closed = isinstance(run.state, s.Finished) and leads_to(type(run.state), e.RetryDue) is None
    return run.ended or closed or run.attempt >= run.subject.attempts


def _announced(run: Run, announcement: Announcement, start: int = 0, faults: tuple[Fault, ...] = ()) -> Step:
    """Continue the announcement from the handler at ``start`` to the next foreign handler, or to its end.

    Most changes concern no handler. No ``Change`` is built for them.
    """
    kind = type(run.state)
    for handler in run.subject.handlers[start:]:
        if not isinstance(handler, Notifier) or handler.concerns(kind):
            return _notify(run, announcement, start, faults)
    return Step(run if run.asking is None else _closed(run, announcement), (), None, faults, announcement)


def _notify(run: Run, announcement: Announcement, start: int, before: tuple[Fault, ...]) -> Step:
    subject, change = run.subject, announcement.shown_to(start) if announcement.replies else announcement.change
    effects: list[Effect] = []
    faults = list(before)
    for position, handler in enumerate(subject.handlers[start:], start):
        notice = handler.notice(change, position) if isinstance(handler, Notifier) else None
        if notice is not None:
            effects += notice.effects
            faults += notice.faults
        if notice is None or (notice.effects and subject.handler_errors == "fail"):
            waiting = attrs.evolve(run, asking=attrs.evolve(announcement, position=position))
            ask = Ask(handler, subject.tracked_obj, change.old, change.new, position)
            return Step(waiting, tuple(effects), ask, tuple(faults))
    return Step(run if run.asking is None else _closed(run, announcement), tuple(effects), None, tuple(faults), announcement)


def _said(announcement: Announcement, said: e.Said) -> Step:
    """Have each notifier send what was said. It asks no handler."""
    change = announcement.change
    handlers = [(handler, at) for at, handler in enumerate(announcement.handlers) if isinstance(handler, Notifier)]
    effects = tuple([effect for handler, position in handlers for effect in handler.say(change, said, position)])
    return Step(announcement.after, effects, None, (), announcement)


def _closed(run: Run, announcement: Announcement) -> Run:
    """Return the run after its announcement. It has ended if a handler finished it before its body could be entered again."""
    proposed = announcement.after.state
    turned = run.state is not proposed and run.state.is_finished()
    kept_out = turned and isinstance(proposed, (s.Running, s.Retrying, s.Cached))  # the run is over before its body is entered again
    return attrs.evolve(run, asking=None, ended=run.ended or kept_out)


def _answered(run: Run, event: Answer) -> Step | IllegalTransition:
    announcement = run.asking
    if announcement is None:
        return IllegalTransition(run.state, event, f"{type(event).__name__} is illegal while no handler is asked")
    position, complete = announcement.position, len(announcement.handlers)
    if isinstance(event, e.HandlerRaised) and run.subject.handler_errors == "record":
        fault = Fault(f"the handler {name_of(announcement.handlers[position])}", event.error)
        return _announced(run, attrs.evolve(announcement, position=complete), position + 1, (fault,))
    new = settle(run.state, event)
    if isinstance(new, IllegalTransition):  # pragma: no cover - an answer is legal in every state
        return new
    if new is not run.state:
        new = completed(new, event.at, run.attempt)
    replies = announcement.replies if new is run.state else (*announcement.replies, (position, new))
    if isinstance(event, e.HandlerReplied):
        announcement = attrs.evolve(announcement, position=complete, replies=replies)
        return _announced(attrs.evolve(run, state=new), announcement, position + 1)
    return _cut_short(attrs.evolve(run, state=new), attrs.evolve(announcement, replies=replies), event)


def _cut_short(run: Run, announcement: Announcement, event: e.HandlerSignalled | e.HandlerRaised) -> Step:
    """End an announcement whose handler signalled or failed the run: the handlers after it are skipped."""
    if isinstance(event, e.HandlerRaised):
        fault = Fault(f"the handler {name_of(announcement.handlers[announcement.position])}", event.error)
        return Step(_closed(attrs.evolve(run, ended=True), announcement), faults=(fault,), announced=announcement)
    ends = event.ends or isinstance(event.state, s.Looped)
    return Step(_closed(attrs.evolve(run, ended=run.ended or ends), announcement), announced=announcement)


def reply(ask: Ask, returned: object, at: datetime, facts: Facts = UNKNOWN) -> Answer:
    """Return the event for a foreign handler's return value; anything but a State or None is an error of that handler."""
    if returned is None:
        return e.HandlerReplied(at, state=ask.new, facts=facts)
    if is_a(returned, State):
        return e.HandlerReplied(at, state=returned, facts=facts)
    missing = _missing(returned)
    why = f"which still waits for {missing}" if missing else "which is neither a State nor None"
    return e.HandlerRaised(at, error=TypeError(f"the handler {name_of(ask.handler)} returned {quote(returned)}, {why}"), facts=facts)


def _are_names(value: object) -> TypeGuard[tuple[str, ...]]:
    return isinstance(value, tuple)


def _missing(returned: object) -> str:
    """Return the names of the missing arguments of a curried handler; an empty text if ``returned`` is not a curried handler."""
    try:
        missing: object = getattr(returned, "missing", None)
        return ", ".join(missing) if _are_names(missing) else ""
    except KeyboardInterrupt:
        raise
    except BaseException:
        return ""


def refusal(error: Exception, at: datetime, facts: Facts = UNKNOWN) -> Answer:
    """Return the event for an exception that a foreign handler raised: a signal's state, or a failure of the handler."""
    state = signalled_state(error)
    if state is not None:
        return e.HandlerSignalled(at, state=state, ends=is_a(error, ENDRUN), facts=facts)
    return e.HandlerRaised(at, error=error, facts=facts)
