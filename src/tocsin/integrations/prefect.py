"""Tells people of Prefect's flows and tasks: ``@flow(**prefect_flow_hooks())`` and ``@task(**prefect_task_hooks())``.

- A hook copies the facts out of Prefect's objects. ``tocsin.core.integrations.prefect`` decides what they mean.
- In an event loop, as in an async flow, a hook answers a coroutine, which Prefect awaits: a thread tells, and the loop goes on.
- While Prefect calls ``on_running`` for an immediate retry, and again for a task run that crashes, the exception is in flight.
- At a flow's end its task runs are read from Prefect's API, in a thread that is waited for five seconds at most.
- The hooks of one call share what they heard, also when they are pickled or copied together with a task or a flow.
"""

import sys
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Self, TypedDict
from uuid import UUID

from tocsin.core import states as s
from tocsin.core.integrations import facts
from tocsin.core.integrations.foreign import ForeignRun
from tocsin.core.integrations.prefect import ENGINE, EVENTS, FlowSaid, Said, TaskSaid, named, stopped_unheard
from tocsin.core.machine import StateHandler
from tocsin.integrations import prefect_tasks
from tocsin.integrations.copying import fact
from tocsin.integrations.installed import need
from tocsin.integrations.observer import Observer
from tocsin.integrations.prefect_open_runs import Attempt, OpenRuns, RunId
from tocsin.integrations.prefect_tasks import id_of, link, tasks_of, type_of
from tocsin.shell.adapters.clock import CLOCK
from tocsin.shell.queues import flush
from tocsin.watching.emit import log_failure

need("prefect", "prefect>=3")

if TYPE_CHECKING:
    from prefect.flows import FlowStateHook
    from prefect.tasks import StateHookCallable

__all__ = ["FlowHooks", "TaskHooks", "prefect_flow_hooks", "prefect_task_hooks"]


class FlowHooks(TypedDict):
    """The hooks of a flow, for ``@flow(**hooks)``. They fit a flow of any parameters: ``flow`` wants ``FlowStateHook[..., Any]``."""

    on_running: "list[FlowStateHook[[], object]]"
    on_completion: "list[FlowStateHook[[], object]]"
    on_failure: "list[FlowStateHook[[], object]]"
    on_crashed: "list[FlowStateHook[[], object]]"
    on_cancellation: "list[FlowStateHook[[], object]]"


class TaskHooks(TypedDict):
    """The hooks of a task, for ``@task(**hooks)``."""

    on_running: "list[StateHookCallable]"
    on_completion: "list[StateHookCallable]"
    on_failure: "list[StateHookCallable]"


def prefect_flow_hooks(
    *state_handlers: StateHandler[ForeignRun], each: bool = True, summary: bool = True, no_end_after: timedelta | None = None
) -> FlowHooks:
    """Return the hooks that tell of a flow: ``@flow(**prefect_flow_hooks(slack_notifier))``.

    The last message of a run counts its tasks, the failures first, and names those that never ran. To read them, it waits for Prefect's
    API for five seconds at most.

    Args:
        state_handlers: the handlers, in order; none: those of the configuration.
        each: whether a task that crashed, or that returned a Cancelled state, has a message of its own at the flow's end.
        summary: whether the flow has messages of its own.
        no_end_after: how long after the start of an attempt the end of a run is waited for; None for ever.

    Raises:
        TypeError: an option is invalid.
    """
    teller = _Teller(state_handlers, each=each, summary=summary, no_end_after=no_end_after)

    def hooks(event: str) -> "list[FlowStateHook[[], object]]":
        return [_FlowHook(teller, event)]

    return FlowHooks(
        on_running=hooks("on_running"),
        on_completion=hooks("on_completion"),
        on_failure=hooks("on_failure"),
        on_crashed=hooks("on_crashed"),
        on_cancellation=hooks("on_cancellation"),
    )


def prefect_task_hooks(*state_handlers: StateHandler[ForeignRun], no_end_after: timedelta | None = None) -> TaskHooks:
    """Return the hooks that tell of a task: ``@task(retries=2, **prefect_task_hooks(slack_notifier))``.

    Args:
        state_handlers: the handlers, in order; none: those of the configuration.
        no_end_after: how long after the start of an attempt the end of a run is waited for; None for ever.

    Raises:
        TypeError: an option is invalid.
    """
    teller = _Teller(state_handlers, each=True, summary=True, no_end_after=no_end_after)

    def hooks(event: str) -> "list[StateHookCallable]":
        return [_TaskHook(teller, event)]

    return TaskHooks(on_running=hooks("on_running"), on_completion=hooks("on_completion"), on_failure=hooks("on_failure"))


_open = OpenRuns()


