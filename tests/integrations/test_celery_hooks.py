"""The hooks of Celery, in this process: eager tasks, a worker in a thread, and what a worker does for the tasks of its children."""

import logging
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
from celery import Celery, Task, chain, current_app, signals
from celery.contrib.testing.worker import start_worker
from celery.exceptions import Ignore, Reject, SoftTimeLimitExceeded, TimeLimitExceeded, WorkerLostError
from celery.utils.log import LoggingProxy
from celery.utils.serialization import UnpickleableExceptionWrapper
from celery.worker.request import Request

from tests.eventually import eventually
from tocsin import DryRun, Failed, Running, Success, TriggerFailed, interpreting, slack_notifier
from tocsin.core.integrations.celery import REPLACED
from tocsin.core.integrations.foreign import ForeignRun
from tocsin.core.states import State
from tocsin.integrations import celery as ours
from tocsin.integrations.celery import connect
from tocsin.shell.history.looked import looked
from tocsin.shell.history.silences import silence

TOLD = (
    signals.after_task_publish, signals.task_received, signals.task_prerun, signals.task_postrun, signals.task_success,
    signals.task_retry, signals.task_failure, signals.task_internal_error, signals.task_revoked, signals.worker_ready,
)  # fmt: skip


class Told:
    """A handler that keeps what it is told."""

    def __init__(self) -> None:
        self.changes: list[tuple[ForeignRun, State, State]] = []

    def __call__(self, tracked_obj: ForeignRun, old_state: State, new_state: State) -> None:
        self.changes.append((tracked_obj, old_state, new_state))

    def of(self, name: str) -> list[str]:
        """Return the kinds of states of a run, in order."""
        return [type(new).__name__ for run, _, new in self.changes if run.name == name]

    def last(self, name: str) -> State:
        """Return the last state of a run."""
        return [new for run, _, new in self.changes if run.name == name][-1]


@pytest.fixture(autouse=True)
def logging_is_restored() -> Iterator[None]:
    """Undo what a worker in this process does to the root logger: it raises its level, and takes its handlers."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.setLevel(level)
    root.handlers[:] = [*handlers, *(handler for handler in root.handlers if type(handler).__module__.startswith("_pytest"))]
    root.handlers[:] = list(dict.fromkeys(root.handlers))


@pytest.fixture(autouse=True)
def receivers() -> Iterator[None]:
    """Take away what a test connects."""
    before = [list(each.receivers) for each in TOLD]
    yield
    for each, receivers in zip(TOLD, before, strict=True):
        each.receivers[:] = receivers
        each.sender_receivers_cache.clear()
    ours._connected.clear()


@pytest.fixture
def app() -> Celery:
    """An app with a broker and a result backend in this process."""
    app = Celery(f"jobs-{uuid4()}", broker="memory://", backend="cache+memory://", set_as_current=False)
    polling = {"polling_interval": 0.01}  # seconds; a worker would look once a second
    app.conf.update(task_default_queue=f"queue-{uuid4()}", task_always_eager=True, broker_transport_options=polling)
    return app


@pytest.fixture
def told(app: Celery) -> Told:
    """What people are told of the app's tasks."""
    told = Told()
    connect(app, told)
    return told


def task(app: Celery, name: str, error: BaseException | None = None, **options: object) -> Task:
    """Return a task that raises the error."""

    def body(*_: object) -> None:
        if error is not None:
            raise error

    return app.task(name=name, shared=False, **options)(body)


def requested(app: Celery, made: Task) -> Request:
    """Return a request as a worker makes it of a message."""
    app.conf.task_always_eager = False
    made.apply_async()
    with app.connection() as connection:
        message = connection.SimpleQueue(app.conf.task_default_queue).get(timeout=10)
    return Request(message, app=app, task=made, hostname="celery@one")


def failed(error: Exception) -> object:
    """Return the facts about an exception as the pool gives them to a worker."""
    from billiard.einfo import ExceptionInfo

    try:
        raise error
    except type(error):
        return ExceptionInfo()


