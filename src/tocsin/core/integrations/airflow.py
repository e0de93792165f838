"""What Airflow says of its tasks and of the runs of its DAGs, and what it means.

- Airflow calls a callback of a task in the task's own process. It calls that of a lost task, and those of a DAG, in a process that
  reads the DAG's file. There it knows no exception, no state and no start of a task.
- The number of a run is that of its DAG alone, so the id of a run here has both.
- Each attempt of a task has one process. A sensor that is rescheduled, and a deferred task, start again in the same attempt: that is no
  news.
- A DAG's run that people clear runs again under its id. The number of its clearings counts its attempts.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

import attrs

from tocsin.core import events as e
from tocsin.core import states as s
from tocsin.core.endings import failure
from tocsin.core.events import Event, Facts
from tocsin.core.integrations import facts as f
from tocsin.core.integrations.foreign import Engine, ForeignRun
from tocsin.core.integrations.summary import TaskEnd, summary
from tocsin.core.states import State
from tocsin.core.text import cut
from tocsin.core.validation import is_list
from tocsin.core.values import Value

ON_EXECUTE, ON_SUCCESS, ON_FAILURE = "on_execute_callback", "on_success_callback", "on_failure_callback"
ON_RETRY, ON_SKIPPED = "on_retry_callback", "on_skipped_callback"
DAG_SUCCESS, DAG_FAILURE = "on_success_callback of the DAG", "on_failure_callback of the DAG"

EVENTS: Mapping[str, tuple[type[State], ...]] = {
    ON_EXECUTE: (s.Running,),
    ON_RETRY: (s.Retrying,),
    ON_SUCCESS: (s.Success,),
    ON_SKIPPED: (s.Skipped,),
    ON_FAILURE: (s.Failed, s.TimedOut, s.Aborted),
    DAG_SUCCESS: (s.Success,),
    DAG_FAILURE: (s.Failed, s.TimedOut),
}
"""The kinds of states that each callback can lead to."""

LOST = "its process was killed, or its heartbeat stopped"
"""The message of a task whose end Airflow reports from another process, without an error."""

_TIMED_OUT = frozenset({"AirflowTaskTimeout", "AirflowSensorTimeout", "TaskDeferralTimeout", "TimeoutError"})
_STOPPED = frozenset({"AirflowTaskTerminated", "KeyboardInterrupt", "SystemExit"})

_KINDS: Mapping[str, type[State]] = {
    "success": s.Success,
    "failed": s.Failed,
    "upstream_failed": s.TriggerFailed,
    "skipped": s.Skipped,
    "removed": s.Skipped,
    "up_for_retry": s.Retrying,
    "running": s.Running,
    "restarting": s.Running,
    "queued": s.Queued,
    "scheduled": s.Scheduled,
    "up_for_reschedule": s.Scheduled,
    "deferred": s.Scheduled,
    "awaiting_input": s.Paused,
}

_REASONS: Mapping[str, str] = {
    "success": "all went well",
    "task_failure": "a task failed",
    "timed_out": "the run took longer than its DAG allows",
    "all_tasks_deadlocked": "its tasks wait for each other",
}

_MOST_NAMED = 3
_REASON_LENGTH = 300
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

TaskState = tuple[str, int | None, str]
"""A task in a DAG's run: its id, the index of a mapped one, and Airflow's name of its state; empty if it has none."""


def _moment(given: object) -> datetime:
    return f.moment(given) or _EPOCH


def _hook(given: object) -> str:
    hook = f.text(given) or ""
    return hook if hook in EVENTS else ""


def _word(given: object) -> str:
    return f.text(given) or ""


def _task_state(given: object) -> TaskState | None:
    if type(given) not in {list, tuple} or not is_list(given) or len(given) != 3:  # no code of a subclass
        return None
    task, index, state = given
    return f.name(task), f.whole(index), f.text(state) or ""


def _task_states(given: object) -> tuple[TaskState, ...]:
    return f.several(_task_state)(given)


@attrs.frozen(eq=False, repr=False)
class TaskSaid(Value):
    """What Airflow says when it calls a callback of a task.

    Args:
        hook: the name of the callback.
        at: when it was called.
        dag: the id of the DAG.
        run_id: the run of the DAG; other DAGs may have one of the same id.
        task: the id of the task.
        map_index: the index of a child of a mapped task; None if it is not mapped.
        try_number: the 1-based number of the attempt.
        max_tries: how many attempts there may be after the first one.
        state: Airflow's name of the state; empty where the callback runs outside the task's process.
        started: when the attempt began.
        ended: when it ended.
        due: when the next attempt may begin.
        host: the host of the worker.
        link: the page of the attempt.
        error: the exception, if Airflow has it.
        reason: what Airflow has in place of an exception.
        again: whether the attempt began before: it is a sensor that was rescheduled, or a deferred task.
        note: a text of the user's to add to the message.
    """

    hook: str = attrs.field(default="", converter=_hook)
    at: datetime = attrs.field(default=None, converter=_moment)
    dag: str = attrs.field(default=None, converter=f.name)
    run_id: str = attrs.field(default=None, converter=f.identity)
    task: str = attrs.field(default=None, converter=f.name)
    map_index: int | None = attrs.field(default=None, converter=f.whole)
    try_number: int = attrs.field(default=None, converter=f.counted)
    max_tries: int = attrs.field(default=None, converter=f.counted)
    state: str = attrs.field(default=None, converter=_word)
    started: datetime | None = attrs.field(default=None, converter=f.moment)
    ended: datetime | None = attrs.field(default=None, converter=f.moment)
    due: datetime | None = attrs.field(default=None, converter=f.moment)
    host: str | None = attrs.field(default=None, converter=f.text)
    link: str | None = attrs.field(default=None, converter=f.link)
    error: BaseException | None = attrs.field(default=None, converter=f.error)
    reason: str | None = attrs.field(default=None, converter=f.text)
    again: bool = attrs.field(default=None, converter=f.flag)
    note: str | None = attrs.field(default=None, converter=f.text)


@attrs.frozen(eq=False, repr=False)
class DagSaid(Value):
    """What Airflow says when it calls a callback of a DAG.

    Args:
        hook: the name of the callback, as ``EVENTS`` has it.
        at: when it was called.
        dag: the id of the DAG.
        run_id: its run.
        reason: Airflow's word for why the run ended.
        clearings: how often people cleared the run, so that it ran again.
        started: when the run began.
        ended: when it ended.
        link: the page of the run.
        tasks: its tasks and their states.
        note: a text of the user's to add to the message.
    """

    hook: str = attrs.field(default="", converter=_hook)
    at: datetime = attrs.field(default=None, converter=_moment)
    dag: str = attrs.field(default=None, converter=f.name)
    run_id: str = attrs.field(default=None, converter=f.identity)
    reason: str = attrs.field(default=None, converter=_word)
    clearings: int = attrs.field(default=None, converter=f.counted)
    started: datetime | None = attrs.field(default=None, converter=f.moment)
    ended: datetime | None = attrs.field(default=None, converter=f.moment)
    link: str | None = attrs.field(default=None, converter=f.link)
    tasks: tuple[TaskState, ...] = attrs.field(default=(), converter=_task_states)
    note: str | None = attrs.field(default=None, converter=f.text)


Said = TaskSaid | DagSaid
"""What Airflow says."""


def hook_of(state: str | None, try_number: int, max_tries: int) -> str:
    """Return which callback of a task is called, for a notifier that is not told: by the state that Airflow gave the task.

    In a process that reads the DAG's file the state is unknown. There Airflow calls ``on_retry_callback`` if an attempt is left.

    >>> hook_of("success", 1, 2), hook_of(None, 1, 2), hook_of(None, 3, 2)
    ('on_success_callback', 'on_retry_callback', 'on_failure_callback')
    """
    hooks = {"running": ON_EXECUTE, "success": ON_SUCCESS, "skipped": ON_SKIPPED, "up_for_retry": ON_RETRY, "failed": ON_FAILURE}
    return hooks.get(state or "") or (ON_RETRY if try_number <= max_tries else ON_FAILURE)


def run_of(record: Said) -> ForeignRun:
    """Return the run that a record is about."""
    run_id = f"{record.dag}/{record.run_id}"
    if isinstance(record, DagSaid):
        attempt = record.clearings + 1
        return ForeignRun(record.dag, run_id, None, None, attempt, attempt, started=record.started, link=record.link)
    attempt = max(record.try_number, 1)
    attempts = max(record.max_tries + 1, attempt)
    return ForeignRun(
        record.task,
        run_id,
        record.dag,
        record.map_index,
        attempt,
        attempts,
        started=record.started,
        link=record.link,
        host=record.host,
    )


def translate(record: Said) -> tuple[Event, ...]:
    """Return the events that a record means."""
    return _of_dag(record) if isinstance(record, DagSaid) else _of_task(record)


ENGINE: Engine[Said] = Engine("Airflow", run_of, translate)


def _of_task(said: TaskSaid) -> tuple[Event, ...]:
    at, known = said.ended or said.at, Facts(details=_noted(said.note))
    attempt = max(said.try_number, 1)
    match said.hook:
        case "on_execute_callback":
            return () if said.again else (e.Started(said.at, None, facts=known),)
        case "on_success_callback":
            return (e.Succeeded(at, None, None, facts=known),)
        case "on_skipped_callback":
            return (e.Signalled(at, state=s.Skipped(said.reason), ends=True, attempt=attempt, facts=known),)
        case "on_retry_callback":
            retrying = s.Retrying(_why(said), said.error, start_time=said.due)
            return (e.Signalled(at, state=retrying, attempt=attempt, facts=known),)
        case "on_failure_callback":
            return (_failed(said, at, attempt, known),)
        case _:
            return ()


def _failed(said: TaskSaid, at: datetime, attempt: int, known: Facts) -> Event:
    error = said.error
    if error is None:
        return e.Signalled(at, state=s.Failed(_why(said)), ends=True, attempt=attempt, facts=known)
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if kinds & _TIMED_OUT:
        return e.TimedOutAt(at, error=error, facts=known)
    return e.Interrupted(at, error, facts=known) if kinds & _STOPPED else failure(error, at, known)


def _why(said: TaskSaid) -> str | None:
    """Return why a task failed where Airflow has no exception of it."""
    if said.error is not None:
        return None
    return said.reason or (None if said.state else LOST)


def _of_dag(said: DagSaid) -> tuple[Event, ...]:
    at = said.ended or said.at
    ends = [TaskEnd(task, _kind(state), None, index) for task, index, state in said.tasks]
    known = Facts(details=(*_noted(said.note), *summary(ends, said.link)))
    if said.hook == DAG_SUCCESS:
        return (e.Succeeded(at, None, None, facts=known),)
    if said.hook != DAG_FAILURE:
        return ()
    if said.reason == "timed_out":
        return (e.TimedOutAt(at, _REASONS["timed_out"], facts=known),)
    return (e.Signalled(at, state=s.Failed(_reason(said.reason, ends)), ends=True, attempt=said.clearings + 1, facts=known),)


def _kind(state: str) -> type[State]:
    return _KINDS.get(state, s.State) if state else s.Pending


def _reason(reason: str, ends: list[TaskEnd]) -> str:
    """Return why a DAG's run failed: by its tasks that failed, if they are known."""
    failed = [each.name if each.map_index is None else f"{each.name}[{each.map_index}]" for each in ends if each.kind is s.Failed]
    if not failed or reason not in {"", "task_failure"}:
        return _REASONS.get(reason) or cut(reason, _REASON_LENGTH) or _REASONS["task_failure"]
    more = f" and {len(failed) - _MOST_NAMED:,} more" if len(failed) > _MOST_NAMED else ""
    return f"{', '.join(failed[:_MOST_NAMED])}{more} failed"


def _noted(note: str | None) -> tuple[e.Detail, ...]:
    return () if note is None else (e.Detail("Note", note),)
