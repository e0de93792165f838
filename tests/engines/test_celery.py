"""Celery, as run: what it says of each case is what the golden file has, and people are told of it.

A worker runs the cases one after another, with a broker and a result backend in a folder. Each process of it writes down the records of
its observer, and what it tells.
"""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import attrs
import pytest

from tests.engines import golden
from tests.engines.celery_records import steady, steady_sentence, told_of
from tests.engines.golden import Json
from tests.servers.scripts import environment, texts
from tests.servers.slack import SlackServer

pytest.importorskip("celery")
pytestmark = [pytest.mark.tocsin_live, pytest.mark.skipif(os.name != "posix", reason="a pool that forks is POSIX's")]

ROOT = Path(__file__).parents[2]
LONGEST = 60.0  # seconds
Process = subprocess.Popen[bytes]

JOBS = """
import json, logging, os, signal, sys, threading, time
from datetime import timedelta
from celery import Celery, chain, chord, group
from celery.exceptions import Ignore, Reject
from celery.signals import worker_ready
from celery.worker import state
from tests.engines.golden import as_json
from tocsin import Failed, Recording, Retrying, interpreting, slack_notifier
from tocsin.integrations.celery import connect

def write(name, value):
    with open(name, "a", encoding="utf-8") as file:
        file.write(json.dumps(value) + "\\n")

class Said(logging.Handler):
    def emit(self, record):
        write("said", as_json(record.args[1]))

logging.getLogger("tocsin.integrations").setLevel(logging.DEBUG)
logging.getLogger("tocsin.integrations").addHandler(Said())
logging.getLogger("tocsin.integrations").propagate = False

class Kept(Recording):
    def perform(self, effect, /):
        write("told", effect.content.opening + effect.content.rest)  # a sentence is cut
        return super().perform(effect)

if os.environ.get("KEPT"):
    kept = interpreting(Kept())
    kept.__enter__()

app = Celery("jobs", broker="filesystem://", backend=f"file://{os.getcwd()}/results")
app.conf.update(
    broker_transport_options={
        "data_folder_in": "queue", "data_folder_out": "sent", "control_folder": "control", "polling_interval": 0.02},
    broker_connection_retry_on_startup=True, worker_enable_remote_control=False, worker_lost_wait=0.3,
    worker_hijack_root_logger=False, result_chord_retry_interval=0.1)

def heard(obj, old, new):
    write("heard", [obj.name, obj.attempt, obj.attempts, type(old).__name__, type(new).__name__, threading.current_thread().name])

def breaks(obj, old, new):
    raise LookupError("a handler of the user's is broken")

HANDLERS = {"slack": slack_notifier, "failed": slack_notifier(only_states=[Failed, Retrying]), "heard": heard, "breaks": breaks}
handlers = [HANDLERS[name] for name in os.environ.get("HANDLERS", "slack").split(",")]
options = json.loads(os.environ.get("OPTIONS", "{}"))
if "no_end_after" in options:
    options["no_end_after"] = timedelta(seconds=options["no_end_after"])
connect(app, *handlers, **options)
connect(app, *handlers, **options)  # which does nothing
another = Celery("another", broker="memory://", set_as_current=False)
connect(another, *handlers, **options)  # whose tasks none of these are

class Odd(Exception):
    def __init__(self, code, text):
        super().__init__(f"{text} ({code})")

def task(**options):
    return lambda function: app.task(name=function.__name__, **options)(function)

@task()
def success(): pass
@task()
def failure(): raise ValueError("no rows")
@task()
def odd(): raise Odd(7, "cannot be pickled")
@task(bind=True, autoretry_for=(ConnectionError,), max_retries=2, default_retry_delay=0)
def retries(self):
    if self.request.retries < 2: raise ConnectionError("reset by peer")
@task(autoretry_for=(ConnectionError,), max_retries=1, default_retry_delay=0)
def exhausted(): raise ConnectionError("reset by peer")
@task(bind=True, max_retries=None, default_retry_delay=0)
def unlimited(self):
    if self.request.retries < 1: raise self.retry()
@task(soft_time_limit=0.2)
def soft(): time.sleep(30)
@task(time_limit=1)
def hard(): time.sleep(30)
@task()
def ignored(): raise Ignore("nothing today")
@task()
def rejected(): raise Reject("a broken message", requeue=False)
@task(acks_late=True)
def requeued():
    if not os.path.exists("requeued"):
        open("requeued", "w").close()
        raise Reject("not now", requeue=True)
@task(bind=True)
def replaced(self): raise self.replace(instead.si())
@task()
def instead(): pass
@task()
def killed(): os.kill(os.getpid(), signal.SIGKILL)
@task()
def exits(): sys.exit(3)
@task(bind=True, retry_on_worker_lost=True, default_retry_delay=0)
def lost(self):
    if self.request.retries == 0: os.kill(os.getpid(), signal.SIGKILL)
@task()
def terminated():
    open("begun", "w").close()
    time.sleep(30)
@task()
def revoked(): pass
@task()
def expired(): pass
@task()
def scheduled(): pass
@task(bind=True, autoretry_for=(ConnectionError,), max_retries=2, default_retry_delay=0)
def fetch(self):
    if self.request.retries < 2: raise ConnectionError("reset by peer")
@task()
def load(): os.kill(os.getpid(), signal.SIGKILL)
@task()
def report(): pass
@task()
def child(number): pass
@task()
def part(number):
    if number: raise ValueError("no rows")
@task()
def body(): pass
@task()
def after(): pass
@task()
def first(): raise Ignore("nothing today")
@task()
def second(): pass
@task()
def unstored(): return object()

@task()
def stopped():
    open("begun", "w").close()
    time.sleep(30)
@task()
def dies(): os.kill(os.getpid(), signal.SIGKILL)

def revoke(found, terminate=False):
    write("revoke", [found.id, terminate])  # the worker then does what the remote control does

def terminate():
    found = terminated.delay()
    wait(lambda: os.path.exists("begun"))
    revoke(found, True)

CASES = {
    "success": (success.delay, "task_success"),
    "failure": (failure.delay, "task_postrun"),
    "odd": (odd.delay, "task_postrun"),
    "retries": (retries.delay, "task_success"),
    "exhausted": (exhausted.delay, "task_postrun"),
    "unlimited": (unlimited.delay, "task_success"),
    "soft": (soft.delay, "task_postrun"),
    "hard": (hard.delay, "task_failure"),
    "ignored": (ignored.delay, "task_postrun"),
    "rejected": (rejected.delay, "task_postrun"),
    "requeued": (requeued.delay, "task_success"),
    "replaced": (replaced.delay, "task_postrun"),
    "instead": (lambda: None, "task_success"),
    "killed": (killed.delay, "task_failure"),
    "exits": (exits.delay, "task_failure"),
    "lost": (lost.delay, "task_success"),
    "terminated": (terminate, "task_revoked"),
    "revoked": (lambda: revoke(revoked.apply_async(countdown=0.5)), "task_revoked"),
    "expired": (lambda: expired.apply_async(expires=-1), "task_revoked"),
    "scheduled": (lambda: scheduled.apply_async(countdown=0.3), "task_success"),
    "report": (lambda: chain(fetch.si(), load.si(), report.si()).delay(), "CanvasEnd"),
    "child": (lambda: group(child.si(0), child.si(1)).delay(), "task_success"),
    "after": (lambda: (chord([part.si(0), part.si(1)], body.si()) | after.si()).delay(), "CanvasEnd"),
    "second": (lambda: chain(first.si(), second.si()).delay(), "CanvasEnd"),
    "unstored": (unstored.delay, "task_postrun"),
    "stopped": (stopped.delay, "task_prerun"),
    "both": (lambda: chord([part.si(1), dies.si()], body.si()).delay(), "task_failure"),
}

def wait(is_so):
    until = time.monotonic() + 30
    while not is_so():
        if time.monotonic() > until:
            raise TimeoutError(is_so)
        time.sleep(0.01)

def ended(name, signal):
    if not os.path.exists("said"):
        return False
    with open("said", encoding="utf-8") as file:
        said = [json.loads(line) for line in file if line.endswith("\\n")]
    name = {"both": "dies"}.get(name, name)
    return any((each.get("signal") or each["record"]) == signal and (each.get("goal") or each["name"]) == name for each in said)

def go():
    wait(lambda: os.path.exists("ready"))
    ends = dict(each.split("=") for each in os.environ.get("ENDS", "").split(",") if each)
    for name in os.environ["CASES"].split(","):
        run, end = CASES[name]
        end = ends.get(name, end)
        run()
        if os.environ.get("WAIT", "yes") == "yes":
            wait(lambda: ended(name, end))

def obey(pool):
    obeyed = set()
    while True:
        time.sleep(0.01)
        for name in os.listdir("sent"):  # a worker that finds a file in which nothing is written yet would end
            if os.path.getsize(f"sent/{name}"):
                os.rename(f"sent/{name}", f"queue/{name}")
        if os.path.exists("revoke"):
            with open("revoke", encoding="utf-8") as file:
                asked = [json.loads(line) for line in file if line.endswith("\\n")]
            for task_id, terminate in asked:
                found = state.requests.get(task_id)
                if found is not None and task_id not in obeyed:
                    obeyed.add(task_id)
                    state.revoked.add(task_id)
                    if terminate:
                        found.terminate(pool)

@worker_ready.connect
def begin(sender, **_):
    open("ready", "w").close()
    threading.Thread(target=obey, args=(sender.pool,), daemon=True).start()
"""

