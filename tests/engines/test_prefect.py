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
from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from textwrap import dedent

import attrs
import pytest
from typing_extensions import override

from tests.engines import golden, prefect_home
from tests.engines.golden import Json
from tests.servers.scripts import environment, texts
from tests.servers.slack import SlackServer

prefect = pytest.importorskip("prefect", exc_type=ImportError)

from prefect import flow, task  # noqa: E402 - the environment comes first
from prefect.cache_policies import INPUTS  # noqa: E402
from prefect.states import Cancelled, Completed, Failed  # noqa: E402
from prefect.task_runners import ThreadPoolTaskRunner  # noqa: E402

import tocsin  # noqa: E402
from tocsin import Recording, flush, interpreting, slack_notifier  # noqa: E402
from tocsin.core.effects import CallBack  # noqa: E402
from tocsin.core.integrations.prefect import Said  # noqa: E402
from tocsin.core.messages.content import Content  # noqa: E402
from tocsin.integrations.prefect import prefect_flow_hooks, prefect_task_hooks  # noqa: E402
from tocsin.interpreters import Outbox  # noqa: E402

pytestmark = [pytest.mark.engine, pytest.mark.filterwarnings("default")]

KEEPS = os.environ.get("TOCSIN_KEEP_GOLDEN") == "1"
HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PATIENCE = 120.0  # seconds that a program may take on a busy machine

TASKS = prefect_task_hooks(slack_notifier)
FLOWS = prefect_flow_hooks(slack_notifier)


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[None]:
    with prefect_home.server():
        yield


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
        details += [line.text for line in effect.content.lines if line.title in {"Tasks", "Not well"}]
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


@task
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


def compare(case: str, said: list[Json], told: list[str]) -> None:
    """Compare with the golden file, or keep the case for it."""
    said = [golden.normal(each) for each in said]
    told = [golden.normal_sentence(each) for each in told]
    if KEEPS:
        path = golden.FOLDER / "prefect.json"
        found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"cases": {}}
        cases = {**found["cases"], case: {"said": said, "told": told}}
        made = {"engine": "prefect", "version": version("prefect"), "cases": dict(sorted(cases.items()))}
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{json.dumps(made, indent=1, ensure_ascii=False)}\n", encoding="utf-8")
    kept = golden.kept("prefect")[case]
    assert told == list(kept.told)
    assert said == list(kept.said)


@pytest.mark.parametrize("case", CASES)
def test_what_prefect_says_and_what_is_told(case: str) -> None:
    heard = hear(CASES[case])
    compare(case, [golden.as_json(each) for each in heard.said], list(heard.told))
