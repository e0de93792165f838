"""``AirflowTeller``: copies what Airflow says in a callback, and tells people of it.

A fact that an object of Airflow's does not give, or raises at, is left out.
"""

import sys
from datetime import datetime, timedelta

from tocsin.core.integrations import airflow as said
from tocsin.core.integrations import facts as f
from tocsin.core.integrations.airflow import EVENTS, DagSaid, Said, TaskSaid, hook_of
from tocsin.core.integrations.foreign import ForeignRun
from tocsin.core.machine import StateHandler
from tocsin.core.text import is_a, quote
from tocsin.core.transitions import later
from tocsin.core.validation import invoke, is_mapping
from tocsin.integrations.copying import entry, fact
from tocsin.integrations.host_signals import is_of_host
from tocsin.integrations.observer import Observer
from tocsin.shell import queues
from tocsin.shell.adapters.clock import CLOCK
from tocsin.watching.emit import log_failure

DELIVER_WITHIN = 15.0
"""Default seconds that a process of Airflow waits for the messages of an end."""

_RUNNER = "airflow.sdk.execution_time.task_runner"
"""The module of Airflow's that can ask its server, where the context of a DAG's callback has no task that can."""


class AirflowTeller:
    """Tells the same people of all that Airflow says through some callbacks.

    Args:
        state_handlers: the handlers, in order; none: those of the configuration.
        no_end_after: how long after the last event the end of a task is waited for; None for ever.
        deliver_within: seconds that a process of Airflow waits for the messages of an end.

    Raises:
        TypeError, ValueError: an option is invalid.
    """

    def __init__(
        self,
        state_handlers: tuple[StateHandler[ForeignRun], ...],
        no_end_after: timedelta | None = None,
        deliver_within: float = DELIVER_WITHIN,
    ) -> None:
        self._given = (state_handlers, no_end_after, queues.seconds(deliver_within, "deliver_within"))
        self._observer: Observer[Said] = Observer(said.ENGINE, state_handlers, no_end_after=no_end_after)

    def __repr__(self) -> str:
        return ", ".join(quote(handler) for handler in self._given[0]) or "the handlers of the configuration"

    def __reduce__(self) -> tuple[type["AirflowTeller"], tuple[tuple[StateHandler[ForeignRun], ...], timedelta | None, float]]:
        return AirflowTeller, self._given

    def hear(self, event: str, context: object, note: object = None) -> None:
        """Tell people what a callback means. Raise nothing but a KeyboardInterrupt.

        Args:
            event: which callback, by its name in ``EVENTS``.
            context: what Airflow gives the callback.
            note: a text to add to the message.
        """
        try:
            if self._observer.ignores(*EVENTS[event]):
                return
            copy = _of_dag if event in {said.DAG_SUCCESS, said.DAG_FAILURE} else _of_task
            self._observer.observe(lambda: copy(event, context, note))
            within = self._given[2]
            if within and event != said.ON_EXECUTE:  # after a start the process goes on with the task, and sends meanwhile
                queues.flush(queues.left_of_exit_timeout(within))
        except BaseException as error:
            if is_of_host(error):
                raise
            log_failure(error, "a run of Airflow")


def event_of(context: object) -> str:
    """Return which callback gets this context: a DAG's has a reason, a task's the state that Airflow gave the task."""
    if is_mapping(context) and "reason" in context:
        return said.DAG_SUCCESS if f.text(context["reason"]) == "success" else said.DAG_FAILURE
    ti = entry(context, "ti")
    return hook_of(f.text(fact(ti, "state")), f.counted(fact(ti, "try_number")), f.counted(fact(ti, "max_tries")))


def _of_task(hook: str, context: object, note: object) -> TaskSaid:
    ti, error = entry(context, "ti"), entry(context, "exception")
    return TaskSaid(
        hook=hook,
        at=CLOCK.now(),
        dag=fact(ti, "dag_id"),
        run_id=fact(ti, "run_id"),
        task=fact(ti, "task_id"),
        map_index=fact(ti, "map_index"),
        try_number=fact(ti, "try_number"),
        max_tries=fact(ti, "max_tries"),
        state=fact(ti, "state"),
        started=fact(ti, "start_date"),
        ended=fact(ti, "end_date"),
        due=_due(ti) if hook == said.ON_RETRY else None,
        host=fact(ti, "hostname"),
        link=fact(ti, "log_url"),
        error=error,
        reason=error,
        again=hook == said.ON_EXECUTE and _began_before(ti, context),
        note=note,
    )


def _due(ti: object) -> datetime | None:
    """Return when the next attempt may begin; None where Airflow works that out by a rule of its own."""
    task = fact(ti, "task")
    ended, delay = f.moment(fact(ti, "end_date")), f.duration(fact(task, "retry_delay"))
    if ended is None or delay is None or fact(task, "retry_exponential_backoff") or fact(task, "retry_policy") is not None:
        return None
    return later(ended, delay)


def _began_before(ti: object, context: object) -> bool:
    """Return whether the attempt began before: a sensor that was rescheduled, or a deferred task."""
    resumed = fact(fact(ti, "_ti_context_from_server"), "next_method") is not None
    return resumed or f.counted(entry(context, "task_reschedule_count")) > 0


def _of_dag(hook: str, context: object, note: object) -> DagSaid:
    ti, dag, dag_run = entry(context, "ti"), entry(context, "dag"), entry(context, "dag_run")
    page, is_of_task, _ = (f.link(fact(ti, "log_url")) or "").partition("/tasks/")
    return DagSaid(
        hook=hook,
        at=CLOCK.now(),
        dag=fact(dag, "dag_id"),
        run_id=entry(context, "run_id"),
        reason=entry(context, "reason"),
        clearings=fact(dag_run, "clear_number"),
        started=fact(dag_run, "start_date"),
        ended=fact(dag_run, "end_date"),
        link=page if is_of_task else None,
        tasks=_tasks(ti, dag, entry(context, "run_id")),
        note=note,
    )


def _tasks(ti: object, dag: object, run_id: object) -> list[said.TaskState]:
    """Return the tasks of a run and their states, which Airflow's server knows; an empty list where it cannot be asked."""
    try:
        asks = fact(ti if ti is not None else fact(sys.modules.get(_RUNNER), "RuntimeTaskInstance"), "get_task_states")
        answer = invoke(asks, dag_id=fact(dag, "dag_id"), run_ids=[run_id])
    except (Exception, SystemExit) as error:  # ``dag.test()`` has no server at this moment
        if is_of_host(error):
            raise
        return []
    states, tasks = entry(answer, f.identity(run_id)), fact(dag, "task_dict")
    ids = frozenset(map(f.text, tasks)) if is_mapping(tasks) else frozenset[str | None]()
    return [_task(name, state, ids) for name, state in states.items() if is_a(name, str)] if is_mapping(states) else []


def _task(name: str, state: object, ids: frozenset[str | None]) -> said.TaskState:
    """Return a task by the name in Airflow's answer, which has the index of a mapped one after an underscore."""
    task, _, index = name.rpartition("_")
    is_mapped = name not in ids and task in ids and index.isdecimal()
    return (task, int(index), f.text(state) or "") if is_mapped else (name, None, f.text(state) or "")
