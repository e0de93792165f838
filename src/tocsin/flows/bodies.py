"""Runs the body of a task: with its inputs, and within its time."""

import threading
from collections.abc import Callable
from contextvars import copy_context

import attrs

from tocsin.core.invoke import invoke
from tocsin.flows.inputs import Inputs, resolved
from tocsin.flows.task import Task


class OutOfTime(Exception):
    """A body took longer than it may; it goes on in its thread, and nobody waits for it."""


@attrs.frozen
class _Ended:
    """How a call in a thread ended."""

    result: object = None
    error: BaseException | None = None


def run_body(task: Task, inputs: Inputs, result_of: Callable[[Task], object]) -> object:
    """What the body returns, called with the results that its inputs stand for. Raises what it raises, or ``OutOfTime``."""
    body = task.body
    if body is None:
        return None
    args = tuple(resolved(value, result_of) for value in inputs.args)
    kwargs = {name: resolved(value, result_of) for name, value in inputs.kwargs.items()}
    if task.timeout is None:
        return invoke(body, *args, **kwargs)
    return _within(task.timeout, lambda: invoke(body, *args, **kwargs))


def _within(seconds: float, call: Callable[[], object]) -> object:
    ends: list[_Ended] = []

    def enter() -> None:
        try:
            ends.append(_Ended(call()))
        except BaseException as error:  # whatever it is, it is the caller's
            ends.append(_Ended(error=error))

    thread = threading.Thread(target=copy_context().run, args=(enter,), daemon=True, name="tocsin-body")
    thread.start()
    thread.join(seconds)
    if not ends:
        raise OutOfTime
    if ends[0].error is not None:
        raise ends[0].error
    return ends[0].result
