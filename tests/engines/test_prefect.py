"""Prefect as it is: real flows on a real server, what its hooks get, and what people are told.

``TOCSIN_KEEP_GOLDEN=1`` writes the golden file instead of comparing with it.
"""

import asyncio
import copy
import json
import logging
import os
import pickle
import re
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

import attrs
import pytest
from typing_extensions import override

from tests.engines import golden, prefect_home
from tests.engines.golden import Json
from tests.eventually import eventually
from tests.servers.authority import Authority
from tests.servers.live import live_at
from tests.servers.scripts import environment, texts
from tests.servers.slack import SlackServer

pytest.importorskip("prefect")

from prefect import flow, task
from prefect.cache_policies import INPUTS
from prefect.states import Cancelled, Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner

import tocsin
from tocsin import Recording, flush, interpreting, slack_notifier
from tocsin.core.effects import CallBack
from tocsin.core.integrations.prefect import Said
from tocsin.core.messages.content import Content
from tocsin.integrations import prefect as hooks_module
from tocsin.integrations.prefect import (
    FlowHooks,
    TaskHooks,
    _FlowHook,
    _Hook,
    _TaskHook,
    prefect_flow_hooks,
    prefect_task_hooks,
)
from tocsin.integrations.prefect_open_runs import Attempt, OpenRuns
from tocsin.interpreters import Outbox

pytestmark = [pytest.mark.engine, pytest.mark.filterwarnings("default")]

KEEPS = os.environ.get("TOCSIN_KEEP_GOLDEN") == "1"
HERE = Path(__file__).parent
ROOT = HERE.parents[1]
NATIVE = ROOT / "docs" / "engines" / "native" / "prefect.txt"
PATIENCE = 120.0  # seconds that a program may take on a busy machine

TASKS = prefect_task_hooks(slack_notifier)
FLOWS = prefect_flow_hooks(slack_notifier)


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[None]:
    with prefect_home.server():
        yield


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait longer for Prefect's API: a busy machine takes more than five seconds for its first answer."""
    monkeypatch.setattr("tocsin.integrations.prefect_tasks.PATIENCE", 20.0)


