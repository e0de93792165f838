"""What a run takes of a flow: its plan, the inputs of a task, and the call of its body with them within its timeout.

A Task anywhere in an input stands for its result.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeGuard

import attrs

from tocsin.core.changes import Tracked
from tocsin.core.machine import ForeignHandler
from tocsin.core.notifiers import Notifier
from tocsin.core.text import is_a
from tocsin.core.validation import invoke
from tocsin.flows.task import Task
from tocsin.shell.threads import CallThread


class OutOfTime(Exception):
    """A body exceeded its timeout. It continues in its thread, which is never joined."""


@attrs.frozen
class Inputs:
    """Positional and keyword inputs, before each task in them is replaced by its result."""

    args: tuple[object, ...] = ()
    kwargs: Mapping[str, object] = attrs.field(factory=dict[str, object])


@attrs.frozen(eq=False)
class FlowPlan:
    """A flow as a run takes it. A task that is added during the run belongs to the next run.

    Args:
        flow: the flow, which its handlers get.
        handlers: its handlers.
        order: its tasks in topological order.
        references: the tasks that decide how it ends.
        upstream: the tasks directly before each task. The keys are all tasks, in the order of adding.
        inputs: the inputs of each task.
    """

    flow: Tracked
    handlers: tuple[Notifier | ForeignHandler, ...]
    order: tuple[Task, ...]
    references: tuple[Task, ...]
    upstream: Mapping[Task, Iterable[Task]]
    inputs: Mapping[Task, Inputs]


@attrs.frozen(eq=False)
class MadeUp:
    """How a run is previewed: no body runs, and no function of the user's is called as a handler.

    Args:
        end: called in place of each body. It returns the result or raises what the body would.
        interrupt: the exception that ``end`` raises for an interrupted body. It is not raised again at the end of the run.
    """

    end: Callable[[Task], object]
    interrupt: KeyboardInterrupt


def tasks_in(value: object) -> Iterator[Task]:
    """Yield the tasks in an input: the input itself, or those in lists, tuples, sets and dicts, at any depth."""
    if is_a(value, Task):
        yield value
    elif _is_dict(value):
        for key, inner in value.items():
            yield from tasks_in(key)
            yield from tasks_in(inner)
    elif _is_list(value) or _is_tuple(value) or _is_set(value):
        for inner in value:
            yield from tasks_in(inner)


def resolve_inputs(value: object, result_of: Callable[[Task], object]) -> object:
    """Return the input with each task in it replaced by its result. An input without tasks is returned as the same object."""
    if is_a(value, Task):
        return result_of(value)
    if next(tasks_in(value), None) is None:
        return value
    if _is_dict(value):
        return {resolve_inputs(key, result_of): resolve_inputs(inner, result_of) for key, inner in value.items()}
    if _is_list(value):
        return [resolve_inputs(inner, result_of) for inner in value]
    if _is_tuple(value):
        return tuple(resolve_inputs(inner, result_of) for inner in value)
    return {resolve_inputs(inner, result_of) for inner in value} if _is_set(value) else value


def _is_dict(value: object) -> TypeGuard[dict[object, object]]:
    return type(value) is dict


def _is_list(value: object) -> TypeGuard[list[object]]:
    return type(value) is list


def _is_tuple(value: object) -> TypeGuard[tuple[object, ...]]:
    return type(value) is tuple


def _is_set(value: object) -> TypeGuard[set[object] | frozenset[object]]:
    return type(value) is set or type(value) is frozenset  # without the hash of a user's class


def run_body(task: Task, inputs: Inputs, result_of: Callable[[Task], object]) -> object:
    """Call the body with its resolved inputs, and return its result. Raise its exception, or ``OutOfTime``."""
    body = task.body
    if body is None:
        return None
    args = [resolve_inputs(value, result_of) for value in inputs.args]
    kwargs = {name: resolve_inputs(value, result_of) for name, value in inputs.kwargs.items()}
    if task.timeout is None:
        return invoke(body, *args, **kwargs)
    thread = CallThread("tocsin-body", lambda: invoke(body, *args, **kwargs))
    thread.start()
    if not thread.wait(task.timeout):
        raise OutOfTime
    return thread.result()
