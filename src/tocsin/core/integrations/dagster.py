"""What Dagster says of its runs, and what it means.

- Dagster writes an event log: events of the steps of a run, and of the run. A hook sees the events of one attempt of one step.
- ``dagster_errors`` says which error of an event is told.
- ``dagster_log`` makes the records of a whole run out of its log.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeGuard

import attrs

from tocsin.core import events as e
from tocsin.core import states as s
from tocsin.core.events import Event, Facts
from tocsin.core.integrations import facts as f
from tocsin.core.integrations.dagster_errors import CRASHED, Link, failed, rebuilt
from tocsin.core.integrations.foreign import Engine, ForeignRun
from tocsin.core.integrations.summary import TaskEnd, summary
from tocsin.core.states import KINDS, State
from tocsin.core.text import describe, is_a, one_line, type_name
from tocsin.core.transitions import later, settle
from tocsin.core.values import Value

EVENTS: Mapping[str, tuple[type[State], ...]] = {
    "STEP_START": (s.Running,),
    "STEP_RESTARTED": (s.Running,),
    "STEP_UP_FOR_RETRY": (s.Retrying,),
    "STEP_SUCCESS": (s.Success,),
    "STEP_FAILURE": (s.Failed, s.TimedOut, s.Aborted),
    "STEP_SKIPPED": (s.Skipped,),
    "RUN_START": (s.Running,),
    "RUN_SUCCESS": (s.Success,),
    "RUN_FAILURE": (s.Failed, s.TimedOut, s.Aborted),
    "RUN_CANCELED": (s.Aborted, s.TimedOut),
}
"""For each event of Dagster's that is told, the kinds of states that it may lead to. The log calls those of a run ``PIPELINE_…``."""

ENDS = frozenset({"STEP_UP_FOR_RETRY", "STEP_SUCCESS", "STEP_FAILURE"})
"""The events that end an attempt. A hook tells these."""

SKIPPED = "a step before it was skipped, or had no output for it"
CANCELED = "the run was canceled"

_MOST = 5  # steps that the sentence of a run names
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CHILD = re.compile(r"(.+)\[(0|[1-9][0-9]*)\]", re.DOTALL)
_RESTARTED = re.compile(r"\(attempt # ([0-9]{1,7})\)")
_EXCEEDED = re.compile(r"Exceeded max_retries of ([0-9]{1,7})\s*")
_OVER_TIME = re.compile(r"exceed(ed|ing) maximum runtime", re.IGNORECASE)

StepEnd = tuple[str, str, str]
"""The key of a step, the kind of its state at the end of the run, and the reason or an empty text."""


def event_name(given: object) -> str:
    """Return the name of an event as Dagster's pages write it."""
    return f.name(given).replace("PIPELINE_", "RUN_", 1)


def _moment(given: object) -> datetime:
    return f.moment(given) or _EPOCH


def _number(given: object) -> int:
    return max(f.counted(given), 1)


def _is_list(given: object) -> TypeGuard[Sequence[object]]:
    return issubclass(type(given), list | tuple)  # unlike isinstance, it runs no code of the value's


def _texts(count: int) -> Callable[[object], tuple[str, ...] | None]:
    def texts(given: object) -> tuple[str, ...] | None:
        values = given if _is_list(given) else ()
        return tuple([f.text(value) or "" for value in values]) if len(values) == count else None

    return texts


def links(given: object) -> tuple[Link, ...]:
    return tuple([(one_line(found[0]), found[1]) for found in f.several(_texts(2))(given)])


def _ends(given: object) -> tuple[StepEnd, ...]:
    return tuple([(found[0], found[1], found[2]) for found in f.several(_texts(3))(given)])


