"""The flow of ``tocsin demo --engine prefect``: real tasks on the installed Prefect, with a server and a home that are gone afterwards.

A task of a real pipeline may be killed. That would end the demo, since the task runs in its process: so its second task fails instead.
"""

import os
from collections.abc import Mapping
from tempfile import TemporaryDirectory

from tocsin.core.effects import Effect
from tocsin.core.states import Running
from tocsin.integrations.prefect import prefect_flow_hooks, prefect_task_hooks
from tocsin.shell.current import interpreting
from tocsin.shell.handlers.slack import slack_notifier
from tocsin.shell.interpreters.dry_run import Recording

INTRODUCTION = (
    "A flow of three tasks runs on Prefect: the first fails twice and recovers, the second fails, the third never runs. It would send:"
)
NEXT = "Nothing was sent. Next: set SLACK_WEBHOOK_URL, and give your flows these hooks: docs/engines/prefect.md"

_SETTINGS: Mapping[str, str] = {
    "DO_NOT_TRACK": "1",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
}


def told_by_prefect() -> tuple[Effect, ...]:
    """Run the flow, and return what would be sent. Prefect reads its settings from the environment of this process."""
    for name in ("PREFECT_API_KEY", "PREFECT_API_URL", "PREFECT_UI_URL"):
        os.environ.pop(name, None)
    with TemporaryDirectory(ignore_cleanup_errors=True) as home, interpreting(Recording()) as recording:
        os.environ.update(_SETTINGS, PREFECT_HOME=home)
        _run()
    return recording.effects


def _run() -> None:
    from prefect import flow, task

    slack, left = slack_notifier(ignore_states=[Running]), [2]

    @task(retries=2, **prefect_task_hooks(slack))
    def fetch() -> list[int]:
        if left[0]:
            left[0] -= 1
            raise ConnectionError("reset by peer")
        return [1, 2]

    @task(**prefect_task_hooks(slack))
    def load(rows: list[int]) -> int:
        raise OSError(f"disk full, {len(rows)} rows are left")

    @task(**prefect_task_hooks(slack))
    def report(rows: int) -> str:
        return f"{rows} rows"

    @flow(name="nightly", **prefect_flow_hooks(slack))
    def nightly() -> None:
        loaded = load.submit(fetch.submit())
        report.submit(loaded).wait()
        loaded.result()

    nightly(return_state=True)
