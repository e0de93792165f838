#!/usr/bin/env bash
# Subject: eventlet 0.41.3, monkey_patch.
#
# One would guess: a Condition that a module made before the patch goes on to work, perhaps for real threads only.
#
# It does: it raises RuntimeError where it is notified, in the thread that holds its lock. Whoever waits for it is not woken.
#
# It matters: a library that is imported before the patch, and waits with a condition of its own, loses what it waits for.
#
# Seen:
#   eventlet 0.41.3: a condition made before the patch: RuntimeError: cannot notify on un-acquired lock
#   eventlet 0.41.3: a condition made after the patch: notified
set -euo pipefail
expected=$(sed -n 's/^#   //p' "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
timeout 300 venv/bin/pip install -q --disable-pip-version-check eventlet==0.41.3
seen=$(timeout 60 env -i HOME="$folder" PATH="$folder/venv/bin:$PATH" python -I -W ignore - 2>log <<'END'
import threading
from importlib.metadata import version

before = threading.Condition()
import eventlet

eventlet.monkey_patch()


def notify(condition):
    try:
        with condition:
            condition.notify_all()
    except RuntimeError as error:
        return f"RuntimeError: {error}"
    return "notified"


for when, condition in ("before", before), ("after", threading.Condition()):
    print(f"eventlet {version('eventlet')}: a condition made {when} the patch: {notify(condition)}")
END
) || { cat log >&2; exit 1; }
echo "$seen"
[ "$seen" = "$expected" ] || { echo "expected: $expected" >&2; exit 1; }