CASE_OF: Mapping[str, str] = {
    "fetch": "pipeline", "load": "pipeline", "report": "pipeline",
    "part": "chord", "body": "chord", "after": "chord",
    "first": "chain skipped", "second": "chain skipped",
    "child": "mapped", "instead": "replaced",
}  # fmt: skip
PREFORK = (
    "success,failure,odd,retries,exhausted,unlimited,soft,ignored,rejected,requeued,replaced,instead,revoked,expired,scheduled,"
    "child,after,second,unstored,terminated,hard,killed,exits,lost,report"
)


@attrs.frozen
class Desk:
    """A folder in which a worker runs."""

    folder: Path
    env: Mapping[str, str]

    def lines(self, name: str) -> list[Json]:
        """Return what the processes wrote into a file."""
        path = self.folder / name
        if not path.exists():
            return []
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]

    def has(self, name: str, *parts: str) -> bool:
        """Return whether a line of a file has all these parts."""
        return any(all(part in json.dumps(line) for part in parts) for line in self.lines(name))

    @property
    def log(self) -> str:
        """What the worker printed."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def worker(self, pool: str = "prefork", **more: str) -> AbstractContextManager[Process]:
        """Run a worker."""
        words = ["-m", "celery", "-A", "jobs", "worker", f"--pool={pool}", "--concurrency=1", "--loglevel=INFO"]
        return self._running(words, more)

    def publisher(self, cases: str, **more: str) -> AbstractContextManager[Process]:
        """Run a program that sends the tasks of the cases, each once the one before is over."""
        return self._running(["-c", "import jobs; jobs.go()"], {**more, "CASES": cases})

    @contextmanager
    def _running(self, words: list[str], more: Mapping[str, str]) -> Iterator[Process]:
        env = {**self.env, "PYTHONPATH": f"{self.folder}{os.pathsep}{ROOT}", **more}
        with (self.folder / "log").open("ab") as output:
            made = [sys.executable, *words]
            process = subprocess.Popen(made, env=env, cwd=self.folder, stdout=output, stderr=output, start_new_session=True)
            try:
                yield process
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait(LONGEST)

    def run(self, cases: str, pool: str = "prefork", **more: str) -> None:
        """Run the cases, and stop the worker when they are over."""
        with self.worker(pool, **more) as worker, self.publisher(cases, **more) as publisher:
            self.wait_for(worker, lambda: publisher.poll() is not None)
            assert publisher.returncode == 0, self.log
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(LONGEST) in {0, -signal.SIGTERM, 128 + signal.SIGTERM}, self.log

    def wait_for(self, worker: Process, is_so: Callable[[], bool]) -> None:
        """Return once it is so; an AssertionError if the worker ended before."""
        until = time.monotonic() + LONGEST
        while not is_so():
            assert worker.poll() is None, self.log
            assert time.monotonic() < until, self.log
            time.sleep(0.01)


@pytest.fixture
def desk(tmp_path: Path, slack_server: SlackServer, ca_bundle: Path) -> Desk:
    """A folder with a broker, a result backend and the jobs."""
    for name in ("control", "queue", "results", "sent", "state"):
        (tmp_path / name).mkdir()
    (tmp_path / "jobs.py").write_text(JOBS, encoding="utf-8")
    return Desk(tmp_path, {**environment(slack_server, ca_bundle, tmp_path), "TOCSIN_STATE_DIR": str(tmp_path / "state")})


def cases_of(said: list[Json]) -> dict[str, list[Json]]:
    """Return the records of each case, in an order in which they may come.

    A worker hears of the next attempt before or after its child says that there is one. So records are ordered by task and attempt.
    """
    found: dict[str, list[Json]] = {}
    for each in sorted(said, key=lambda each: str(facts(each)["at"])):
        name = str(facts(each).get("goal") or facts(each)["name"])
        found.setdefault(CASE_OF.get(name, name), []).append(steady(each))
    for case, records in found.items():
        names = list(dict.fromkeys(str(facts(each).get("name")) for each in records))
        if case != "requeued":
            records.sort(key=lambda each: rank(facts(each), names))
    return found


def rank(said: Mapping[str, Json], names: list[str]) -> tuple[int, int, int, int]:
    """Return the place of a record among those of its case; ``names`` are those of the tasks."""
    kind, order = str(said.get("signal") or said["record"]), ("after_task_publish", "task_received", "task_prerun")
    index, retries = said.get("map_index"), said.get("retries")
    assert isinstance(index, int | None)
    assert isinstance(retries, int | None)
    return names.index(str(said.get("name"))), index or 0, retries or 0, order.index(kind) if kind in order else len(order)


def facts(said: Json) -> dict[str, Json]:
    """Return a record's facts."""
    assert isinstance(said, dict)
    return said