@attrs.frozen(eq=False, repr=False)
class StepRecord(Value):
    """An event of a step.

    Args:
        event: its name, such as ``STEP_FAILURE``.
        job: the name of the job.
        run_id: Dagster's id of the run.
        step_key: Dagster's key of the step, which has the key of a dynamic output: ``load[3]``.
        attempt: the 1-based number of the attempt.
        retries: how often the step may be retried; None if that is not known.
        at: when it happened.
        started: when the attempt began; None if that is not known.
        took: how long the attempt took, in seconds; None if that is not known.
        error: what the body raised; None if it is not at hand.
        chain: the errors of the event as the log has them, the outermost first.
        reason: what Dagster says of it; None for nothing that is worth reading.
        wait: how long until the next attempt, in seconds.
        link: a page about the run.
    """

    event: str = attrs.field(default=None, converter=event_name)
    job: str = attrs.field(default=None, converter=f.name)
    run_id: str = attrs.field(default=None, converter=f.identity)
    step_key: str = attrs.field(default=None, converter=f.name)
    attempt: int = attrs.field(default=None, converter=_number)
    retries: int | None = attrs.field(default=None, converter=f.whole)
    at: datetime = attrs.field(default=None, converter=_moment)
    started: datetime | None = attrs.field(default=None, converter=f.moment)
    took: timedelta | None = attrs.field(default=None, converter=f.duration)
    error: BaseException | None = attrs.field(default=None, converter=f.error)
    chain: tuple[Link, ...] = attrs.field(default=None, converter=links)
    reason: str | None = attrs.field(default=None, converter=f.text)
    wait: timedelta | None = attrs.field(default=None, converter=f.duration)
    link: str | None = attrs.field(default=None, converter=f.link)


@attrs.frozen(eq=False, repr=False)
class RunRecord(Value):
    """An event of a run, with how its steps ended if it is the last one; the other facts are those of ``StepRecord``."""

    event: str = attrs.field(default=None, converter=event_name)
    job: str = attrs.field(default=None, converter=f.name)
    run_id: str = attrs.field(default=None, converter=f.identity)
    at: datetime = attrs.field(default=None, converter=_moment)
    started: datetime | None = attrs.field(default=None, converter=f.moment)
    took: timedelta | None = attrs.field(default=None, converter=f.duration)
    chain: tuple[Link, ...] = attrs.field(default=None, converter=links)
    reason: str | None = attrs.field(default=None, converter=f.text)
    steps: tuple[StepEnd, ...] = attrs.field(default=None, converter=_ends)
    link: str | None = attrs.field(default=None, converter=f.link)


Record = StepRecord | RunRecord
"""What Dagster says, in a hook or in its event log."""


def named(step_key: str) -> tuple[str, int | None]:
    """Return the name and the map index of a step; a key that is no number stays in the name.

    >>> named("load[3]"), named("load[north]")
    (('load', 3), ('load[north]', None))
    """
    found = _CHILD.fullmatch(step_key)
    index = None if found is None else int(found[2]) if len(found[2]) <= len(str(f.LARGEST)) else None
    if found is None or index is None or index > f.LARGEST:
        return step_key, None
    return f.name(found[1]), index


def restarted(message: str | None) -> int | None:
    """Return the number of an attempt that the message of ``STEP_RESTARTED`` has.

    >>> restarted('Started re-execution (attempt # 2) of step "load".')
    2
    """
    found = _RESTARTED.search(message or "")
    return None if found is None else f.whole(int(found[1]))


def over_time(reason: str | None) -> bool:
    """Return whether Dagster says that a run took longer than it may.

    >>> over_time("Canceling due to exceeding maximum runtime of 60 seconds."), over_time(None)
    (True, False)
    """
    return _OVER_TIME.search(reason or "") is not None


def run_of(record: Record) -> ForeignRun:
    """Return the run, or the step of one, that a record is about."""
    if isinstance(record, RunRecord):
        return ForeignRun(record.job, record.run_id, started=record.started, link=record.link)
    name, index = named(record.step_key)
    started, link, attempts = record.started, record.link, _attempts(record)
    if started is None and record.took is not None:  # a hook knows how long the step took, and not when it began
        started = later(record.at, -record.took)
    return ForeignRun(name, record.run_id, record.job, index, record.attempt, attempts, started=started, link=link)