class Kept(logging.Handler):
    """Keeps what Prefect said."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[Said] = []

    @override
    def emit(self, record: logging.LogRecord) -> None:
        assert isinstance(record.args, tuple)
        said = record.args[1]
        assert isinstance(said, Said)
        self.said.append(said)


@attrs.frozen
class Heard:
    """What Prefect said in a run, and what was told."""

    said: tuple[Said, ...]
    told: tuple[str, ...]
    details: tuple[str, ...]


def hear(run: Callable[[], object]) -> Heard:
    """Run a flow, whose end may be an exception."""
    kept, records = Kept(), logging.getLogger("tocsin.integrations")
    records.setLevel(logging.DEBUG)
    records.addHandler(kept)
    try:
        with interpreting(Recording()) as recording:
            try:
                run()
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                print("the flow raised", repr(error))
    finally:
        records.removeHandler(kept)
        records.setLevel(logging.NOTSET)
    told: list[str] = []
    details: list[str] = []
    for effect in recording.effects:
        assert not isinstance(effect, CallBack)
        assert isinstance(effect.content, Content)
        told.append(effect.content.sentence)
        details += [line.text for line in effect.content.lines if line.title in {"Tasks", "Failed or not run"}]
    return Heard(tuple(kept.said), tuple(told), tuple(details))


# --- flows ------------------------------------------------------------------------------------------------------------------------


@task(**TASKS)
def add(x: int, y: int = 1) -> int:
    return x + y


@task(**TASKS)
def divide(x: int) -> float:
    return 1 / x


@flow(flow_run_name="run", **FLOWS)
def success() -> None:
    add(1)


@flow(flow_run_name="run", **FLOWS)
def failure() -> None:
    divide(0)


@task(retries=2, **TASKS)
def fetch() -> None:
    from prefect.runtime import task_run

    if task_run.run_count < 3:
        raise ConnectionError("reset by peer")


@flow(flow_run_name="run", **FLOWS)
def retries() -> None:
    fetch()


@task(retries=1, retry_delay_seconds=0.2, **TASKS)
def refetch() -> None:
    raise ConnectionError("reset by peer")


@flow(flow_run_name="run", **FLOWS)
def delayed_retries() -> None:
    try:
        raise KeyError("not an error of the task")
    except KeyError:
        refetch()


@task(timeout_seconds=0.3, **TASKS)
def slow() -> None:
    time.sleep(20)


@flow(flow_run_name="run", **FLOWS)
def timeout() -> None:
    slow()


@task(**TASKS)
def skips() -> object:
    return Completed(name="Skipped", message="no rows today")


@task(**TASKS)
def warns() -> object:
    return Completed(name="Odd", message="2 rows left out")


@task(**TASKS)
def fails_by_state() -> object:
    return Failed(message="no rows")


@flow(flow_run_name="run", **FLOWS)
def by_state() -> None:
    skips(return_state=True)
    warns(return_state=True)
    fails_by_state(return_state=True)


@task(**TASKS)
def report(x: object) -> None:
    """Never runs."""


@flow(flow_run_name="run", **FLOWS)
def upstream_failed() -> None:
    report.submit(divide.submit(0)).wait()


@task(**TASKS)
def exits() -> None:
    sys.exit(3)


@flow(flow_run_name="run", **FLOWS)
def crashed() -> None:
    add(1)
    exits()


@flow(flow_run_name="run", **FLOWS)
def crashed_in_a_thread() -> None:
    exits.submit().wait()


@task()
def exits_without_hooks() -> None:
    sys.exit(3)


@flow(flow_run_name="run", **FLOWS)
def crashed_without_hooks() -> None:
    exits_without_hooks()


@task(**TASKS)
def gives_up() -> object:
    return Cancelled(message="nothing to do on Sundays")


@flow(flow_run_name="run", **FLOWS)
def cancelled_task() -> None:
    gives_up(return_state=True)


@task(task_run_name="part[{x}]", **TASKS)
def part(x: int) -> float:
    return 1 / (x - 1)


@flow(flow_run_name="run", task_runner=ThreadPoolTaskRunner(max_workers=1), **FLOWS)
def mapped() -> None:
    part.map([0, 1, 2]).wait()


@task(cache_policy=INPUTS, persist_result=True, **TASKS)
def count(x: int) -> int:
    return x


@flow(flow_run_name="run", **FLOWS)
def cached() -> None:
    count(1)
    count(1)


@flow(flow_run_name="run", retries=1, **FLOWS)
def flow_retries() -> None:
    raise ValueError("no rows")


@flow(flow_run_name="run", timeout_seconds=0.3, **FLOWS)
def flow_timeout() -> None:
    time.sleep(20)


@task(retries=1, **TASKS)
async def afetch() -> None:
    raise ConnectionError("reset by peer")


@task(**TASKS)
async def aexits() -> None:
    sys.exit(3)


@flow(flow_run_name="run", **FLOWS)
async def in_a_loop() -> None:
    await afetch(return_state=True)
    add(1)


@flow(flow_run_name="run", **FLOWS)
async def crashed_in_a_loop() -> None:
    await aexits()


CASES: dict[str, Callable[[], object]] = {
    "success": success,
    "failure": failure,
    "retries": retries,
    "retries after a delay": delayed_retries,
    "timeout": timeout,
    "states of one's own": by_state,
    "upstream failed": upstream_failed,
    "crashed": crashed,
    "crashed in a thread": crashed_in_a_thread,
    "crashed, without hooks": crashed_without_hooks,
    "cancelled task": cancelled_task,
    "mapped": mapped,
    "cached": cached,
    "flow retries": flow_retries,
    "flow timeout": flow_timeout,
    "async": lambda: asyncio.run(in_a_loop()),
    "async, crashed": lambda: asyncio.run(crashed_in_a_loop()),
}


def in_order(said: Json) -> Json:
    """Return a record with its tasks by name and index: ids of one millisecond, by which the API sorts, are in no order."""
    if not isinstance(said, dict) or not isinstance(said.get("tasks"), list):
        return said
    tasks = golden_list(said["tasks"])
    return {**said, "tasks": [*sorted(tasks, key=lambda each: (str(each["name"]), str(each["map_index"]), str(each["state_name"])))]}


def golden_list(value: Json) -> list[dict[str, Json]]:
    """Return the records in a list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


