"""``Flow``: tasks and their dependencies."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from contextvars import Token
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Self

import attrs

from tocsin.core.absent import instead, lookup
from tocsin.core.machine import ForeignHandler, HandlerErrors
from tocsin.core.notifiers import Notifier
from tocsin.core.states import State
from tocsin.core.text import quote
from tocsin.flows.inputs import FlowPlan, Inputs, tasks_in
from tocsin.flows.report import Report
from tocsin.flows.task import Graph, Task, active_flow, checked_name, checked_task, explaining, on_failed
from tocsin.shell.adapters import Clock
from tocsin.shell.handlers.attach import attached
from tocsin.shell.interpreter import Interpreter

# spelt out, as in ``task``
FlowHandler = Callable[["Flow", State, State], State | None] | Notifier
"""``(flow, old_state, new_state)``, returning a state, or None for no change."""


@attrs.frozen
class Edge:
    """``upstream`` runs before ``downstream``. With a ``key``, its result is the input of that name."""

    upstream: Task
    downstream: Task
    key: str | None = None


class Flow:
    """Tasks and their dependencies. A flow has a state of its own.

    Args:
        name: the name in messages.
        tasks: tasks to add at once.
        state_handlers: handlers to call on each change of the flow's state, in order.
        on_failure: called as ``on_failure(flow, state)`` when the flow fails, after all handlers.

    >>> from tocsin import Flow, task
    >>> @task
    ... def add(x: int, y: int = 1) -> int:
    ...     return x + y
    >>> with Flow("sums") as flow:
    ...     total = add(add(1), y=10)
    >>> report = flow.run()
    >>> report.state, report.task_states[total].result
    (Success("All reference tasks succeeded."), 12)
    """

    @explaining("Flow")
    def __init__(
        self,
        name: str = "Flow",
        *,
        tasks: Iterable[Task] = (),
        state_handlers: Iterable[FlowHandler] | None = None,
        on_failure: Callable[["Flow", State], object] | None = None,
    ) -> None:
        self.name: str = checked_name(name)
        self.handlers: tuple[Notifier | ForeignHandler, ...] = (*attached(state_handlers), *on_failed(on_failure))
        self._inputs: dict[Task, Inputs] = {}
        self._edges: dict[Edge, None] = {}
        self._before: dict[Task, dict[Task, None]] = {}
        self._after: dict[Task, dict[Task, None]] = {}
        self._in_a_plan = False
        self._references: tuple[Task, ...] = ()
        self._tokens: list[Token[Graph | None]] = []
        for added in tasks:
            self.add_task(added)

    # --- as a block -----------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._tokens.append(active_flow.set(self))
        return self

    def __exit__(self, *exc: object) -> None:
        active_flow.reset(self._tokens.pop())

    # --- by hand --------------------------------------------------------------------------------------------------------------

    def add_task(self, task: Task) -> Task:
        """Add a task if it is not in the flow yet, and return it. A task of another flow raises a ValueError."""
        if self._owned(task) not in self._inputs:
            self._leave_plan()
            task.flow = self
            self._inputs[task], self._before[task], self._after[task] = Inputs(), {}, {}
        return task

    def add_edge(self, upstream: Task, downstream: Task, key: str | None = None) -> Edge:
        """Make one task run before another. With a ``key``, its result is the input of that name. Add both tasks if need be.

        Raises:
            ValueError: the edge exists already, would close a cycle, or leads to another flow. The message names the tasks.
        """
        edge = Edge(self.add_task(upstream), self.add_task(downstream), key)
        if edge in self._edges:
            named = f" as {key!r}" if key else ""
            raise ValueError(f"the edge from {upstream.name!r} to {downstream.name!r}{named} is in the flow {self.name!r} already")
        if path := self._path(downstream, upstream):
            names = " → ".join(repr(task.name) for task in (upstream, *path))
            raise ValueError(f"the edge from {upstream.name!r} to {downstream.name!r} would close a cycle: {names}")
        self._leave_plan()
        self._edges[edge] = None
        self._before[downstream][upstream] = self._after[upstream][downstream] = None
        if key is not None:
            inputs = self._inputs[downstream]
            self._inputs[downstream] = Inputs(inputs.args, {**inputs.kwargs, key: upstream})
        return edge

    def set_dependencies(
        self,
        task: Task,
        *,
        upstream_tasks: Iterable[Task] = (),
        downstream_tasks: Iterable[Task] = (),
        keyword_tasks: Mapping[str, object] | None = None,
    ) -> None:
        """Add a task with its upstream and downstream tasks and its keyword inputs. A task as an input stands for its result."""
        self.add_task(task)
        for upstream in upstream_tasks:
            self.add_edge(upstream, task)
        for downstream in downstream_tasks:
            self.add_edge(task, downstream)
        if keyword_tasks:
            self.bind(task, (), keyword_tasks, partly=True)

    def set_reference_tasks(self, tasks: Iterable[Task]) -> None:
        """Let only these tasks decide how the flow ends; none means the terminal ones. A task of another flow raises a ValueError."""
        chosen = tuple(tasks)
        for task in chosen:
            if task not in self._inputs:
                raise ValueError(f"the task {task.name!r} is not in the flow {self.name!r}, and cannot decide how it ends")
        self._references = chosen

    def bind(self, task: Task, args: tuple[object, ...], kwargs: Mapping[str, object], *, partly: bool = False) -> None:
        """Add a task with these inputs, and an edge for each task in them. Inputs that the body does not take raise a TypeError."""
        signature = task.signature()
        try:
            bound = signature.bind_partial(*args, **kwargs) if partly else signature.bind(*args, **kwargs)
        except TypeError as error:
            known = next((why for name in kwargs if (why := instead("the call of a task", name)) is not None), str(error))
            reason = f"the task {task.name!r} does not take these inputs: {known}"
        else:
            for upstream in tasks_in((*args, *kwargs.values())):
                self._owned(upstream)  # before anything is added
            self._bind(self.add_task(task), bound)
            return
        raise TypeError(reason)

    def _owned(self, task: Task) -> Task:
        owner = checked_task(task).flow
        if owner is not None and owner is not self:
            raise ValueError(f"the task {task.name!r} belongs to another flow, {owner.name!r}, not to {self.name!r}")
        return task

    def _bind(self, task: Task, bound: inspect.BoundArguments) -> None:
        before = self._inputs[task]
        for key, value in bound.arguments.items():
            for upstream in dict.fromkeys(tasks_in(value)):
                self.add_edge(upstream, task, key)
        self._leave_plan()
        self._inputs[task] = Inputs(bound.args or before.args, {**before.kwargs, **bound.kwargs})

    def _leave_plan(self) -> None:
        """Before a change, leave to the plan of a run what it has. To copy at each run would cost a tenth of the memory of the run."""
        if self._in_a_plan:
            self._inputs, self._before = dict(self._inputs), {task: dict(before) for task, before in self._before.items()}
            self._in_a_plan = False

    def _path(self, start: Task, end: Task) -> list[Task]:
        """Return the tasks on a path along the edges, or nothing if there is no path."""
        if start is end:
            return [start]
        if not self._after[start] or not self._before[end]:  # the usual case: a new end of a chain
            return []
        predecessors: dict[Task, Task] = {start: start}
        stack = [start]
        while stack:
            here = stack.pop()
            for after in self._after[here]:
                if after not in predecessors:
                    predecessors[after] = here
                    stack.append(after)
        if end not in predecessors:
            return []
        path = [end]
        while path[-1] is not start:
            path.append(predecessors[path[-1]])
        return path[::-1]

    # --- reading --------------------------------------------------------------------------------------------------------------

    @property
    def tasks(self) -> tuple[Task, ...]:
        """All tasks, in the order of adding."""
        return tuple(self._inputs)

    @property
    def edges(self) -> tuple[Edge, ...]:
        """All edges, in the order of adding."""
        return tuple(self._edges)

    @property
    def reference_tasks(self) -> tuple[Task, ...]:
        """The tasks that decide how the flow ends: those that were set, else those without downstream tasks."""
        return self._references or tuple(task for task, after in self._after.items() if not after)

    def upstream(self, task: Task) -> tuple[Task, ...]:
        """Return the tasks directly before a task, in the order of the edges."""
        return tuple(self._before[task])

    def inputs(self, task: Task) -> Inputs:
        """Return the inputs of a task."""
        return self._inputs[task]

    def sorted_tasks(self) -> tuple[Task, ...]:
        """Return all tasks in topological order."""
        return tuple(TopologicalSorter(self._before).static_order())

    @explaining("Flow.run")
    def run(
        self,
        *,
        task_states: Mapping[Task, State] | None = None,
        interpreter: Interpreter | None = None,
        handler_errors: HandlerErrors = "record",
        clock: Clock | None = None,
    ) -> Report:
        """Run all tasks, one after the other, and return a report.

        Args:
            task_states: states to start from, such as those of an earlier run; a task that is finished is not run again.
            interpreter: executes the notifications; by default the one in force.
            handler_errors: "record" logs a handler or a notification that fails, and continues; "fail" fails the run.
            clock: returns the time, and waits for retries; by default the system's clock.

        Raises:
            ValueError: a task in ``task_states`` is not in this flow.
            KeyboardInterrupt, SystemExit: a body raised it. It is announced as Aborted, and raised again.
        """
        from tocsin.flows.runner import run

        for task in task_states or ():
            if checked_task(task).flow is not self:
                raise ValueError(f"task_states holds the task {task.name!r}, which is not in the flow {self.name!r}")
        plan = FlowPlan(self, self.handlers, self.sorted_tasks(), self.reference_tasks, self._before, self._inputs)
        self._in_a_plan = True
        return run(plan, task_states or {}, interpreter, handler_errors, clock)

    def __repr__(self) -> str:
        return f"<Flow {quote(self.name)} of {len(self._inputs)} tasks>"

    if not TYPE_CHECKING:  # a type checker refuses an attribute that is not here

        def __getattr__(self, name):
            return lookup(self, "Flow", name)
