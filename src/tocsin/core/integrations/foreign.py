"""A run of another engine: who it is, what was heard of it, and which event is news.

- An engine's events may be late, doubled, lost or out of order. ``hear`` takes each as what it is: it belongs to one attempt of one
  run, and to one phase of that attempt.
- The phases of an attempt are, in order: it waits, it runs, it ends, it will be retried. It may end after all, where it was stopped
  while it waited, or was put back into its queue under the same number.
- What is heard of an attempt goes forward: of two events of one phase the second is no news, and no event of an earlier phase is. So no
  success follows a failure of the same attempt.
- A later attempt may begin before the end of an earlier one is heard. The end is told as the end of its own attempt. Once an end that
  is final was heard, nothing of the same attempt or of earlier ones is news.
- The ordinal of a change, which is part of the key of its message, follows from the attempt and the phase alone. Two processes that
  hear of one end make one key, and an outbox takes one of their messages.
- A missing event makes no difference to those after it: the state before an event is worked out.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import new_class
from typing import Generic, TypeVar

import attrs
from attrs.validators import optional

from tocsin.core import events as e
from tocsin.core import states as s
from tocsin.core.changes import Tracked
from tocsin.core.events import UNKNOWN, Event, Facts
from tocsin.core.machine import ForeignHandler, Run, Subject
from tocsin.core.notifiers import Notifier
from tocsin.core.states import State, aware, positive
from tocsin.core.text import is_a, span, type_name, worded
from tocsin.core.transitions import IllegalTransition, leads_to, settle
from tocsin.core.values import Value

_R = TypeVar("_R")

_PHASES: tuple[tuple[type[State], int], ...] = (
    (s.Retrying, 7),
    (s.Finished, 6),
    (s.Running, 5),
    (s.Queued, 4),
    (s.Submitted, 3),
    (s.Scheduled, 2),
    (s.State, 1),
)
_ENDED, _RETRIED, _ENDED_AFTER_ALL, _UNHEARD = 6, 7, 8, 9
_PHASE_COUNT = 10

_WORKED_OUT: tuple[State, ...] = (s.Pending(), s.Running(), s.Failed())
_START = s.Pending()


@attrs.frozen(eq=False, repr=False)
class ForeignRun(Value):
    """A run of another engine, as one event of it shows it. State handlers get it as ``tracked_obj``.

    Args:
        name: the name of the task, or of the flow, shown to people.
        run_id: the engine's id of the run, which a reader can look up there.
        group: the name of the flow that the task is a part of; None if it is none.
        map_index: the 0-based index of a child of a mapped task; None if it is not mapped.
        attempt: the 1-based number of the attempt.
        attempts: how many attempts there may be, 1 or more.
        redelivered: whether the engine says that it delivers the same attempt again, as after the loss of a worker.
        started: when the attempt began, an aware datetime; None if it is not known.
        link: a page about the run, an http(s) URL; None if there is none.
        host: the host that it runs on; None for that of this process.
    """

    name: str
    run_id: str
    group: str | None = None
    map_index: int | None = None
    attempt: int = attrs.field(default=1, validator=positive)
    attempts: int = attrs.field(default=1, validator=positive)
    redelivered: bool = False
    started: datetime | None = attrs.field(default=None, validator=optional(aware))
    link: str | None = None
    host: str | None = None

    @property
    def key(self) -> "RunKey":
        """What tells the run from all others."""
        return RunKey(self.run_id, self.slug, self.map_index)

    @property
    def slug(self) -> str:
        """The name, as keys have it. A task may have the name of its flow, and both have the id of the flow's run."""
        return f"{self.group}.{self.name}" if self.group == self.name else self.name

    @property
    def delivery(self) -> tuple[int, bool]:
        """The number of the attempt, and whether it was delivered again: its place among the attempts."""
        return self.attempt, self.redelivered

    def subject(self, handlers: tuple[Notifier | ForeignHandler, ...], of: Tracked | None = None) -> Subject:
        """Return the constant part of the run, for these handlers; ``of`` is what they get as ``tracked_obj``, None for this run."""
        attempts, tracked = max(self.attempts, self.attempt), self if of is None else of
        return Subject(tracked, handlers, self.run_id, self.slug, self.map_index, attempts, group=self.group)

    def facts(self, known: Facts, told: Facts = UNKNOWN) -> Facts:
        """Return what is known of this process, with what the engine told of the event, and the run's own host and link."""
        host, link = told.host or self.host or known.host, told.link or self.link or known.link
        return Facts(host, told.environment or known.environment, told.details, link, told.told_by)