class Odd(Exception):
    """Cannot be unpickled."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{text} ({code})")


def test_a_success(app: Celery, told: Told) -> None:
    task(app, "load").delay()
    assert told.of("load") == ["Running", "Success"]
    run, old, _ = told.changes[-1]
    assert isinstance(old, Running)
    assert run.started is not None


@pytest.mark.parametrize("error", [ValueError("no rows"), Odd(7, "cannot be pickled")])
def test_a_failure_keeps_its_exception(app: Celery, told: Told, error: Exception) -> None:
    task(app, "load", error).delay()
    assert told.of("load") == ["Running", "Failed"]
    assert told.last("load").result is error


def test_a_soft_limit(app: Celery, told: Told) -> None:
    task(app, "load", SoftTimeLimitExceeded()).delay()
    assert told.of("load") == ["Running", "TimedOut"]


@pytest.mark.parametrize("error", [ConnectionError("reset by peer"), Odd(7, "cannot be pickled")])
def test_retries(app: Celery, told: Told, error: Exception) -> None:
    task(app, "load", error, autoretry_for=(Exception,), max_retries=2, default_retry_delay=60).delay()
    assert told.of("load") == ["Running", "Retrying", "Running", "Retrying", "Running", "Failed"]
    assert [(run.attempt, run.attempts) for run, _, _ in told.changes] == [(1, 3), (1, 3), (2, 3), (2, 3), (3, 3), (3, 3)]
    assert all(new.result is error for _, _, new in told.changes if not isinstance(new, Running))


@pytest.mark.parametrize("delay", [{"countdown": 60}, {"eta": "2030-01-01T00:00:00+00:00"}])
def test_a_retry_by_hand(app: Celery, told: Told, delay: dict[str, object]) -> None:
    def body(self: Task) -> None:
        raise self.retry(max_retries=1, **delay)

    app.task(name="load", shared=False, bind=True)(body).delay()
    assert told.of("load") == ["Running", "Retrying", "Running", "Failed"]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (Ignore("nothing today"), "nothing today"),
        (Reject("a broken message"), "rejected: a broken message"),
        (Reject(), "rejected"),
    ],
)
def test_a_skip(app: Celery, told: Told, error: Exception, message: str) -> None:
    task(app, "load", error).delay()
    assert told.of("load") == ["Running", "Skipped"]
    assert told.last("load").message == message


def test_a_rejected_task_that_goes_back_is_tried_again(app: Celery, told: Told) -> None:
    task(app, "load", Reject("not now", requeue=True)).delay()
    assert told.of("load") == ["Running", "Retrying"]


@pytest.mark.parametrize(("error", "kind"), [(ValueError("no rows"), "Failed"), (SystemExit(3), "Aborted")])
def test_an_exception_that_reaches_the_caller(app: Celery, told: Told, error: BaseException, kind: str) -> None:
    app.conf.task_eager_propagates = True
    made = task(app, "load", error)
    with pytest.raises(type(error)):
        made.delay()
    assert told.of("load") == ["Running", kind]
    assert told.last("load").result is error


def test_a_ctrl_c_of_a_handler_passes(app: Celery) -> None:
    def interrupted(tracked_obj: ForeignRun, old_state: State, new_state: State) -> None:
        raise KeyboardInterrupt

    connect(app, interrupted)
    made = task(app, "load")
    with pytest.raises(KeyboardInterrupt):
        made.delay()


def test_a_worker_in_a_thread(app: Celery, told: Told) -> None:
    app.conf.task_always_eager = False
    load, late, old = task(app, "load"), task(app, "late"), task(app, "old")
    with start_worker(app, perform_ping_check=False, pool="solo", shutdown_timeout=30):
        load.apply_async(shadow="load of today").get(timeout=30)
        late.apply_async(countdown=0.01).get(timeout=30)
        old.apply_async(expires=-1)
        eventually(lambda: told.of("old")[-1:] == ["Skipped"])
    # a worker may take a task before its publisher says that it was sent; then that is old news
    assert told.of("load of today")[-3:] == ["Queued", "Running", "Success"]
    assert told.of("late")[-3:] == ["Queued", "Running", "Success"]
    assert {run.host for run, _, new in told.changes if isinstance(new, Success)} != {None}


def test_only_tasks_of_the_app_are_told_of(app: Celery, told: Told) -> None:
    other = Celery("other", broker="memory://", backend="cache+memory://", set_as_current=False)
    other.conf.update(task_default_queue=f"queue-{uuid4()}", task_always_eager=True)
    for error in (None, ValueError("no rows"), Ignore()):
        task(other, f"other {error!r}", error, autoretry_for=(OSError,)).delay()
    task(other, "retried", OSError("x"), autoretry_for=(OSError,), max_retries=1).delay()
    made = task(other, "parent")
    requested(other, made).on_failure(failed(WorkerLostError("killed")))
    requested(other, made).cancel(Pool())
    signals.task_revoked.send(made, request=None, terminated=True, signum=None, expired=False)
    signals.task_received.send(None, request=requested(other, made))
    signals.task_internal_error.send(made, request={}, exception=ValueError())
    signals.worker_ready.send(None)
    assert told.changes == []


def test_one_of_two_apps_with_the_same_tasks_sends(told: Told, app: Celery) -> None:
    another = Told()
    other = Celery("other", broker="memory://", set_as_current=False)
    connect(other, another)
    app.conf.task_always_eager = False
    for each in (app, other):
        task(each, "load")
    app.set_current()
    app.tasks["load"].delay()
    assert (told.of("load"), another.of("load")) == (["Submitted"], [])


class Pool:
    """A pool whose jobs are terminated."""

    def terminate_job(self, pid: int, signum: int) -> None:
        """Terminate a job."""


def test_a_lost_process(app: Celery, told: Told) -> None:
    request = requested(app, task(app, "load"))
    signals.task_received.send(None, request=request)
    request.on_failure(failed(WorkerLostError("Worker exited prematurely: signal 9")))
    assert told.of("load") == ["Submitted", "Queued", "Failed"]
    assert isinstance(told.changes[-1][1], Running)


def test_a_hard_limit_is_told_once(app: Celery, told: Told) -> None:
    request = requested(app, task(app, "load"))
    request.on_failure(failed(TimeLimitExceeded(1)))
    request.on_timeout(False, 1)
    assert told.of("load") == ["Submitted", "TimedOut"]


def test_a_hard_limit_of_a_task_that_is_delivered_again(app: Celery, told: Told) -> None:
    made = task(app, "load", acks_late=True, acks_on_timeout=False)
    requested(app, made).on_timeout(False, 1)
    assert told.of("load") == ["Submitted", "Retrying"]


def test_a_rejected_task_is_told_by_the_process_that_ran_it(app: Celery, told: Told) -> None:
    requested(app, task(app, "load")).on_failure(failed(Reject("a broken message")))
    assert told.of("load") == ["Submitted"]


def test_a_stop(app: Celery, told: Told) -> None:
    for name, late in (("load", False), ("late", True)):
        request = requested(app, task(app, name, acks_late=late))
        request.time_start = 1.0
        request.cancel(Pool())
    assert told.of("load") == ["Submitted", "Aborted"]
    assert told.of("late") == ["Submitted", "Queued"]
    assert told.changes[-1][0].redelivered


def test_a_termination(app: Celery, told: Told) -> None:
    request = requested(app, task(app, "load"))
    request.time_start = 1.0
    request.terminate(Pool())
    assert told.of("load") == ["Submitted", "Aborted"]
    assert told.last("load").message == "it was terminated: SIGTERM"


def test_an_internal_error(app: Celery, told: Told) -> None:
    made = task(app, "load")
    signals.task_internal_error.send(made, request={"id": "r1", "retries": 1}, exception=OSError("no backend"))
    assert told.of("load") == ["Failed"]
    assert told.changes[-1][0].attempt == 2


def test_a_stand_in_for_an_exception_is_undone(app: Celery, told: Told) -> None:
    made = task(app, "load")
    error = UnpickleableExceptionWrapper("jobs", "Odd", (), "Odd('cannot be pickled')")
    signals.task_internal_error.send(made, request={"id": "r1"}, exception=error)
    result = told.last("load").result
    assert (type(result).__name__, str(result)) == ("Odd", "Odd('cannot be pickled')")


def test_what_never_runs(app: Celery, told: Told) -> None:
    last = {"task": "report", "options": {"task_id": "r9", "link": [{"task": "mail", "options": {"task_id": "r10"}}]}}
    header = {"task": "celery.group", "kwargs": {"tasks": [{"task": "part", "options": {"task_id": "r2", "group_index": 0}}, None]}}
    body = {"task": "celery.chain", "kwargs": {"tasks": [{"task": "body", "options": {"task_id": "r3"}}]}}
    chord = {"task": "celery.chord", "kwargs": {"header": header, "body": body}, "options": {}}
    request = {"id": "r1", "chain": [last, chord], "chord": {"task": "after", "options": {"task_id": "r11"}}}
    signals.task_internal_error.send(task(app, "load"), request=request, exception=OSError("x"))
    never = [run.name for run, _, new in told.changes if isinstance(new, TriggerFailed)]
    assert never == ["part", "body", "report", "mail", "after"]
    assert isinstance(told.last("canvas to after"), Failed)


def test_what_follows_by_two_ways_never_runs_once(app: Celery, told: Told) -> None:
    body = {"task": "report", "options": {"task_id": "r9"}}
    signals.task_internal_error.send(
        task(app, "load"), request={"id": "r1", "callbacks": [body], "chord": body}, exception=OSError("x")
    )
    assert told.of("report") == ["TriggerFailed"]
    assert told.last("canvas to report").message == "load failed"


def test_a_canvas_without_an_end_is_read_to_some_depth(app: Celery, told: Told) -> None:
    endless: dict[str, object] = {"task": "again", "options": {}}
    endless["options"] = {"link": [endless]}
    signals.task_internal_error.send(task(app, "load"), request={"id": "r1", "callbacks": [endless]}, exception=OSError("x"))
    assert told.of("load") == ["Failed"]
    assert len(told.changes) < 40


@pytest.mark.parametrize(("each", "summary", "names"), [(True, False, {"load", "report"}), (False, True, {"canvas to report"})])
def test_each_and_summary(app: Celery, each: bool, summary: bool, names: set[str]) -> None:
    told = Told()
    connect(app, told, each=each, summary=summary)
    app.conf.task_always_eager = False
    load, report = task(app, "load", ValueError("no rows")), task(app, "report")
    with start_worker(app, perform_ping_check=False, pool="solo", shutdown_timeout=30):
        chain(load.si(), report.si()).delay()
        eventually(lambda: {run.name for run, _, _ in told.changes} == names)


def test_there_may_be_nothing_to_tell(app: Celery) -> None:
    told = Told()
    connect(app, told, each=False, summary=False)
    task(app, "load", ValueError("no rows")).delay()
    assert told.changes == []


def test_a_replaced_task_goes_on(app: Celery, told: Told) -> None:
    made = task(app, "load", Ignore(REPLACED))
    app.conf.task_always_eager = False
    with start_worker(app, perform_ping_check=False, pool="solo", shutdown_timeout=30):
        chain(made.si(), task(app, "report").si()).delay()
        eventually(lambda: told.of("load")[-1] == "Skipped")
    assert told.of("report") == []


def test_a_silent_handler_makes_no_record(app: Celery, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "tocsin.integrations")
    connect(app, slack_notifier(only_states=[TriggerFailed]), each=True)
    made = task(app, "load", autoretry_for=(OSError,))
    made.delay()
    task(app, "retried", OSError("x"), autoretry_for=(OSError,), max_retries=1).delay()
    signals.task_received.send(None, request=requested(app, made))
    assert [record for record in caplog.records if "TaskSignal" in record.getMessage() and "retried" not in record.getMessage()] == []


@pytest.mark.parametrize("each", [True, False])
def test_a_success_that_nobody_wants_is_heeded_where_labels_are_silent(
    app: Celery, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, each: bool
) -> None:
    monkeypatch.setenv("TOCSIN_STATE_DIR", str(tmp_path))
    connect(app, slack_notifier(only_states=[Failed]), each=each)
    now = time.time()
    silence("another", now, now + 60)
    with caplog.at_level(logging.DEBUG, logger="tocsin.integrations"):
        task(app, "load").delay()
    looked.forget()
    assert ("task_success" in caplog.text) is each


def test_a_second_connection_is_the_first(app: Celery) -> None:
    told = Told()
    made = task(app, "load")
    for _ in range(2):
        connect(app, told)
    made.delay()
    assert told.of("load") == ["Running", "Success"]
    connect(app, told, summary=False)  # another one
    made.delay()
    assert len(told.of("load")) == 6
    connect(app, told, Told())
    assert len(ours._connected) == 3


def test_a_proxy_of_an_app_is_the_app() -> None:
    told = Told()
    connect(current_app, told)
    connect(current_app, told)
    assert len(ours._connected) == 1
    assert isinstance(ours._connected[0].app, Celery)


@pytest.mark.parametrize("given", ["jobs", None, 7, type])
def test_what_is_no_app_is_refused(given: object) -> None:
    with pytest.raises(TypeError, match=r"connect takes a Celery app, not .*: write connect\(app, slack_notifier\)"):
        partial(connect, given)()  # type: ignore[arg-type] # it is what the test is about


def test_a_fault_of_ours_is_one_line(app: Celery, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> bool:
        raise OSError("a fault")

    connect(app, Told())
    monkeypatch.setattr("tocsin.integrations.observer.look", broken)
    task(app, "load").delay()
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("tocsin")]
    assert lines[0] == "tocsin: could not notify about 'a task of Celery', which goes on: OSError: a fault"


def test_a_receiver_says_what_it_is(app: Celery, told: Told) -> None:
    assert "<tocsin tells people of task_prerun>" in repr(signals.task_prerun.receivers)


@pytest.mark.tocsin_live
def test_no_end_is_waited_for_in_the_process_of_the_worker(app: Celery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_STATE_DIR", str(tmp_path))
    told = Told()
    connect(app, told, no_end_after=timedelta(seconds=0.2))
    request = requested(app, task(app, "lost"))
    with start_worker(app, perform_ping_check=False, pool="solo", shutdown_timeout=30):
        pass
    signals.task_received.send(None, request=request)
    eventually(lambda: told.of("lost")[-1] == "Aborted")
    signals.worker_ready.send(request)  # as it has an app, too: the check is made already
    assert "no end was heard of" in str(told.last("lost").message)


def test_a_child_that_exits_is_told_by_its_parent(app: Celery, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    from billiard import current_process

    monkeypatch.setattr(current_process(), "name", "ForkPoolWorker-1")
    with pytest.raises(SystemExit):
        task(app, "load", SystemExit(3)).delay()
    assert told.of("load") == ["Running"]
    assert sys.exc_info() == (None, None, None)


def test_a_dry_run_prints_where_celery_has_replaced_the_standard_output(
    app: Celery, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.WARNING, "jobs")
    monkeypatch.setattr(sys, "stdout", LoggingProxy(logging.getLogger("jobs"), logging.WARNING))
    connect(app, slack_notifier(only_states=[Failed]))
    with interpreting(DryRun()):
        task(app, "load", ValueError("no rows")).delay()
    assert "load failed after" in caplog.text
