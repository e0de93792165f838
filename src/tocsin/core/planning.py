"""The decisions of the flow engine, as pure functions: what to do next with a run, and how a flow ends."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

import attrs

from tocsin.core import events as e
from tocsin.core import states as s
from tocsin.core.endings import Ending, body_ending, signalled_state
from tocsin.core.events import UNKNOWN, Event, Facts
from tocsin.core.machine import Run
from tocsin.core.states import State
from tocsin.core.text import quote
from tocsin.core.transitions import later, leads_to
from tocsin.core.triggers import Trigger, all_successful
from tocsin.core.values import Value

RETRY_SIGNALS = 1000
"""The most attempts of a run without ``max_retries`` whose body asks for another attempt each time."""

CacheValidator = Callable[[s.Cached, datetime], bool]
"""A function that decides whether the cached state of an earlier run is valid at a moment."""


def unexpired(state: s.Cached, now: datetime) -> bool:
    """Return whether a cached state has not expired; the default validator."""
    return state.cached_result_expiration is None or now < state.cached_result_expiration


@attrs.frozen(eq=False, repr=False)
class RetryRules(Value):
    """The settings of a task. ``retry_delay`` is the time between a failure and the next attempt."""

    trigger: Trigger = all_successful
    skip_on_upstream_skip: bool = True
    max_retries: int = 0
    retry_delay: timedelta | None = None
    cache_for: timedelta | None = None
    cache_validator: CacheValidator = unexpired


@attrs.frozen(eq=False, repr=False)
class Situation(Value):
    """The context of a decision.

    Args:
        now: the time by the wall clock (aware), which may be set at any moment.
        upstream: the states of the upstream tasks.
        rules: the task's rules.
        facts: the facts for events.
        steady: the time (aware) that the wall clock would show if nobody had set it since the run's last event; None for ``now``.
    """

    now: datetime
    upstream: Sequence[State] = ()
    rules: RetryRules = RetryRules()
    facts: Facts = UNKNOWN
    steady: datetime | None = None


class RunBody(Value):
    """Enter the body; its end is the next event."""

    __slots__ = ()


@attrs.frozen(eq=False, repr=False)
class Wait(Value):
    """Wait until ``until``, an aware datetime, by the steady time of the situation."""

    until: datetime


class Done(Value):
    """Nothing more to do for this run by itself."""

    __slots__ = ()


RUN_BODY = RunBody()
DONE = Done()

Plan = Event | RunBody | Wait | Done


class RetriesExhausted(Exception):
    """The run asked for more attempts than are allowed."""

    __module__ = "tocsin.errors"  # where users find it


def plan(run: Run, situation: Situation) -> Plan:
    """Decide on skips, triggers, caches, retries and limits of a task's run. Raise nothing: a trigger's exception becomes an event."""
    state = run.state
    if run.ended:
        return DONE
    if isinstance(state, s.MetaState):
        return e.Unwrapped(situation.now, facts=situation.facts)
    if isinstance(state, s.Running):
        return RUN_BODY if run.due else DONE
    if isinstance(state, s.Pending):
        return _before(run, state, situation)
    return _after(run, situation)


def _before(run: Run, state: s.Pending, situation: Situation) -> Plan:
    over = state.run_count if isinstance(state, s.Retrying) else run.attempt if run.started_at else 0
    if over > (situation.rules.max_retries or RETRY_SIGNALS):
        error = RetriesExhausted(f"attempt {over} asked for another, and no more are allowed")
        return e.Raised(situation.now, error=error, facts=situation.facts)
    if not all(before.is_finished() for before in situation.upstream):
        return DONE
    if isinstance(state, s.Paused) and state.start_time is None:
        return DONE
    if isinstance(state, s.Scheduled) and state.start_time is not None and state.start_time > (situation.steady or situation.now):
        return Wait(state.start_time) if isinstance(state, s.Retrying) else DONE
    if run.started_at is not None:  # the trigger was met before
        return e.Started(situation.now, facts=situation.facts)
    if situation.rules.skip_on_upstream_skip and any(before.is_skipped() for before in situation.upstream):
        return e.UpstreamSkipped(situation.now, facts=situation.facts)
    return _triggered(state, situation)


def _triggered(state: s.Pending, situation: Situation) -> Event:
    now, facts, trigger = situation.now, situation.facts, situation.rules.trigger
    try:
        met = isinstance(state, s.Resume) or bool(trigger(situation.upstream))
    except Exception as error:
        asked = signalled_state(error)
        if isinstance(asked, s.TriggerFailed):
            return e.TriggerNotMet(now, asked.message or "Trigger failed", error, facts=facts)
        if type(asked) is s.Paused:
            return e.PauseAsked(now, asked.message, asked.start_time, facts=facts)
        if asked is not None:
            return e.Signalled(now, state=asked, ends=True, facts=facts)
        return e.TriggerNotMet(now, f"Unexpected error while checking task trigger: {quote(error)}", error, facts=facts)
    return e.Started(now, facts=facts) if met else e.TriggerNotMet(now, facts=facts)


def _after(run: Run, situation: Situation) -> Plan:
    state, rules = run.state, situation.rules
    if isinstance(state, s.Cached):
        return _cached(run, state, situation)
    if run.started_at is None:  # the run began in a finished state
        return DONE
    if isinstance(state, s.Success) and rules.cache_for is not None and leads_to(type(state), e.CacheStored):
        return e.CacheStored(situation.now, expires=later(situation.now, rules.cache_for), facts=situation.facts)
    if isinstance(state, s.Failed) and run.attempt <= rules.max_retries and leads_to(type(state), e.RetryDue):
        start = later(situation.now, rules.retry_delay) if rules.retry_delay else None
        return e.RetryDue(situation.now, attempt=run.attempt, attempts=rules.max_retries + 1, start=start, facts=situation.facts)
    return DONE


def _cached(run: Run, state: s.Cached, situation: Situation) -> Plan:
    """Check the validity of a cached state that the run began with; a state cached in this run is valid."""
    if run.ordinal > 0:
        return DONE
    try:
        valid = bool(situation.rules.cache_validator(state, situation.now))
    except Exception:
        valid = False  # a result is not trusted if its validator raises
    return DONE if valid else e.CacheInvalid(situation.now, facts=situation.facts)


def ended(run: Run, error: BaseException, at: datetime, facts: Facts = UNKNOWN, took: timedelta | None = None) -> Ending:
    """Return the event for an exception that left the body after ``took``: a signal, a time-out, an interruption, or a failure."""
    return body_ending(error, at, run.attempt, facts, took)


def verdict(
    references: Iterable[State], at: datetime, facts: Facts = UNKNOWN, took: timedelta | None = None
) -> e.ReferencesSettled | None:
    """Return how a flow ends, by the states of its reference tasks; None while one of them is not finished."""
    states = tuple(references)
    if not all(state.is_finished() for state in states):
        return None
    if any(state.is_failed() for state in states):
        return e.ReferencesSettled(at, state=s.Failed("Some reference tasks failed."), facts=facts, took=took)
    if all(state.is_successful() for state in states):
        return e.ReferencesSettled(at, state=s.Success("All reference tasks succeeded."), facts=facts, took=took)
    return e.ReferencesSettled(at, state=s.Success("No reference tasks failed."), facts=facts, took=took)
