#!/usr/bin/env bash
# Subject: prefect 3.9.1, the on_running hook of a task.
#
# One would guess: on_running is called when an attempt starts, and knows nothing of a failure. What ended an attempt is in the state
# that on_failure gets, and of a task that crashes, as by sys.exit, no hook learns why.
#
# It does: on_running is called while the exception of the attempt before is still being handled, if there is no delay before the
# next attempt: sys.exception() has it. It is called once more for a task that crashes, with the same run_count, and sys.exception()
# has the SystemExit. With a delay before the next attempt there is none.
#
# It matters: this is the only place where a hook can learn what a retry is for, and that a task crashed.
#
# Seen:
#   prefect 3.9.1
#   at once: on_running Running 1 None
#   at once: on_running Retrying 2 ConnectionError('reset')
#   at once: on_failure Failed 2 None
#   later: on_running Running 1 None
#   later: on_running Retrying 2 None
#   later: on_failure Failed 2 None
#   exits: on_running Running 1 None
#   exits: on_running Running 1 SystemExit(3)
set -euo pipefail
expected=$(sed -n 's/^#   //p' "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
timeout 600 venv/bin/pip install -q --disable-pip-version-check prefect==3.9.1
seen=$(timeout 300 env -i HOME="$folder" PATH="$folder/venv/bin:$PATH" DO_NOT_TRACK=1 PREFECT_HOME="$folder/prefect" \
    PREFECT_LOGGING_LEVEL=CRITICAL PREFECT_SERVER_ANALYTICS_ENABLED=false PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS=200 \
    python -I - 2>log <<'END'
import sys
from importlib.metadata import version

from prefect import flow, task


def hook(event):
    def tell(task, run, state):
        print(f"{task.name}: {event} {state.name} {run.run_count} {sys.exception()!r}")

    return [tell]


hooks = {event: hook(event) for event in ("on_running", "on_completion", "on_failure")}


@task(name="at once", retries=1, **hooks)
def at_once():
    raise ConnectionError("reset")


@task(name="later", retries=1, retry_delay_seconds=0.1, **hooks)
def later():
    raise ConnectionError("reset")


@task(name="exits", **hooks)
def exits():
    sys.exit(3)


@flow
def nightly():
    at_once(return_state=True)
    later(return_state=True)
    exits()


print("prefect", version("prefect"))
try:
    nightly()
except SystemExit:
    pass
END
) || { cat log >&2; exit 1; }
echo "$seen"
[ "$seen" = "$expected" ] || { echo "expected: $expected" >&2; exit 1; }
