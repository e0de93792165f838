"""What Celery says of its tasks, and what it means. The facts are those of release 5.7.0.

- A run is a task's id. Attempt k of n is ``request.retries + 1`` of ``max_retries + 1``. Celery gives every task a ``max_retries`` of
  3, also one that never retries: so n is believed from the first retry on, or where the task has ``autoretry_for``. Where there is no
  limit, n is the number of the next attempt.
- An error is told from ``task_postrun``, in the process that ran the task: ``task_failure`` may have a stand-in for an exception that
  cannot be pickled. The worker's own process says ``task_failure`` of a task whose process was killed.
- ``task_retry`` without a reason is no retry: the worker was stopped. Such a task is delivered again if it is acknowledged late.
- What follows a failed task in a chain or a chord never runs, and Celery has no signal for it. ``NeverRuns`` and ``CanvasEnd`` are made
  of the signatures that the failed task carries.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import attrs

from tocsin.core import events as e
from tocsin.core import states as s
from tocsin.core.endings import failure
from tocsin.core.events import Event, Facts
from tocsin.core.integrations import facts
from tocsin.core.integrations.foreign import Engine, ForeignRun
from tocsin.core.integrations.summary import TaskEnd, summary
from tocsin.core.states import State
from tocsin.core.text import describe
from tocsin.core.transitions import later
from tocsin.core.values import Value

EVENTS: Mapping[str, tuple[type[State], ...]] = {
    "after_task_publish": (s.Submitted, s.Scheduled),
    "task_received": (s.Queued,),
    "task_prerun": (s.Running,),
    "task_retry": (s.Retrying, s.Aborted, s.Queued),
    "task_success": (s.Success,),
    "task_failure": (s.Failed, s.TimedOut, s.Aborted, s.Retrying),
    "task_internal_error": (s.Failed, s.TimedOut, s.Aborted, s.Retrying),
    "task_revoked": (s.Aborted, s.Skipped),
    "task_postrun": (s.Failed, s.TimedOut, s.Aborted, s.Skipped, s.Retrying),
    "what follows in a chain or a chord": (s.TriggerFailed, s.Skipped),
    "the end of a chain or a chord": (s.Failed, s.Skipped),
}
"""The signals of Celery, and the kinds of states that each can lead to. The last two are no signals: see above."""

REDELIVERED = "delivered again: an earlier delivery did not come to its end"
REPLACED = "Replaced by new task"
"""The text of the exception by which ``Task.replace`` ends a task."""

_UNKNOWN = datetime(1970, 1, 1, tzinfo=UTC)
_texts = facts.several(facts.text)


def _moment(given: object) -> datetime:
    return facts.moment(given) or _UNKNOWN


def _texts_of(given: object) -> tuple[str, ...]:
    return _texts(given)


@attrs.frozen(eq=False, repr=False)
class TaskSignal(Value):
    """A signal about a run of a task.

    Args:
        signal: the name of the signal.
        at: when it was received.
        name: the name of the task.
        task_id: the id of the run.
        retries: how many attempts are over.
        max_retries: how many retries there may be; None for no limit.
        may_retry: whether the task says that it is retried by itself.
        map_index: the place in a group, or in the header of a chord.
        host: the name of the worker.
        redelivered: whether the broker says that it delivers the task again.
        started: when the attempt began, if this process ran it.
        took: how long the attempt took, if this process ran it.
        due: when the task, or its next attempt, is to run.
        delay: in how long the next attempt is to run.
        state: the state that ``task_postrun`` has.
        error: the exception.
        reason: the text of an exception that is no error, or the name of the signal that terminated the task.
        timed_out: whether the error is one of Celery's time limits.
        requeue: whether the task goes back into its queue.
        acks_late: whether the task is acknowledged at its end.
        stopped: whether a ``task_retry`` has no reason.
        terminated: whether a revoked task had started.
        expired: whether a revoked task was too old.
    """

    signal: str = attrs.field(default=None, converter=facts.name)
    at: datetime = attrs.field(default=None, converter=_moment)
    name: str = attrs.field(default=None, converter=facts.name)
    task_id: str = attrs.field(default=None, converter=facts.identity)
    retries: int = attrs.field(default=None, converter=facts.counted)
    max_retries: int | None = attrs.field(default=None, converter=facts.whole)
    may_retry: bool = attrs.field(default=None, converter=facts.flag)
    map_index: int | None = attrs.field(default=None, converter=facts.whole)
    host: str | None = attrs.field(default=None, converter=facts.text)
    redelivered: bool = attrs.field(default=None, converter=facts.flag)
    started: datetime | None = attrs.field(default=None, converter=facts.moment)
    took: timedelta | None = attrs.field(default=None, converter=facts.duration)
    due: datetime | None = attrs.field(default=None, converter=facts.moment)
    delay: timedelta | None = attrs.field(default=None, converter=facts.duration)
    state: str | None = attrs.field(default=None, converter=facts.text)
    error: BaseException | None = attrs.field(default=None, converter=facts.error)
    reason: str | None = attrs.field(default=None, converter=facts.text)
    timed_out: bool = attrs.field(default=None, converter=facts.flag)
    requeue: bool = attrs.field(default=None, converter=facts.flag)
    acks_late: bool = attrs.field(default=None, converter=facts.flag)
    stopped: bool = attrs.field(default=None, converter=facts.flag)
    terminated: bool = attrs.field(default=None, converter=facts.flag)
    expired: bool = attrs.field(default=None, converter=facts.flag)


@attrs.frozen(eq=False, repr=False)
class NeverRuns(Value):
    """A task that never runs: ``because``, a task before it in a chain or a chord, failed, or was ``skipped``."""

    at: datetime = attrs.field(default=None, converter=_moment)
    name: str = attrs.field(default=None, converter=facts.name)
    task_id: str = attrs.field(default=None, converter=facts.identity)
    map_index: int | None = attrs.field(default=None, converter=facts.whole)
    because: str = attrs.field(default=None, converter=facts.name)
    skipped: bool = attrs.field(default=None, converter=facts.flag)
    host: str | None = attrs.field(default=None, converter=facts.text)


@attrs.frozen(eq=False, repr=False)
class CanvasEnd(Value):
    """The end of a chain or a chord that leads to the task ``goal``, whose id is ``goal_id``, and does not get there.

    ``because`` failed with ``error``, or was ``skipped``; ``reason`` says the same in words. ``never`` are the tasks that never run.
    """

    at: datetime = attrs.field(default=None, converter=_moment)
    goal: str = attrs.field(default=None, converter=facts.name)
    goal_id: str = attrs.field(default=None, converter=facts.identity)
    because: str = attrs.field(default=None, converter=facts.name)
    skipped: bool = attrs.field(default=None, converter=facts.flag)
    error: BaseException | None = attrs.field(default=None, converter=facts.error)
    reason: str | None = attrs.field(default=None, converter=facts.text)
    never: tuple[str, ...] = attrs.field(default=None, converter=_texts_of)
    host: str | None = attrs.field(default=None, converter=facts.text)


Said = TaskSignal | NeverRuns | CanvasEnd
"""What Celery says."""


def run_of(said: Said) -> ForeignRun:
    """Return the run that a record is about."""
    if isinstance(said, NeverRuns):
        return ForeignRun(said.name, said.task_id, map_index=said.map_index, host=said.host)
    if isinstance(said, CanvasEnd):
        return ForeignRun(f"canvas to {said.goal}", said.goal_id, host=said.host)
    again = said.redelivered or (said.signal == "task_retry" and said.stopped and said.acks_late)
    number, of = said.retries + 1, _attempts(said)
    return ForeignRun(said.name, said.task_id, None, said.map_index, number, of, again, said.started, host=said.host)


def _attempts(said: TaskSignal) -> int:
    number, is_retried = said.retries + 1, said.signal == "task_retry" and not said.stopped
    if number == 1 and not is_retried and not said.may_retry:
        return 1
    return number + is_retried if said.max_retries is None else max(said.max_retries + 1, number)


def translate(said: Said) -> tuple[Event, ...]:
    """Return the events that a record means. It is total.

    >>> translate(TaskSignal("task_revoked", name="load", terminated=True))[0].message
    'it was terminated'
    """
    if isinstance(said, NeverRuns):
        if said.skipped:
            return (_signalled(said.at, s.Skipped(f"{said.because} was skipped")),)
        return (e.TriggerNotMet(said.at, f"{said.because} failed"),)
    return (_canvas_end(said),) if isinstance(said, CanvasEnd) else _of_task(said)


def _of_task(said: TaskSignal) -> tuple[Event, ...]:
    at = said.at
    match said.signal:
        case "after_task_publish":
            return (_signalled(at, s.Submitted(state=s.Pending()) if said.due is None else s.Scheduled(start_time=said.due)),)
        case "task_received":
            return (_signalled(at, s.Queued(start_time=said.due, state=s.Pending())),)
        case "task_prerun":
            return (e.Started(at, REDELIVERED if said.redelivered else None),)
        case "task_success":
            return (e.Succeeded(at, None, None, took=said.took),)
        case "task_retry":
            return (_retried(said),)
        case "task_revoked":
            return (_revoked(said),)
        case "task_failure" | "task_internal_error":
            return (_again(said, None, None) if said.requeue else _failed(said),)
        case "task_postrun":
            return _ended(said)
        case _:
            return ()


def _revoked(said: TaskSignal) -> Event:
    if said.terminated:
        return e.Interrupted(said.at, message=f"it was terminated{_because(said)}")
    return _signalled(said.at, s.Skipped("it expired before it started" if said.expired else "it was revoked before it started"))


def _ended(said: TaskSignal) -> tuple[Event, ...]:
    match said.state:
        case "IGNORED":
            return (_signalled(said.at, s.Skipped(said.reason)),)
        case "REJECTED" if said.requeue:
            return (_again(said, f"rejected, and put back into its queue{_because(said)}", None),)
        case "REJECTED":
            return (_signalled(said.at, s.Skipped(f"rejected{_because(said)}")),)
        case "FAILURE":
            return (_failed(said),)
        case _:
            return () if said.error is None else (_failed(said),)


def _because(said: TaskSignal) -> str:
    return f": {said.reason}" if said.reason else ""


def _failed(said: TaskSignal) -> Event:
    if said.error is None:
        return e.Signalled(said.at, state=s.Failed("Celery gave no exception"), ends=True, attempt=said.retries + 1, took=said.took)
    if said.timed_out:
        return e.TimedOutAt(said.at, describe(said.error), said.error, took=said.took)
    return failure(said.error, said.at, took=said.took)


def _retried(said: TaskSignal) -> Event:
    if said.stopped and said.acks_late:
        return _signalled(said.at, s.Queued("its worker was stopped: it is delivered again", state=s.Pending()))
    if said.stopped:
        return e.Interrupted(said.at, message="its worker was stopped", took=said.took)
    due = later(said.at, said.delay) if said.due is None and said.delay is not None else said.due
    return _again(said, said.reason if said.error is None else None, due)


def _again(said: TaskSignal, message: str | None, due: datetime | None) -> Event:
    return _signalled(said.at, s.Retrying(message, said.error, start_time=due), said.retries + 1)


def _signalled(at: datetime, state: State, attempt: int = 1) -> Event:
    return e.Signalled(at, state=state, attempt=attempt)


def _canvas_end(said: CanvasEnd) -> Event:
    reason = said.reason if said.error is None else describe(said.error)
    kind, later_kind = (s.Skipped, s.Skipped) if said.skipped else (s.Failed, s.TriggerFailed)
    told = [TaskEnd(said.because, kind, reason), *(TaskEnd(name, later_kind) for name in said.never)]
    message = f"{said.because} {'was skipped' if said.skipped else 'failed'}"
    return e.Signalled(said.at, state=kind(message), ends=True, facts=Facts(details=summary(told)))


ENGINE = Engine("Celery", run_of, translate)
"""Celery."""