CONTEXT = re.compile(r"; (?:caused by|while handling) .*|, at [^ ]+:\d+(?: in [^ ]+)?$| … .*")


def without_context(sentence: str) -> str:
    """Return a sentence without what no kept record holds: the causes of an exception, their place, and what a cut left of both."""
    return CONTEXT.sub("", sentence)


def compare(case: str, said: list[Json], told: list[str]) -> None:
    """Compare with the golden file, or keep the case for it."""
    said = [in_order(golden.normal(each)) for each in said]
    told = [golden.normal_sentence(each) for each in told]
    if KEEPS:
        path = golden.FOLDER / "prefect.json"
        found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"cases": {}}
        cases = {**found["cases"], case: {"said": said, "told": told}}
        made = {"engine": "prefect", "version": version("prefect"), "cases": dict(sorted(cases.items()))}
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{json.dumps(made, indent=1, ensure_ascii=False)}\n", encoding="utf-8")
    kept = golden.kept("prefect")[case]
    assert [without_context(each) for each in told] == [without_context(each) for each in kept.told]
    assert said == list(kept.said)


@pytest.mark.parametrize("case", CASES)
def test_what_prefect_says_and_what_is_told(case: str) -> None:
    heard = hear(CASES[case])
    compare(case, [golden.as_json(each) for each in heard.said], list(heard.told))


def test_the_end_of_a_flow_lists_its_tasks() -> None:
    assert hear(upstream_failed).details == (
        "1 Failed, 1 TriggerFailed",
        "divide Failed: ZeroDivisionError: division by zero\n"
        "report TriggerFailed: Upstream task run 'divide' did not reach a 'COMPLETED' state.",
    )


# --- programs ---------------------------------------------------------------------------------------------------------------------


@attrs.frozen
class Program:
    """The program with the flows that are killed, and the server that it tells."""

    slack: SlackServer
    bundle: Path
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """Its environment: the home and the server of Prefect's, and the webhook."""
        return {
            **prefect_home.ENVIRONMENT,
            **environment(self.slack, self.bundle, self.folder),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "TOCSIN_SAID": str(self.folder / "said"),
            "TOCSIN_STATE_DIR": str(self.folder / "state"),
        }

    def start(self, case: str, **variables: str) -> "subprocess.Popen[str]":
        """Start a case. A group of processes of its own can be ended as a whole."""
        words = [sys.executable, str(HERE / "prefect_program.py"), case]
        env = {**self.environment, **variables}
        with (self.folder / "log").open("a") as log:
            return subprocess.Popen(
                words, env=env, cwd=self.folder, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
            )

    def run(self, case: str, **variables: str) -> int:
        """Run a case, and return its exit status."""
        with self.start(case, **variables) as process:
            return ended(process)

    @property
    def said(self) -> list[Json]:
        """What Prefect said."""
        return [json.loads(line) for line in (self.folder / "said").read_text(encoding="utf-8").splitlines()]


def ended(process: "subprocess.Popen[str]") -> int:
    """Wait for the end of a program, and return its exit status."""
    try:
        return process.wait(PATIENCE)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture
def program(slack_server: SlackServer, ca_bundle: Path, tmp_path: Path) -> Program:
    return Program(slack_server, ca_bundle, tmp_path)


def test_the_pipeline_in_a_pool_of_processes(program: Program) -> None:
    assert program.run("pipeline", PREFECT_LOGGING_LEVEL="ERROR") == 1
    log = (program.folder / "log").read_text(encoding="utf-8")
    lines = [re.sub(r"-[0-9a-f]{3}'", "-3f2'", line) for line in re.findall(r"\| (ERROR +\| .* - .*)", log)]
    assert any("Encountered exception" in line for line in lines), log
    if KEEPS:
        NATIVE.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    said = program.said
    for each in said:
        assert isinstance(each, dict)
        for listed in golden_list(each.get("tasks")):
            if listed["name"] == "load":  # Prefect's server may have heard of its start, or not, before it was killed
                assert listed["state_type"] in {"PENDING", "RUNNING"}
                listed.update(state_type="PENDING", state_name="Pending", run_count=0, started=None, took=0.0)
    compare("pipeline", said, texts(program.slack))


