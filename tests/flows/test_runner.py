"""Runs of flows: the effect of handlers, waits, timeouts and interruptions, and the bounds that end every run."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import pandas as pd
import pytest
from returns.io import IOResult

from tocsin import (
    Aborted,
    Cached,
    DryRun,
    Failed,
    Flow,
    NotificationFailed,
    Paused,
    Pending,
    Recording,
    Resume,
    Retrying,
    Running,
    Skipped,
    State,
    Submitted,
    Success,
    Task,
    TimedOut,
    callback_factory,
    filters,
    gmail_notifier,
    interpreting,
    signals,
    slack_notifier,
    task,
    triggers,
)
from tocsin.adapters import Clock
from tocsin.core.planning import RETRY_SIGNALS, RetriesExhausted
from tocsin.effects import Delivered, DeliveryError, Effect, Receipt, Rejected
from tocsin.flows.report import Report
from tocsin.flows.task import FunctionTask
from tocsin.testing import FakeClock

NOW = datetime(2026, 1, 1, tzinfo=UTC)
Handler = Callable[[Task, State, State], State | None]


def on(kind: type[State], act: Callable[[], State | None]) -> Handler:
    """Return a handler that acts on a kind of new state."""
    return lambda _task, _old, new: act() if isinstance(new, kind) else None


def raises(error: BaseException) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


class Probe:
    """One task in its own flow, run at once. It records the announced edges, the final state, and the number of calls of its body."""

    def __init__(
        self,
        *handlers: Handler,
        body: Callable[[], object] = lambda: 1,
        retries: int = 0,
        trigger: triggers.Trigger = triggers.all_successful,
        start: State | None = None,
    ) -> None:
        self.entered = 0
        self.clock = FakeClock(NOW)

        def counted() -> object:
            self.entered += 1
            return body()

        self.task = FunctionTask(
            counted, name="Task", state_handlers=handlers, max_retries=retries, retry_delay=timedelta(minutes=1), trigger=trigger
        )
        flow = Flow("one", tasks=[self.task])
        self.report = flow.run(clock=self.clock, task_states={self.task: start} if start else None, interpreter=Recording())
        self.state = self.report.task_states[self.task]

    @property
    def edges(self) -> list[str]:
        changes = [each.change for each in self.report.changes if each.change.tracked_obj is self.task]
        return [f"{type(change.old).__name__}→{type(change.new).__name__}" for change in changes]


def fail() -> object:
    raise ValueError("no")


# --- what a handler's answer does ---------------------------------------------------------------------------------------------


def test_a_returned_state_drives_the_rest_and_is_not_announced_again() -> None:
    skipped = Probe(on(Running, lambda: Skipped("not today")))
    assert (skipped.edges, skipped.state, skipped.entered) == (["Pending→Running"], Skipped(), 0)
    saved = Probe(on(Failed, lambda: Success("good enough")), body=fail, retries=2)
    assert (saved.edges, saved.state.message, saved.entered) == (["Pending→Running", "Running→Failed"], "good enough", 1)
    resumed = Probe(on(Paused, lambda: Resume("go on")), trigger=triggers.manual_only)
    assert resumed.edges == ["Pending→Paused", "Resume→Running", "Running→Success"]


def test_each_handler_sees_what_the_one_before_settled_on_and_the_same_old_state() -> None:
    seen: list[tuple[State, State]] = []

    def note(_: Task, old: State, new: State) -> None:
        seen.append((old, new))

    Probe(note, on(Success, lambda: Skipped("left out")), note)
    assert [(type(old), type(new)) for old, new in seen[2:]] == [(Running, Success), (Running, Skipped)]
    assert seen[2][0] is seen[3][0]


def test_a_signal_from_a_handler_skips_those_after_it() -> None:
    after: list[str] = []
    note = on(State, lambda: after.append("called"))
    retried = Probe(on(Success, raises(signals.FAIL("not so fast"))), note, retries=1)
    assert retried.edges == ["Pending→Running", "Running→Success", "Failed→Retrying", "Retrying→Running", "Running→Success"]
    assert (retried.state.message, len(after)) == ("not so fast", 3)
    kept_out = Probe(on(Running, raises(signals.FAIL("no entry"))), retries=1)
    assert (kept_out.edges, kept_out.state.message, kept_out.entered) == (["Pending→Running"], "no entry", 0)


@pytest.mark.parametrize("signal", [signals.LOOP("again"), signals.ENDRUN(Failed("over"))])
def test_loop_and_endrun_from_a_handler_end_the_run(signal: signals.Signal) -> None:
    ended = Probe(on(Success, raises(signal)), retries=3)
    assert (ended.edges, ended.state.message) == (["Pending→Running", "Running→Success"], signal.state.message)


def test_a_handler_that_raises_is_recorded_and_later_ones_are_called(caplog: pytest.LogCaptureFixture) -> None:
    called: list[str] = []
    probe = Probe(on(Running, raises(KeyError("oops"))), on(State, lambda: called.append("called")))
    assert probe.state == Success(result=1)
    assert len(called) == 2
    assert [type(fault.error) for fault in probe.report.faults] == [KeyError]
    assert "survived: the handler" in probe.report.explain()
    assert "raised KeyError" in caplog.text


def test_an_odd_answer_is_that_handlers_error() -> None:
    probe = Probe(lambda _task, _old, _new: 3)  # type: ignore[arg-type, return-value]  # as in code that has no types
    assert str(probe.report.faults[0].error).endswith("returned 3, which is neither a State nor None")
    forgot = Probe(lambda tracked, old, _new: slack_notifier(tracked, old))  # type: ignore[arg-type, return-value]  # as above
    assert str(forgot.report.faults[0].error).endswith("which still waits for new_state")
    assert probe.state == forgot.state == Success(result=1)


def test_in_the_mode_fail_an_error_of_a_handler_fails_the_run() -> None:
    called: list[str] = []

    def body() -> int:
        return 1

    made = FunctionTask(
        body,
        name="Task",
        max_retries=2,
        retry_delay=timedelta(0),
        state_handlers=[on(Success, raises(KeyError("oops"))), on(Success, lambda: called.append("called"))],
    )
    report = Flow("strict", tasks=[made]).run(handler_errors="fail")
    assert report.task_states[made].message == "Unexpected error while calling state handlers: KeyError('oops')"
    assert (called, len(report.faults), report.state) == ([], 1, Failed())
    assert "not notified: the handler before it ended the announcement" in report.explain()


def refuse(effect: Effect) -> IOResult[Receipt, DeliveryError]:
    """Refuse every effect."""
    return IOResult.from_failure(Rejected(f"refused {type(effect).__name__}"))


@pytest.mark.tocsin_live
def test_a_failed_notification_harms_nothing(caplog: pytest.LogCaptureFixture) -> None:
    report = Flow("loud", state_handlers=[slack_notifier, gmail_notifier]).run(interpreter=refuse)
    assert report.state == Success()
    assert [type(failed.outcome) for failed in report.failures] == [Rejected] * 4
    assert report.explain().count("failed: refused") == 4
    assert [record.getMessage() for record in caplog.records] == [
        "tocsin: could not tell Slack of 'loud': refused PostToSlack",
        "tocsin: could not mail about 'loud': refused SendEmail",
    ] * 2


@pytest.mark.tocsin_live
def test_in_the_mode_fail_a_failed_notification_fails_the_run() -> None:
    report = Flow("strict", state_handlers=[slack_notifier(only_states=[Success])]).run(interpreter=refuse, handler_errors="fail")
    assert report.state.message == (
        "Unexpected error while calling state handlers:"
        " NotificationFailed(\"tocsin: could not tell Slack of 'strict': refused PostToSlack\")"
    )
    assert isinstance(report.faults[0].error, NotificationFailed)


def test_in_the_mode_fail_a_delivered_notification_changes_nothing() -> None:
    recording = Recording()
    report = Flow("strict", state_handlers=[slack_notifier, slack_notifier]).run(interpreter=recording, handler_errors="fail")
    assert report.state == Success()
    assert len(recording.effects) == 4
    assert len({delivery.effect.key for delivery in report.deliveries}) == 4


@pytest.mark.tocsin_live
def test_an_interpreter_that_raises_has_rejected() -> None:
    def broken(_: Effect) -> IOResult[Receipt, DeliveryError]:
        raise OSError("the disk is gone")

    report = Flow("broken", state_handlers=[slack_notifier]).run(interpreter=broken)
    assert report.state == Success()
    assert "raised OSError: the disk is gone" in report.failures[0].outcome.reason  # type: ignore[union-attr]  # a failure has one


def test_notifications_from_inside_a_handler_are_on_the_report() -> None:
    def custom(flow: Flow, old: State, new: State) -> State:
        return slack_notifier(flow, old, new, webhook_secret="OTHER")

    recording = Recording()
    report = Flow("custom", state_handlers=[custom]).run(interpreter=recording)
    assert [delivery.effect for delivery in report.deliveries] == list(recording.effects)
    assert report.explain().count("from inside a handler, about custom: withheld: recorded") == 2


@pytest.mark.tocsin_live
def test_a_callback_that_raises_is_a_failed_delivery() -> None:
    def broken(_: Flow, __: State) -> None:
        raise signals.FAIL("does not fail the flow")

    report = Flow("calls", state_handlers=[callback_factory(broken, lambda state: state.is_successful())]).run()
    assert report.state == Success()
    (failed,) = report.failures
    assert isinstance(failed.outcome, Rejected)
    assert isinstance(failed.outcome.cause, signals.FAIL)


def calling(effect: Effect) -> IOResult[Receipt, DeliveryError]:
    return IOResult.from_value(Delivered((f"{effect.key.slug}@example.com",)))


@pytest.mark.tocsin_live
def test_refused_recipients_are_listed(caplog: pytest.LogCaptureFixture) -> None:
    report = Flow("partly", state_handlers=[slack_notifier(only_states=[Success])]).run(interpreter=calling)
    assert "delivered, but refused for partly@example.com" in report.explain()
    assert "refused for partly@example.com" in caplog.text


@pytest.mark.tocsin_live
def test_one_callback_on_a_task_and_on_its_flow(capsys: pytest.CaptureFixture[str]) -> None:
    handler = callback_factory(lambda _, state: print(state), check=lambda state: state.is_successful())
    Flow("done", tasks=[Task(state_handlers=[handler])], state_handlers=[handler]).run()
    assert capsys.readouterr().out == 'Success("Task run succeeded.")\nSuccess("All reference tasks succeeded.")\n'


# --- waiting and retrying -----------------------------------------------------------------------------------------------------


def test_retry_delays_are_waited_for_by_the_clock() -> None:
    probe = Probe(body=fail, retries=2)
    assert probe.clock.sleeps == (timedelta(minutes=1), timedelta(minutes=1))
    assert (probe.entered, probe.state.message) == (3, "Unexpected error: ValueError('no')")


def test_others_go_on_while_one_waits() -> None:
    order: list[str] = []
    attempts: Iterator[Callable[[], object]] = iter([fail, lambda: 7])

    @task(max_retries=1, retry_delay=timedelta(hours=1))
    def flaky() -> object:
        order.append("flaky")
        return next(attempts)()

    @task
    def other() -> None:
        order.append("other")

    @task
    def after(x: int) -> int:
        order.append("after")
        return x

    with Flow("waits") as flow:
        last = after(flaky())
        other()
    report = flow.run(clock=FakeClock(NOW))
    assert order == ["flaky", "other", "flaky", "after"]
    assert report.task_states[last].result == 7


@pytest.mark.parametrize("off", [timedelta(days=-2), timedelta(hours=-1), timedelta(days=9)], ids=str)
def test_a_clock_that_is_set_changes_neither_a_pause_nor_a_duration(off: timedelta) -> None:
    clock = FakeClock(NOW)

    def body() -> None:
        clock.advance(timedelta(seconds=3))
        clock.time += off
        raise ValueError("no")

    flow = Flow("set", tasks=[FunctionTask(body, max_retries=2, retry_delay=timedelta(minutes=1))])
    report = flow.run(clock=clock, interpreter=Recording())
    assert clock.sleeps == (timedelta(minutes=1), timedelta(minutes=1))
    took = [each.change.duration for each in report.changes if each.change.new.is_finished()]
    assert took == [*[timedelta(seconds=3)] * 3, timedelta(minutes=2, seconds=9)]
    in_all = [each.change.run_duration for each in report.changes if each.change.new.is_finished()]
    assert in_all == [None, timedelta(minutes=1, seconds=6), timedelta(minutes=2, seconds=9), None]


def test_a_body_that_asks_for_another_attempt_is_measured_from_its_first() -> None:
    clock, asks = FakeClock(NOW), [True, True]

    def body() -> None:
        clock.advance(timedelta(seconds=1))
        if asks:
            asks.pop()
            raise signals.RETRY("once more")

    report = Flow("asks", tasks=[FunctionTask(body, name="load")]).run(clock=clock, interpreter=Recording())
    (last,) = [each.change for each in report.changes if each.change.new.is_successful() and each.change.slug == "load"]
    assert (last.attempt, last.duration, last.run_duration) == (3, timedelta(seconds=1), timedelta(seconds=3))


def test_attempts_of_an_earlier_run_are_in_no_duration() -> None:
    clock = FakeClock(NOW)
    made = FunctionTask(partial(clock.advance, timedelta(seconds=1)), name="load", max_retries=2, retry_delay=timedelta(minutes=1))
    report = Flow("given", tasks=[made]).run(task_states={made: Retrying(run_count=2)}, clock=clock, interpreter=Recording())
    (last,) = [each.change for each in report.changes if each.change.new.is_successful() and each.change.slug == "load"]
    assert (last.attempt, last.duration, last.run_duration) == (3, timedelta(seconds=1), None)


def test_a_message_tells_how_long_all_attempts_took_and_then_the_last() -> None:
    clock = FakeClock(NOW)

    def body() -> None:
        clock.advance(timedelta(seconds=3))
        raise ValueError("no")

    made = FunctionTask(body, name="load", max_retries=1, retry_delay=timedelta(minutes=1), state_handlers=[slack_notifier])
    recording = Recording()
    Flow("sums", tasks=[made]).run(clock=clock, interpreter=recording)
    told = [post.payload.fallback for post in recording.slack if post.payload.title == "Failed"]
    assert told == ["load failed after 3.0 s: ValueError: no", "load failed after 1 m 6 s, attempt 2 after 3.0 s: ValueError: no"]
    (duration,) = [field.value for field in recording.slack[-1].payload.fields if field.title == "Duration"]
    assert duration.strip("`") == "1 m 6 s in all, attempt 2 took 3.0 s"


def test_a_task_that_was_given_its_time_waits_for_that_time_by_the_clock() -> None:
    clock, waiting = FakeClock(NOW), FunctionTask(lambda: 1)
    given = Retrying(start_time=NOW + timedelta(hours=3))
    report = Flow("given", tasks=[waiting]).run(clock=clock, task_states={waiting: given})
    assert (report.state, clock.sleeps, clock.now()) == (Success(), (timedelta(hours=3),), NOW + timedelta(hours=3))


def test_a_clock_that_is_no_timer_measures_by_what_it_shows() -> None:
    fake = FakeClock(NOW)

    class Plain(Clock):
        def now(self) -> datetime:
            return fake.now()

        def sleep_until(self, moment: datetime) -> None:
            fake.sleep_until(moment)

    def body() -> None:
        fake.advance(timedelta(seconds=3))
        raise ValueError("no")

    made = FunctionTask(body, max_retries=1, retry_delay=timedelta(minutes=1))
    report = Flow("plain", tasks=[made]).run(clock=Plain(), interpreter=Recording())
    assert fake.sleeps == (timedelta(minutes=1),)
    took = [each.change.duration for each in report.changes if each.change.new.is_finished()]
    assert took == [timedelta(seconds=3), timedelta(seconds=3), timedelta(minutes=1, seconds=6)]


def test_a_retry_signal_may_name_its_time() -> None:
    later = NOW + timedelta(hours=3)
    attempts = iter([signals.RETRY("at three", start_time=later), None])

    def body() -> None:
        if error := next(attempts):
            raise error

    probe = Probe(body=body)
    assert probe.clock.sleeps == (timedelta(hours=3),)
    assert probe.edges == ["Pending→Running", "Running→Retrying", "Retrying→Running", "Running→Success"]


def test_asking_for_another_attempt_for_ever_is_bounded() -> None:
    bounded = Probe(body=raises(signals.RETRY("again")), retries=2)
    assert bounded.entered == 3
    assert bounded.edges[-2:] == ["Running→Retrying", "Retrying→Failed"]
    assert isinstance(bounded.state.result, RetriesExhausted)
    free = Probe(body=raises(signals.RETRY("again")))
    assert free.entered == RETRY_SIGNALS + 1


def test_a_handler_that_sends_the_run_back_for_ever_is_bounded() -> None:
    back = Probe(on(Success, lambda: Pending("once more")), retries=2)
    assert (back.entered, type(back.state.result)) == (3, RetriesExhausted)
    stuck = Probe(on(Success, lambda: Running("still at it")))
    assert (stuck.entered, stuck.state.message) == (1, "still at it")


# --- starting, pausing, caching -----------------------------------------------------------------------------------------------


def test_states_from_outside_are_unwrapped_first() -> None:
    probe = Probe(start=Submitted(state=Submitted(state=Retrying("r", run_count=1))), retries=1)
    assert probe.edges == ["Retrying→Running", "Running→Success"]
    assert Probe(start=Submitted()).edges == ["Pending→Running", "Running→Success"]


def test_a_run_can_be_taken_up_from_the_states_of_an_earlier_one() -> None:
    entered: list[str] = []

    @task(cache_for=timedelta(days=1))
    def load() -> int:
        entered.append("load")
        return 5

    with Flow("again") as flow:
        loaded = load()
    first = flow.run(clock=FakeClock(NOW))
    assert isinstance(first.task_states[loaded], Cached)
    second = flow.run(clock=FakeClock(NOW), task_states=first.task_states)
    assert (entered, second.task_states[loaded].result) == (["load"], 5)
    third = flow.run(clock=FakeClock(NOW + timedelta(days=2)), task_states=first.task_states)
    assert (entered, third.state) == (["load", "load"], Success())


def test_a_cache_validator_that_raises_is_not_trusted() -> None:
    made = Task("load", cache_validator=lambda _state, _now: 1 / 0 > 1)
    report = Flow("again", tasks=[made]).run(task_states={made: Cached("c")})
    assert [t.change.new.message for t in report.changes][1] == "Cache was invalid; ready to run."


def test_upstream_skip_can_be_declined() -> None:
    first, second = Task("first"), Task("second", skip_on_upstream_skip=False)
    flow = Flow("skips")
    flow.add_edge(first, second)
    assert flow.run(task_states={first: Skipped()}).task_states[second] == Success()


def test_a_trigger_that_raises_or_signals() -> None:
    broken = Probe(trigger=lambda _: 1 / 0 > 1)
    assert broken.state.message == "Unexpected error while checking task trigger: ZeroDivisionError('division by zero')"

    def skip(_: object) -> bool:
        raise signals.SKIP("nothing to do")

    assert Probe(trigger=skip, retries=2).edges == ["Pending→Skipped"]


def test_a_body_that_says_its_trigger_failed_is_retried() -> None:
    said: list[tuple[str, str | None]] = []
    answers: Iterator[Callable[[], object]] = iter([raises(signals.TRIGGERFAIL("too early")), lambda: 1])

    def note(_: Task, old: State, new: State) -> None:
        said.append((f"{type(old).__name__}→{type(new).__name__}", new.message))

    def body() -> object:
        return next(answers)()

    retried = Probe(note, body=body, retries=1)
    assert said == [
        ("Pending→Running", "Starting task run."),
        ("Running→TriggerFailed", "too early"),
        ("TriggerFailed→Retrying", "Retrying Task (after attempt 1 of 2)"),
        ("Retrying→Running", "Starting task run."),
        ("Running→Success", "Task run succeeded."),
    ]
    assert (retried.state, retried.entered, retried.clock.sleeps) == (Success(result=1), 2, (timedelta(minutes=1),))


def test_a_body_that_says_so_each_time_ends_so() -> None:
    spent = Probe(body=raises(signals.TRIGGERFAIL("too early")), retries=2)
    again = ["Running→TriggerFailed", "TriggerFailed→Retrying", "Retrying→Running"]
    assert spent.edges == ["Pending→Running", *again, *again, "Running→TriggerFailed"]
    assert (spent.state.message, spent.entered, spent.report.state) == ("too early", 3, Failed())


@pytest.mark.parametrize("judge", [lambda: None, raises(signals.TRIGGERFAIL("not met")), raises(OSError("no"))])
def test_a_trigger_that_is_not_met_is_not_retried(judge: Callable[[], object]) -> None:
    probe = Probe(trigger=lambda _: bool(judge()), retries=3)
    assert (probe.edges, probe.entered, probe.clock.sleeps) == (["Pending→TriggerFailed"], 0, ())


def test_a_looped_task_is_neither_success_nor_failure() -> None:
    report = Flow("loops", tasks=[FunctionTask(raises(signals.LOOP()))]).run()
    assert report.state == Success()
    assert report.state.message == "No reference tasks failed."


# --- time-outs and interruptions ----------------------------------------------------------------------------------------------


def test_a_body_within_its_time_keeps_its_result_and_its_errors() -> None:
    inside: list[str] = []

    @task(timeout=30)
    def quick() -> int:
        inside.append(threading.current_thread().name)
        slack_notifier(Task("inner"), Running(), Failed())
        return 4

    @task(timeout=30)
    def wrong() -> None:
        raise ValueError("no")

    with Flow("timed") as flow:
        good, bad = quick(), wrong()
    recording = Recording()
    report = flow.run(interpreter=recording)
    assert (report.task_states[good].result, inside, len(recording.effects)) == (4, ["tocsin-body"], 1)
    assert report.task_states[bad].message == "Unexpected error: ValueError('no')"


def test_a_body_out_of_time_is_left_behind_and_retried() -> None:
    gate = threading.Event()
    made = FunctionTask(lambda: gate.wait(5), name="slow", timeout=0.01, max_retries=1, retry_delay=timedelta(0))
    report = Flow("timed", tasks=[made]).run()
    gate.set()
    assert isinstance(report.task_states[made], TimedOut)
    assert [t.change.attempt for t in report.changes] == [1, 1, 1, 1, 2, 2, 1]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3)])
def test_an_interruption_is_announced_and_passed_on(error: BaseException) -> None:
    recording, never = Recording(), Task("never")
    stopped = FunctionTask(raises(error), name="stopped", state_handlers=[slack_notifier(only_states=[Aborted])])
    flow = Flow("stops", tasks=[stopped, never], state_handlers=[slack_notifier(only_states=[Aborted])])
    with pytest.raises(type(error)) as caught:
        flow.run(interpreter=recording)
    assert caught.value is error
    assert len(recording.effects) == 2


def test_an_error_of_the_runner_itself_fails_the_flow() -> None:
    class Broken(FakeClock):
        def wait(self, seconds: float) -> None:
            raise OSError(f"no sleep of {seconds:.0f} s")

    made = FunctionTask(fail, max_retries=1, retry_delay=timedelta(hours=1))
    report = Flow("broken", tasks=[made]).run(clock=Broken(NOW))
    assert report.state.message == "Unexpected error: OSError('no sleep of 3600 s')"


# --- results and reports ------------------------------------------------------------------------------------------------------


def test_a_dataframe_is_a_result_like_any_other() -> None:
    frame, recording = pd.DataFrame({"rows": [1, 2]}), Recording()
    first, second = (Flow("frames", tasks=[FunctionTask(lambda: frame, state_handlers=[slack_notifier])]) for _ in range(2))
    one, two = (flow.run(interpreter=recording).task_states[flow.tasks[0]] for flow in (first, second))
    assert one == two == Success(result=frame) != Success(result=frame.copy())
    assert len(recording.effects) == 4


def explained(report: Report) -> list[str]:
    return report.explain().splitlines()


def test_the_report_explains_each_handler() -> None:
    flow = Flow("load", state_handlers=[slack_notifier(when=filters.named("etl-*")), gmail_notifier(only_states=[Failed]), on_any])
    report = flow.run(interpreter=Recording())
    assert explained(report) == [
        'load: Scheduled → Running("Running flow.")',
        "    slack_notifier(when=named('etl-*')): not sent: the name 'load' does not match 'etl-*'",
        "    gmail_notifier(only_states=[Failed]): not sent: the new state, Running, is none of Failed",
        "    on_any: called",
        'load: Running → Success("All reference tasks succeeded."), settled on Failed("no")',
        "    slack_notifier(when=named('etl-*')): not sent: the name 'load' does not match 'etl-*'",
        "    gmail_notifier(only_states=[Failed]): not sent: the new state, Success, is none of Failed",
        "    on_any: called",
    ]
    assert repr(report) == "<Report of 'load': Failed(\"no\"), 0 notifications, 0 failed>"


def on_any(_: Flow, __: State, new: State) -> State | None:
    return Failed("no") if isinstance(new, Success) else None


def test_the_current_interpreter_is_the_default() -> None:
    with interpreting(Recording()) as recording:
        report = Flow("quiet", state_handlers=[slack_notifier]).run()
    assert [delivery.effect for delivery in report.deliveries] == list(recording.effects)


def test_a_callback_under_a_dry_run_is_not_called(capsys: pytest.CaptureFixture[str]) -> None:
    called: list[str] = []
    handler = callback_factory(lambda flow, _: called.append(flow.name), lambda _: True)
    Flow("dry", state_handlers=[handler]).run(interpreter=DryRun())
    assert called == []
    assert capsys.readouterr().out.count("Call of ") == 2
