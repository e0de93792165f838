#!/usr/bin/env bash
# Subject: dagster 1.13.29, hooks of a job under execute_in_process.
#
# One would guess: a failure hook is called when a step fails, however the job is run; a test of the hook sees it called.
#
# It does: execute_in_process raises the error of a step by default, and then no failure hook is called. materialize does the same.
# With raise_on_error=False the hook is called. A success hook is called either way.
#
# It matters: a script that runs a job in its own process tells nobody of a failed step, and a test that expects the exception of
# the step finds a hook that seems not to work.
#
# Seen:
#   dagster 1.13.29
#   execute_in_process(): raised ValueError('no rows'), hooks called: ['extract succeeded']
#   execute_in_process(raise_on_error=False): raised None, hooks called: ['extract succeeded', 'load failed']
set -euo pipefail
expected=$(sed -n 's/^#   //p' "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
timeout 600 venv/bin/pip install -q --disable-pip-version-check dagster==1.13.29
seen=$(timeout 120 env -i HOME="$folder" DO_NOT_TRACK=1 PATH="$folder/venv/bin:$PATH" python -I - 2>log <<'END'
from importlib.metadata import version

from dagster import failure_hook, job, op, success_hook

called = []


@success_hook
def succeeded(context):
    called.append(f"{context.op.name} succeeded")


@failure_hook
def failed(context):
    called.append(f"{context.op.name} failed")


@op
def extract():
    return 1


@op
def load(rows):
    raise ValueError("no rows")


@job(hooks={succeeded, failed})
def nightly():
    load(extract())


print("dagster", version("dagster"))
for options in {}, {"raise_on_error": False}:
    called.clear()
    raised = None
    try:
        nightly.execute_in_process(**options)
    except ValueError as error:
        raised = error
    shown = ", ".join(f"{name}={value}" for name, value in options.items())
    print(f"execute_in_process({shown}): raised {raised!r}, hooks called: {called}")
END
) || { cat log >&2; exit 1; }
echo "$seen"
[ "$seen" = "$expected" ] || { echo "expected: $expected" >&2; exit 1; }
