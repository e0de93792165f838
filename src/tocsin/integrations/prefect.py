"""Tells people of Prefect's flows and tasks: ``@flow(**prefect_flow_hooks())`` and ``@task(**prefect_task_hooks())``.

- A hook copies the facts out of Prefect's objects. ``tocsin.core.integrations.prefect`` decides what they mean.
- In an event loop, as in an async flow, a hook answers a coroutine, which Prefect awaits: a thread tells, and the loop goes on.
- While Prefect calls ``on_running`` for an immediate retry, and again for a task run that crashes, the exception is in flight.
- At a flow's end its task runs are read from Prefect's API, in a thread that is waited for five seconds at most.
- The hooks of one call share what they heard, also when they are pickled or copied together with a task or a flow.
"""

import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Self, TypedDict
from uuid import UUID

import attrs

from tocsin.core import states as s
from tocsin.core.integrations import facts
from tocsin.core.integrations.foreign import ForeignRun
from tocsin.core.integrations.prefect import ENGINE, EVENTS, FlowSaid, Said, TaskSaid, named, stopped_unheard, with_names
from tocsin.core.machine import StateHandler
from tocsin.integrations.installed import need
from tocsin.integrations.observer import Observer
from tocsin.shell.adapters.clock import CLOCK
from tocsin.shell.fork_safety import ForkSafeLock
from tocsin.shell.queues import flush
from tocsin.shell.threads import CallThread
from tocsin.watching.emit import log_failure

need("prefect", "prefect>=3")

if TYPE_CHECKING:
    from prefect.flows import FlowStateHook
    from prefect.tasks import StateHookCallable

__all__ = ["FlowHooks", "TaskHooks", "prefect_flow_hooks", "prefect_task_hooks"]

_PATIENCE = 5.0  # seconds that a flow's end waits for the states of its tasks, and a crash for its messages
_PAUSE = 0.1  # seconds between two looks
_PAGE = 200  # task runs; the server gives no more at once
_MOST_OPEN = 10_000
_MOST_FLOWS = 100


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


_Id = UUID | str

# --- what is kept -----------------------------------------------------------------------------------------------------------------


@attrs.define  # a frozen one takes longer to make, and each start makes one
class _Attempt:
    """An attempt that runs in this process.

    Args:
        count: its count.
        entered: when it began, as Prefect has it.
        outer: the id of the exception that was in flight before the run began.
    """

    count: object
    entered: object
    outer: int | None

    @property
    def started(self) -> datetime | None:
        """When it began."""
        return facts.moment(self.entered)


class _OpenRuns:
    """The attempts that run in this process, by the id of the run, and the parts of a flow run that ended here. Thread-safe."""

    def __init__(self) -> None:
        self._guard = ForkSafeLock()
        self._open: OrderedDict[_Id, _Attempt] = OrderedDict()
        self._told: OrderedDict[_Id, None] = OrderedDict()
        self._ended: OrderedDict[_Id, set[_Id]] = OrderedDict()

    def __repr__(self) -> str:
        return f"<{len(self._open):,} attempts of Prefect's runs>"

    def begin(self, run_id: _Id, attempt: _Attempt) -> _Attempt | None:
        """Note the start of an attempt, and return what was noted before. Of the same attempt, the first note stays."""
        with self._guard.lock:
            before = self._open.get(run_id)
            if before is None or before.count != attempt.count:
                if before is not None:
                    attempt.outer = before.outer
                self._open[run_id] = attempt
                if len(self._open) > _MOST_OPEN:
                    self._open.popitem(last=False)
            return before

    def end(self, run_id: _Id, part_of: _Id = "") -> _Attempt | None:
        """Forget a run, and return its last attempt. Of a part of a flow run, note that it ended."""
        with self._guard.lock:
            ended = self._ended.get(part_of)
            if ended is not None:
                ended.add(run_id)
            return self._open.pop(run_id, None)

    def expect_parts(self, flow_run_id: _Id) -> None:
        """Note, from now on, which parts of a flow run end in this process."""
        with self._guard.lock:
            self._ended.setdefault(flow_run_id, set())
            if len(self._ended) > _MOST_FLOWS:
                self._ended.popitem(last=False)

    def ended_parts(self, flow_run_id: _Id) -> set[_Id]:
        """Return the parts of a flow run that ended in this process, and forget them."""
        with self._guard.lock:
            return self._ended.pop(flow_run_id, set())

    def tell_once(self, run_id: _Id) -> bool:
        """Note that a crash is told. Return whether it was not before."""
        with self._guard.lock:
            before = run_id in self._told
            self._told[run_id] = None
            if len(self._told) > _MOST_OPEN:
                self._told.popitem(last=False)
            return not before


