"""The core's one door: ``step(run, event)`` gives the run after the event, the effects that announce it, and what to ask next.

1. An event changes the state by the table of ``transitions``. A pair that is not there is an ``IllegalTransition``, a value.
2. A new state that is not the old one (by identity) is announced to the handlers, in the order of their list. All of them are
   shown the same old state; each is shown the new state that the one before it settled on.
3. A handler that is a notifier yields its effects at once. A foreign handler's answer is a state, which no effect can be: so it
   becomes the one ``ask`` of the step, always last. The run waits until an answer comes as an event (``HandlerReplied``,
   ``HandlerSignalled``, ``HandlerRaised``), and the announcement goes on from there.
4. A state that a foreign handler answers with replaces the new state, and is not announced again. A signal skips the handlers
   after it. An error is a fault, and the handlers after it still run; in the mode "fail" it fails the run, and they are
   skipped.
5. ``ended`` says that the run is never tried again, though its state could be.

What a foreign handler did, as the event that the machine waits for: it returned, or it raised.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Literal, Never, TypeGuard

import attrs
from returns.result import Result

from tocsin.core import events as e
from tocsin.core import states as s
from tocsin.core.changes import UNREMEMBERED, Change, Streak, Tracked
from tocsin.core.effects import Effect
from tocsin.core.events import UNKNOWN, Answer, Event, Facts
from tocsin.core.messages.text import name_of, quote
from tocsin.core.notifiers import Notifier
from tocsin.core.outcomes import Fault
from tocsin.core.signals import ENDRUN, Signal
from tocsin.core.states import State
from tocsin.core.transitions import IllegalTransition, completed, leads_to, settle
from tocsin.core.values import Value

ForeignHandler = Callable[[Never, State, State], object]
"""Somebody's code, called with ``(tracked_obj, old_state, new_state)``; what it returns is judged when it has."""

HandlerErrors = Literal["record", "fail"]

_UNTOLD = (e.Unwrapped, e.LoopDue)  # what happens between two states, and is announced to nobody
_ENDING = (e.TriggerNotMet, e.Interrupted)  # after which nothing is tried again


@attrs.frozen(eq=False, repr=False)
class Subject(Value):
    """What does not change in a run: the tracked object, its handlers, what names the run, and how the runs before it ended."""

    tracked_obj: Tracked
    handlers: tuple[Notifier | ForeignHandler, ...]
    run_id: str
    slug: str
    map_index: int | None = None
    attempts: int = 1
    handler_errors: HandlerErrors = "record"
    past: Streak = UNREMEMBERED


@attrs.frozen(eq=False, repr=False)
class Ask(Value):
    """A handler whose answer is the next event.

    A foreign one is to be called with ``(tracked_obj, old, new)``. A notifier, which is asked in the mode "fail" alone, answers by
    how the effects of the step went: a failure is ``HandlerRaised``.
    """

    handler: Notifier | ForeignHandler
    tracked_obj: Tracked
    old: State
    new: State
    position: int


@attrs.frozen(eq=False, repr=False)
class Announcement(Value):
    """A change, as it was proposed, and how far its announcement has come.

    It holds the run before the event and after it: the ``change`` is made of them when it is looked at, since most changes
    concern nobody. ``replies`` holds, by position, each state that a handler put in place of the one it was shown; ``settled``
    is the last of them, or the state proposed.
    """

    before: "Run"
    after: "Run"
    event: Event
    position: int = 0
    replies: tuple[tuple[int, State], ...] = ()

    @property
    def change(self) -> Change:
        """The change as it was proposed."""
        return _change(self.before, self.after, self.event)

    @property
    def handlers(self) -> tuple[Notifier | ForeignHandler, ...]:
        """The handlers to tell, in order."""
        return self.before.subject.handlers

    @property
    def settled(self) -> State:
        """The state that the handlers settled on, so far."""
        return self.replies[-1][1] if self.replies else self.after.state

    def shown_to(self, position: int) -> Change:
        """The change as the handler at ``position`` was shown it."""
        seen = [state for at, state in self.replies if at < position]
        if not seen:
            return self.change
        return attrs.evolve(self.change, new=seen[-1], final=is_final(attrs.evolve(self.after, state=seen[-1])))


