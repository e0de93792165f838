"""The callbacks of Airflow with contexts that a plugin, or the next release, may give them. No task runs here."""

import asyncio
import copy
import pickle
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from tocsin import Failed, Recording, State, interpreting, slack_notifier
from tocsin.core.effects import PostToSlack

pytest.importorskip("airflow")

from tocsin.integrations import ForeignRun
from tocsin.integrations.airflow import airflow_callbacks, airflow_dag_callbacks, airflow_notifier
from tocsin.integrations.airflow_teller import event_of

pytestmark = [pytest.mark.engine, pytest.mark.tocsin_live]

EVERYTHING = slack_notifier(only_states=[])
BEGAN, ENDED = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 0, 1, tzinfo=UTC)


class Hostile:
    """An object that raises wherever it is asked."""

    def __getattr__(self, name: str) -> object:
        raise RuntimeError(name)


class Interrupting:
    """An object at which a person presses Ctrl-C."""

    def __getattr__(self, name: str) -> object:
        raise KeyboardInterrupt


def task(**facts: object) -> SimpleNamespace:
    known = {"dag_id": "nightly", "task_id": "load", "run_id": "r1", "map_index": -1, "try_number": 1, "max_tries": 2}
    return SimpleNamespace(
        **{**known, "start_date": BEGAN, "end_date": ENDED, "log_url": "https://airflow.example.com/dags/nightly", **facts}
    )


def texts(recording: Recording) -> list[str]:
    return [effect.payload.fallback for effect in recording.effects if isinstance(effect, PostToSlack)]


CONTEXTS = {
    "none": None,
    "empty": {},
    "no task": {"ti": None},
    "hostile facts": {"ti": Hostile(), "exception": Hostile()},
    "hostile": Hostile(),
    "a number": 7,
    "a reason of another type": {"reason": 7},
}


@pytest.mark.parametrize("context", CONTEXTS.values(), ids=list(CONTEXTS))
def test_any_context_is_taken(context: object) -> None:
    with interpreting(Recording()) as recording:
        for hook in (*airflow_callbacks(EVERYTHING).values(), *airflow_dag_callbacks(EVERYTHING).values()):
            assert callable(hook)
            hook(context)
        airflow_notifier(EVERYTHING)(context)
        airflow_notifier(EVERYTHING)()
    assert len(recording.effects) > 0


def test_a_person_may_stop_it() -> None:
    hooks = airflow_callbacks(EVERYTHING), airflow_dag_callbacks(EVERYTHING)
    with interpreting(Recording()):
        with pytest.raises(KeyboardInterrupt):
            hooks[0]["on_success_callback"]({"ti": Interrupting()})
        with pytest.raises(KeyboardInterrupt):
            hooks[1]["on_success_callback"]({"ti": SimpleNamespace(get_task_states=interrupted), "run_id": "r1"})


def interrupted(**_: object) -> object:
    raise KeyboardInterrupt


def test_nothing_is_read_for_what_nobody_is_told() -> None:
    hook = airflow_callbacks(slack_notifier(only_states=[Failed]))["on_execute_callback"]
    with interpreting(Recording()) as recording:
        hook({"ti": Interrupting()})
    assert recording.effects == ()


@pytest.mark.parametrize(
    ("rules", "due"),
    [
        ({"retry_delay": timedelta(minutes=5)}, datetime(2026, 1, 1, 0, 6, tzinfo=UTC)),
        ({"retry_delay": timedelta(minutes=5), "retry_exponential_backoff": True}, None),
        ({"retry_delay": timedelta(minutes=5), "retry_policy": object()}, None),
        ({}, None),
    ],
)
def test_when_the_next_attempt_begins(rules: Mapping[str, object], due: datetime | None) -> None:
    told: list[State] = []

    def seen(tracked_obj: ForeignRun, old: State, new: State) -> None:
        told.append(new)

    airflow_callbacks(seen)["on_retry_callback"]({"ti": task(state="up_for_retry", task=SimpleNamespace(**rules))})
    assert [getattr(state, "start_time", None) for state in told] == [due]


@pytest.mark.parametrize(
    ("again", "told"),
    [
        ({}, 1),
        ({"task_reschedule_count": 0}, 1),
        ({"task_reschedule_count": 1}, 0),
        ({"ti": task(_ti_context_from_server=SimpleNamespace(next_method="poke"))}, 0),
    ],
)
def test_a_task_starts_once_in_an_attempt(again: Mapping[str, object], told: int) -> None:
    with interpreting(Recording()) as recording:
        airflow_callbacks(EVERYTHING)["on_execute_callback"]({"ti": task(), **again})
    assert len(recording.effects) == told


