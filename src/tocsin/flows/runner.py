"""The sequential runner: a loop around ``plan`` and ``step``, which make all decisions."""

from collections.abc import Mapping
from datetime import datetime

import attrs

from tocsin.core import events as e
from tocsin.core.changes import slugs
from tocsin.core.events import Event, Facts
from tocsin.core.machine import HandlerErrors, Run, Subject
from tocsin.core.planning import Done, RunBody, Situation, Wait, ended, plan, verdict
from tocsin.core.states import Pending, Running, Scheduled, State
from tocsin.flows.flow import Flow
from tocsin.flows.inputs import OutOfTime, run_body
from tocsin.flows.report import Report
from tocsin.flows.task import Task, checked_task
from tocsin.shell.adapters import Clock, SystemClock
from tocsin.shell.announce import Announcer
from tocsin.shell.current import current_of_runs, here, interpreting
from tocsin.shell.environment import facts, run_id
from tocsin.shell.history.streaks import announced, remembers
from tocsin.shell.interpreter import Interpreter, checked
from tocsin.shell.report import DeliveryLog

_PENDING = Pending()


def run(
    flow: Flow,
    task_states: Mapping[Task, State],
    interpreter: Interpreter | None,
    handler_errors: HandlerErrors,
    clock: Clock | None,
) -> Report:
    """Run the flow; see ``Flow.run``. The interpreter of the run is in force inside, so that its report is complete."""
    for task in task_states:
        if checked_task(task).flow is not flow:
            raise ValueError(f"task_states holds the task {task.name!r}, which is not in the flow {flow.name!r}")
    if handler_errors not in {"record", "fail"}:
        raise ValueError(f"handler_errors takes 'record' or 'fail', not {handler_errors!r}")
    delivery_log = DeliveryLog(current_of_runs() if interpreter is None else checked(interpreter))
    with here(delivery_log) if interpreter is None else interpreting(delivery_log):  # threads use the one in force already
        announcer = Announcer(SystemClock() if clock is None else clock, facts())
        execution = _Execution(flow, announcer, run_id(), handler_errors)
        state = execution.run(task_states)
    return Report(
        flow.name,
        execution.run_id,
        state,
        tuple(announcer.announced),
        (delivery_log,),
        tuple(announcer.faults),
        execution.states(),
    )


@attrs.define
class _Execution:
    """One run of a flow, in progress."""

    flow: Flow
    announcer: Announcer
    run_id: str
    handler_errors: HandlerErrors
    runs: dict[Task, Run] = attrs.field(factory=dict[Task, Run])
    order: tuple[Task, ...] = ()
    references: tuple[Task, ...] = ()
    waits: dict[Task, datetime] = attrs.field(factory=dict[Task, datetime])
    interruption: BaseException | None = None
    remembering: bool = False

    @property
    def clock(self) -> Clock:
        return self.announcer.clock

    @property
    def facts(self) -> Facts:
        return self.announcer.facts

    def run(self, task_states: Mapping[Task, State]) -> State:
        """Run the flow, and return its final state."""
        self._prepare(task_states)
        subject = Subject(self.flow, self.flow.handlers, self.run_id, self.flow.name, handler_errors=self.handler_errors)
        started = e.Started(self.clock.now(), "Running flow.", facts=self.facts)
        run = self._feed(Run(subject, Scheduled()), started)
        if isinstance(run.state, Running) and not run.ended:
            settled = self._work()
            run = run if settled is None else self._feed(run, settled)
        if self.interruption is not None:
            raise self.interruption
        return run.state

    def states(self) -> dict[Task, State]:
        """Return the states of all tasks, in the order of adding."""
        return {task: run.state for task, run in self.runs.items()}

    def _prepare(self, task_states: Mapping[Task, State]) -> None:
        """Take the graph as it is now. Tasks that are added during the run belong to the next run."""
        tasks, self.order, self.references = self.flow.tasks, self.flow.sorted_tasks(), self.flow.reference_tasks
        for task, slug in zip(tasks, slugs([self.flow.name, *(task.name for task in tasks)])[1:], strict=True):
            subject = Subject(task, task.handlers, self.run_id, slug, None, task.rules.max_retries + 1, self.handler_errors)
            self.runs[task] = Run(subject, task_states.get(task, _PENDING))
        self.remembering = any(remembers(handlers) for handlers in (self.flow.handlers, *(task.handlers for task in tasks)))

    def _work(self) -> Event | None:
        """Run all tasks. Return the event that ends the flow, or None if a task waits for a person."""
        try:
            self._passes()
            references = [self.runs[task].state for task in self.references]
            return verdict(references, self.clock.now(), self.facts)
        except Exception as error:
            return e.Raised(self.clock.now(), error=error, facts=self.facts)
        except BaseException as error:
            self.interruption = error
            return e.Interrupted(self.clock.now(), error, facts=self.facts)

    def _passes(self) -> None:
        """Visit all tasks, then again the unfinished ones each time the wait of a task is over."""
        remaining, now = self.order, self.clock.now()
        while True:
            for task in remaining:
                if task not in self.waits or self.waits[task] <= now:
                    self._visit(task)
            if not self.waits:
                return
            self.clock.sleep_until(min(self.waits.values()))
            now = self.clock.now()
            remaining = tuple(task for task in remaining if not self.runs[task].state.is_finished())

    def _visit(self, task: Task) -> None:
        """Advance a task as far as possible, and record the time it waits for, if any."""
        until = self._advance(task)
        if until is None:
            self.waits.pop(task, None)
        else:
            self.waits[task] = until

    def _advance(self, task: Task) -> datetime | None:
        """Advance a task as far as possible. Return the time it waits for, or None."""
        upstream = tuple(self.runs[before].state for before in self.flow.upstream(task))
        while True:
            run = self.runs[task]
            match plan(run, Situation(self.clock.now(), upstream, task.rules, self.facts)):
                case Done():
                    return None
                case Wait(until=until):
                    return until
                case RunBody():
                    self.runs[task] = self._feed(run, self._run_body(task, run))
                    if self.interruption is not None:
                        raise self.interruption
                case event:
                    self.runs[task] = self._feed(run, event)

    def _run_body(self, task: Task, run: Run) -> Event:
        """Run the body, and return the event of its end."""
        try:
            result = run_body(task, self.flow.inputs(task), lambda before: self.runs[before].state.result)
        except OutOfTime:
            return e.TimedOutAt(self.clock.now(), facts=self.facts)
        except BaseException as error:
            event = ended(run, error, self.clock.now(), self.facts)
            self.interruption = error if isinstance(event, e.Interrupted) else None
            return event
        return e.Succeeded(self.clock.now(), result, facts=self.facts)

    def _feed(self, run: Run, event: Event) -> Run:
        """Announce the event, and return the run after it. The history knows a task by the flow's name and its own slug."""
        if self.remembering:  # computed once per run, since this method is called for each event of each task
            name = self.flow.name
            return announced(self.announcer, run, event, name if run.subject.tracked_obj is self.flow else f"{name}/{run.subject.slug}")
        return self.announcer.feed(run, event)
