"""Graphs are built, and wrong edges and tasks are refused by name."""

from itertools import pairwise

import pytest

from tocsin import Flow, Success, Task, task
from tocsin.testing import FakeClock


@task
def one() -> int:
    return 1


@task
def add(x: int, y: int = 1) -> int:
    return x + y


@task
def total(*numbers: int, **more: int) -> int:
    return sum(numbers) + sum(more.values())


def test_inputs_are_results_and_values() -> None:
    with Flow("sums") as flow:
        first = one()
        three = add(first, y=2)
        seven = total(three, 2, first, last=first)
    report = flow.run()
    assert report.task_states[seven].result == 7
    assert [edge.key for edge in flow.edges] == ["x", "numbers", "numbers", "more"]
    assert flow.upstream(seven) == (three, first)


def test_tasks_may_hide_in_collections() -> None:
    @task
    def gather(shape: object) -> object:
        return shape

    constant = ["no", "tasks"]
    with Flow("shapes") as flow:
        a, b = one(), add(1)
        shaped = gather({"list": [a, 5], "tuple": (b, (a,)), "set": {a}, "constant": constant, b: "key"})
        plain = gather(constant)
    report = flow.run()
    assert report.task_states[shaped].result == {"list": [1, 5], "tuple": (2, (1,)), "set": {1}, "constant": constant, 2: "key"}
    assert report.task_states[plain].result is constant


def test_each_call_is_a_task_of_its_own() -> None:
    with Flow("twice") as flow:
        assert one() is not one()
    assert [node.name for node in flow.tasks] == ["one", "one"]
    assert {each.change.slug for each in flow.run().changes} == {"twice", "one", "one-2"}


def test_equal_names_have_slugs_of_their_own() -> None:
    tasks = [Task("load", state_handlers=[lambda *_: None]) for _ in range(3)]
    report = Flow("load", tasks=tasks, state_handlers=[lambda *_: None]).run()
    seen = [each.change.slug for each in report.changes]
    assert set(seen) == {"load", "load-2", "load-3", "load-4"}
    keys = [each.change.key(0) for each in report.changes]
    assert len(set(keys)) == len(keys) == 8


def test_a_cycle_is_refused_with_its_tasks() -> None:
    a, b, c, d = (Task(name) for name in "abcd")
    flow = Flow("round", tasks=[a, b, c, d])
    flow.add_edge(a, b)
    flow.add_edge(b, c)
    flow.add_edge(a, d)
    flow.add_edge(b, d)
    with pytest.raises(ValueError, match="from 'c' to 'a' would close a cycle: 'c' → 'a' → 'b' → 'c'"):
        flow.add_edge(c, a)
    with pytest.raises(ValueError, match="from 'a' to 'a' would close a cycle: 'a' → 'a'"):
        flow.add_edge(a, a)
    flow.add_edge(d, c)
    assert [node.name for node in flow.sorted_tasks()] == ["a", "b", "d", "c"]


def test_a_duplicate_edge_is_refused_by_name() -> None:
    a, b = Task("a"), Task("b")
    flow = Flow("twice")
    flow.add_edge(a, b)
    with pytest.raises(ValueError, match="the edge from 'a' to 'b' is in the flow 'twice' already"):
        flow.add_edge(a, b)
    flow.add_edge(a, b, key="x")
    with pytest.raises(ValueError, match="the edge from 'a' to 'b' as 'x' is in the flow 'twice' already"):
        flow.add_edge(a, b, key="x")


def test_a_task_of_another_flow_is_refused_by_name() -> None:
    with Flow("first"):
        theirs = one()
    with Flow("second") as second, pytest.raises(ValueError, match="'one' belongs to another flow, 'first', not to 'second'"):
        add(theirs)
    with pytest.raises(ValueError, match="'one' is not in the flow 'second'"):
        second.set_reference_tasks([theirs])
    with pytest.raises(ValueError, match="task_states holds the task 'one', which is not in the flow 'second'"):
        second.run(task_states={theirs: Success()})


def test_the_imperative_calls() -> None:
    first, last = one, Task("last")
    loose = add
    flow = Flow("by hand")
    flow.set_dependencies(loose, upstream_tasks=[first], downstream_tasks=[last], keyword_tasks={"x": 5})
    flow.add_edge(first, loose, key="y")
    flow.set_reference_tasks([loose])
    report = flow.run()
    assert report.task_states[loose].result == 6
    assert flow.reference_tasks == (loose,)
    assert repr(flow) == "<Flow 'by hand' of 3 tasks>"
    one.flow = add.flow = None  # other tests use these tasks of the module


def test_upstream_tasks_come_before_without_an_input() -> None:
    with Flow("order") as flow:
        later = one(upstream_tasks=[earlier := add(1)])
    assert flow.sorted_tasks() == (earlier, later)
    assert flow.inputs(later).args == ()


def test_inputs_that_a_body_does_not_take() -> None:
    with Flow("wrong"), pytest.raises(TypeError, match="the task 'add' does not take these inputs: missing a required argument: 'x'"):
        add()


def test_a_task_called_outside_a_flow() -> None:
    with pytest.raises(ValueError, match="the task 'one' was called outside a flow"):
        one()


def test_flows_may_be_nested_as_blocks() -> None:
    with Flow("outer") as outer:
        with Flow("inner") as inner:
            one()
        one()
        one()
    assert (len(inner.tasks), len(outer.tasks)) == (1, 2)


def test_a_long_chain_in_either_order() -> None:
    tasks = [Task(str(n)) for n in range(300)]
    flow = Flow("back", tasks=tasks)
    for upstream, downstream in reversed(list(pairwise(tasks))):
        flow.add_edge(upstream, downstream)
    assert flow.sorted_tasks() == tuple(tasks)
    assert flow.run(clock=FakeClock()).state.is_successful()


@pytest.mark.parametrize("name", ["", 3, None])
def test_a_flow_has_a_name(name: str) -> None:
    with pytest.raises(TypeError, match="a name is a str that is not empty"):
        Flow(name)


def test_an_edge_between_two_chains_closes_no_cycle() -> None:
    first, second, third, fourth = (Task(name) for name in ("first", "second", "third", "fourth"))
    flow = Flow("chains")
    flow.add_edge(first, second)
    flow.add_edge(third, fourth)
    flow.add_edge(second, third)
    assert flow.sorted_tasks() == (first, second, third, fourth)
