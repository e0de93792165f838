"""What a flow whose tasks all fail takes longer because people are told of each failure.

The tasks are at work, and do not sleep, so that the thread that sends has to take its time from them.
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
    """Slack in a process of its own."""
    with serving(tmp_path_factory.mktemp("served")) as served:
        yield served


def fail() -> None:
    """Work for a while, in vain."""
    raise ValueError(f"{sum(range(WORK))} rows are broken")


def failing(tasks: int, *, telling: bool) -> Flow:
    """A flow of tasks that all fail, and that tell of it or do not."""
    flow, handlers = Flow("failing"), [slack_notifier(only_states=[Failed])] if telling else []
    for number in range(tasks):
        flow.add_task(FunctionTask(fail, name=f"task {number}", state_handlers=handlers))
    return flow


def ran(flow: Flow, interpreter: Interpreter) -> tuple[float, Report]:
    """A run of the flow, and how many milliseconds it took."""
    began = perf_counter()
    report = flow.run(interpreter=interpreter)
    return (perf_counter() - began) * 1000, report


def test_a_flow_that_tells_of_each_failure_is_hardly_slower_for_it(rivals: Rivals, served: Served) -> None:
    tasks, rounds = (200, 7) if rivals.benchmark.enabled else (12, 1)
    silent, telling = failing(tasks, telling=False), failing(tasks, telling=True)
    measured = list[tuple[float, float]]()
    rivals.benchmark.pedantic(lambda: None, setup=lambda: None, rounds=1)
    with live(served) as sends:
        reliably = reliable(sends)
        for _ in range(rounds):
            limit, _ = ran(silent, reliably)
            ours, report = ran(telling, reliably)
            measured.append((ours, limit))
            assert flush(60)
            outcomes = [delivery.outcome for delivery in report.deliveries]
            assert [isinstance(outcome, Delivered) for outcome in outcomes] == [True] * tasks
    rivals.note(Ratio(f"flow of {tasks} failures, against one that tells nobody", 1.05, measured, "ms"))