@attrs.frozen
class Engine(Generic[_R]):
    """An engine: what its records mean.

    Args:
        name: its name, for people.
        run_of: returns the run that a record is about.
        translate: returns the events that a record means, in order. It is total.
    """

    name: str
    run_of: Callable[[_R], ForeignRun]
    translate: Callable[[_R], tuple[Event, ...]]


@attrs.frozen
class RunKey:
    """What tells a foreign run from all others: the engine's id of the run, and the task in it."""

    run_id: str
    name: str
    map_index: int | None


@attrs.frozen(eq=False, repr=False)
class Heard(Value):
    """What was heard of a foreign run.

    Args:
        states: the latest phase and state of each attempt, by ``ForeignRun.delivery``.
        ended: the latest attempt that ended with nothing to follow; None if none did.
    """

    states: Mapping[tuple[int, bool], tuple[int, State]] = attrs.field(factory=dict[tuple[int, bool], tuple[int, State]])
    ended: tuple[int, bool] | None = None


NOTHING = Heard()
"""What is known of a run before anything was heard of it."""


@attrs.frozen(eq=False, repr=False)
class News(Value):
    """An event that is news: what was heard with it, the run before it and the event, for ``step``, and the state that it leads to."""

    heard: Heard
    run: Run
    event: Event
    state: State


def hear(
    heard: Heard, foreign: ForeignRun, event: Event, handlers: tuple[Notifier | ForeignHandler, ...], *, ends: bool | None = None
) -> News | None:
    """Return what an event of a foreign run means after what was heard of it; None if it is no news.

    Args:
        heard: what was heard of the run before.
        foreign: the run, as the event shows it.
        event: the event.
        handlers: the handlers to notify.
        ends: whether nothing follows an end in this event; None goes by the numbers of the attempt.

    >>> from datetime import UTC
    >>> at, run = datetime(2026, 1, 1, tzinfo=UTC), ForeignRun("load", "r1")
    >>> ended = hear(NOTHING, run, e.Succeeded(at), ())
    >>> ended.run.state, hear(ended.heard, run, e.Succeeded(at), ())
    (Running(), None)
    """
    if isinstance(event, e.Signalled) and isinstance(event.state, s.Retrying) and event.attempt < foreign.attempt:
        foreign = attrs.evolve(foreign, attempt=event.attempt, started=None)  # it was said together with the start of the next attempt
    place = foreign.delivery
    if heard.ended is not None and place <= heard.ended:
        return None
    latest, known = heard.states.get(place, (0, None))
    if isinstance(known, s.Failed) and isinstance(event, e.Signalled) and isinstance(event.state, s.Retrying):
        due = event.state.start_time
        event = e.RetryDue(event.at, attempt=foreign.attempt, attempts=foreign.attempts, start=due, facts=event.facts)
    old = _state_before(known, event, heard, foreign)
    new = None if old is None else settle(old, event)
    if old is None or new is None or isinstance(new, IllegalTransition):
        return None
    phase = _phase(type(new))
    is_final = phase == _ENDED and (_closes(type(new), foreign) if ends is None else ends)
    if is_final and latest == _RETRIED and all(known <= place for known in heard.states):
        phase = _ENDED_AFTER_ALL
    if phase <= latest:
        return None
    ordinal = _ordinal(place, phase)
    began = None if isinstance(event, e.Started) else foreign.started  # what starts twice is another attempt
    run = Run(foreign.subject(handlers), old, foreign.attempt, ordinal, is_final, started_at=began)
    states = {**heard.states, place: (phase, _light(new))}
    return News(Heard(states, place if is_final else heard.ended), run, event, new)


