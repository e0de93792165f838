"""Odd user code makes a run continue or end, and the report says why."""

import pickle
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import NoReturn

import pytest
from returns.io import IOResult

from tests.flows import importable_tasks
from tocsin import (
    Cached,
    DryRun,
    Failed,
    Flow,
    Paused,
    Pending,
    Recording,
    Retrying,
    Running,
    State,
    Success,
    Task,
    filters,
    interpreting,
    signals,
    slack_notifier,
    task,
)
from tocsin.core.planning import RetriesExhausted
from tocsin.effects import Delivered, DeliveryError, Effect, PostToSlack, Receipt, Rejected
from tocsin.flows.task import FunctionTask
from tocsin.shell import current
from tocsin.testing import FakeClock

NOW = datetime(2026, 1, 1, tzinfo=UTC)
Handler = Callable[[Task, State, State], State | None]


def on(kind: type[State], answer: State) -> Handler:
    return lambda _task, _old, new: answer if type(new) is kind else None


def raising(kind: type[State], signal: signals.Signal) -> Handler:
    def handler(_: Task, __: State, new: State) -> None:
        if type(new) is kind:
            raise signal

    return handler


def fails() -> NoReturn:
    raise ValueError("no")


def ends(handler: Handler, body: Callable[[], object] = lambda: 1, retries: int = 0, cache_for: timedelta | None = None) -> State:
    """Run a task with this handler, and return its final state."""
    made = FunctionTask(
        body, name="t", state_handlers=[handler], max_retries=retries, retry_delay=timedelta(seconds=1), cache_for=cache_for
    )
    return Flow("f", tasks=[made]).run(clock=FakeClock(NOW), interpreter=Recording()).task_states[made]


@pytest.mark.parametrize("retries", [0, 2])
@pytest.mark.parametrize(
    "handler",
    [
        raising(Success, signals.RETRY("again")),
        on(Success, Retrying("again")),
        raising(Running, signals.RETRY("again")),
        on(Running, Retrying("again")),
    ],
)
def test_a_handler_that_asks_for_another_attempt_each_time_is_bounded(handler: Handler, retries: int) -> None:
    assert isinstance(ends(handler, retries=retries).result, RetriesExhausted)


@pytest.mark.parametrize("handler", [raising(Retrying, signals.FAIL("give up")), on(Retrying, Failed("give up"))])
def test_a_handler_may_give_up_on_a_retry(handler: Handler) -> None:
    assert ends(handler, fails, retries=3).message == "give up"


def test_a_handler_that_takes_a_cached_state_back() -> None:
    assert ends(on(Cached, Success("kept to myself", 1)), cache_for=timedelta(days=1)).message == "kept to myself"


@pytest.mark.parametrize("handler", [raising(Running, signals.PAUSE("wait")), on(Running, Paused("wait")), on(Success, Paused("wait"))])
def test_a_pause_from_a_handler_pauses(handler: Handler) -> None:
    paused = ends(handler)
    assert isinstance(paused, Paused)
    assert paused.start_time is not None


def test_a_paused_state_to_start_from_waits_for_a_person() -> None:
    made = Task("t")
    assert Flow("f", tasks=[made]).run(task_states={made: Paused("x")}).state.is_running()


def test_final_is_that_of_the_state_that_was_settled_on() -> None:
    recording = Recording()
    final = slack_notifier(when=filters.final_attempt & filters.entered(Success))
    rescued = FunctionTask(
        fails, name="t", state_handlers=[on(Failed, Success("rescued")), final], max_retries=2, retry_delay=timedelta(0)
    )
    Flow("f", tasks=[rescued]).run(interpreter=recording)
    assert len(recording.effects) == 1
    asked = FunctionTask(lambda: 1, state_handlers=[on(Success, Failed("poor")), slack_notifier(when=filters.final_attempt)])
    asked.rules = FunctionTask(lambda: 1, max_retries=2, retry_delay=timedelta(0)).rules
    Flow("f", tasks=[asked]).run(interpreter=recording)
    assert len(recording.effects) == 3  # its last start, and its last failure


class Odd:
    """An object with unusual special methods."""

    @property
    def name(self) -> str:
        raise ValueError("no name")

    def __getattr__(self, name: str) -> object:
        raise KeyError(name)

    def __bool__(self) -> bool:
        raise ValueError("neither true nor false")

    def __call__(self, *_: object) -> "Odd":
        return self

    __hash__ = None  # type: ignore[assignment]  # unusual too


