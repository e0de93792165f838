"""Overhead of a flow over the work of its tasks."""

import tracemalloc
from graphlib import TopologicalSorter
from itertools import pairwise
from timeit import Timer

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


def test_a_task_in_a_chain_of_100(rivals: Rivals) -> None:
    ours = Timer("flow.run()", globals={"flow": chain(100)})
    limit = Timer(LIMIT, globals={"TopologicalSorter": TopologicalSorter, "graph": graph(100), "work": work})
    # 25 µs, on a machine where the limit takes 1.7 µs
    rivals.measure("flow, a task in a chain of 100", 14.7, ours, limit, calls=1, rounds=150, share=100, unit="µs")


def test_a_task_in_a_chain_of_10_000_costs_what_it_does_in_one_of_100(rivals: Rivals) -> None:
    many = 100 if rivals.benchmark.enabled else 2
    ours = Timer("flow.run()", globals={"flow": chain(100 * many)})
    limit = Timer(f"for _ in range({many}): flow.run()", globals={"flow": chain(100)})
    rivals.measure("flow, a task in a chain of 10,000, against 100", 1.5, ours, limit, calls=1, rounds=3, share=100 * many, unit="µs")


def test_memory_grows_with_the_number_of_tasks_alone(rivals: Rivals) -> None:
    few, many = (1_000, 10_000) if rivals.benchmark.enabled else (100, 1_000)
    rivals.benchmark.pedantic(lambda: None, setup=lambda: None, rounds=1)
    memory = Ratio("flow, memory a task at 10,000, against 1,000", 1.2, [(peak(chain(many)), peak(chain(few)))], "bytes")
    rivals.note(memory)
    assert memory.value < 1.2