def end_unheard(
    foreign: ForeignRun, handlers: tuple[Notifier | ForeignHandler, ...], at: datetime, waited: timedelta, facts: Facts = UNKNOWN
) -> tuple[Run, e.Interrupted]:
    """Return the event that no end of a run was heard of, for ``step``. An end that is heard later is news all the same.

    Args:
        foreign: the run, as its last event showed it.
        handlers: the handlers to notify.
        at: when the wait for its end was over, an aware datetime.
        waited: how long it was waited for.
        facts: what else is known.
    """
    message = f"no end was heard of within {span(waited)}: it may still run, or its worker may be lost"
    ordinal = _ordinal(foreign.delivery, _UNHEARD)
    run = Run(foreign.subject(handlers), s.Running(), foreign.attempt, ordinal, ended=True, started_at=foreign.started)
    return run, e.Interrupted(at, None, message, facts=facts)


def _phase(kind: type[State]) -> int:
    return next(phase for of, phase in _PHASES if issubclass(kind, of))


def _light(state: State) -> State:
    """Return a state to keep, without what a user's program made: an exception would keep the frames in which it was raised."""
    error, kind = state.result, next(kind for kind in type(state).__mro__ if kind in s.KINDS)
    if error is None and type(state) is kind:
        return state
    words = _words(error) if is_a(error, BaseException) else None
    if isinstance(state, s.Retrying):
        return s.Retrying(state.message, words, start_time=state.start_time, run_count=state.run_count)
    return kind(state.message, words) if isinstance(state, s.Finished) else state


def _words(error: BaseException) -> BaseException:
    """Return an exception with the name and the text of another one, and nothing else of it."""
    made: object = new_class(type_name(error), (Exception,))(worded(error))
    assert is_a(made, Exception)
    return made


def _closes(kind: type[State], foreign: ForeignRun) -> bool:
    """Return whether nothing follows an end of this kind, as far as the number of the attempt tells."""
    return leads_to(kind, e.RetryDue) is None or foreign.attempt >= foreign.attempts


def _ordinal(place: tuple[int, bool], phase: int) -> int:
    attempt, redelivered = place
    return (2 * (attempt - 1) + redelivered) * _PHASE_COUNT + phase


def _state_before(known: State | None, event: Event, heard: Heard, foreign: ForeignRun) -> State | None:
    """Return the state of the attempt before the event: what was heard, if it can lead there, else what must have been."""
    while isinstance(known, s.MetaState):
        known = None if isinstance(event, e.Raised) else known.state or _START  # what raised was entered, unheard
    if known is not None and leads_to(type(known), type(event)) is not None:
        return known
    if foreign.attempt > 1 and known is None and leads_to(s.Retrying, type(event)) is not None and _begins(event):
        before = [state for (attempt, _), (_, state) in heard.states.items() if attempt == foreign.attempt - 1]
        retrying = next((state for state in before if isinstance(state, s.Retrying)), None)
        return retrying or s.Retrying(run_count=foreign.attempt - 1)
    ordered = _WORKED_OUT if _begins(event) else (*_WORKED_OUT[1:], _START)
    return next((state for state in ordered if leads_to(type(state), type(event)) is not None), None)


def _begins(event: Event) -> bool:
    """Return whether an event comes before the body is entered, or in its place."""
    if isinstance(event, e.Signalled):
        given = event.state
        return isinstance(given, s.Pending | s.MetaState | s.Running | s.TriggerFailed) and not isinstance(given, s.Retrying)
    return isinstance(event, e.Started | e.UpstreamSkipped | e.TriggerNotMet | e.CacheHit | e.PauseAsked | e.MappingPrepared)