@pytest.mark.slow
def test_what_celery_says_of_each_case_is_what_was_kept(desk: Desk) -> None:
    desk.run(PREFORK, KEPT="yes")
    found = cases_of(desk.lines("said"))
    told = {case: told_of(said) for case, said in found.items()}
    if os.environ.get("TOCSIN_KEEP_GOLDEN"):
        keep(found, told)
    kept = golden.kept("celery")
    assert found == {case: list(each.said) for case, each in kept.items()}
    assert told == {case: list(each.told) for case, each in kept.items()}
    really = [steady_sentence(str(each)) for each in desk.lines("told")]
    ours = sorted(sentence for each in told.values() for sentence in each)
    assert [without_cause(each) for each in sorted(really)] == ours
    assert sum(CAUSE.search(each) is not None for each in really) == 1
    assert "Traceback" not in "".join(line for line in desk.log.splitlines() if "tocsin" in line)


CAUSE = re.compile(
    r"(?<=^unstored failed after a while: EncodeError: Object of type object is not JSON serializable); .* TypeError: .*"
)
"""What a record does not hold: the cause of the one exception here that has one, and its place."""


def without_cause(sentence: str) -> str:
    """Return a sentence as it follows from the records: whole, but for that cause."""
    return CAUSE.sub("", sentence)