def test_a_flow_that_is_terminated_is_told_and_its_task_too(program: Program) -> None:
    with program.start("nightly") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGTERM)
        assert ended(process) != 0
    compare("terminated", program.said, texts(program.slack))


def test_of_a_flow_that_is_killed_another_process_tells_that_no_end_was_heard(program: Program) -> None:
    assert program.run("killed", NO_END_AFTER="1") == -signal.SIGKILL
    assert texts(program.slack) == ["killed started", "load started"]
    assert program.run("watches", NO_END_AFTER="12") == 0
    told = texts(program.slack)[2:]
    assert sorted(re.sub("within .*", "within", golden.normal_sentence(each)) for each in told if "no end" in each) == [
        "killed was aborted: no end was heard of within",
        "load was aborted after a while: no end was heard of within",
    ]


# --- handlers that fail, outboxes, dry runs ---------------------------------------------------------------------------------------


def breaks(_: object, __: tocsin.State, ___: tocsin.State) -> None:
    raise RuntimeError("a handler of the user's")


@task(**prefect_task_hooks(breaks, slack_notifier))
def told_by_a_broken_handler() -> int:
    return 7


@flow(**prefect_flow_hooks(breaks, slack_notifier))
def with_a_broken_handler() -> int:
    return told_by_a_broken_handler()


def test_a_handler_that_fails_changes_nothing() -> None:
    results: list[int] = []
    heard = hear(lambda: results.append(with_a_broken_handler()))
    assert results == [7]
    assert [golden.normal_sentence(each) for each in heard.told] == [
        "with-a-broken-handler started",
        "told_by_a_broken_handler started",
        "told_by_a_broken_handler succeeded after a while",
        "with-a-broken-handler succeeded after a while",
    ]


@pytest.mark.tocsin_live
def test_slack_is_dead(authority: Authority, slack_server: SlackServer, caplog: pytest.LogCaptureFixture) -> None:
    with live_at(authority, secrets={"SLACK_WEBHOOK_URL": slack_server.url}) as live, interpreting(live):
        slack_server.stop()
        assert add_only(3) == 4
    assert "could not tell Slack of 'add-only'" in caplog.text


@flow(**prefect_flow_hooks(slack_notifier))
def add_only(x: int) -> int:
    return x + 1


@pytest.mark.tocsin_live
def test_through_an_outbox(authority: Authority, slack_server: SlackServer, tmp_path: Path) -> None:
    with live_at(authority, slack_server) as live:
        outbox = Outbox(live, f"sqlite:///{tmp_path}/outbox.sqlite", min_interval=0.0)
        with closing(outbox), interpreting(outbox):
            success()
            flush()
    assert [golden.normal_sentence(each) for each in texts(slack_server)] == [
        "success started",
        "add started",
        "add succeeded after a while",
        "success succeeded after a while",
    ]


def test_a_flow_that_prefect_cancels_is_told_by_its_runner(program: Program) -> None:
    """A program that serves its flow kills it when it is cancelled, and calls the hook of the flow."""
    with program.start("serves") as process:
        try:
            assert process.stdout is not None
            assert any(line == "waiting\n" for line in process.stdout)
            words = [sys.executable, "-m", "prefect", "flow-run"]
            listed = [*words, "ls", "--state", "Running", "--output", "json"]
            done = subprocess.run(listed, env=program.environment, capture_output=True, text=True, timeout=PATIENCE, check=True)
            run_id = re.search(r"[0-9a-f-]{36}", done.stdout)
            assert run_id is not None
            subprocess.run([*words, "cancel", run_id[0]], env=program.environment, timeout=PATIENCE, check=True, capture_output=True)
            eventually(lambda: any(each.startswith("nightly was aborted") for each in texts(program.slack)))
        finally:
            os.killpg(process.pid, signal.SIGKILL)
    assert {golden.normal_sentence(each) for each in texts(program.slack) if each.startswith("nightly")} == {
        "nightly started",
        "nightly was aborted after a while: Flow run was cancelled.",
    }


