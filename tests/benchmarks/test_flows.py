"""Overhead of a flow over the work of its tasks."""

import gc
import tracemalloc
from graphlib import TopologicalSorter
from itertools import pairwise
from timeit import Timer

import pytest

from tests.benchmarks.ratios import Ratio, Rivals
from tocsin import Failed, Flow, slack_notifier
from tocsin.flows.task import FunctionTask

LIMIT = "for number in TopologicalSorter(graph).static_order(): work(number)"


def work(number: int = 0) -> int:
    """Do almost nothing."""
    return number


def chain(length: int) -> Flow:
    """Return a flow of sequential tasks, each with one notifier that sends nothing."""
    handler = slack_notifier(only_states=[Failed])
    flow = Flow("chain")
    tasks = [flow.add_task(FunctionTask(work, name=f"task {number}", state_handlers=[handler])) for number in range(length)]
    for before, after in pairwise(tasks):
        flow.add_edge(before, after)
    return flow


def graph(length: int) -> dict[int, tuple[int, ...]]:
    """Return the same chain for graphlib."""
    return {number: (number - 1,) if number else () for number in range(length)}


def peak(flow: Flow) -> float:
    """Return the peak memory of a run of the flow, in bytes per task."""
    tracemalloc.start()
    try:
        report = flow.run()
        return tracemalloc.get_traced_memory()[1] / len(report.task_states)
    finally:
        tracemalloc.stop()


def kept(flow: Flow) -> float:
    """Return the memory that the report of a run of the flow keeps, in bytes per task."""
    tracemalloc.start()
    try:
        report = flow.run()
        gc.collect()
        return tracemalloc.get_traced_memory()[0] / len(report.task_states)
    finally:
        tracemalloc.stop()


def test_a_task_in_a_chain_of_100(rivals: Rivals) -> None:
    ours = Timer("flow.run()", globals={"flow": chain(100)})
    limit = Timer(LIMIT, globals={"TopologicalSorter": TopologicalSorter, "graph": graph(100), "work": work})
    # 25 µs, on a machine where the limit takes 1.7 µs
    rivals.measure("flow, a task in a chain of 100", 14.7, ours, limit, calls=1, rounds=150, share=100, unit="µs")


@pytest.mark.parametrize(("many", "target", "rounds"), [(100, 1.15, 5), (1_000, 1.3, 3)])
def test_a_task_in_a_long_chain_costs_what_it_does_in_one_of_100(many: int, target: float, rounds: int, rivals: Rivals) -> None:
    chains = many if rivals.benchmark.enabled else 2
    collecting = "gc.enable()"  # timeit switches the collector off, and it walks what a long flow keeps
    ours = Timer("flow.run()", collecting, globals={"flow": chain(100 * chains), "gc": gc})
    limit = Timer(f"for _ in range({chains}): flow.run()", collecting, globals={"flow": chain(100), "gc": gc})
    what = f"flow, a task in a chain of {100 * many:,}, against 100"
    rivals.measure(what, target, ours, limit, calls=1, rounds=rounds, share=100 * chains, unit="µs")


def test_a_report_keeps_little_of_a_task(rivals: Rivals) -> None:
    many = 10_000 if rivals.benchmark.enabled else 1_000
    rivals.benchmark.pedantic(lambda: None, setup=lambda: None, rounds=1)
    memory = Ratio("flow, bytes that a report keeps of a task", 600, [(kept(chain(many)), 1)], "bytes")
    rivals.note(memory)
    assert memory.value < 800


def test_memory_grows_with_the_number_of_tasks_alone(rivals: Rivals) -> None:
    few, many = (1_000, 10_000) if rivals.benchmark.enabled else (100, 1_000)
    rivals.benchmark.pedantic(lambda: None, setup=lambda: None, rounds=1)
    memory = Ratio("flow, memory a task at 10,000, against 1,000", 1.2, [(peak(chain(many)), peak(chain(few)))], "bytes")
    rivals.note(memory)
    assert memory.value < 1.2
