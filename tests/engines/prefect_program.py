"""A program of flows that are killed, run by the tests in a process of its own: ``python prefect_program.py CASE``.

Each record is appended to the file TOCSIN_SAID as a line of JSON, also by the processes of a pool.
"""

import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from threading import Timer

from prefect import flow, task
from prefect.task_runners import ProcessPoolTaskRunner
from typing_extensions import override

from tests.engines.golden import as_json
from tocsin import flush, slack_notifier
from tocsin.integrations import prefect_tasks
from tocsin.integrations.prefect import prefect_flow_hooks, prefect_task_hooks

SAID = Path(os.environ["TOCSIN_SAID"])


class Keep(logging.Handler):
    """Appends what the engine said."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        assert isinstance(record.args, tuple)
        with SAID.open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(as_json(record.args[1]))}\n")


records = logging.getLogger("tocsin.integrations")
records.setLevel(logging.DEBUG)
records.propagate = False
records.addHandler(Keep())

prefect_tasks.PATIENCE = 20.0  # a busy machine takes more than five seconds for the first answer of the API
AFTER = timedelta(seconds=float(os.environ["NO_END_AFTER"])) if "NO_END_AFTER" in os.environ else None
TASKS = prefect_task_hooks(slack_notifier, no_end_after=AFTER)
FLOWS = prefect_flow_hooks(slack_notifier, no_end_after=AFTER)


@task(retries=2, **TASKS)
def fetch() -> list[int]:
    from prefect.runtime import task_run

    if task_run.run_count < 3:
        raise ConnectionError("reset by peer")
    return [1, 2]


@task(**TASKS)
def load(rows: list[int]) -> int:
    flush()  # so that its start is told
    os.kill(os.getpid(), signal.SIGKILL)
    return len(rows)


@task(**TASKS)
def report(rows: int) -> str:
    return f"{rows} rows"


@flow(task_runner=ProcessPoolTaskRunner(max_workers=1), flow_run_name="run", **FLOWS)
def pipeline() -> None:
    report.submit(load.submit(fetch.submit())).wait()


@task(**TASKS)
def waits() -> None:
    print("waiting", flush=True)
    time.sleep(60)


@flow(flow_run_name="run", **FLOWS)
def nightly() -> None:
    waits()


@flow(flow_run_name="run", **FLOWS)
def killed() -> None:
    load([1])


@flow(flow_run_name="run", **FLOWS)
def watches() -> None:
    time.sleep(8)  # meanwhile, a thread tells of runs of which no end was heard


def serves() -> None:
    """Serve the flow, and have it run once."""
    from prefect.deployments import run_deployment

    Timer(3.0, lambda: run_deployment("nightly/served", timeout=0)).start()
    nightly.serve(name="served")


if __name__ == "__main__":
    cases: dict[str, Callable[[], object]] = {
        "pipeline": pipeline,
        "nightly": nightly,
        "killed": killed,
        "watches": watches,
        "serves": serves,
    }
    cases[sys.argv[1]]()
