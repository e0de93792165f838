"""Overhead of notifications in a flow whose tasks all fail.

The tasks compute and do not sleep, so that the sending thread competes with them.
"""

from collections.abc import Iterator
from time import perf_counter

import pytest

from tests.benchmarks.ratios import Ratio, Rivals
from tests.benchmarks.servers import Served, live, serving
from tocsin import Failed, Flow, flush, reliable, slack_notifier
from tocsin.core.outcomes import Delivered
from tocsin.flows.report import Report
from tocsin.flows.task import FunctionTask
from tocsin.interpreters import Interpreter

pytestmark = pytest.mark.tocsin_live

WORK = 300_000  # steps, of 5 ms or so together


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A stand-in for Slack in its own process."""
    with serving(tmp_path_factory.mktemp("served")) as served:
        yield served


def fail() -> None:
    """Work for a while, then fail."""
    raise ValueError(f"{sum(range(WORK))} rows are broken")


def failing(tasks: int, *, notifying: bool) -> Flow:
    """Return a flow whose tasks all fail, with or without notifications."""
    flow, handlers = Flow("failing"), [slack_notifier(only_states=[Failed])] if notifying else []
    for number in range(tasks):
        flow.add_task(FunctionTask(fail, name=f"task {number}", state_handlers=handlers))
    return flow


def ran(flow: Flow, interpreter: Interpreter) -> tuple[float, Report]:
    """Run the flow, and return the milliseconds and the report."""
    began = perf_counter()
    report = flow.run(interpreter=interpreter)
    return (perf_counter() - began) * 1000, report


def test_a_flow_that_notifies_of_each_failure_is_hardly_slower(rivals: Rivals, served: Served) -> None:
    tasks, rounds = (200, 7) if rivals.benchmark.enabled else (12, 1)
    silent, notifying = failing(tasks, notifying=False), failing(tasks, notifying=True)
    measured = list[tuple[float, float]]()
    rivals.benchmark.pedantic(lambda: None, setup=lambda: None, rounds=1)
    with live(served) as sends:
        reliably = reliable(sends)
        for _ in range(rounds):
            limit, _ = ran(silent, reliably)
            ours, report = ran(notifying, reliably)
            measured.append((ours, limit))
            assert flush(60)
            outcomes = [delivery.outcome for delivery in report.deliveries]
            assert [isinstance(outcome, Delivered) for outcome in outcomes] == [True] * tasks
    rivals.note(Ratio(f"flow of {tasks} failures, against one without notifications", 1.05, measured, "ms"))
