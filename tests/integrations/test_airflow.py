"""What Airflow's records mean: what a real Airflow said is in the golden file; further records are drawn."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engines.airflow_told import make, record, sentences
from tests.engines.golden import Case, kept
from tocsin import Aborted, Failed, Pending, Retrying, Running, Skipped, State, Success, TimedOut, TriggerFailed
from tocsin.core import events as e
from tocsin.core.events import Event
from tocsin.core.integrations.airflow import (
    DAG_FAILURE,
    DAG_SUCCESS,
    ENGINE,
    EVENTS,
    LOST,
    ON_EXECUTE,
    ON_FAILURE,
    ON_RETRY,
    ON_SKIPPED,
    ON_SUCCESS,
    DagSaid,
    TaskSaid,
    hook_of,
    run_of,
    translate,
)
from tocsin.core.integrations.foreign import ForeignRun
from tocsin.core.transitions import settle

AT = datetime(2026, 1, 1, tzinfo=UTC)
CASES = kept("airflow")


class Hostile:
    """An object that raises wherever its own code runs."""

    @property  # type: ignore[misc]  # a class of its own would have one to tell
    def __class__(self) -> type:
        raise RuntimeError("no class")

    def __getattr__(self, name: str) -> object:
        raise RuntimeError(name)

    def __bool__(self) -> bool:
        raise RuntimeError("no truth")

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**400)
    | st.floats()
    | st.text(max_size=20)
    | st.datetimes()
    | st.datetimes(timezones=st.just(UTC))
    | st.timedeltas()
    | st.sampled_from(
        [ValueError("no rows"), TimeoutError("late"), SystemExit(0), KeyboardInterrupt(), ExceptionGroup("two", [OSError()])]
    )
    | st.builds(Hostile)
    | st.sampled_from(list(EVENTS)),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner, inner),
    max_leaves=6,
)
TASK_FIELDS = (
    "hook", "at", "dag", "run_id", "task", "map_index", "try_number", "max_tries", "state", "started", "ended", "due", "host", "link",
    "error", "reason", "again", "note",
)  # fmt: skip
DAG_FIELDS = ("hook", "at", "dag", "run_id", "reason", "clearings", "started", "ended", "link", "tasks", "note")


def kind(event: Event) -> type[State]:
    """Return the kind of state that an event leads to from where it is expected."""
    found = settle(Pending() if isinstance(event, e.Started) else Running(), event)
    assert isinstance(found, State), event
    return type(found)


def kinds(said: DagSaid | TaskSaid) -> set[type[State]]:
    return {kind(event) for event in translate(said)}


def message(said: DagSaid | TaskSaid) -> str | None:
    (event,) = translate(said)
    assert isinstance(event, e.Signalled)
    return event.state.message


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_people_are_told(case: Case) -> None:
    assert sentences(case.said) == list(case.told)


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_what_comes_twice_is_told_once(case: Case) -> None:
    assert sentences([each for each in case.said for _ in range(2)]) == list(case.told)
    assert sentences([*case.said, *case.said]) == list(case.told)


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
@pytest.mark.parametrize("seed", range(3))
def test_out_of_order_nothing_is_told_twice(case: Case, seed: int) -> None:
    said = [*case.said, *case.said]
    random.Random(seed).shuffle(said)  # noqa: S311 - no secret
    assert Counter(sentences(said)) <= Counter(case.told)


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_each_callback_leads_where_the_table_says(case: Case) -> None:
    for said in map(record, case.said):
        assert kinds(said) <= set(EVENTS[said.hook])


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(TASK_FIELDS, ANYTHING)))
def test_any_facts_make_the_record_of_a_task(facts: dict[str, object]) -> None:
    said = make("TaskSaid", facts)
    assert isinstance(run_of(said), ForeignRun)
    assert kinds(said) <= set(EVENTS.get(said.hook, ()))
    assert repr(said.at)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(DAG_FIELDS, ANYTHING)))
def test_any_facts_make_the_record_of_a_dag(facts: dict[str, object]) -> None:
    said = make("DagSaid", facts)
    assert isinstance(run_of(said), ForeignRun)
    assert kinds(said) <= set(EVENTS.get(said.hook, ()))


class AirflowTaskTimeout(BaseException):
    """As Airflow has it: no ``Exception``, and no ``TimeoutError``."""


class AirflowTaskTerminated(BaseException):
    """As Airflow has it."""


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError("no rows"), Failed),
        (AirflowTaskTimeout("late"), TimedOut),
        (TimeoutError("late"), TimedOut),
        (AirflowTaskTerminated("stop"), Aborted),
        (SystemExit(0), Aborted),
        (None, Failed),
        ("no text of an exception", Failed),
    ],
)
def test_a_failure_is_of_the_kind_of_its_exception(error: object, expected: type[State]) -> None:
    assert kinds(TaskSaid(hook=ON_FAILURE, at=AT, error=error, reason=error, state="failed")) == {expected}


@pytest.mark.parametrize(
    ("hook", "expected"),
    [(ON_EXECUTE, Running), (ON_SUCCESS, Success), (ON_SKIPPED, Skipped), (ON_RETRY, Retrying), (DAG_SUCCESS, Success)],
)
def test_the_other_callbacks_have_one_kind_each(hook: str, expected: type[State]) -> None:
    said = DagSaid(hook=hook, at=AT) if hook == DAG_SUCCESS else TaskSaid(hook=hook, at=AT)
    assert kinds(said) == {expected} == set(EVENTS[hook])


def test_every_kind_of_the_table_is_reached() -> None:
    assert {kind for kinds in EVENTS.values() for kind in kinds} == {Running, Retrying, Success, Skipped, Failed, TimedOut, Aborted}


def test_a_callback_of_another_name_says_nothing() -> None:
    assert translate(TaskSaid(hook="on_kill", at=AT)) == translate(DagSaid(hook=ON_EXECUTE, at=AT)) == ()


def test_a_task_that_starts_again_in_the_same_attempt_is_no_news() -> None:
    assert translate(TaskSaid(hook=ON_EXECUTE, at=AT, again=True)) == ()


def test_a_task_without_error_and_state_was_lost() -> None:
    assert message(TaskSaid(hook=ON_FAILURE, at=AT)) == message(TaskSaid(hook=ON_RETRY, at=AT)) == LOST
    assert message(TaskSaid(hook=ON_FAILURE, at=AT, state="failed")) is None
    assert message(TaskSaid(hook=ON_FAILURE, at=AT, reason="it deferred too long")) == "it deferred too long"
    assert message(TaskSaid(hook=ON_RETRY, at=AT, error=OSError("disk full"))) is None


def test_the_run_of_a_task() -> None:
    begun = AT - timedelta(minutes=1)
    said = TaskSaid(
        dag="nightly", run_id="scheduled__1", task="load", map_index=3, try_number=2, max_tries=2, started=begun, host="worker-1",
        link="https://airflow.example.com/dags/nightly",
    )  # fmt: skip
    link = "https://airflow.example.com/dags/nightly"
    assert run_of(said) == ForeignRun("load", "nightly/scheduled__1", "nightly", 3, 2, 3, started=begun, link=link, host="worker-1")
    assert run_of(TaskSaid(map_index=-1)).map_index is None


def test_a_cleared_run_of_a_dag_is_its_next_attempt() -> None:
    run = run_of(DagSaid(dag="nightly", run_id="r1", clearings=2))
    assert (run.name, run.group, run.attempt, run.attempts) == ("nightly", None, 3, 3)


def test_a_task_may_have_the_name_of_its_dag() -> None:
    task, dag = run_of(TaskSaid(dag="nightly", run_id="r1", task="nightly")), run_of(DagSaid(dag="nightly", run_id="r1"))
    assert task.name == dag.name == "nightly"
    assert task.key != dag.key


def dag_failed(*tasks: object, reason: str = "task_failure") -> DagSaid:
    return DagSaid(hook=DAG_FAILURE, at=AT, dag="nightly", run_id="r1", reason=reason, tasks=tasks, note="of 1 January")


def test_the_end_of_a_dag_counts_its_tasks_and_names_those_that_failed_or_never_ran() -> None:
    said = dag_failed(("fetch", None, "success"), ("load", 1, "failed"), ("report", None, "upstream_failed"), ("mail", None, None))
    (event,) = translate(said)
    assert message(said) == "load[1] failed"
    assert [(each.title, each.text) for each in event.facts.details] == [
        ("Note", "of 1 January"),
        ("Tasks", "1 Failed, 1 TriggerFailed, 1 Pending, 1 Success"),
        ("Failed or not run", "load[1] Failed\nreport TriggerFailed\nmail Pending"),
    ]
    assert TriggerFailed.__name__ in event.facts.details[2].text


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (dag_failed(), "a task failed"),
        (dag_failed(("load", None, "failed"), reason="all_tasks_deadlocked"), "its tasks wait for each other"),
        (dag_failed(reason="marked by a plugin"), "marked by a plugin"),
        (dag_failed(reason=""), "a task failed"),
        (dag_failed(*[(name, None, "failed") for name in "abcde"]), "a, b, c and 2 more failed"),
        (dag_failed(("odd", None, "a state of the next release"), "no task", ("too", "short")), "a task failed"),
    ],
)
def test_why_a_dag_failed(said: DagSaid, expected: str) -> None:
    assert message(said) == expected


def test_a_dag_that_took_too_long_timed_out() -> None:
    assert kinds(dag_failed(reason="timed_out")) == {TimedOut}


@pytest.mark.parametrize(
    ("state", "tries", "expected"),
    [
        ("running", (1, 2), ON_EXECUTE),
        ("success", (1, 2), ON_SUCCESS),
        ("skipped", (1, 2), ON_SKIPPED),
        ("up_for_retry", (1, 2), ON_RETRY),
        ("failed", (1, 2), ON_FAILURE),
        (None, (1, 2), ON_RETRY),
        (None, (3, 2), ON_FAILURE),
    ],
)
def test_a_notifier_finds_out_for_which_callback_it_is_called(state: str | None, tries: tuple[int, int], expected: str) -> None:
    assert hook_of(state, *tries) == expected


def test_the_engine_has_its_name() -> None:
    assert ENGINE.name == "Airflow"
