"""What a run of a flow would say if its bodies ended in given states: the real machine, with ends that are made up.

Retries, triggers, skips and the flow's own end follow as in a run. Triggers, filters and formatters are called; bodies, and handlers
that are functions, are not.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

import attrs
from typing_extensions import override

from tocsin.core.signals import PAUSE, SKIP, TRIGGERFAIL
from tocsin.core.states import Aborted, Failed, Paused, Skipped, State, Success, TimedOut, TriggerFailed
from tocsin.core.transitions import later
from tocsin.flows.flow import Flow
from tocsin.flows.inputs import FlowPlan, MadeUp, OutOfTime
from tocsin.flows.report import Report
from tocsin.flows.runner import run
from tocsin.flows.task import Task
from tocsin.shell.adapters import Clock
from tocsin.shell.adapters.clock import Timer
from tocsin.shell.interpreter import Interpreter

ENDS: tuple[type[State], ...] = (Success, Failed, TimedOut, Aborted, Skipped, Paused, TriggerFailed)
"""The kinds of states that a body can be said to end in."""

REASON = "made up by tocsin preview"
"""The message of an end that is made up."""

LASTS = timedelta(minutes=1)
"""How long each body is taken to last; one that times out lasts as long as it may."""


@attrs.define(eq=False)
class SimulatedClock(Clock, Timer):
    """A clock that a wait moves forward at once, from ``time`` on, an aware datetime."""

    time: datetime
    _passed: timedelta = attrs.field(default=timedelta(0), init=False)

    @override
    def now(self) -> datetime:
        return self.time

    @override
    def sleep_until(self, moment: datetime) -> None:
        self.advance(max(moment - self.time, timedelta(0)))

    @override
    def monotonic(self) -> float:
        return self._passed.total_seconds()

    @override
    def wait(self, seconds: float) -> None:
        self.advance(timedelta(seconds=max(seconds, 0.0)))

    def advance(self, duration: timedelta) -> None:
        """Move the clock forward."""
        self.time = later(self.time, duration)
        self._passed += duration


def preview(flow: Flow, ends: Mapping[Task, type[State]], interpreter: Interpreter, clock: SimulatedClock) -> Report:
    """Return the report of a run in which no body runs.

    Args:
        flow: the flow.
        ends: the kind of state, one of ``ENDS``, that the body of a task ends in; in ``Success`` if it has none here.
        interpreter: takes the effects.
        clock: the time of the run; a retry does not make the preview wait.
    """
    interrupt = KeyboardInterrupt(REASON)

    def end(task: Task) -> None:
        kind = ends.get(task, Success)
        over = timedelta(seconds=task.timeout) if kind is TimedOut and task.timeout is not None else LASTS
        clock.advance(over)
        if kind is not Success:
            raise _raised(kind, task, interrupt)

    inputs = {task: flow.inputs(task) for task in flow.tasks}
    upstream = {task: flow.upstream(task) for task in flow.tasks}
    plan = FlowPlan(flow, flow.handlers, flow.sorted_tasks(), flow.reference_tasks, upstream, inputs)
    return run(plan, {}, interpreter, "record", clock, made_up=MadeUp(end, interrupt))


def _raised(kind: type[State], task: Task, interrupt: KeyboardInterrupt) -> BaseException:
    """Return what a body raises that ends in this kind of state."""
    if kind is TimedOut:
        return TimeoutError(REASON) if task.timeout is None else OutOfTime()
    if kind is Aborted:
        return interrupt
    if kind is Skipped:
        return SKIP(REASON)
    if kind is Paused:
        return PAUSE(REASON)
    return TRIGGERFAIL(REASON) if kind is TriggerFailed else RuntimeError(REASON)
