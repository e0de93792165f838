"""``Report``: how a run of a flow went, and the final states and the results of its tasks."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ParamSpec, TypeVar, overload

import attrs

from tocsin.core.absent import lookup
from tocsin.core.states import Skipped, State, Success, TriggerFailed
from tocsin.core.text import is_a, quote
from tocsin.flows.task import FunctionTask, Task
from tocsin.shell.report import RunReport

_P = ParamSpec("_P")
_R = TypeVar("_R")


class TaskFailed(RuntimeError):
    """A task failed without an exception of its own. The message names the task and its state."""

    __module__ = "tocsin.errors"  # where users find it


@attrs.frozen(repr=False, eq=False)
class Report(RunReport):
    """How a run of a flow went; frozen. It is a ``RunReport`` that also knows the tasks.

    Args:
        task_states: the final state of each task; pass it to a later run to continue from there.
    """

    task_states: Mapping[Task, State]

    @overload
    def result(self, task: FunctionTask[_P, _R]) -> _R: ...
    @overload
    def result(self, task: Task) -> object: ...
    def result(self, task: Task) -> object:
        """Return what the body of a task returned.

        Raises:
            Exception: the task failed: its own exception; ``tocsin.errors.TaskFailed`` if it has none.
            LookupError: the body never ran to an end: the task was skipped, its trigger failed, it waits, or it is not in the flow.

        >>> from tocsin import Flow, task
        >>> @task
        ... def add(x: int, y: int) -> int:
        ...     return x + y
        >>> with Flow("sums") as flow:
        ...     total = add(1, 2)
        >>> flow.run().result(total)
        3
        """
        state = self.task_states.get(task)
        if isinstance(state, Success) and not isinstance(state, Skipped):
            return state.result
        if state is None or not state.is_failed() or isinstance(state, TriggerFailed):
            known = "is not in this report" if state is None else f"never ran to an end: its state is {state!r}"
            raise LookupError(f"the task {quote(task.name)} {known}")
        if is_a(state.result, BaseException):
            raise state.result
        raise TaskFailed(f"the task {quote(task.name)} failed: its state is {state!r}")

    if not TYPE_CHECKING:  # a type checker refuses an attribute that is not here

        def __getattr__(self, name):
            return lookup(self, "a report", name)
