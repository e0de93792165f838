"""Storms of failures: a flow whose tasks all fail, and many threads that fail as fast as they can.

The tasks compute and do not sleep, so that the sending thread competes with them. The threads do nothing else: their time is that of
the messages, until the last of them has told its last one, with the collector of garbage on.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from time import perf_counter

import pytest
from returns.io import IOResult

from tests.benchmarks.ratios import Ratio, Rivals
from tests.benchmarks.servers import Served, live, serving
from tocsin import Failed, Flow, Running, Task, flush, interpreting, reliable, slack_notifier
from tocsin.core.effects import Effect
from tocsin.core.outcomes import Delivered, DeliveryError, Receipt
from tocsin.flows.report import Report
from tocsin.flows.task import FunctionTask
from tocsin.interpreters import Interpreter, Outbox, Rate
from tocsin.shell.interpreter import result_of

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


THREADS = 8
FORMAT = "%(asctime)s %(levelname)s %(name)s %(threadName)s %(message)s"


def accepted(_: Effect, /) -> IOResult[Receipt, DeliveryError]:
    """Accept each message at once."""
    return result_of(Delivered())


def storm(failures: int, tell: Callable[[ValueError], None]) -> float:
    """Return the microseconds for each of so many failures, which threads raise and tell of."""

    def work(first: int) -> None:
        for row in range(first, failures, THREADS):
            try:
                raise ValueError(f"row {row} is broken")
            except ValueError as error:
                tell(error)

    threads = [threading.Thread(target=work, args=(first,)) for first in range(THREADS)]
    began = perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return (perf_counter() - began) * 1e6 / failures


LOAD = Task("load")
NOTIFY = slack_notifier(only_states=[Failed])


def notify(error: ValueError) -> None:
    """Tell of a failure."""
    NOTIFY(LOAD, Running(), Failed(str(error), result=error))


@pytest.mark.parametrize(("what", "target"), [("in memory", 1.8), ("in an outbox", 3.5)])
def test_a_storm_costs_little_more_than_a_log_of_it(what: str, target: float, rivals: Rivals, tmp_path: Path) -> None:
    failures, rounds = (10_000, 5) if rivals.benchmark.enabled else (40, 1)
    logger, handler = logging.Logger("storm"), logging.FileHandler(tmp_path / "storm.log")
    handler.setFormatter(logging.Formatter(FORMAT))
    logger.addHandler(handler)
    measured = list[tuple[float, float]]()
    rivals.benchmark.pedantic(lambda: None, setup=lambda: None, rounds=1)
    with ExitStack() as stack:
        kept: Interpreter = reliable(accepted, slack=Rate(10**6, per=1.0, burst=10**6), min_interval=0.0)
        if what == "in an outbox":
            kept = stack.enter_context(closing(Outbox(accepted, f"sqlite:///{tmp_path}/outbox.sqlite", min_interval=0.0)))
        for _ in range(rounds):
            limit = storm(failures, lambda _: logger.exception("load failed"))
            with interpreting(kept):
                measured.append((storm(failures, notify), limit))
            assert flush(60)
    handler.close()
    rivals.note(Ratio(f"{failures:,} failures, {THREADS} threads, {what}, against a log", target, measured, "µs"))
