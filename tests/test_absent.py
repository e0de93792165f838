"""What Prefect had and tocsin has not: the error says that it is not here, and what to write instead."""

import copy
import importlib
import inspect
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import tocsin
from tocsin import (
    Failed,
    Flow,
    Pending,
    Recording,
    Success,
    Task,
    callback_factory,
    gmail_notifier,
    interpreting,
    slack_notifier,
    task,
)
from tocsin.core.absent import ABSENT, instead
from tocsin.core.notifiers import GmailNotifier, SlackNotifier
from tocsin.core.validation import invoke


@task
def add(x: int) -> int:
    return x


def asked(owner: str, name: str) -> object:
    """Ask the owner for what is absent, as a program would that was written for Prefect, without types."""
    arguments: dict[str, object] = {name: None}
    match owner:
        case "tocsin":
            return getattr(tocsin, name)
        case "Task":
            return invoke(Task, **arguments) if name in KEYWORDS else getattr(Task("load"), name)
        case "the call of a task":
            with Flow("sums"):
                return invoke(add, 1, **arguments)
        case "Flow":
            return invoke(Flow, "sums", **arguments) if name in KEYWORDS else getattr(Flow("sums"), name)
        case "Flow.run":
            return invoke(Flow("sums").run, **arguments)
        case "a report":
            return getattr(Flow("sums").run(), name)
        case _:
            return invoke(slack_notifier, **arguments)


OF_TASKS = frozenset({"cache_key", "checkpoint", "log_stdout", "nout", "result", "result_handler", "retry_on", "slug", "target"})
OF_FLOWS = frozenset({"environment", "executor", "reference_tasks", "result", "result_handler", "run_config", "schedule", "storage"})
KEYWORDS = OF_TASKS | OF_FLOWS | {"task_run_name", "terminal_state_handler", "validate"}
"""Names of arguments; the others of a task and of a flow are attributes."""


@pytest.mark.parametrize(("owner", "name"), [(owner, name) for owner, names in ABSENT.items() for name in names])
def test_each_says_that_it_is_not_here_and_what_to_write(owner: str, name: str) -> None:
    with pytest.raises((AttributeError, TypeError)) as caught:
        asked(owner, name)
    said = instead(owner, name)
    assert said is not None
    assert str(caught.value).endswith(said.partition(": ")[2])
    assert f"has no {name}, unlike Prefect: " in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ABSENT["tocsin"])
def test_an_import_says_it_too(name: str) -> None:
    with pytest.raises(ImportError) as caught:
        exec(f"from tocsin import Flow, {name}", {})  # noqa: S102 - a name of the table
    assert str(caught.value) == instead("tocsin", name)
    assert not hasattr(tocsin, name)


def test_what_is_absent_is_absent() -> None:
    assert not set(ABSENT["tocsin"]) & set(tocsin.__all__)
    folder = Path(tocsin.__file__).parent
    assert not set(ABSENT["tocsin"]) & {path.stem for path in folder.iterdir()}
    assert not set(ABSENT["slack_notifier"]) & {*SlackNotifier.options(), *GmailNotifier.options()}
    for owner, made in (("Task", Task), ("Flow", Flow)):
        assert not set(ABSENT[owner]) & set(inspect.signature(made).parameters)
        assert not (set(ABSENT[owner]) - KEYWORDS) & set(dir(made))
    assert not set(ABSENT["Flow.run"]) & set(inspect.signature(Flow.run).parameters)


def test_a_misspelt_name_is_pythons_own_error() -> None:
    with pytest.raises(ImportError, match="cannot import name 'slack_notifer' from 'tocsin'"):
        exec("from tocsin import slack_notifer", {})  # noqa: S102 - a constant
    with pytest.raises(ImportError, match="tocsin has no Parameter"):
        exec("from tocsin import Parameter", {})  # noqa: S102 - a constant
    with pytest.raises(TypeError, match="unexpected keyword argument 'nme'"):
        invoke(Flow, nme="sums")
    for value in (Task("load"), Flow("sums"), Flow("sums").run()):
        with pytest.raises(AttributeError, match=rf"^'{type(value).__name__}' object has no attribute 'nme'$"):
            getattr(value, "nme")  # noqa: B009 - type checkers know it too


def test_an_error_of_a_property_stays_its_own() -> None:
    class Odd(Task):
        @property
        def rows(self) -> int:
            raise AttributeError("no table yet")

    with pytest.raises(AttributeError, match="no table yet"):
        _ = Odd().rows


def test_tasks_flows_and_reports_are_copied_and_pickled_as_before() -> None:
    report = Flow("sums").run()
    assert copy.copy(Task("load")).name == copy.deepcopy(Flow("load")).name == "load"
    assert pickle.loads(pickle.dumps(Task("load"))).name == "load"
    assert copy.copy(report).state == report.state


def test_the_bare_import_does_not_load_the_table() -> None:
    program = "import sys, tocsin; from tocsin import Task; print('tocsin.core.absent' in sys.modules, hasattr(tocsin, 'Parameter'))"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout == "True False\n"
    assert importlib.import_module("tocsin").__name__ == "tocsin"


# --- hooks of other engines -------------------------------------------------------------------------------------------------------


class FlowRun:
    """As Prefect 3 gives it to a hook."""

    name = "quick-fox"
    conf = "canary"


class State:
    """A state of Prefect's."""

    message = "Flow run encountered an exception: ValueError: no rows"


class TaskInstance:
    """As Airflow gives it in a context."""

    task_id = "load"


CONTEXT: dict[str, object] = {"ti": TaskInstance(), "exception": ValueError("no rows"), "conf": "canary"}


def calls(handler: object, *arguments: object) -> str:
    """Call a handler as an engine does, and return its error."""
    with interpreting(Recording()) as recording, pytest.raises(TypeError) as caught:
        invoke(handler, *arguments)
    assert recording.effects == ()
    return str(caught.value)


@pytest.mark.parametrize(
    ("handler", "name"),
    [
        (slack_notifier, "slack_notifier"),
        (slack_notifier(only_states=[Failed]), "slack_notifier"),
        (gmail_notifier, "gmail_notifier"),
        (callback_factory(lambda *_: None, lambda _: True), "callback_factory(...)"),
    ],
)
def test_a_hook_of_prefect_says_what_it_got_and_what_to_write(handler: object, name: str) -> None:
    assert calls(handler, Flow("sums"), FlowRun(), State()) == (
        "old_state takes a State, not a FlowRun. Prefect calls a hook with (flow, flow_run, state):"
        f" write @flow(**prefect_flow_hooks({name})), from tocsin.integrations.prefect"
    )


@pytest.mark.parametrize(
    ("handler", "name"), [(slack_notifier, "slack_notifier"), (gmail_notifier(only_states=[Failed]), "gmail_notifier")]
)
def test_a_callback_of_airflow_says_what_it_got_and_what_to_write(handler: object, name: str) -> None:
    said = calls(handler, CONTEXT)
    assert said == (
        "tracked_obj takes a Task, a Flow, or anything with a name, not a dict. Airflow calls a callback with its context:"
        f" write default_args=airflow_callbacks({name}), from tocsin.integrations.airflow"
    )
    assert "canary" not in said


def test_a_class_in_place_of_a_state_is_called_one() -> None:
    with pytest.raises(TypeError, match=r"old_state takes a State, not <class 'tocsin\.core\.states\.Pending'>: write Pending\(\)"):
        slack_notifier(Task("load"), Pending, Success())  # type: ignore[call-overload]  # the error under test
