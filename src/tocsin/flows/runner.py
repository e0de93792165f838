"""The sequential runner: a loop around ``plan`` and ``step``, which make all decisions."""

import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import chain

import attrs

from tocsin.core import events as e
from tocsin.core.announcements import Announcements
from tocsin.core.changes import slugs
from tocsin.core.endings import Ending
from tocsin.core.events import Event, Facts
from tocsin.core.machine import HandlerErrors, Run, Subject
from tocsin.core.planning import Done, RunBody, Situation, Wait, ended, plan, verdict
from tocsin.core.states import Pending, Running, Scheduled, State
from tocsin.core.transitions import later
from tocsin.flows.inputs import FlowPlan, MadeUp, OutOfTime, run_body
from tocsin.flows.report import Report
from tocsin.flows.task import Task
from tocsin.flows.task_run import Attempt
from tocsin.shell.adapters import Clock
from tocsin.shell.adapters.clock import CLOCK, Timer, timer_of
from tocsin.shell.announce import Announcer, ended_by, facts
from tocsin.shell.before_run import tell_before_run
from tocsin.shell.current import current_of_runs, here, interpreting
from tocsin.shell.environment import run_id
from tocsin.shell.history.streaks import remembering
from tocsin.shell.interpreter import Interpreter
from tocsin.shell.report import DeliveryLog

_PENDING = Pending()
_NO_TIME = timedelta(0)


def run(
    flow: FlowPlan,
    task_states: Mapping[Task, State],
    interpreter: Interpreter | None,
    handler_errors: HandlerErrors,
    clock: Clock | None,
    *,
    made_up: MadeUp | None = None,
) -> Report:
    """Run the flow; see ``Flow.run``. The interpreter of the run is in force inside, so that its report is complete.

    With ``made_up``, the run is a preview: ends that are made up take the place of the bodies.
    """
    if handler_errors not in {"record", "fail"}:
        raise ValueError(f"handler_errors takes 'record' or 'fail', not {handler_errors!r}")
    delivery_log = DeliveryLog(current_of_runs() if interpreter is None else interpreter)
    announced = Announcements()
    with here(delivery_log) if interpreter is None else interpreting(delivery_log):  # threads use the one in force already
        remember = remembering([*flow.handlers, *(handler for task in flow.order for handler in task.handlers)])
        time = CLOCK if clock is None else clock
        announcer = Announcer(delivery_log, time, facts(), remember, calls_handlers=made_up is None, keep=announced.append)
        timer = timer_of(announcer.clock)
        execution = _Execution(flow, announcer, announcer.clock, announcer.facts, timer, run_id(), handler_errors, made_up)
        state = execution.run(task_states)
    return Report(flow.flow.name, execution.run_id, state, announced, delivery_log, tuple(announcer.faults), execution.states)


