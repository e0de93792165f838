"""Laws of previews: the states are those of a real run whose bodies end so, and no body runs."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin import Failed, Flow, Recording, Skipped, Success, Task, TimedOut, slack_notifier, triggers
from tocsin.core.states import Aborted, Paused, State, TriggerFailed
from tocsin.flows.preview import ENDS, LASTS, REASON, SimulatedClock, preview
from tocsin.signals import PAUSE, SKIP, TRIGGERFAIL

START = datetime(2026, 1, 1, tzinfo=UTC)
TRIGGERS = (triggers.all_successful, triggers.all_finished, triggers.any_failed, triggers.any_successful)
RAISED: Mapping[type[State], BaseException] = {
    Failed: RuntimeError(REASON),
    TimedOut: TimeoutError(REASON),
    Aborted: KeyboardInterrupt(REASON),
    Skipped: SKIP(REASON),
    Paused: PAUSE(REASON),
    TriggerFailed: TRIGGERFAIL(REASON),
}


class Work(Task):
    """A task that lasts as long as a preview says, ends in a kind of state, and counts how often its body ran."""

    kind: type[State] = Success
    clock = SimulatedClock(START)
    ran = 0

    def run(self) -> None:
        """End."""
        self.ran += 1
        self.clock.advance(LASTS)
        if self.kind is not Success:
            raise RAISED[self.kind]


@st.composite
def flows(draw: st.DrawFn) -> Flow:
    """A flow of tasks with any ends, triggers and retries; each task may depend on those before it."""
    flow = Flow("flow", state_handlers=[slack_notifier])
    tasks: list[Work] = []
    for number in range(draw(st.integers(0, 5))):
        retries = draw(st.integers(0, 2))
        task = Work(
            f"task {number}",
            trigger=draw(st.sampled_from(TRIGGERS)),
            max_retries=retries,
            retry_delay=timedelta(minutes=5) if retries else None,
            skip_on_upstream_skip=draw(st.booleans()),
            state_handlers=[slack_notifier],
        )
        task.kind = draw(st.sampled_from(ENDS))
        flow.add_task(task)
        for before in tasks:
            if draw(st.booleans()):
                flow.add_edge(before, task)
        tasks.append(task)
    return flow


@given(flows())
def test_a_preview_has_the_states_of_a_run_whose_bodies_end_so(flow: Flow) -> None:
    works = [task for task in flow.tasks if isinstance(task, Work)]
    seen = Recording()
    found = preview(flow, {task: task.kind for task in works}, seen, SimulatedClock(START))
    assert all(task.ran == 0 for task in works)
    real, clock = Recording(), SimulatedClock(START)
    for task in works:
        task.clock = clock
    try:
        report = flow.run(interpreter=real, clock=clock)
    except KeyboardInterrupt:
        pass
    else:
        assert [*map(type, report.task_states.values())] == [*map(type, found.task_states.values())]
        assert type(report.state) is type(found.state)
    assert [post.payload.text for post in seen.slack] == [post.payload.text for post in real.slack]


def test_time_passes_without_waiting() -> None:
    clock = SimulatedClock(START)
    task = Task("load", max_retries=1, retry_delay=timedelta(hours=5), timeout=30.0)
    flow = Flow("flow", tasks=[task])
    report = preview(flow, {task: TimedOut}, Recording(), clock)
    assert type(report.task_states[task]) is TimedOut
    assert clock.now() - START == timedelta(hours=5, seconds=60)
    preview(flow, {}, Recording(), clock)
    assert clock.monotonic() == (timedelta(hours=5, seconds=60) + LASTS).total_seconds()
    clock.sleep_until(START)
    clock.wait(-1.0)
    assert clock.now() - START == timedelta(hours=5, seconds=60) + LASTS
    clock.sleep_until(clock.now() + LASTS)
    assert clock.now() - START == timedelta(hours=5, seconds=60) + 2 * LASTS


def test_a_function_as_a_handler_is_not_called_and_changes_nothing() -> None:
    def refuse(_: object, __: State, ___: State) -> State:
        raise AssertionError("it is called")

    flow = Flow("flow", state_handlers=[refuse, slack_notifier])
    seen = Recording()
    assert type(preview(flow, {}, seen, SimulatedClock(START)).state) is Success
    assert [post.payload.title for post in seen.slack] == ["Running", "Success"]


def test_an_interrupt_of_a_person_ends_the_preview() -> None:
    def interrupts(_: object) -> bool:
        raise KeyboardInterrupt

    task = Task("load", trigger=interrupts)
    with pytest.raises(KeyboardInterrupt):
        preview(Flow("flow", tasks=[task]), {}, Recording(), SimulatedClock(START))