def keep(found: Mapping[str, list[Json]], told: Mapping[str, list[str]]) -> None:
    """Write the golden file."""
    from importlib.metadata import version

    cases = {name: {"said": found[name], "told": told[name]} for name in sorted(found)}
    text = json.dumps({"engine": "celery", "version": version("celery"), "cases": cases}, indent=1, ensure_ascii=False)
    (golden.FOLDER / "celery.json").write_text(f"{text}\n", encoding="utf-8")


@pytest.mark.slow
def test_a_worker_goes_on_while_slack_is_dead(desk: Desk, slack_server: SlackServer) -> None:
    slack_server.stop()
    desk.run("failure,success", HANDLERS="failed,heard", TOCSIN_DELIVERY_EXIT_TIMEOUT="1")
    assert [kind for name, *_, kind, _ in map(strings, desk.lines("heard")) if name == "success"][-1] == "Success"
    assert "could not tell Slack of 'failure'" in desk.log


@pytest.mark.slow
def test_an_outbox_takes_one_of_the_messages_of_two_processes(desk: Desk, slack_server: SlackServer) -> None:
    desk.run("failure,retries,both", HANDLERS="breaks,failed", TOCSIN_DELIVERY_OUTBOX="true")
    with closing(sqlite3.connect(desk.folder / "state" / "outbox.sqlite")) as outbox:  # what a killed process was sending comes later
        bodies: list[tuple[str]] = outbox.execute("SELECT body FROM messages").fetchall()
    kept = [steady_sentence(json.loads(body)["payload"]["fallback"]) for (body,) in bodies]
    assert set(map(steady_sentence, texts(slack_server))) <= set(kept)
    assert sorted(kept) == [
        "body was not run: part failed",
        "canvas to body failed: part failed",
        "dies[1] failed: WorkerLostError: Worker exited prematurely: signal 9 (SIGKILL) Job: 0.",
        "failure failed after a while: ValueError: no rows",
        "part[0] failed after a while: ValueError: no rows",
        "retries will be tried again: ConnectionError: reset by peer",
        "retries will be tried again: ConnectionError: reset by peer",
    ]
    assert "a handler of the user's is broken" in desk.log