@attrs.define
class _Execution:
    """One run of a flow, in progress.

    ``states`` has the state of each task, in the order of adding, and ``slugs`` its name in the history. A task has a run in ``runs``
    from its first visit until it is finished, and no longer: the garbage collector walks what a flow of many tasks holds.

    ``timer`` measures durations and pauses, since the clock may be set meanwhile. ``scheduled`` has the time at which a task got a
    state that waits, by both; ``waits`` has the time until which a task waits.
    """

    flow: FlowPlan
    announcer: Announcer
    clock: Clock
    facts: Facts
    timer: Timer
    run_id: str
    handler_errors: HandlerErrors
    made_up: MadeUp | None = None
    states: dict[Task, State] = attrs.field(factory=dict[Task, State])
    slugs: dict[Task, str] = attrs.field(factory=dict[Task, str])
    runs: dict[Task, Run] = attrs.field(factory=dict[Task, Run])
    scheduled: dict[Task, tuple[datetime, float]] = attrs.field(factory=dict[Task, tuple[datetime, float]])
    waits: dict[Task, datetime] = attrs.field(factory=dict[Task, datetime])
    entered: dict[Task, float] = attrs.field(factory=dict[Task, float])
    interruption: BaseException | None = None
    process: int = attrs.field(factory=os.getpid)

    def run(self, task_states: Mapping[Task, State]) -> State:
        """Run the flow, and return its final state."""
        self._prepare(task_states)
        flow = self.flow
        mode = self.handler_errors
        subject = Subject(flow.flow, flow.handlers, self.run_id, flow.flow.name, handler_errors=mode, shows_run_id=False)
        if self.made_up is None:
            tell_before_run(self.announcer, chain([subject], map(self._subject, self.slugs)))  # seldom looked at
        started = e.Started(self.clock.now(), "Running flow.", facts=self.facts)
        run = self.announcer.feed(Run(subject, Scheduled()), started)
        if isinstance(run.state, Running) and not run.ended:
            settled = self._work()
            run = run if settled is None else self.announcer.feed(run, settled)
        if self.interruption is not None and (self.made_up is None or self.interruption is not self.made_up.interrupt):
            raise self.interruption
        return run.state

    def _prepare(self, task_states: Mapping[Task, State]) -> None:
        """Find the first state and the slug of each task. The history knows a task by the flow's name and its own slug."""
        tasks = tuple(self.flow.upstream)
        self.states = {task: task_states.get(task, _PENDING) for task in tasks}
        self.slugs = dict(zip(tasks, slugs([self.flow.flow.name, *(task.name for task in tasks)])[1:], strict=True))

    def _subject(self, task: Task) -> Subject:
        slug, attempts, mode, name = self.slugs[task], task.rules.max_retries + 1, self.handler_errors, self.flow.flow.name
        return Subject(task, task.handlers, self.run_id, slug, None, attempts, mode, group=name, shows_run_id=False)

    def _work(self) -> Event | None:
        """Run all tasks. Return the event that ends the flow, or None if a task waits for a person."""
        began = self.timer.monotonic()
        try:
            self._passes()
            references = [self.states[task] for task in self.flow.references]
            return verdict(references, self.clock.now(), self.facts, self._since(began))
        except Exception as error:
            return e.Raised(self.clock.now(), error=error, facts=self.facts, took=self._since(began))
        except BaseException as error:
            self.interruption = error
            return e.Interrupted(self.clock.now(), error, facts=self.facts, took=self._since(began))

    def _since(self, began: float) -> timedelta:
        return timedelta(seconds=max(self.timer.monotonic() - began, 0.0))  # the clock of a user may run backwards

    def _passes(self) -> None:
        """Visit all tasks, then again the unfinished ones each time the wait of a task is over."""
        remaining = self.flow.order
        while True:
            for task in remaining:
                if task in self.waits and self._left(task) > _NO_TIME:
                    continue
                until = self._advance(task)
                if until is None:
                    self.waits.pop(task, None)
                else:
                    self.waits[task] = until
            if not self.waits:
                return
            self._sleep_for(min(self.waits, key=self._left))
            remaining = tuple(task for task in remaining if not self.states[task].is_finished())

    def _left(self, task: Task) -> timedelta:
        """Return how long the task still waits."""
        return self.waits[task] - self._steady(task)

    def _steady(self, task: Task) -> datetime:
        """Return the time that the clock would show if nobody had set it since the task was scheduled; a given state was not."""
        if task not in self.scheduled:
            return self.clock.now()
        at, read = self.scheduled[task]
        return later(at, timedelta(seconds=self.timer.monotonic() - read))

    def _sleep_for(self, task: Task) -> None:
        if task in self.scheduled:
            self.timer.wait(self._left(task).total_seconds())
        else:
            self.clock.sleep_until(self.waits[task])

    def _feed(self, task: Task, event: Event) -> None:
        run = self.runs[task] = self.announcer.feed(self.runs[task], event)
        self.states[task] = run.state
        if isinstance(run.state, Scheduled):
            self.scheduled[task] = self.clock.now(), self.timer.monotonic()

    def _say(self, task: Task, said: e.Said) -> None:
        """Announce what the body says. A forked child does so as a run of its own: its parent may use the same keys."""
        run = self.runs[task]
        if self.process != os.getpid():
            self.process, run = os.getpid(), attrs.evolve(run, subject=attrs.evolve(run.subject, run_id=run_id()))
        known = attrs.evolve(self.facts, link=said.facts.link)
        self.runs[task] = self.announcer.feed(run, attrs.evolve(said, facts=known))

    def _advance(self, task: Task) -> datetime | None:
        """Advance a task as far as possible. Return the time it waits for, or None."""
        upstream = tuple([self.states[before] for before in self.flow.upstream[task]])
        if task not in self.runs:
            self.runs[task] = Run(self._subject(task), self.states[task])
        while True:
            run = self.runs[task]
            steady = self._steady(task) if isinstance(run.state, Scheduled) else None  # only such a state waits
            match plan(run, Situation(self.clock.now(), upstream, task.rules, self.facts, steady)):
                case Done():
                    if run.state.is_finished():
                        del self.runs[task]
                    return None
                case Wait(until=until):
                    return until
                case RunBody():
                    event = self._run_body(task, run)
                    self.announcer.facts = event.facts  # what the body added is also in the message of a handler's answer
                    try:
                        self._feed(task, event)
                    finally:
                        self.announcer.facts = self.facts
                    if self.interruption is not None:
                        raise self.interruption
                case event:
                    self._feed(task, event)

    def _run_body(self, task: Task, run: Run) -> Ending:
        began = self.timer.monotonic()
        event, entered = self._attempt(task, run, began), self.entered.get(task)
        if entered is not None:
            return attrs.evolve(event, run_took=self._since(entered))
        if run.attempt == 1 and not isinstance(event, e.Succeeded):  # of most tasks the first attempt is the last
            self.entered[task] = began
        return event

    def _attempt(self, task: Task, run: Run, began: float) -> Ending:
        attempt = Attempt(task, self.run_id, lambda said: self._say(task, said))
        try:
            if self.made_up is None:
                result = run_body(task, self.flow.inputs[task], lambda before: self.states[before].result)
            else:
                result = self.made_up.end(task)
        except OutOfTime:
            now, took = self.clock.now(), self._since(began)
            return e.TimedOutAt(now, facts=attempt.end(self.facts), took=took)
        except BaseException as error:
            now, took = self.clock.now(), self._since(began)
            known = attempt.end(self.facts)
            event, interrupt = ended_by(error, lambda one: ended(run, one, now, known, took))
            self.interruption = error if isinstance(event, e.Interrupted) else interrupt
            return event
        now, took = self.clock.now(), self._since(began)
        return e.Succeeded(now, result, facts=attempt.end(self.facts), took=took)
