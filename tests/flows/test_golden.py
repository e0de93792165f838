"""Compares handler calls with the traced calls of the original: by whole runs where the runner can, else by events through ``step``.

The comparison normalises three differences:
- A whole run continues where a traced pass stopped at Retrying, so its calls begin with the traced ones.
- A flow's run begins from Scheduled, where a traced pass began from Pending.
- Handlers that raise run in the mode "fail", which is the original's.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from threading import Event as Gate

import attrs
import pytest

from tests.flows.golden_cases import Call, Case, cases
from tocsin import (
    Cached,
    Failed,
    Flow,
    Looped,
    Pending,
    Resume,
    Run,
    Running,
    Scheduled,
    Skipped,
    State,
    Success,
    Task,
    events,
    signals,
    step,
    triggers,
)
from tocsin.core.machine import Subject
from tocsin.flows.task import FunctionTask, TaskOptions
from tocsin.testing import FakeClock

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TASK_CASES, FLOW_CASES = cases("task"), cases("flow")


def written(old: State, new: State) -> Call:
    """Return a call as the golden file writes it."""
    return Call(old=type(old).__name__, new=type(new).__name__, old_message=old.message, new_message=new.message)


@attrs.frozen
class Setup:
    """The task with which the runner reproduces a case."""

    body: Callable[[], object] = lambda: None
    options: TaskOptions = attrs.field(factory=TaskOptions)
    start: State | None = None
    upstream: State | None = None


def raiser(error: BaseException) -> Callable[[], object]:
    def body() -> object:
        raise error

    return body


RETRIES = TaskOptions(max_retries=1, retry_delay=timedelta(minutes=1))
NEVER = Gate()  # never set; a body that must exceed its timeout waits for it


def divide() -> float:
    return 1 / 0


AS_RUNS: Mapping[str, Setup] = {
    "success": Setup(),
    "failure (exception)": Setup(divide),
    "signal FAIL('m')": Setup(raiser(signals.FAIL("m"))),
    "signal FAIL()": Setup(raiser(signals.FAIL())),
    "signal SUCCESS('m')": Setup(raiser(signals.SUCCESS("m"))),
    "signal SKIP('m')": Setup(raiser(signals.SKIP("m"))),
    "signal SKIP()": Setup(raiser(signals.SKIP())),
    "signal RETRY('m')": Setup(raiser(signals.RETRY("m")), RETRIES),
    "signal RETRY()": Setup(raiser(signals.RETRY()), RETRIES),
    "signal PAUSE('m')": Setup(raiser(signals.PAUSE("m"))),
    "signal TRIGGERFAIL('m')": Setup(raiser(signals.TRIGGERFAIL("m"))),
    "signal ENDRUN(Success('e'))": Setup(raiser(signals.ENDRUN(Success("e")))),
    "signal ENDRUN(Failed('e'))": Setup(raiser(signals.ENDRUN(Failed("e"))), RETRIES),
    "signal PAUSE() with result": Setup(raiser(signals.PAUSE("m", result=1))),
    "retry 1st attempt": Setup(divide, RETRIES),
    "trigger all_successful upstream=Failed": Setup(upstream=Failed()),
    "trigger all_finished upstream=Failed": Setup(options={"trigger": triggers.all_finished}, upstream=Failed()),
    "trigger all_failed upstream=Success": Setup(options={"trigger": triggers.all_failed}, upstream=Success()),
    "trigger any_successful upstream=Failed": Setup(options={"trigger": triggers.any_successful}, upstream=Failed()),
    "trigger manual_only upstream=Failed": Setup(options={"trigger": triggers.manual_only}, upstream=Failed()),
    "trigger returns False": Setup(options={"trigger": lambda _: False}, upstream=Failed()),
    "trigger fails with retries": Setup(options=RETRIES, upstream=Failed()),
    "upstream skipped": Setup(upstream=Skipped()),
    "upstream not finished": Setup(upstream=Running()),
    "start state Running": Setup(start=Running()),
    "start state Success": Setup(start=Success()),
    "start state Failed": Setup(start=Failed(), options=RETRIES),
    "start Scheduled future": Setup(start=Scheduled(start_time=NOW + timedelta(days=1))),
    "start Scheduled past": Setup(start=Scheduled("sch", start_time=NOW - timedelta(days=1))),
    "manual_only Resume": Setup(start=Resume("res"), options={"trigger": triggers.manual_only}),
    "start Cached (never_use validator)": Setup(start=Cached("c"), options={"cache_validator": lambda _state, _now: False}),
    "cache_for first run": Setup(options={"cache_for": timedelta(days=1)}),
    "start Cached valid": Setup(start=Cached(cached_result_expiration=NOW + timedelta(days=1))),
    "timeout": Setup(lambda: NEVER.wait(5), {"timeout": 0.01}),
}


@pytest.mark.parametrize("name", AS_RUNS)
def test_a_task_case_passes_as_a_run(name: str) -> None:
    setup, traced, calls = AS_RUNS[name], TASK_CASES[name], list[Call]()

    def note(_: Task, old: State, new: State) -> None:
        calls.append(written(old, new))

    options: TaskOptions = {**setup.options, "name": "Task", "state_handlers": [note]}
    tracked = FunctionTask(setup.body, **options)
    flow = Flow("golden", tasks=[tracked])
    states: dict[Task, State] = {} if setup.start is None else {tracked: setup.start}
    if setup.upstream is not None:
        before = Task("before")
        flow.add_edge(before, tracked)
        states[before] = setup.upstream
    report = flow.run(task_states=states, clock=FakeClock(NOW))
    continues = traced["final"] is not None and traced["final"]["state"] == "Retrying"
    assert calls[: len(traced["calls"])] == traced["calls"]
    assert continues or len(calls) == len(traced["calls"])
    settled = [type(each.settled).__name__ for each in report.changes if each.change.tracked_obj is tracked]
    assert settled == [call["new"] for call in calls]


def replay(start: State, happened: Sequence[events.Event], map_index: int | None = None) -> list[Call]:
    """Feed these events to a run, and return the calls of its handler."""
    calls = list[Call]()

    @attrs.frozen
    class Job:
        name: str

    def note(_: Job, old: State, new: State) -> None:
        call = written(old, new)
        calls.append(call if map_index is None else Call(**{**call, "map_index": map_index}))

    run = Run(Subject(Job("Task"), (note,), "r", "Task", map_index), start)
    for event in happened:
        stepped = step(run, event).unwrap()
        while stepped.ask is not None:
            note(Job("Task"), stepped.ask.old, stepped.ask.new)
            stepped = step(stepped.run, events.HandlerReplied(NOW, state=stepped.ask.new)).unwrap()
        run = stepped.run
    return calls


STARTED, SUCCEEDED = events.Started(NOW), events.Succeeded(NOW)
FLOW_STARTED = events.Started(NOW, "Running flow.")
ALL_WELL = events.ReferencesSettled(NOW, state=Success("All reference tasks succeeded."))
FAILED = events.Raised(NOW, error=ZeroDivisionError("division by zero"))


def looped(turn: int) -> list[events.Event]:
    return [events.Signalled(NOW, state=Looped(loop_count=turn)), events.LoopDue(NOW, index=turn), STARTED]


def mapped(children: int) -> list[Call]:
    """Return the parent's calls, with its children's between the first and the last."""
    parent = replay(Pending(), [events.MappingPrepared(NOW, n=children), events.ChildrenSubmitted(NOW)])
    inner = [call for index in range(children) for call in replay(Pending(), [STARTED, SUCCEEDED], index)]
    return [parent[0], *inner, parent[1]]


UNKNOWN = ValueError("Some tasks in return_tasks were not found in the flow.")
AS_EVENTS: Mapping[str, tuple[Case, list[Call]]] = {
    "loop": (TASK_CASES["loop"], replay(Pending(), [STARTED, *looped(1), *looped(2), SUCCEEDED])),
    "loop then fail w/ retry": (
        TASK_CASES["loop then fail w/ retry"],
        replay(Pending(), [STARTED, *looped(1), FAILED, events.RetryDue(NOW, attempt=1, attempts=2)]),
    ),
    "mapped over 2": (TASK_CASES["mapped over 2"], mapped(2)),
    "mapped over 0": (TASK_CASES["mapped over 0"], mapped(0)),
    "flow with retrying task": (FLOW_CASES["flow with retrying task"], replay(Pending(), [FLOW_STARTED])),
    "flow start Running": (FLOW_CASES["flow start Running"], replay(Running("r"), [ALL_WELL])),
    "flow start Success": (FLOW_CASES["flow start Success"], replay(Success("r"), [])),
    "flow return_tasks unknown": (
        FLOW_CASES["flow return_tasks unknown"],
        replay(Pending(), [FLOW_STARTED, events.Raised(NOW, error=UNKNOWN)]),
    ),
}


@pytest.mark.parametrize("name", AS_EVENTS)
def test_a_case_beyond_the_runner_passes_as_events(name: str) -> None:
    traced, calls = AS_EVENTS[name]
    assert calls == traced["calls"]


FlowHandler = Callable[[Flow, State, State], State | None]


def on(kind: type[State], error: Exception) -> FlowHandler:
    def handler(_: Flow, __: State, new: State) -> None:
        if isinstance(new, kind):
            raise error

    return handler


@attrs.frozen
class FlowSetup:
    """The flow with which the runner reproduces a case."""

    tasks: Sequence[Task] = ()
    handler: FlowHandler = lambda _flow, _old, _new: None


def recovering() -> Task:
    """Return a task that fails twice, then succeeds."""
    attempts = iter([1, 1, 0])

    def body() -> None:
        if next(attempts):
            raise ZeroDivisionError("division by zero")

    return FunctionTask(body, name="Task", max_retries=2, retry_delay=timedelta(minutes=1))


FLOWS_AS_RUNS: Mapping[str, FlowSetup] = {
    "flow success": FlowSetup([Task()]),
    "flow empty": FlowSetup(),
    "flow failed": FlowSetup([FunctionTask(divide)]),
    "flow with paused task": FlowSetup([Task(trigger=triggers.manual_only)]),
    "flow handler raises on Running": FlowSetup([Task()], on(Running, ValueError("x"))),
    "flow handler raises on Success": FlowSetup([Task()], on(Success, ValueError("x"))),
    "flow handler FAIL on Running": FlowSetup([Task()], on(Running, signals.FAIL("hf"))),
    "flow handler FAIL on Success": FlowSetup([Task()], on(Success, signals.FAIL("hf"))),
    "flow.run() (schedule path)": FlowSetup([Task()]),
    "flow.run() retry loop: FLOW handler": FlowSetup([recovering()]),
}


@pytest.mark.parametrize("name", FLOWS_AS_RUNS)
def test_a_flow_case_passes_as_a_run(name: str) -> None:
    setup, traced, calls = FLOWS_AS_RUNS[name], FLOW_CASES[name], list[Call]()

    def note(_: Flow, old: State, new: State) -> None:
        calls.append(written(old, new))

    flow = Flow("golden", tasks=setup.tasks, state_handlers=[note, setup.handler])
    report = flow.run(clock=FakeClock(NOW), handler_errors="fail")
    assert calls[0]["old"] == "Scheduled"
    assert [Call(**{**calls[0], "old": traced["calls"][0]["old"]}), *calls[1:]] == traced["calls"]
    assert traced["final"] == {"state": type(report.state).__name__, "message": report.state.message}


def test_the_calls_of_a_task_that_recovers() -> None:
    calls, tracked = list[Call](), recovering()
    tracked.handlers = (lambda _task, old, new: calls.append(written(old, new)),)
    report = Flow("golden", tasks=[tracked]).run(clock=FakeClock(NOW))
    assert calls == FLOW_CASES["flow.run() retry loop: TASK handler"]["calls"]
    assert report.state.is_successful()


def test_every_traced_case_is_held() -> None:
    held = {*AS_RUNS, *AS_EVENTS, *FLOWS_AS_RUNS, "flow.run() retry loop: TASK handler"}
    assert held == {*TASK_CASES, *FLOW_CASES}