def test_the_demo_runs_on_prefect(tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TOCSIN_STATE_DIR": str(tmp_path)}
    words = [sys.executable, "-m", "tocsin", "demo", "--engine", "prefect"]
    done = subprocess.run(words, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.findall(r"▌ (\w+ is now in an? \w+ state)", done.stdout) == [
        "fetch is now in a Retrying state",
        "fetch is now in a Retrying state",
        "fetch is now in a Success state",
        "load is now in a Failed state",
        "nightly is now in a Failed state",
    ]
    assert "1 Failed, 1 TriggerFailed, 1 Success" in done.stdout


def test_a_dry_run_prints(program: Program) -> None:
    said = subprocess.run(
        [sys.executable, "-c", "from tests.engines.prefect_program import *; report(3)"],
        env={**program.environment, "TOCSIN_NOTIFY": "print"},
        cwd=program.folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    assert program.slack.requests == []
    assert "report is now in a Success state" in said.stdout + said.stderr


# --- the hooks as objects ---------------------------------------------------------------------------------------------------------


def hooks_of(*all_hooks: FlowHooks | TaskHooks) -> list[_Hook]:
    """Return the hooks of several dictionaries."""
    found: list[_Hook] = []
    for hooks in all_hooks:
        for listed in hooks.values():
            assert isinstance(listed, list)
            found += [hook for hook in listed if isinstance(hook, _Hook)]
    assert len(found) == sum(map(len, all_hooks))
    return found


def test_hooks_survive_what_prefect_does_to_them() -> None:
    hour = timedelta(hours=1)
    for hook in hooks_of(prefect_flow_hooks(slack_notifier, each=False), prefect_task_hooks(slack_notifier, no_end_after=hour)):
        assert repr(hook).startswith(f"<{hook.__name__.removeprefix('tocsin_')} of a ")
        assert copy.deepcopy(hook._teller) is hook._teller
        assert copy.copy(hook)._teller is hook._teller
        again = pickle.loads(pickle.dumps([hook, hook]))
        assert repr(again[0]) == repr(hook)
        assert again[0] is again[1]
        assert weakref.ref(hook)() is hook
    running, failing = pickle.loads(pickle.dumps([TASKS["on_running"][0], TASKS["on_failure"][0]]))
    assert running._teller is failing._teller


def test_with_options_keeps_the_hooks() -> None:
    """An empty list replaces nothing."""
    assert hear(failure.with_options(on_failure=[])).told[-1].startswith("failure failed after")


def test_one_who_wants_no_summary_is_told_of_crashed_tasks_alone() -> None:
    @flow(flow_run_name="run", **prefect_flow_hooks(slack_notifier, summary=False))
    def silent() -> None:
        exits_without_hooks()

    @flow(flow_run_name="run", **prefect_flow_hooks(slack_notifier, each=False))
    def summed_up() -> None:
        exits_without_hooks()

    assert [golden.normal_sentence(each) for each in hear(silent).told] == [
        "exits_without_hooks was aborted after a while: Execution was aborted by Python system exit call."
    ]
    assert [golden.normal_sentence(each) for each in hear(summed_up).told] == [
        "summed-up started",
        "summed-up was aborted after a while: SystemExit: 3",
    ]


def test_one_who_ignores_all_hears_nothing() -> None:
    nothing = slack_notifier(only_states=[tocsin.Looped])

    @task(**prefect_task_hooks(nothing))
    def quiet_task() -> None:
        raise ValueError("no rows")

    @flow(**prefect_flow_hooks(nothing))
    def quiet() -> None:
        quiet_task()

    heard = hear(quiet)
    assert (heard.said, heard.told) == ((), ())


class Raises:
    """An object of Prefect's whose attributes raise."""

    def __getattribute__(self, name: str) -> object:
        if name.startswith("__"):
            return object.__getattribute__(self, name)
        raise RuntimeError(name)


def test_odd_objects_raise_nothing() -> None:
    for hook in hooks_of(FLOWS, TASKS):
        assert isinstance(hook, _FlowHook | _TaskHook)
        with interpreting(Recording()):
            assert hook(Raises(), Raises(), Raises()) is None


def test_a_fault_of_ours_is_one_line_in_the_log(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr("tocsin.integrations.prefect._key", fails)
    for hook in hooks_of(FLOWS, TASKS):
        assert isinstance(hook, _FlowHook | _TaskHook)
        assert hook(None, None, None) is None
    told = "could not notify about 'a {} of Prefect', which goes on: RuntimeError: a fault of ours"
    assert [record.getMessage().removeprefix("tocsin: ") for record in caplog.records] == [told.format("flow"), told.format("task")]


def test_a_ctrl_c_is_not_swallowed() -> None:
    class Interrupted:
        @property
        def id(self) -> str:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hooks_module._key(Interrupted())


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tocsin.integrations.prefect_open_runs._MOST_OPEN", 2)
    monkeypatch.setattr("tocsin.integrations.prefect_open_runs._MOST_FLOWS", 2)
    kept = OpenRuns()
    for name in "abc":
        assert kept.begin(name, Attempt(1, None, None)) is None
        assert kept.tell_once(name)
        kept.expect_parts(name)
    assert repr(kept) == "<2 attempts of Prefect's runs>"
    assert kept.end("a") is None
    assert kept.tell_once("a")
    assert not kept.tell_once("c")
    kept.end("t1", "c")
    assert kept.ended_parts("c") == {"t1"}
    assert kept.ended_parts("a") == set()


def test_who_wants_failures_alone_hears_no_start() -> None:
    failures = slack_notifier(only_states=[tocsin.Failed])

    @task(retries=1, **prefect_task_hooks(failures))
    def breaks_twice() -> None:
        raise ValueError("no rows")

    @flow(flow_run_name="run", **prefect_flow_hooks(failures, each=False, summary=False))
    def unheard() -> None:
        breaks_twice()

    assert [golden.normal_sentence(each) for each in hear(unheard).told] == [
        "breaks_twice failed after a while, attempt 2 after a while: ValueError: no rows"
    ]


@pytest.mark.parametrize("option", ["each=1", "summary=None", "no_end_after=5"])
def test_a_wrong_option_is_a_type_error(option: str) -> None:
    with pytest.raises(TypeError, match=option.partition("=")[0]):
        eval(f"prefect_flow_hooks({option})")  # noqa: S307 - ours


# --- types and pages --------------------------------------------------------------------------------------------------------------

CONSUMER = """
from prefect import flow, task
from tocsin import Failed, slack_notifier
from tocsin.integrations.prefect import FlowHooks, TaskHooks, prefect_flow_hooks, prefect_task_hooks

@task(retries=2, **prefect_task_hooks(slack_notifier(only_states=[Failed])))
def load(x: int) -> int:
    return x

@task(**prefect_task_hooks())
async def aload(x: int) -> int:
    return x

@flow(name="nightly", **prefect_flow_hooks(slack_notifier, each=False))
def nightly(x: int) -> str:
    return str(load(x))

@flow(**prefect_flow_hooks())
async def anightly(x: int) -> str:
    return str(await aload(x))

given: FlowHooks = prefect_flow_hooks()
others: TaskHooks = prefect_task_hooks()
told: str = nightly(3)
"""
MISUSE = """
from tocsin.integrations.prefect import prefect_flow_hooks, prefect_task_hooks
prefect_flow_hooks(eech=False)
prefect_task_hooks(summary=True)
prefect_flow_hooks(3)
"""


def checked(folder: Path, program: str) -> list[str]:
    """Return the errors that mypy finds in a program, with the types of the real Prefect."""
    (folder / "program.py").write_text(program, encoding="utf-8")
    words = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--cache-dir", str(folder / "cache"), "program.py"]
    done = subprocess.run(words, check=False, cwd=folder, capture_output=True, text=True, timeout=300)
    return done.stdout.splitlines()


def test_the_hooks_have_exact_types(tmp_path: Path) -> None:
    assert checked(tmp_path, CONSUMER) == []
    errors = checked(tmp_path, MISUSE)
    assert [line.partition(":")[2].partition(":")[0] for line in errors if ": error:" in line] == ["3", "4", "5"]


def test_the_page_is_true(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "engines" / "prefect.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```py\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert blocks
    names: dict[str, object] = {}
    told = hear(lambda: exec("\n".join(blocks), names)).told  # noqa: S102 - our own page
    assert [golden.normal_sentence(each) for each in told if each.startswith("nightly")][-1] == "nightly succeeded after a while"
