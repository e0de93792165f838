"""``Task`` and ``@task``: a body to run, with its options."""

import copyreg
import functools
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Generic, ParamSpec, Protocol, Self, TypedDict, TypeVar, Unpack, overload

from tocsin.core.absent import instead, lookup
from tocsin.core.changes import Tracked
from tocsin.core.machine import ForeignHandler
from tocsin.core.notifiers import Notifier
from tocsin.core.planning import CacheValidator, RetryRules, unexpired
from tocsin.core.states import State
from tocsin.core.text import is_a, quote
from tocsin.core.triggers import Trigger, all_successful
from tocsin.core.validation import at_least, is_seconds, is_span, is_text
from tocsin.shell.handlers.attach import attached
from tocsin.shell.handlers.callback import callback_factory

_P = ParamSpec("_P")
_R = TypeVar("_R")
_T = TypeVar("_T", bound=Tracked)

# spelt out, since pyrefly 1.5 passes anything through ``StateHandler["Task"]``
TaskHandler = Callable[["Task", State, State], State | None] | Notifier
"""``(task, old_state, new_state)``, returning a state, or None for no change."""


def explaining(owner: str) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Return a decorator: of an argument that Prefect's ``owner`` had, the TypeError says what to write instead."""

    def decorate(function: Callable[_P, _R]) -> Callable[_P, _R]:
        @functools.wraps(function)
        def explained(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            for name in kwargs:
                if (why := instead(owner, name)) is not None:
                    raise TypeError(why)
            return function(*args, **kwargs)

        return explained

    return decorate


class Graph(Protocol):
    """What a task needs of its flow."""

    name: str

    def bind(self, task: "Task", args: tuple[object, ...], kwargs: Mapping[str, object]) -> None:
        """Add a task with these inputs, and an edge for each task in them."""
        ...

    def set_dependencies(self, task: "Task", *, upstream_tasks: Iterable["Task"]) -> None:
        """Add a task with its upstream tasks."""
        ...


active_flow: ContextVar[Graph | None] = ContextVar("tocsin_active_flow", default=None)
"""The flow of the innermost ``with Flow(...)``."""


class TaskOptions(TypedDict, total=False):
    """The options of ``Task``, which describes them."""

    name: str | None
    state_handlers: Iterable[TaskHandler] | None
    on_failure: Callable[["Task", State], object] | None
    max_retries: int
    retry_delay: timedelta | None
    timeout: float | None
    trigger: Trigger
    skip_on_upstream_skip: bool
    cache_for: timedelta | None
    cache_validator: CacheValidator
    tags: Iterable[str]


class Task:
    """A unit of work. Subclass it and define ``run``, or decorate a function with ``@task``. A bare ``Task`` does nothing.

    Args:
        name: the name in messages; by default the name of the class or the function.
        state_handlers: handlers to call on each change of state, in order.
        on_failure: called as ``on_failure(task, state)`` on every failed attempt, after all handlers.
        max_retries: the number of attempts after the first; it needs a ``retry_delay``.
        retry_delay: the time between a failure and the next attempt.
        timeout: the seconds that an attempt may take. The body then runs in a thread of its own, which is abandoned after that time.
        trigger: decides by the states of the upstream tasks whether the task may begin; by default ``all_successful``.
        skip_on_upstream_skip: whether the task is skipped when an upstream task is.
        cache_for: how long a later run may reuse the result, if ``task_states=`` passes it the state.
        cache_validator: decides whether such a state is still valid; by default until it expires.
        tags: words to group tasks by.

    Raises:
        TypeError, ValueError: an argument is invalid.

    >>> Task("load", max_retries=2, retry_delay=timedelta(minutes=5))
    <Task 'load'>
    """

    @explaining("Task")
    def __init__(
        self,
        name: str | None = None,
        *,
        state_handlers: Iterable[TaskHandler] | None = None,
        on_failure: Callable[["Task", State], object] | None = None,
        max_retries: int = 0,
        retry_delay: timedelta | None = None,
        timeout: float | None = None,
        trigger: Trigger = all_successful,
        skip_on_upstream_skip: bool = True,
        cache_for: timedelta | None = None,
        cache_validator: CacheValidator = unexpired,
        tags: Iterable[str] = (),
    ) -> None:
        self.name: str = type(self).__name__ if name is None else checked_name(name)
        self.flow: Graph | None = None
        self.tags: frozenset[str] = frozenset([tags] if isinstance(tags, str) else tags)
        self.timeout = timeout
        self.handlers: tuple[Notifier | ForeignHandler, ...] = (*attached(state_handlers), *on_failed(on_failure))
        self.rules: RetryRules = RetryRules(trigger, skip_on_upstream_skip, max_retries, retry_delay, cache_for, cache_validator)
        _checked(self)

    @property
    def body(self) -> object:
        """The code of the task: the method ``run`` of a subclass, or the decorated function, or None."""
        return getattr(self, "run", None)

    def __call__(self, *args: object, upstream_tasks: Iterable["Task"] = (), **kwargs: object) -> Self:
        """Add a copy of the task with these inputs to the flow whose ``with`` block is open, and return the copy.

        An input that is a task, or a list, tuple, set or dict with tasks in it, is a data dependency: the copy runs after these tasks,
        and gets their results. It runs after ``upstream_tasks`` too, without their results.

        Raises:
            ValueError: no ``with Flow(...)`` is open, or an input belongs to another flow.
            TypeError: the body does not take these inputs.
        """
        flow = active_flow.get()
        if flow is None:
            raise ValueError(f"the task {self.name!r} was called outside a flow: call it inside `with Flow(...)`, or its .run(...)")
        called = type(self).__new__(type(self))
        vars(called).update(vars(self), flow=None)
        flow.bind(called, args, kwargs)
        flow.set_dependencies(called, upstream_tasks=upstream_tasks)
        return called

    def signature(self) -> inspect.Signature:
        """Return the signature of the body; an empty one without a body."""
        return inspect.signature(self.body) if callable(self.body) else inspect.Signature()

    def __repr__(self) -> str:
        return f"<Task {quote(self.name)}>"

    if not TYPE_CHECKING:  # a type checker refuses an attribute that is not here

        def __getattr__(self, name):
            return lookup(self, "Task", name)


class FunctionTask(Task, Generic[_P, _R]):
    """A task whose body is a function. ``run`` is that function, with its own types."""

    def __init__(self, run: Callable[_P, _R], **options: Unpack[TaskOptions]) -> None:
        if options.get("name") is None:
            options["name"] = getattr(run, "__name__", type(run).__name__)
        self.run = run
        super().__init__(**options)
        self.__doc__ = run.__doc__

    def __reduce__(self) -> "str | tuple[object, ...]":
        """Pickle by reference a function that ``@task`` replaced in its module: the module has the task under the function's name."""
        run = self.run
        module, name = getattr(run, "__module__", None), getattr(run, "__qualname__", "")
        found: object = getattr(sys.modules.get(str(module)), name, None)
        if isinstance(found, FunctionTask) and found.run is run:
            return _unpickled, (type(self), module, name), {key: value for key, value in vars(self).items() if key != "run"}
        return copyreg.__newobj__, (type(self),), vars(self)  # type: ignore[attr-defined]  # the default of pickle


def _unpickled(kind: type[FunctionTask[_P, _R]], module: str, name: str) -> FunctionTask[_P, _R]:
    found: FunctionTask[_P, _R] = getattr(import_module(module), name)
    made = kind.__new__(kind)
    made.run = found.run
    return made


@overload
def task(fn: Callable[_P, _R], /) -> FunctionTask[_P, _R]: ...
@overload
def task(**options: Unpack[TaskOptions]) -> Callable[[Callable[_P, _R]], FunctionTask[_P, _R]]: ...
def task(
    fn: Callable[_P, _R] | None = None, /, **options: Unpack[TaskOptions]
) -> FunctionTask[_P, _R] | Callable[[Callable[_P, _R]], FunctionTask[_P, _R]]:
    """Make a task of a function, with the options of ``Task``: ``@task`` or ``@task(max_retries=3, ...)``.

    >>> @task(tags=["nightly"])
    ... def add(x: int, y: int = 1) -> int:
    ...     return x + y
    >>> add, add.run(2)
    (<Task 'add'>, 3)
    """
    if fn is not None:
        if not callable(fn):
            raise TypeError(f"task takes a function, not {quote(fn)}: write @task(name={quote(fn)})")
        return FunctionTask(fn, **options)
    return lambda function: FunctionTask(function, **options)


def on_failed(fn: Callable[[_T, State], object] | None) -> tuple[Notifier, ...]:
    """Return the handler that calls ``fn`` on each failed state; without ``fn``, no handler."""
    return () if fn is None else (callback_factory(fn, State.is_failed).notifier,)


def checked_name(name: object) -> str:
    """Return the name if it is valid, else raise a TypeError."""
    if is_text(name):
        return name
    raise TypeError(f"a name is a str that is not empty, not {quote(name)}")


def checked_task(given: object) -> Task:
    """Return the task if it is one, else raise a TypeError."""
    if is_a(given, Task):
        return given
    raise TypeError(f"{quote(given)} is no task: decorate a function with @task, or make a Task(...)")


def _checked(made: Task) -> None:
    rules, name = made.rules, f"the task {quote(made.name)}"
    if not at_least(rules.max_retries, 0) or (rules.max_retries and rules.retry_delay is None):
        wanted = "it takes 0 or more, with a retry_delay=timedelta(...)"
        raise ValueError(f"{name} has max_retries={quote(rules.max_retries)}: {wanted}")
    if rules.retry_delay is not None and not is_span(rules.retry_delay):
        raise ValueError(f"{name} has retry_delay={quote(rules.retry_delay)}: it takes a timedelta such as timedelta(seconds=3)")
    if made.timeout is not None and not is_seconds(made.timeout):
        raise ValueError(f"{name} has timeout={quote(made.timeout)}: it takes a number of seconds above 0")
    if not callable(rules.trigger):
        raise TypeError(f"{name} has trigger={quote(rules.trigger)}: it takes a function, such as triggers.all_finished")
    if any(inspect.iscoroutinefunction(code) or inspect.isasyncgenfunction(code) for code in (made.body, rules.trigger)):
        raise TypeError(f"{name} has an async body or trigger, which tocsin never awaits: make it a plain function")
