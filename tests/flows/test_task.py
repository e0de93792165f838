"""The options of a task, and the invalid ones."""

from datetime import timedelta

import pytest

from tocsin import Failed, Flow, Success, Task, slack_notifier, task
from tocsin.flows.task import TaskOptions


def test_names_come_from_the_class_or_the_function() -> None:
    class Load(Task):
        def run(self) -> int:
            return 3

    @task(name="given")
    def body() -> None: ...

    @task
    def own() -> None:
        """Says what it does."""

    load = Load()
    report = Flow("named", tasks=[load]).run()
    assert (load.name, body.name, own.name, Task().name) == ("Load", "given", "own", "Task")
    assert report.task_states[load].result == 3
    assert own.__doc__ == "Says what it does."
    assert body.run() is None
    assert own.run() is None
    assert Flow("idle", tasks=[plain := Task()]).run().task_states[plain] == Success()


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"max_retries": 1}, "max_retries=1: it takes 0 or more, with a retry_delay="),
        ({"max_retries": -1, "retry_delay": timedelta(1)}, "max_retries=-1"),
        ({"retry_delay": timedelta(-1)}, "it takes a timedelta such as timedelta"),
        ({"timeout": 0}, "timeout=0: it takes a number of seconds above 0"),
        ({"timeout": float("nan")}, "timeout=nan"),
    ],
)
def test_invalid_values(options: TaskOptions, error: str) -> None:
    options["name"] = "load"
    with pytest.raises(ValueError, match=error):
        Task(**options)


def test_invalid_types() -> None:
    with pytest.raises(TypeError, match="a name is a str that is not empty, not 3"):
        Task(3)  # type: ignore[arg-type]  # as in code that has no types
    with pytest.raises(TypeError, match="the task 'load' has trigger='all': it takes a function"):
        Task("load", trigger="all")  # type: ignore[arg-type]  # as above
    with pytest.raises(TypeError, match=r"not slack_notifier: write state_handlers=\[slack_notifier\]"):
        Task("load", state_handlers=slack_notifier)  # type: ignore[arg-type]  # as above


def test_the_callers_list_of_handlers_is_left_alone() -> None:
    handlers = [slack_notifier]
    made = Task("load", state_handlers=handlers, on_failure=lambda _task, _state: None)
    assert handlers == [slack_notifier]
    assert len(made.handlers) == 2


@pytest.mark.tocsin_live
def test_on_failure_is_called_last_and_on_every_failed_attempt() -> None:
    order: list[str] = []

    @task(
        state_handlers=[lambda _task, _old, new: order.append(type(new).__name__)],
        on_failure=lambda _task, state: order.append(f"on_failure {type(state).__name__}"),
        max_retries=2,
        retry_delay=timedelta(0),
    )
    def fails() -> None:
        raise ValueError("no")

    with Flow("failing", on_failure=lambda flow, _: order.append(f"on_failure of {flow.name}")) as flow:
        fails()
    assert isinstance(flow.run().state, Failed)
    assert order.count("on_failure Failed") == 3
    assert order[-2:] == ["on_failure Failed", "on_failure of failing"]
    assert order[1:3] == ["Failed", "on_failure Failed"]
