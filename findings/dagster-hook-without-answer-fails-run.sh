#!/usr/bin/env bash
# Subject: dagster 1.13.29, HookDefinition, the public class that success_hook and failure_hook make.
#
# One would guess: what a hook does has no effect on the run. The documentation of hooks says so of one that raises: the event log
# has HOOK_ERRORED, and the run goes on.
#
# It does: a hook function that returns nothing, or is async, fails the run, though each of its steps succeeded. One that raises
# does not.
#
# It matters: a hook that was meant to tell people of a run ends it.
#
# Seen:
#   dagster 1.13.29
#   answers: steps ['STEP_SUCCESS'], hooks ['HOOK_COMPLETED'], run SUCCESS
#   raises: steps ['STEP_SUCCESS'], hooks ['HOOK_ERRORED'], run SUCCESS
#   returns_nothing: steps ['STEP_SUCCESS'], hooks [], run FAILURE
set -euo pipefail
expected=$(sed -n 's/^#   //p' "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
timeout 600 venv/bin/pip install -q --disable-pip-version-check dagster==1.13.29
seen=$(timeout 120 env -i HOME="$folder" DO_NOT_TRACK=1 PATH="$folder/venv/bin:$PATH" python -I - 2>log <<'END'
from importlib.metadata import version

from dagster import HookDefinition, HookExecutionResult, job, op


def answers(context, event_list):
    return HookExecutionResult("answers", is_skipped=False)


def raises(context, event_list):
    raise OSError("Slack is down")


def returns_nothing(context, event_list):
    pass


@op
def load(): ...


print("dagster", version("dagster"))
for function in answers, raises, returns_nothing:

    @job(hooks={HookDefinition(name=function.__name__, hook_fn=function)})
    def nightly():
        load()

    result = nightly.execute_in_process(raise_on_error=False)
    names = [event.event_type_value for event in result.all_events]
    steps = [name for name in names if name in ("STEP_SUCCESS", "STEP_FAILURE")]
    hooks = [name for name in names if name.startswith("HOOK")]
    print(f"{function.__name__}: steps {steps}, hooks {hooks}, run {'SUCCESS' if result.success else 'FAILURE'}")
END
) || { cat log >&2; exit 1; }
echo "$seen"
[ "$seen" = "$expected" ] || { echo "expected: $expected" >&2; exit 1; }