@pytest.mark.slow
def test_a_pool_of_threads_in_a_dry_run(desk: Desk, slack_server: SlackServer) -> None:
    desk.run("success,retries,failure,exits", "threads", HANDLERS="slack,heard", TOCSIN_NOTIFY="print", ENDS="exits=task_postrun")
    assert texts(slack_server) == []
    told = {name: [kind for other, *_, kind, _ in map(strings, desk.lines("heard")) if other == name] for name in ("retries", "exits")}
    assert sorted(told["exits"]) == ["Aborted", "Queued", "Running", "Submitted"]
    assert told["retries"].count("Retrying") == 2
    assert "failure failed after" in desk.log


@pytest.mark.slow
def test_a_cold_stop_is_no_retry(desk: Desk) -> None:
    with desk.worker(HANDLERS="heard") as worker, desk.publisher("stopped", HANDLERS="heard") as publisher:
        desk.wait_for(worker, (desk.folder / "begun").exists)
        assert publisher.wait(LONGEST) == 0
        worker.send_signal(signal.SIGQUIT)
        worker.wait(LONGEST)
    assert {kind for _, *_, kind, _ in map(strings, desk.lines("heard"))} == {"Submitted", "Queued", "Running", "Aborted"}


@pytest.mark.slow
def test_another_worker_tells_that_no_end_was_heard_of(desk: Desk) -> None:
    options = {"HANDLERS": "heard", "OPTIONS": json.dumps({"no_end_after": 1})}
    with desk.worker(**options) as worker, desk.publisher("stopped", **options) as publisher:
        desk.wait_for(worker, (desk.folder / "begun").exists)
        assert publisher.wait(LONGEST) == 0
        os.killpg(worker.pid, signal.SIGKILL)
    with desk.worker(**options) as worker:
        desk.wait_for(worker, lambda: desk.has("heard", "stopped", "Aborted", "tocsin_no_end"))


def strings(line: Json) -> list[str]:
    """Return the items of a line as texts."""
    assert isinstance(line, list)
    return list(map(str, line))


PROGRAM = '''
from datetime import timedelta

from celery import Celery  # type: ignore[import-untyped] # it has no types
from tocsin import Failed, State, Task, slack_notifier
from tocsin.integrations import ForeignRun
from tocsin.integrations.celery import connect


def exact(run: ForeignRun, old: State, new: State) -> State | None:
    return None


def of_a_task(task: Task, old: State, new: State) -> None: ...


class App:
    """An app as stubs of Celery have it."""

    @property
    def tasks(self) -> dict[str, object]:
        return {}

    def finalize(self, auto: bool = False) -> None: ...


connect(Celery("jobs"), slack_notifier(only_states=[Failed]), exact, each=False, no_end_after=timedelta(hours=2))
connect(App(), slack_notifier)
connect("jobs", slack_notifier)
connect(App(), of_a_task)
connect(App(), slack_notifier, eech=False)
connect(App(), slack_notifier, no_end_after=7)
'''


@pytest.mark.slow
def test_a_type_checker_sees_what_is_wrong(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    words = [sys.executable, "-m", "mypy", "--strict", "program.py"]
    said = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False).stdout
    wrong = len(PROGRAM.splitlines()) - 3
    found = [(int(line.split(":")[1]) - wrong, line.rpartition("[")[2]) for line in said.splitlines() if " error: " in line]
    assert found == [(0, "arg-type]"), (1, "arg-type]"), (2, "call-arg]"), (3, "arg-type]")], said