_open = _OpenRuns()


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
                    flush(_PATIENCE)
                    return None
                return _in_place(tell)
            count = _fact(flow_run, "run_count")
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
    observer: Observer[Said], run_id: _Id, task: object, task_run: object, state: object
) -> Coroutine[object, object, None] | None:
    """Tell of the start of an attempt, or, if this one is known already, of the crash that ``on_running`` is called again for."""
    count = _fact(task_run, "run_count")
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


def _begin(run_id: _Id, count: object, state: object) -> tuple[_Attempt | None, BaseException | None]:
    """Note an attempt. Return what was noted of the run before, and the exception that is in flight since then."""
    error = sys.exception()
    flying = None if error is None else id(error)
    before = _open.begin(run_id, _Attempt(count, _fact(state, "timestamp"), flying))
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
    observer: Observer[Said], flow: object, flow_run: object, state: object, attempt: _Attempt | None, *, ended: set[_Id]
) -> None:
    """Tell of the tasks that no hook was called for, and of the flow. ``ended``: the task runs that are known to have ended."""
    name = facts.name(_fact(flow, "name"))
    tasks, complete = _tasks_of(_fact(flow_run, "id"), name, ended)
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


def _fact(of: object, name: str) -> object:
    """Return an attribute; None if there is none, or if it raises."""
    try:
        found: object = getattr(of, name, None)
    except KeyboardInterrupt:
        raise
    except BaseException:
        return None
    return found


def _id(run: object) -> str:
    return facts.identity(_fact(run, "id"))


def _key(run: object, name: str = "id") -> _Id:
    """Return an id as Prefect keeps it: its text takes longer to make."""
    found = _fact(run, name)
    return found if type(found) is UUID else facts.identity(found)


def _type(state: object) -> object:
    return _fact(_fact(state, "type"), "value")


def _error(state: object) -> object:
    """Return the exception that a state has in memory. A result that is stored elsewhere is not read."""
    data = _fact(state, "data")
    return data if isinstance(data, BaseException) else _fact(data, "result")


def _task_said(
    task: object,
    run: object,
    state: object,
    attempt: _Attempt | None,
    error: object,
    *,
    crashed: bool = False,
    now: datetime | None = None,
) -> TaskSaid:
    from prefect.context import FlowRunContext

    at = now or facts.moment(_fact(state, "timestamp")) or CLOCK.now()
    count = _fact(run, "run_count")
    name, index = named(_fact(run, "name"), _fact(run, "dynamic_key"))
    is_over = crashed or _type(state) != "RUNNING"
    total, took = _times(at, count, _fact(run, "total_run_time"), attempt) if is_over else (None, None)
    return TaskSaid(
        name=name,
        run_id=_id(run),
        state_type=_type(state),
        state_name=_fact(state, "name"),
        at=at,
        message=_fact(state, "message"),
        error=error,
        run_count=count,
        retries=_fact(task, "retries"),
        started=attempt.started if attempt is not None and attempt.count == count else _fact(state, "timestamp"),
        took=took,
        run_took=total,
        link=_link("task-run", run),
        map_index=index,
        flow=_fact(_fact(FlowRunContext.get(), "flow"), "name"),
        crashed=crashed,
    )


