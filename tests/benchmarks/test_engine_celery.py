"""Cost of being connected to Celery: of a task that there is nothing to say of, of a message, and to a worker."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from timeit import Timer

import pytest

from tests.benchmarks.outboxes import Destination, Messages
from tests.benchmarks.rates import Sender, compare
from tests.benchmarks.ratios import Rivals
from tocsin import Failed, flush, interpreting, slack_notifier
from tocsin.core.integrations.celery import ENGINE, Said, TaskSignal
from tocsin.integrations import celery as ours
from tocsin.integrations.observer import Observer
from tocsin.interpreters import Outbox

pytest.importorskip("celery")

from celery import Celery, Task, signals

pytestmark = pytest.mark.tocsin_live

_TASK = (signals.task_received, signals.task_prerun, signals.task_success, signals.task_postrun)
_IDS = count()

WORKER = """
import sys, time
from celery import Celery
from celery.worker import state

COUNT, connected = int(sys.argv[1]), sys.argv[2] == "connected"
app = Celery("jobs", broker="memory://")
app.conf.update(worker_hijack_root_logger=False, worker_prefetch_multiplier=64, task_ignore_result=True)
done, began = 0, 0.0

@app.task(name="empty")
def empty():
    global done, began
    began = began or time.perf_counter()
    done += 1
    if done == COUNT:
        print(time.perf_counter() - began, file=sys.__stdout__, flush=True)  # what it prints otherwise is logged
        state.should_stop = 0

if connected:
    from tocsin import Failed, slack_notifier
    from tocsin.integrations.celery import connect
    connect(app, slack_notifier(only_states=[Failed]))
for _ in range(COUNT):
    empty.delay()
app.Worker(pool="solo", loglevel="CRITICAL", without_gossip=True, without_mingle=True, without_heartbeat=True).start()
"""


@pytest.fixture(autouse=True)
def receivers() -> Iterator[None]:
    """Take away what a benchmark connects."""
    before = [list(each.receivers) for each in _TASK]
    yield
    for each, receivers in zip(_TASK, before, strict=True):
        each.receivers[:] = receivers
    ours._connected.clear()


def load() -> None:
    """Do nothing, as a task."""


def sent(task: Task) -> None:
    """Send the signals of a task that succeeds."""
    signals.task_received.send(None, request=task)
    signals.task_prerun.send(task, task_id="r1", task=task, args=(), kwargs={})
    signals.task_success.send(task, result=None, runtime=0.1)
    signals.task_postrun.send(task, task_id="r1", task=task, args=(), kwargs={}, retval=None, state="SUCCESS")


def nothing(sender: object = None, **_: object) -> None:
    """Do nothing, as the cheapest receiver."""


def test_a_task_with_nothing_to_say(rivals: Rivals) -> None:
    app = Celery("jobs", broker="memory://", set_as_current=False)
    task = app.task(name="load", shared=False)(load)
    hooks = {each.name: list(each.receivers) for each in _TASK}
    ours.connect(app, slack_notifier(only_states=[Failed]))
    connected = {each.name: list(each.receivers) for each in _TASK}
    for each in _TASK:
        each.receivers[:] = hooks[each.name]
        each.connect(nothing, weak=False)
    bare = {each.name: list(each.receivers) for each in _TASK}

    def send(receivers: dict[str, list[object]]) -> None:
        for each in _TASK:
            each.receivers[:] = receivers[each.name]
        for _ in range(300):
            sent(task)

    rivals.measure(  # of four signals: each may cost 8 µs
        "celery, nothing to say: the signals of a task, a signal",
        10,
        Timer(partial(send, connected)),
        Timer(partial(send, bare)),
        calls=1,
        rounds=100,
        share=1200,
        unit="µs",
    )


def failed(at: datetime) -> Said:
    """Return a failure of a new run."""
    return TaskSignal("task_postrun", at, "load", f"r{next(_IDS)}", host="celery@one", state="FAILURE", error=OSError("disk full"))


def test_a_failure_through_an_outbox(rivals: Rivals, tmp_path: Path) -> None:
    destination, messages, at = Destination(), Messages(), datetime(2026, 1, 1, tzinfo=UTC)
    calls = 100 if rivals.benchmark.enabled else 2
    with closing(Outbox(destination, f"sqlite:///{tmp_path}/outbox.sqlite", min_interval=0.0)) as outbox:
        observer = Observer(ENGINE, [slack_notifier])
        with interpreting(outbox):
            tell = Timer(lambda: observer.observe(partial(failed, at)))
            keep = Timer(lambda: outbox(messages.one()))
            rivals.measure("celery, a failure told through an outbox", 1.3, tell, keep, calls=calls, rounds=20, unit="µs")
        destination.open.set()
        assert flush(60.0)


def test_a_task_whose_end_is_waited_for(rivals: Rivals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_STATE_DIR", str(tmp_path))
    at = datetime(2026, 1, 1, tzinfo=UTC)
    tell = [slack_notifier(only_states=[Failed])]
    waiting, plain = Observer(ENGINE, tell, no_end_after=timedelta(hours=1)), Observer(ENGINE, tell)

    def run(observer: Observer[Said]) -> None:
        run_id = f"r{next(_IDS)}"
        for name in ("task_prerun", "task_success"):
            observer.observe(partial(TaskSignal, name, at, "load", run_id))

    calls = 50 if rivals.benchmark.enabled else 1
    rivals.measure(
        "celery, no_end_after: start and end of a task", 100, Timer(partial(run, waiting)), Timer(partial(run, plain)), calls=calls,
        rounds=20, unit="µs",
    )  # fmt: skip


def test_a_worker(rivals: Rivals, tmp_path: Path) -> None:
    (tmp_path / "jobs.py").write_text(WORKER, encoding="utf-8")
    calls = 2000 if rivals.benchmark.enabled else 3

    def seconds(how: str, tasks: int) -> float:
        words = [sys.executable, "jobs.py", str(tasks), how]
        ended = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True)
        return float(ended.stdout.split()[-1])

    connected, bare = Sender(partial(seconds, "connected"), calls), Sender(partial(seconds, "bare"), calls)
    compare(rivals, "celery, a worker with nothing to say, against one without", 0.9, connected, bare, rounds=5)