class Unhashable(filters.Filter):
    """A user's filter without a hash."""

    __hash__ = None  # type: ignore[assignment]  # as in a dataclass

    def __call__(self, change: object) -> bool:
        return True

    def __repr__(self) -> str:
        raise ValueError("no repr")


class Hostile(str):
    """A str whose methods raise."""

    __slots__ = ()

    replace = None  # type: ignore[assignment]  # a call of it raises TypeError


def test_odd_objects_are_in_messages() -> None:
    recording = Recording()
    handlers = [slack_notifier(when=Unhashable()), slack_notifier(when=~Unhashable() | Unhashable())]
    with interpreting(recording):
        slack_notifier(Odd(), Running(), Failed(ValueError("boom")))
        slack_notifier(Task("t"), Running(), Failed("m"), message=lambda _: Hostile("<a>"))
        slack_notifier(Task("t"), Running(), Failed("m"), message=Odd())  # type: ignore[arg-type]  # as in code without types
        report = Flow("odd", tasks=[Task("t", state_handlers=handlers)]).run()
    assert report.state == Success()
    unlike = ~Unhashable() | filters.final_attempt
    assert unlike == unlike & filters.everything
    posts = [effect.payload for effect in recording.effects if isinstance(effect, PostToSlack)]
    assert len(posts) == 7
    assert posts[0].fallback == "&lt;Odd without a name&gt; failed: ValueError: boom"
    assert posts[1].fields[0].value == "&lt;a&gt;"
    assert repr(Failed(ValueError("boom"))) == "Failed(\"Unexpected error: ValueError('boom')\")"


def test_odd_answers_are_that_handlers_error() -> None:
    report = Flow("odd", tasks=[Task("t", state_handlers=[lambda *_: Odd()])]).run()  # type: ignore[list-item]  # as above
    assert report.state == Success()
    assert len(report.faults) == 2


def test_an_odd_trigger_and_odd_times() -> None:
    made = Task("t", trigger=lambda _: Odd())  # type: ignore[arg-type, return-value]  # as above
    report = Flow("odd", tasks=[made]).run()
    assert "Unexpected error while checking task trigger" in str(report.task_states[made].message)
    long = FunctionTask(lambda: 1, cache_for=timedelta.max)
    assert isinstance(Flow("long", tasks=[long]).run().task_states[long], Cached)


class OwnPause(Paused):
    """A kind of state with its own ``__init__``."""

    def __init__(self) -> None:
        super().__init__("own")


def test_a_kind_with_its_own_init_stays_as_it_is() -> None:
    assert isinstance(ends(on(Running, OwnPause())), OwnPause)


def odd_interpreter(_: Effect) -> IOResult[Receipt, DeliveryError]:
    return IOResult.from_value("sent")  # type: ignore[arg-type]  # as above


@pytest.mark.tocsin_live
def test_an_answer_that_is_no_outcome_is_a_failure() -> None:
    report = Flow("odd", state_handlers=[slack_notifier]).run(interpreter=odd_interpreter)
    assert "the interpreter odd_interpreter answered 'sent', which is no outcome" in report.explain()
    assert all(isinstance(failed.outcome, Rejected) for failed in report.failures)