def _attempts(record: StepRecord) -> int:
    exceeded = [_EXCEEDED.fullmatch(text) for _, text in record.chain[:1]]
    known = [1 + int(found[1]) for found in exceeded if found is not None]
    known += [record.attempt + (record.event == "STEP_UP_FOR_RETRY")]
    return max(known) if record.retries is None else max(known[-1], record.retries + 1)


def translate(record: Record) -> tuple[Event, ...]:
    """Return the events that a record means."""
    if isinstance(record, RunRecord):
        return _run_events(record)
    at, took = record.at, record.took
    match record.event:
        case "STEP_START" | "STEP_RESTARTED":
            return (e.Started(at, None),)
        case "STEP_UP_FOR_RETRY":
            due = None if record.wait is None else later(at, record.wait)
            retrying = s.Retrying(None, error_of(record), start_time=due)
            return (e.Signalled(at, state=retrying, attempt=record.attempt, took=took),)
        case "STEP_SUCCESS":
            return (e.Succeeded(at, None, None, took=took),)
        case "STEP_SKIPPED":
            return (e.Signalled(at, state=s.Skipped(SKIPPED), attempt=record.attempt),)
        case "STEP_FAILURE":
            return (failed(at, error_of(record), record.reason, took),)
        case _:
            return ()


def _run_events(record: RunRecord) -> tuple[Event, ...]:
    at, took = record.at, record.took
    known = Facts(details=summary([_task_end(each) for each in record.steps], record.link))
    match record.event:
        case "RUN_START":
            return (e.Started(at, None),)
        case "RUN_SUCCESS":
            return (e.Succeeded(at, None, None, took=took, facts=known),)
        case "RUN_FAILURE" | "RUN_CANCELED" if over_time(record.reason):
            return (e.TimedOutAt(at, record.reason or "", took=took, facts=known),)
        case "RUN_CANCELED":
            return (e.Interrupted(at, message=record.reason or CANCELED, took=took, facts=known),)
        case "RUN_FAILURE":
            bad = {key: kind for key, kind, _ in record.steps if kind in _FAILED}
            if bad:
                rest = f" and {len(bad) - _MOST:,} more" if len(bad) > _MOST else ""
                message = f"{len(bad):,} of {len(record.steps):,} steps failed: {one_line(', '.join([*bad][:_MOST]))}{rest}"
                kind = s.Aborted if {*bad.values()} == {s.Aborted.__name__} else s.Failed  # Ctrl-C fails each step, and the run
                return (e.Signalled(at, state=kind(message), took=took, facts=known),)
            return (attrs.evolve(failed(at, rebuilt(record.chain), record.reason, took), facts=known),)
        case _:
            return ()


_FAILED = frozenset({kind.__name__ for kind in (s.Failed, s.TimedOut, s.Aborted)})
_KINDS: Mapping[str, type[State]] = {kind.__name__: kind for kind in KINDS}


def _task_end(end: StepEnd) -> TaskEnd:
    key, kind, reason = end
    name, index = named(f.name(key))
    return TaskEnd(name, _KINDS.get(kind, State), reason or None, index)


def kind_of(record: StepRecord) -> tuple[type[State], str]:
    """Return the kind of the state that a step is in after a record, and the reason or an empty text."""
    new = settle(s.Running() if record.event in ENDS else s.Pending(), translate(record)[-1])
    assert isinstance(new, State)  # the events of a step are legal in these
    worded = describe(new.result) if is_a(new.result, BaseException) else new.message if isinstance(new, s.Failed) else None
    return type(new), worded or ""


def error_of(record: StepRecord) -> BaseException | None:
    """Return what the body raised: the exception itself, or one made of the log's words."""
    error = record.error
    if error is not None and type_name(error) == "RetryRequested":  # the body asked for one retry too many
        error = error.__cause__
    if error is None and record.chain[:1] and record.chain[0][0] == CRASHED:
        return rebuilt(((CRASHED, record.reason or ""),))
    return rebuilt(record.chain) if error is None else error


ENGINE = Engine("Dagster", run_of, translate)