def test_the_tasks_of_a_run_are_those_of_airflows_answer() -> None:
    asked: list[Mapping[str, object]] = []

    def get_task_states(**named: object) -> object:
        asked.append(named)
        return {"r1": {"load_1": "failed", "load_2": "success", "child_0": "success", "child_x": None, 7: "failed"}}

    ti = task(get_task_states=get_task_states, log_url="https://airflow.example.com/dags/nightly/runs/r1/tasks/load?try_number=1")
    dag = SimpleNamespace(dag_id="nightly", task_dict={"load_1": 1, "load": 1, "child": 1})
    with interpreting(Recording()) as recording:
        hook = airflow_dag_callbacks(EVERYTHING)["on_failure_callback"]
        hook({"ti": ti, "dag": dag, "run_id": "r1", "reason": "task_failure"})
    assert asked == [{"dag_id": "nightly", "run_ids": ["r1"]}]
    assert texts(recording) == ["nightly failed: load_1 failed"]
    assert "1 Failed, 1 Pending, 2 Success" in repr(recording.effects[0])
    assert "'https://airflow.example.com/dags/nightly/runs/r1'" in repr(recording.effects[0])


def test_without_a_task_airflow_itself_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = SimpleNamespace(get_task_states=lambda **_: {"r1": {"load": "skipped"}})
    runner = SimpleNamespace(RuntimeTaskInstance=answer)
    monkeypatch.setitem(sys.modules, "airflow.sdk.execution_time.task_runner", runner)
    with interpreting(Recording()) as recording:
        hook = airflow_dag_callbacks(EVERYTHING)["on_success_callback"]
        hook({"dag": SimpleNamespace(dag_id="nightly", task_dict={"load": 1}), "run_id": "r1", "reason": "success"})
    assert "1 Skipped" in repr(recording.effects[0])


@pytest.mark.parametrize(
    ("context", "event"),
    [
        ({"ti": task(state="failed")}, "on_failure_callback"),
        ({"ti": task(state=None)}, "on_retry_callback"),
        ({"reason": "success"}, "on_success_callback of the DAG"),
        ({"reason": "timed_out", "ti": task(state="success")}, "on_failure_callback of the DAG"),
    ],
)
def test_a_notifier_finds_out_for_what_it_is_called(context: Mapping[str, object], event: str) -> None:
    assert event_of(context) == event


def test_a_notifier_renders_its_message_anew_each_time() -> None:
    notifier = airflow_notifier(EVERYTHING, message="on {{ ds }}")
    with interpreting(Recording()) as recording:
        for day in ("Monday", "Tuesday"):
            notifier({"ti": task(state="failed", run_id=day), "ds": day, "exception": OSError("disk full")})
    assert notifier.message == "on {{ ds }}"
    assert ["on Monday" in repr(each) for each in recording.effects] == [True, False]


def test_a_message_is_rendered_where_the_dag_knows_no_templates() -> None:
    dag = SimpleNamespace(dag_id="nightly", render_template_as_native_obj=False)  # as in a callback of a DAG under ``dag.test()``
    with interpreting(Recording()) as recording:
        airflow_notifier(EVERYTHING, message="of {{ dag.dag_id }}")({"reason": "success", "dag": dag, "run_id": "r1"})
    assert "of nightly" in repr(recording.effects[0])


def test_a_message_that_cannot_be_rendered_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    with interpreting(Recording()) as recording:
        airflow_notifier(EVERYTHING, message="of {{ no such thing")({"ti": task(state="failed")})
    assert texts(recording) == ["load failed after 1 m"]
    assert "could not be rendered" in caplog.text


def test_a_notifier_may_be_awaited() -> None:
    with interpreting(Recording()) as recording:
        asyncio.run(airflow_notifier(EVERYTHING, message="{{ ds }}").async_notify({"ti": task(state="success")}))
    assert texts(recording) == ["load succeeded after 1 m"]


def test_hooks_survive_what_airflow_does_to_them() -> None:
    callbacks = airflow_callbacks(EVERYTHING, no_end_after=timedelta(hours=1), deliver_within=3)
    hook, notifier = callbacks["on_failure_callback"], airflow_notifier(EVERYTHING, message="of {{ ds }}")
    assert hook.__name__ == "tocsin_on_failure_callback"
    assert copy.copy(hook) is copy.deepcopy(hook) is hook
    assert copy.deepcopy(callbacks) == callbacks
    assert repr(pickle.loads(pickle.dumps(hook))) == repr(hook)
    assert "on_failure_callback" in repr(hook)
    assert repr(airflow_callbacks()["on_failure_callback"]).endswith("the handlers of the configuration>")
    for same in (copy.deepcopy(notifier), pickle.loads(pickle.dumps(notifier))):
        assert (same.message, repr(same)) == ("of {{ ds }}", repr(notifier))


@pytest.mark.parametrize("wrong", [-1, float("nan"), "15"])
def test_a_wrong_wait_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="deliver_within takes a deadline in seconds, 0 or more"):
        airflow_callbacks(EVERYTHING, deliver_within=wrong)


def test_a_fault_of_ours_is_one_line_of_the_log(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def broken(_: float) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr("tocsin.shell.queues.flush", broken)
    with interpreting(Recording()):
        airflow_callbacks(EVERYTHING)["on_success_callback"]({"ti": task()})
    assert [each.getMessage() for each in caplog.records] == [
        "tocsin: could not notify about 'a run of Airflow', which goes on: RuntimeError: a fault"
    ]
