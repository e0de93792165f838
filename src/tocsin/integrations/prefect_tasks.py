"""Reads the task runs of a flow run from Prefect's API, at the flow's end, in a thread that is waited for five seconds at most."""

import time
from uuid import UUID

from tocsin.core.integrations import facts
from tocsin.core.integrations.prefect import TaskSaid, named, with_names
from tocsin.integrations.copying import fact
from tocsin.integrations.prefect_open_runs import RunId
from tocsin.shell.threads import CallThread

PATIENCE = 5.0
"""Seconds that a flow's end waits for the states of its tasks, and a crash for its messages."""

_PAUSE = 0.1  # seconds between two looks
_PAGE = 200  # task runs; the server gives no more at once

_Look = tuple[tuple[TaskSaid, ...], bool]


def id_of(run: object) -> str:
    """Return the id of a run as a text."""
    return facts.identity(fact(run, "id"))


def type_of(state: object) -> object:
    """Return the type of a state, as ``RUNNING``."""
    return fact(fact(state, "type"), "value")


def link(kind: str, run: object) -> str | None:
    """Return the page of a run, if a user interface is configured."""
    from prefect.settings import PREFECT_UI_URL

    base = facts.text(PREFECT_UI_URL.value())
    return None if base is None else f"{base.rstrip('/')}/runs/{kind}/{id_of(run)}"


def tasks_of(flow_run_id: object, flow: str, ended: set[RunId]) -> _Look:
    """Return the task runs of a flow run as Prefect's API has them, and whether these are all."""
    looks: list[_Look] = []
    if isinstance(flow_run_id, UUID):
        until = time.monotonic() + PATIENCE
        known = {str(each) for each in ended}
        reader = CallThread("tocsin_prefect_tasks", lambda: _look(flow_run_id, flow, known, until, looks))
        if reader.try_start():
            reader.wait(PATIENCE)
    return looks[-1] if looks else ((), False)


def _look(flow_run_id: UUID, flow: str, ended: set[str], until: float, looks: list[_Look]) -> None:
    """Read the task runs until two readings agree that all have ended. A state reaches the API later than the hooks."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

    with get_client(httpx_settings={"timeout": PATIENCE}, sync_client=True) as client:  # not that of the flow, which ends with it
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
    state = fact(run, "state")
    name, index = named(fact(run, "name"), fact(run, "dynamic_key"))
    return TaskSaid(
        name=name,
        run_id=id_of(run),
        state_type=type_of(state),
        state_name=fact(state, "name"),
        at=fact(state, "timestamp"),
        message=fact(state, "message"),
        run_count=fact(run, "run_count"),
        retries=fact(fact(run, "empirical_policy"), "retries"),
        started=fact(run, "start_time"),
        took=fact(run, "total_run_time"),
        link=link("task-run", run),
        map_index=index,
        flow=flow,
    )