@pytest.mark.parametrize(
    ("interpreter", "message"), [(DryRun, r"not the class DryRun: write DryRun\(\)"), ("print", "'print' is none: write DryRun")]
)
def test_what_is_no_interpreter_is_refused(interpreter: object, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        Flow("f").run(interpreter=interpreter)  # type: ignore[arg-type]  # what the test is about
    with pytest.raises(TypeError, match=message):
        interpreting(interpreter).__enter__()  # type: ignore[type-var]  # as above


def test_what_is_no_mode_and_no_task_is_refused() -> None:
    with pytest.raises(ValueError, match="handler_errors takes 'record' or 'fail', not 'fial'"):
        Flow("f").run(handler_errors="fial")  # type: ignore[arg-type]  # what the test is about
    with pytest.raises(TypeError, match="'a' is no task: decorate a function with @task"):
        Flow("f", tasks=["a"])  # type: ignore[list-item]  # as above
    with pytest.raises(TypeError, match=r"task takes a function, not 'fetch': write @task\(name='fetch'\)"):
        task("fetch")  # type: ignore[call-overload]  # as above
    assert Task("t", tags="nightly").tags == {"nightly"}


def test_async_bodies_and_triggers_are_refused() -> None:
    async def load() -> None: ...

    with pytest.raises(TypeError, match="has an async body or trigger, which tocsin never awaits"):
        task(load)
    with pytest.raises(TypeError, match="has an async body or trigger"):
        Task("t", trigger=load)  # type: ignore[arg-type]  # as above


def test_runs_side_by_side_keep_their_own_reports() -> None:
    def one(n: int) -> int:
        tasks = [Task(f"{n}-{k}", state_handlers=[slack_notifier]) for k in range(20)]
        report = Flow(str(n), tasks=tasks).run()
        assert {delivery.effect.key.run_id for delivery in report.deliveries} == {report.run_id}
        return len(report.deliveries)

    with interpreting(Recording()) as recording, ThreadPoolExecutor(8) as pool:
        assert list(pool.map(one, range(8))) == [40] * 8
    assert len(recording.effects) == 320


def posted() -> Effect:
    """Return an effect."""
    with interpreting(Recording()) as recording:
        slack_notifier(Task("t"), Running(), Failed("m"))
    return recording.effects[0]


def test_a_bare_thread_never_sends_by_accident() -> None:
    inside, checked = threading.Event(), threading.Event()

    def elsewhere() -> None:
        with interpreting(lively):
            inside.set()
            checked.wait(10)

    def lively(effect: Effect) -> IOResult[Receipt, DeliveryError]:
        return IOResult.from_value(Delivered((effect.key.slug,)))

    assert lively(posted()) == IOResult.from_value(Delivered(("t",)))
    lively.notify = "live"  # type: ignore[attr-defined]  # as an interpreter that sends says of itself
    found: list[object] = []
    with interpreting(Recording()) as mine:
        other = threading.Thread(target=elsewhere)
        other.start()
        inside.wait(10)
        bare = threading.Thread(target=lambda: found.append(current.current()))
        bare.start()
        bare.join()
        checked.set()
        other.join()
    assert found == [mine]


def test_what_is_added_while_it_runs_is_for_the_next_run() -> None:
    flow = Flow("grows")
    first = FunctionTask(lambda: flow.add_task(Task("late")).name, name="first")
    flow.add_task(first)
    report = flow.run()
    assert (report.task_states[first].result, list(report.task_states)) == ("late", [first])
    assert len(flow.run().task_states) == 2


def test_edges_and_inputs_that_are_added_while_it_runs_are_for_the_next_run() -> None:
    ran: list[str] = []

    def say(word: str = "bare") -> str:
        ran.append(word)
        return word

    flow = Flow("grows")
    second = FunctionTask(say, name="second")

    def change() -> None:
        ran.append("first")
        if len(ran) == 1:
            flow.set_dependencies(second, keyword_tasks={"word": "bound"})
            flow.add_edge(flow.add_task(FunctionTask(lambda: ran.append("late"), name="late")), second)

    flow.add_task(FunctionTask(change, name="first"))
    flow.add_task(second)
    for _ in range(3):
        flow.run()
    assert ran == ["first", "bare", "first", "late", "bound", "first", "late", "bound"]
    assert [task.name for task in flow.upstream(second)] == ["late"]


def test_a_refused_input_leaves_the_flow_as_it_was() -> None:
    with Flow("theirs"):
        theirs = importable_tasks.add(1)
    with Flow("ours") as ours, pytest.raises(ValueError, match="belongs to another flow, 'theirs'"):
        importable_tasks.add(theirs)
    assert ours.tasks == ()


def test_a_decorated_task_survives_pickle() -> None:
    copied = pickle.loads(pickle.dumps(importable_tasks.add))
    assert (copied.name, copied.run) == ("add", importable_tasks.add.run)
    with Flow("sums") as flow:
        total = importable_tasks.add(importable_tasks.add(1), 2)
    again = pickle.loads(pickle.dumps(flow)).run()
    assert [state.result for state in again.task_states.values()] == [2, 4]
    assert flow.run().task_states[total].result == 4
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(FunctionTask(lambda: 1))


def test_a_signal_of_yours_keeps_what_is_its_own() -> None:
    signal = importable_tasks.Full("m")
    signal.code = 7
    assert pickle.loads(pickle.dumps(signal)).code == 7


def test_many_retries_at_many_times_are_waited_for_in_order() -> None:
    order: list[int] = []

    def waiting(n: int) -> FunctionTask[[], None]:
        first = iter([True, False])

        def body() -> None:
            if next(first):
                raise signals.RETRY(start_time=NOW + timedelta(minutes=100 - n))
            order.append(n)

        return FunctionTask(body, name=str(n))

    assert Flow("many", tasks=[waiting(n) for n in range(100)]).run(clock=FakeClock(NOW)).state == Success()
    assert order == list(range(99, -1, -1))
    assert Pending() == Pending("x")