class _Teller:
    """What the hooks of one call share: the observer, and the options from which a copy in another process is made."""

    def __init__(
        self, state_handlers: tuple[StateHandler[ForeignRun], ...], *, each: bool, summary: bool, no_end_after: timedelta | None
    ) -> None:
        self._handlers = state_handlers
        self._no_end_after = no_end_after
        self.observer: Observer[Said] = Observer(ENGINE, state_handlers, each=each, summary=summary, no_end_after=no_end_after)

    def __repr__(self) -> str:
        return repr(self.observer)

    def __reduce__(self) -> tuple[object, ...]:
        return _remade, (self._handlers, self.observer.each, self.observer.summary, self._no_end_after)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: object) -> Self:
        return self


def _remade(state_handlers: tuple[StateHandler[ForeignRun], ...], each: bool, summary: bool, after: timedelta | None) -> _Teller:  # noqa: FBT001 - pickle gives them by position
    return _Teller(state_handlers, each=each, summary=summary, no_end_after=after)


# --- hooks ------------------------------------------------------------------------------------------------------------------------


class _Hook:
    """The base of the hooks. Prefect's log calls them by ``__name__``."""

    _WHAT = ""

    def __init__(self, teller: _Teller, event: str) -> None:
        self._teller = teller
        self._event = event
        self._kinds = EVENTS[f"{self._WHAT} {event}"]
        self.__name__ = f"tocsin_{event}"

    def __repr__(self) -> str:
        return f"<{self._event} of a {self._WHAT}: {self._teller!r}>"

    def __reduce__(self) -> tuple[type[Self], tuple[_Teller, str]]:
        return type(self), (self._teller, self._event)


class _TaskHook(_Hook):
    _WHAT = "task"

    def __call__(self, task: object, task_run: object, state: object) -> Coroutine[object, object, None] | None:
        """Tell of a state of a task run."""
        try:
            observer, run_id = self._teller.observer, _key(task_run)
            if self._event == "on_running":
                return _tell_running(observer, run_id, task, task_run, state)
            attempt = _open.end(run_id, _key(task_run, "flow_run_id"))
            if observer.ignores(*self._kinds):
                return None
            return _observe(observer, lambda: _task_said(task, task_run, state, attempt, _error(state)))
        except Exception as error:
            log_failure(error, "a task of Prefect")
            return None


class _FlowHook(_Hook):
    _WHAT = "flow"

    def __call__(self, flow: object, flow_run: object, state: object) -> Coroutine[object, object, None] | None:
        """Tell of a state of a flow run."""
        try:
            observer, run_id = self._teller.observer, _key(flow_run)
            if self._event != "on_running":
                attempt, ended = _open.end(run_id), _open.ended_parts(run_id)
                if not _wants_end(observer, self._kinds):
                    return None
                tell = partial(_tell_end, observer, flow, flow_run, state, attempt, ended=ended)
                if self._event in {"on_crashed", "on_cancellation"}:  # the loop is about to end, and so is the process, without atexit
                    tell()
                    flush(prefect_tasks.PATIENCE)
                    return None
                return _in_place(tell)
            count = fact(flow_run, "run_count")
            before, own = _begin(run_id, count, state)
            if observer.summary or observer.each:
                _open.expect_parts(run_id)
            if not observer.summary or observer.ignores(*self._kinds) or (before is not None and before.count == count):
                return None
            return _observe(observer, lambda: _flow_said(flow, flow_run, state, None, own, again=before is not None))
        except Exception as error:
            log_failure(error, "a flow of Prefect")
            return None


def _tell_running(
    observer: Observer[Said], run_id: RunId, task: object, task_run: object, state: object
) -> Coroutine[object, object, None] | None:
    """Tell of the start of an attempt, or, if this one is known already, of the crash that ``on_running`` is called again for."""
    count = fact(task_run, "run_count")
    before, own = _begin(run_id, count, state)
    if before is None or before.count != count:
        if observer.ignores(s.Running, s.Retrying):
            return None
        return _observe(observer, lambda: _task_said(task, task_run, state, None, own))
    if own is None or observer.ignores(s.Aborted) or _is_no_crash(own):
        return None
    _open.end(run_id, _key(task_run, "flow_run_id"))
    _open.tell_once(run_id)
    now = CLOCK.now()  # the state is that of the start
    return _observe(observer, lambda: _task_said(task, task_run, state, before, own, crashed=True, now=now))


def _begin(run_id: RunId, count: object, state: object) -> tuple[Attempt | None, BaseException | None]:
    """Note an attempt. Return what was noted of the run before, and the exception that is in flight since then."""
    error = sys.exception()
    flying = None if error is None else id(error)
    before = _open.begin(run_id, Attempt(count, fact(state, "timestamp"), flying))
    return before, error if before is not None and flying != before.outer else None


