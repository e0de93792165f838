"""The transition table: which event is legal in which state, and the state that it leads to.

- ``TABLE`` is complete: a pair of kinds that it lacks is illegal. The diagram in the docs is drawn from it.
- ``leads_to`` follows the method resolution order: a kind inherits the rows of its parents, unless its own row refuses.
- ``transition`` is total: each (state, event) gives a state or an ``IllegalTransition``, a value; never an exception.
- A finished state stays finished, except for five rows: a retry, a loop's next turn, a cache stored or found invalid, and a
  mapped task whose children are submitted. (A handler's answer may replace any state; see ``machine``.)
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import assert_never

import attrs
from returns.result import Result

from tocsin.core import events as e
from tocsin.core import states as s
from tocsin.core.events import Event
from tocsin.core.states import State
from tocsin.core.text import quote
from tocsin.core.values import Value

GIVEN = State
"""Marks a row whose event brings the new state."""

REFUSED = None
"""Marks a transition of a parent that the kind itself may not make."""

KEPT = State
"""Marks a row whose event leaves the state as it is."""

Row = Mapping[type[Event], type[State] | None]

TABLE: Mapping[type[State], Row] = {
    s.State: {
        e.HandlerReplied: GIVEN,
        e.HandlerSignalled: GIVEN,
        e.HandlerRaised: s.Failed,
        e.Said: KEPT,
    },
    s.Pending: {
        e.Started: s.Running,
        e.UpstreamSkipped: s.Skipped,
        e.TriggerNotMet: s.TriggerFailed,
        e.PauseAsked: s.Paused,
        e.Signalled: GIVEN,
        e.Raised: s.Failed,
        e.Interrupted: s.Aborted,
        e.CacheHit: s.Cached,
        e.MappingPrepared: s.Mapped,
    },
    s.Paused: {e.Resumed: s.Resume},
    s.Running: {
        e.Succeeded: s.Success,
        e.Raised: s.Failed,
        e.Signalled: GIVEN,
        e.TimedOutAt: s.TimedOut,
        e.Interrupted: s.Aborted,
        e.ReferencesSettled: s.Finished,
    },
    s.Finished: {e.Said: REFUSED},
    s.Looped: {e.LoopDue: s.Pending},
    s.Success: {e.CacheStored: s.Cached},
    s.Cached: {e.CacheInvalid: s.Pending, e.CacheStored: REFUSED},
    s.Mapped: {e.ChildrenSubmitted: s.Mapped, e.CacheStored: REFUSED},
    s.Skipped: {e.CacheStored: REFUSED},
    s.Failed: {e.RetryDue: s.Retrying},
    s.Aborted: {e.RetryDue: REFUSED},
    s.MetaState: {e.Unwrapped: GIVEN},
}
"""For each kind of state, the legal events and the kind of state that each leads to."""

SKIPPED = (
    "Upstream task was skipped; if this was not the intended behavior, consider changing `skip_on_upstream_skip=False` for this task."
)
UNTIL_RESUMED = timedelta(days=3652)  # ten years, in place of "for ever"
_FOUND: dict[tuple[type[State], type[Event]], type[State] | None] = {}  # a cache of the lookups in TABLE


@attrs.frozen(eq=False, repr=False)
class IllegalTransition(Value):
    """An event that is illegal in a state, with the reason in words."""

    state: State
    event: Event
    reason: str

    def __str__(self) -> str:
        return self.reason


def leads_to(state: type[State], event: type[Event]) -> type[State] | None:
    """Return the kind of state that an event of this kind leads to; None if the event is illegal.

    >>> leads_to(s.TimedOut, e.RetryDue).__name__
    'Retrying'
    >>> leads_to(s.Success, e.Started) is None
    True
    """
    try:
        return _FOUND[state, event]
    except KeyError:
        rows = (TABLE[kind] for kind in state.__mro__ if kind in TABLE)
        return _FOUND.setdefault((state, event), next((row[event] for row in rows if event in row), None))


def transition(state: State, event: Event) -> Result[State, IllegalTransition]:
    """Return the state after the event, as a success, or the ``IllegalTransition``, as a failure.

    >>> from datetime import UTC, datetime
    >>> transition(s.Pending(), e.Started(datetime(2026, 1, 1, tzinfo=UTC)))
    <Success: Running("Starting task run.")>
    >>> transition(s.Success(), e.Started(datetime(2026, 1, 1, tzinfo=UTC))).failure().reason
    'Started is illegal in Success'
    """
    settled = settle(state, event)
    if isinstance(settled, IllegalTransition):
        return Result.from_failure(settled)
    return Result.from_value(settled)


def settle(state: State, event: Event) -> State | IllegalTransition:
    """Do what ``transition`` does, and return a plain union: a ``Result`` costs more than the transition itself."""
    if leads_to(type(state), type(event)) is None:
        return IllegalTransition(state, event, f"{type(event).__name__} is illegal in {type(state).__name__}")
    return _made(state, event)


def _made(state: State, event: Event) -> State:  # noqa: C901, PLR0912 - one case for each event, the frequent ones first
    match event:
        case e.Started(message=message):
            return s.Running(message)
        case e.Succeeded(result=result, message=message):
            return s.Success(message, result)
        case e.HandlerReplied(state=given) | e.HandlerSignalled(state=given) | e.ReferencesSettled(state=given):
            return given
        case e.Raised(error=error):
            return s.Failed(error)
        case e.Said():
            return state
        case e.RetryDue(attempt=attempt, attempts=attempts, start=start):
            message = f"Retrying Task (after attempt {attempt} of {attempts})"
            return s.Retrying(message, state.result, start_time=start, run_count=attempt)
        case e.Signalled():
            return completed(event.state, event.at, event.attempt)
        case e.UpstreamSkipped():
            return s.Skipped(SKIPPED)
        case e.TriggerNotMet(message=message, error=error):
            return s.TriggerFailed(message, error)
        case e.TimedOutAt(message=message, error=error):
            return s.TimedOut(message, error)
        case e.Interrupted(message=message, error=error):
            return s.Aborted(message, error)
        case e.PauseAsked(message=message, until=until):
            return s.Paused(message, start_time=until or later(event.at, UNTIL_RESUMED))
        case e.Resumed(message=message):
            return s.Resume(message, state.result, start_time=event.at)
        case e.Unwrapped():
            return _wrapped(state)
        case e.CacheHit(result=result, message=message, expires=expires):
            return s.Cached(message, result, cached_result_expiration=expires)
        case e.CacheStored(expires=expires, inputs=inputs):
            return s.Cached(state.message, state.result, state.context, cached_inputs=inputs, cached_result_expiration=expires)
        case e.CacheInvalid():
            return s.Pending("Cache was invalid; ready to run.")
        case e.MappingPrepared(n=n):
            return s.Mapped(f"Preparing to submit {n} mapped tasks.")
        case e.ChildrenSubmitted(states=states):
            return s.Mapped("Mapped tasks submitted for execution.", map_states=states)
        case e.LoopDue(index=index):
            return s.Pending(f"Looping task (on loop index {index})")
        case e.HandlerRaised(error=error):
            return s.Failed(f"Unexpected error while calling state handlers: {quote(error)}", error)
        case _:  # pragma: no cover - unreachable: the union is closed
            assert_never(event)


def completed(state: State, at: datetime, attempt: int) -> State:
    """Complete a state from a signal or a handler by what only the machine knows: the time, the attempt.

    A user's own kind stays unchanged if its ``__init__`` does not accept the arguments that attrs gives it.
    """
    try:
        if isinstance(state, s.Paused) and state.start_time is None:
            return attrs.evolve(state, start_time=later(at, UNTIL_RESUMED))
        if isinstance(state, s.Retrying):
            return attrs.evolve(state, run_count=attempt)
        if isinstance(state, s.Looped) and state.message is None:
            return attrs.evolve(state, message=f"Task is looping ({state.loop_count})")
    except Exception:
        return state
    return state


def later(moment: datetime, duration: timedelta) -> datetime:
    """Add a duration to a moment; return the last possible datetime on overflow."""
    try:
        return moment + duration
    except OverflowError:
        return datetime.max.replace(tzinfo=moment.tzinfo)


def _wrapped(state: State) -> State:
    while isinstance(state, s.MetaState):
        state = s.Pending() if state.state is None else state.state
    return state