@attrs.frozen(eq=False, repr=False)
class Run(Value):
    """Where a tracked object stands.

    Args:
        subject: what does not change.
        state: what it is now; while a handler is asked, the state settled on so far.
        attempt: the attempt it is in, from 1.
        ordinal: how many changes were announced before.
        due: whether its body is to be entered now.
        ended: whether it is never tried again, whatever the state says.
        asking: the announcement that waits for a foreign handler's answer, or None.
        started_at: when the body was last entered; None before.
    """

    subject: Subject
    state: State = attrs.field(factory=s.Pending)
    attempt: int = 1
    ordinal: int = 0
    ended: bool = False
    due: bool = False
    asking: Announcement | None = None
    started_at: datetime | None = None


@attrs.frozen(eq=False, repr=False)
class Step(Value):
    """What an event made of a run: the run after it, the effects to execute now and in order, the handler to ask after them, the
    faults of users' code, and the announcement, once it is complete."""

    run: Run
    effects: tuple[Effect, ...] = ()
    ask: Ask | None = None
    faults: tuple[Fault, ...] = ()
    announced: Announcement | None = None


def step(run: Run, event: Event) -> Result[Step, IllegalTransition]:
    """The run after the event, and all that is to be done about it; a failure where the event is illegal. Raises nothing.

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
    """``step`` as a plain union: inside tocsin a container costs more than it says."""
    if isinstance(event, e.Answered):
        return _answered(run, event)
    if run.asking is not None:
        return IllegalTransition(run.state, event, f"{type(event).__name__} is illegal while a handler is asked")
    new = settle(run.state, event)
    if isinstance(new, IllegalTransition):
        return new
    if new is run.state or isinstance(event, _UNTOLD):
        return Step(_moved(run, event, new, run.ordinal))
    after = _moved(run, event, new, run.ordinal + 1)
    return _announced(after, Announcement(run, after, event, len(run.subject.handlers)))


def _moved(run: Run, event: Event, new: State, ordinal: int) -> Run:
    """The run in its new state, with its count of attempts, its start, and whether it may be tried again.

    It is built, not evolved: this is done for every event, and ``attrs.evolve`` costs more than all the rest of a step.
    """
    if isinstance(event, e.Started):
        return Run(run.subject, new, _next_attempt(run), ordinal, run.ended, True, None, event.at)
    started_at = None if isinstance(event, e.LoopDue) else run.started_at  # the next turn is not another attempt
    ends = isinstance(event, _ENDING) or (isinstance(event, e.Signalled) and event.ends)
    return Run(run.subject, new, run.attempt, ordinal, run.ended or ends, False, None, started_at)


def _next_attempt(run: Run) -> int:
    if isinstance(run.state, s.Retrying):
        return max(run.state.run_count + 1, run.attempt)
    return run.attempt if run.started_at is None else run.attempt + 1


def _change(run: Run, after: Run, event: Event) -> Change:
    subject, new = run.subject, after.state
    over = new.is_finished() and after.started_at is not None
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
        event.at - after.started_at if over and after.started_at is not None else None,
        event.facts,
        subject.past,
    )


def moved(run: Run, event: Event) -> Run | IllegalTransition:
    """The run after the event, before anybody was told of it."""
    new = settle(run.state, event)
    return new if isinstance(new, IllegalTransition) else _moved(run, event, new, run.ordinal)


def ends(run: Run, after: Run) -> bool:
    """Whether this is how a run ends: in a success or a failure that nothing follows. What has ended does not end again."""
    over = after.state.is_failed() or after.state.is_successful()
    return over and is_final(after) and not (run.state.is_finished() and is_final(run))


def is_final(run: Run) -> bool:
    """Whether no further attempt can follow."""
    if isinstance(run.state, s.Retrying):
        return run.ended
    closed = run.state.is_finished() and leads_to(type(run.state), e.RetryDue) is None
    return run.ended or closed or run.attempt >= run.subject.attempts


def _announced(run: Run, told: Announcement, start: int = 0, said: tuple[Fault, ...] = ()) -> Step:
    """The announcement, from the handler at ``start`` to the next foreign one, or to its end, where it is ``told``.

    Most changes concern no handler: for these no Change is made.
    """
    kind = type(told.settled)
    for handler in run.subject.handlers[start:]:
        if not isinstance(handler, Notifier) or handler.concerns(kind):
            return _heard(run, told, start, said)
    return Step(_closed(run, told), (), None, said, told)


def _heard(run: Run, told: Announcement, start: int, said: tuple[Fault, ...]) -> Step:
    subject, change = run.subject, told.shown_to(start)
    effects: list[Effect] = []
    faults = list(said)
    for position, handler in enumerate(subject.handlers[start:], start):
        notice = handler.notice(change, position) if isinstance(handler, Notifier) else None
        if notice is not None:
            effects += notice.effects
            faults += notice.faults
        if notice is None or (notice.effects and subject.handler_errors == "fail"):
            waiting = attrs.evolve(run, asking=attrs.evolve(told, position=position))
            ask = Ask(handler, subject.tracked_obj, change.old, change.new, position)
            return Step(waiting, tuple(effects), ask, tuple(faults))
    return Step(_closed(run, told), tuple(effects), None, tuple(faults), told)


def _closed(run: Run, told: Announcement) -> Run:
    """The run once all its handlers were told: one whose body was kept from being entered is over, if its state is."""
    if run.asking is None:
        return run
    proposed = told.after.state
    turned = run.state is not proposed and run.state.is_finished()
    kept_out = turned and isinstance(proposed, (s.Running, s.Retrying, s.Cached))  # it is over before it goes on
    return attrs.evolve(run, asking=None, ended=run.ended or kept_out)


def _answered(run: Run, event: Answer) -> Step | IllegalTransition:
    told = run.asking
    if told is None:
        return IllegalTransition(run.state, event, f"{type(event).__name__} is illegal where no handler was asked")
    position, complete = told.position, len(told.handlers)
    if isinstance(event, e.HandlerRaised) and run.subject.handler_errors == "record":
        fault = Fault(f"the handler {name_of(told.handlers[position])}", event.error)
        return _announced(run, attrs.evolve(told, position=complete), position + 1, (fault,))
    new = settle(run.state, event)
    if isinstance(new, IllegalTransition):  # pragma: no cover - an answer is legal in every state
        return new
    if new is not run.state:
        new = completed(new, event.at, run.attempt)
    replies = told.replies if new is run.state else (*told.replies, (position, new))
    if isinstance(event, e.HandlerReplied):
        told = attrs.evolve(told, position=complete, replies=replies)
        return _announced(attrs.evolve(run, state=new), told, position + 1)
    return _cut_short(attrs.evolve(run, state=new), attrs.evolve(told, replies=replies), event)


def _cut_short(run: Run, told: Announcement, event: e.HandlerSignalled | e.HandlerRaised) -> Step:
    """The end of an announcement whose handler signalled, or failed the run: the handlers after it are not told."""
    if isinstance(event, e.HandlerRaised):
        fault = Fault(f"the handler {name_of(told.handlers[told.position])}", event.error)
        return Step(_closed(attrs.evolve(run, ended=True), told), faults=(fault,), announced=told)
    ends = event.ends or isinstance(event.state, s.Looped)
    return Step(_closed(attrs.evolve(run, ended=run.ended or ends), told), announced=told)


def reply(ask: Ask, returned: object, at: datetime, facts: Facts = UNKNOWN) -> Answer:
    """What a foreign handler's return value means; anything but a State or None is an error of that handler."""
    if returned is None:
        return e.HandlerReplied(at, state=ask.new, facts=facts)
    if isinstance(returned, State):
        return e.HandlerReplied(at, state=returned, facts=facts)
    missing = _missing(returned)
    why = f"which still waits for {missing}" if missing else "which is neither a State nor None"
    return e.HandlerRaised(at, error=TypeError(f"the handler {name_of(ask.handler)} returned {quote(returned)}, {why}"), facts=facts)


def _are_names(value: object) -> TypeGuard[tuple[str, ...]]:
    return isinstance(value, tuple)


def _missing(returned: object) -> str:
    """The arguments that a curried handler still waits for; nothing, where that is not what was returned."""
    try:
        missing: object = getattr(returned, "missing", None)
        return ", ".join(missing) if _are_names(missing) else ""
    except Exception:
        return ""


def refusal(error: Exception, at: datetime, facts: Facts = UNKNOWN) -> Answer:
    """What an exception that a foreign handler raised means: a signal's state, or a failure of the handler."""
    if isinstance(error, Signal):
        return e.HandlerSignalled(at, state=error.state, ends=isinstance(error, ENDRUN), facts=facts)
    return e.HandlerRaised(at, error=error, facts=facts)