def _wants_end(observer: Observer[Said], kinds: tuple[type[s.State], ...]) -> bool:
    return (observer.summary and not observer.ignores(*kinds)) or (observer.each and not observer.ignores(s.Aborted))


def _observe(observer: Observer[Said], copy: Callable[[], Said]) -> Coroutine[object, object, None] | None:
    return _in_place(lambda: observer.observe(copy))


def _in_place(work: Callable[[], None]) -> Coroutine[object, object, None] | None:
    """Do the work; in an event loop, return the coroutine that does it in a thread."""
    import asyncio  # Prefect has loaded it

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        work()
        return None
    return asyncio.to_thread(work)


def _tell_end(
    observer: Observer[Said], flow: object, flow_run: object, state: object, attempt: Attempt | None, *, ended: set[RunId]
) -> None:
    """Tell of the tasks that no hook was called for, and of the flow. ``ended``: the task runs that are known to have ended."""
    name = facts.name(fact(flow, "name"))
    tasks, complete = tasks_of(fact(flow_run, "id"), name, ended)
    for each in tasks:
        if observer.each and stopped_unheard(each) and each.run_id and _open.tell_once(UUID(each.run_id)):
            observer.observe(partial(_itself, each))
    if observer.summary:
        error = _error(state)
        observer.observe(lambda: _flow_said(flow, flow_run, state, attempt, error, tasks=tasks, left_out=not complete))


def _itself(said: Said) -> Said:
    return said


def _is_no_crash(error: BaseException) -> bool:
    """Return whether an exception leaves a run that goes on later, or whose end was told."""
    from prefect.exceptions import PrefectSignal

    return isinstance(error, PrefectSignal | GeneratorExit)


# --- facts ------------------------------------------------------------------------------------------------------------------------


def _key(run: object, name: str = "id") -> RunId:
    """Return an id as Prefect keeps it: its text takes longer to make."""
    found = fact(run, name)
    return found if type(found) is UUID else facts.identity(found)


def _error(state: object) -> object:
    """Return the exception that a state has in memory. A result that is stored elsewhere is not read."""
    data = fact(state, "data")
    return data if isinstance(data, BaseException) else fact(data, "result")


def _task_said(
    task: object,
    run: object,
    state: object,
    attempt: Attempt | None,
    error: object,
    *,
    crashed: bool = False,
    now: datetime | None = None,
) -> TaskSaid:
    from prefect.context import FlowRunContext

    at = now or facts.moment(fact(state, "timestamp")) or CLOCK.now()
    count = fact(run, "run_count")
    name, index = named(fact(run, "name"), fact(run, "dynamic_key"))
    is_over = crashed or type_of(state) != "RUNNING"
    total, took = _times(at, count, fact(run, "total_run_time"), attempt) if is_over else (None, None)
    return TaskSaid(
        name=name,
        run_id=id_of(run),
        state_type=type_of(state),
        state_name=fact(state, "name"),
        at=at,
        message=fact(state, "message"),
        error=error,
        run_count=count,
        retries=fact(task, "retries"),
        started=attempt.started if attempt is not None and attempt.count == count else fact(state, "timestamp"),
        took=took,
        run_took=total,
        link=link("task-run", run),
        map_index=index,
        flow=fact(fact(FlowRunContext.get(), "flow"), "name"),
        crashed=crashed,
    )


def _flow_said(
    flow: object,
    run: object,
    state: object,
    attempt: Attempt | None,
    error: object,
    *,
    again: bool = False,
    tasks: tuple[TaskSaid, ...] = (),
    left_out: bool = False,
) -> FlowSaid:
    at = facts.moment(fact(state, "timestamp")) or CLOCK.now()
    count, began = fact(run, "run_count"), facts.moment(fact(run, "start_time"))
    started = attempt.started if attempt is not None else began
    is_over = type_of(state) != "RUNNING"
    whole = at - began if is_over and began is not None else None
    several = facts.counted(count) > 1
    took = (None if several else whole) if attempt is None or attempt.started is None else at - attempt.started
    return FlowSaid(
        name=fact(flow, "name"),
        run_id=id_of(run),
        state_type=type_of(state),
        state_name=fact(state, "name"),
        at=at,
        message=fact(state, "message"),
        error=error,
        run_count=count,
        retries=fact(flow, "retries"),
        started=started,
        took=took,
        run_took=whole if several else None,
        link=link("flow-run", run),
        run_name=fact(run, "name"),
        again=again,
        tasks=tasks,
        left_out=left_out,
    )


def _times(at: datetime, count: object, total: object, attempt: Attempt | None) -> tuple[object, object]:
    """Return how long all attempts took, if there were several, and how long this one took."""
    several = facts.counted(count) > 1
    if attempt is None or attempt.started is None:
        return (total, None) if several else (None, total)
    return total if several else None, at - attempt.started