def _flow_said(
    flow: object,
    run: object,
    state: object,
    attempt: _Attempt | None,
    error: object,
    *,
    again: bool = False,
    tasks: tuple[TaskSaid, ...] = (),
    left_out: bool = False,
) -> FlowSaid:
    at = facts.moment(_fact(state, "timestamp")) or CLOCK.now()
    count, began = _fact(run, "run_count"), facts.moment(_fact(run, "start_time"))
    started = attempt.started if attempt is not None else began
    is_over = _type(state) != "RUNNING"
    whole = at - began if is_over and began is not None else None
    several = facts.counted(count) > 1
    took = (None if several else whole) if attempt is None or attempt.started is None else at - attempt.started
    return FlowSaid(
        name=_fact(flow, "name"),
        run_id=_id(run),
        state_type=_type(state),
        state_name=_fact(state, "name"),
        at=at,
        message=_fact(state, "message"),
        error=error,
        run_count=count,
        retries=_fact(flow, "retries"),
        started=started,
        took=took,
        run_took=whole if several else None,
        link=_link("flow-run", run),
        run_name=_fact(run, "name"),
        again=again,
        tasks=tasks,
        left_out=left_out,
    )


def _times(at: datetime, count: object, total: object, attempt: _Attempt | None) -> tuple[object, object]:
    """Return how long all attempts took, if there were several, and how long this one took."""
    several = facts.counted(count) > 1
    if attempt is None or attempt.started is None:
        return (total, None) if several else (None, total)
    return total if several else None, at - attempt.started


def _link(kind: str, run: object) -> str | None:
    """Return the page of a run, if a user interface is configured."""
    from prefect.settings import PREFECT_UI_URL

    base = facts.text(PREFECT_UI_URL.value())
    return None if base is None else f"{base.rstrip('/')}/runs/{kind}/{_id(run)}"


# --- the tasks of a flow ----------------------------------------------------------------------------------------------------------


_Look = tuple[tuple[TaskSaid, ...], bool]


def _tasks_of(flow_run_id: object, flow: str, ended: set[_Id]) -> _Look:
    """Return the task runs of a flow run as Prefect's API has them, and whether these are all."""
    looks: list[_Look] = []
    if isinstance(flow_run_id, UUID):
        until = time.monotonic() + _PATIENCE
        known = {str(each) for each in ended}
        reader = CallThread("tocsin_prefect_tasks", lambda: _look(flow_run_id, flow, known, until, looks))
        if reader.try_start():
            reader.wait(_PATIENCE)
    return looks[-1] if looks else ((), False)


def _look(flow_run_id: UUID, flow: str, ended: set[str], until: float, looks: list[_Look]) -> None:
    """Read the task runs until two readings agree that all have ended. A state reaches the API later than the hooks."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

    with get_client(httpx_settings={"timeout": _PATIENCE}, sync_client=True) as client:  # not that of the flow, which ends with it
        wanted = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run_id]))
        while True:
            runs: list[object] = []
            complete = False
            while not complete and time.monotonic() < until:
                page = client.read_task_runs(flow_run_filter=wanted, limit=_PAGE, offset=len(runs))
                runs += page
                complete = len(page) < _PAGE
            tasks = with_names(_listed(run, flow) for run in reversed(runs))
            over = {each.run_id for each in tasks if each.state_type not in {"RUNNING", "PENDING"} or each.state_name == "NotReady"}
            settled = len(over) == len(tasks) and over.issuperset(ended) and looks and len(looks[-1][0]) == len(tasks)
            looks.append((tasks, complete))
            if settled or time.monotonic() + _PAUSE >= until:
                return
            time.sleep(_PAUSE)


def _listed(run: object, flow: str) -> TaskSaid:
    state = _fact(run, "state")
    name, index = named(_fact(run, "name"), _fact(run, "dynamic_key"))
    return TaskSaid(
        name=name,
        run_id=_id(run),
        state_type=_type(state),
        state_name=_fact(state, "name"),
        at=_fact(state, "timestamp"),
        message=_fact(state, "message"),
        run_count=_fact(run, "run_count"),
        retries=_fact(_fact(run, "empirical_policy"), "retries"),
        started=_fact(run, "start_time"),
        took=_fact(run, "total_run_time"),
        link=_link("task-run", run),
        map_index=index,
        flow=flow,
    )
