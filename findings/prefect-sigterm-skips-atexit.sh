#!/usr/bin/env bash
# Subject: prefect 3.9.1, a flow whose process gets SIGTERM.
#
# One would guess: Prefect turns SIGTERM into an exception, calls the on_crashed hooks of the flow, and the program ends as after any
# exception: the functions that atexit has registered run.
#
# It does: after the hooks it restores the default action of SIGTERM and sends the signal to itself. The process is gone at once: no
# atexit function runs, and nothing that a thread had still to do is done.
#
# It matters: what a hook leaves to a queue that is emptied at exit, as a message to people, is lost. It must be done before the hook
# returns.
#
# Seen:
#   prefect 3.9.1
#   an exception: on_failure, atexit; the process ended with 1
#   SIGTERM: on_crashed; the process ended with -15
set -euo pipefail
expected=$(sed -n 's/^#   //p' "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
timeout 600 venv/bin/pip install -q --disable-pip-version-check prefect==3.9.1
cat > nightly.py <<'END'
import atexit
import os
import signal
import sys

from prefect import flow


def note(text):
    with open("noted", "a") as file:
        file.write(f"{text}\n")


def on_failure(flow, run, state):
    note("on_failure")


def on_crashed(flow, run, state):
    note("on_crashed")


@flow(on_failure=[on_failure], on_crashed=[on_crashed])
def nightly():
    if sys.argv[1] == "SIGTERM":
        os.kill(os.getpid(), signal.SIGTERM)
    raise ValueError("no rows")


atexit.register(note, "atexit")
nightly()
END
seen=$(timeout 400 env -i HOME="$folder" PATH="$folder/venv/bin:$PATH" DO_NOT_TRACK=1 PREFECT_HOME="$folder/prefect" \
    PREFECT_LOGGING_LEVEL=CRITICAL PREFECT_SERVER_ANALYTICS_ENABLED=false PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS=200 \
    python -I - 2>log <<'END'
import os
import signal
import subprocess
import sys
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

print("prefect", version("prefect"))
for case in "an exception", "SIGTERM":
    Path("noted").write_text("")
    words = [sys.executable, "nightly.py", case]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    status = process.wait(250)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # the server that Prefect started for it, which is left behind
    print(f"{case}: {', '.join(Path('noted').read_text().split())}; the process ended with {status}")
END
) || { cat log >&2; exit 1; }
echo "$seen"
[ "$seen" = "$expected" ] || { echo "expected: $expected" >&2; exit 1; }
