"""``Report.result``: what a task returned, its own error, or that it never ran."""

import pytest

from tocsin import Aborted, Failed, Flow, Report, State, Task, TimedOut, signals, task
from tocsin.errors import TaskFailed


@task
def add(x: int, y: int) -> int:
    return x + y


@task
def divide(x: int) -> float:
    return x / 0


@task
def skip() -> str:
    raise signals.SKIP("nothing new")


def ended(state: State) -> tuple[Report, Task]:
    """Return the report of a flow whose task ends in this state."""
    work = Task("work")
    return Flow("one", tasks=[work]).run(task_states={work: state}), work


def test_the_result_is_what_the_body_returned() -> None:
    with Flow("sums") as flow:
        total = add(add(1, 2), 4)
    assert flow.run().result(total) + 1 == 8


def test_a_failed_task_raises_its_own_error() -> None:
    with Flow("sums") as flow:
        quotient = divide(1)
        after = add(quotient, 1)
    report = flow.run()
    with pytest.raises(ZeroDivisionError):
        report.result(quotient)
    with pytest.raises(LookupError, match=r"the task 'add' never ran to an end: its state is TriggerFailed\(.*\)"):
        report.result(after)


@pytest.mark.parametrize("state", [Failed("a handler said so"), TimedOut("after 3 s"), Aborted("stopped")])
def test_a_failure_without_an_exception_is_one_of_ours(state: State) -> None:
    report, work = ended(state)
    with pytest.raises(TaskFailed, match=r"the task 'work' failed: its state is \w+\("):
        report.result(work)


def test_a_skipped_task_never_ran_to_an_end() -> None:
    with Flow("sums") as flow:
        skipped = skip()
    with pytest.raises(LookupError, match="the task 'skip' never ran to an end: its state is Skipped"):
        flow.run().result(skipped)


def test_a_task_of_another_flow_is_not_in_the_report() -> None:
    with pytest.raises(LookupError, match="the task 'other' is not in this report"):
        Flow("empty").run().result(Task("other"))
