#!/usr/bin/env bash
# Subject: Celery 5.7.0, a cold stop (SIGQUIT) of a worker with the solo pool.
#
# One would guess: the running task is cut off, or comes to its end, and the worker stops.
#
# The worker cancels the task by a method that this pool lacks. It does so from its signal handler, which runs inside the task. So the
# task fails with the worker's NotImplementedError, `task_failure` says so, and it is stored as the result.
#
# It matters: each deployment that stops a worker so makes failures, with an error that no task raised.
#
# Seen:
#   Celery 5.7.0
#   task_failure: NotImplementedError does not implement kill_job
#   stored: FAILURE
set -euo pipefail
expected=$(sed -n 's/^#   //p' "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
timeout 300 venv/bin/pip install -q --disable-pip-version-check celery==5.7.0
mkdir queue control results
cat > jobs.py <<'END'
import os
import signal
import time

import celery
from celery.signals import task_failure

app = celery.Celery("jobs", broker="filesystem://", backend=f"file://{os.getcwd()}/results")
app.conf.broker_transport_options = {"data_folder_in": "queue", "data_folder_out": "queue", "control_folder": "control"}
app.conf.broker_connection_retry_on_startup = True


@app.task
def work():
    os.kill(os.getpid(), signal.SIGQUIT)
    time.sleep(30)


@task_failure.connect
def failed(exception=None, **_):
    with open("seen", "a") as file:
        print("task_failure:", type(exception).__name__, str(exception).partition("> ")[2], file=file)
END
timeout 90 env -i HOME="$folder" PATH="$folder/venv/bin:$PATH" PYTHONPATH="$folder" python - > seen.start 2>log <<'END' || { cat log >&2; exit 1; }
import celery
import jobs

print("Celery", celery.__version__)
with open("id", "w") as file:
    file.write(jobs.work.delay().id)
END
timeout 60 env -i HOME="$folder" PATH="$folder/venv/bin:$PATH" PYTHONPATH="$folder" celery -A jobs worker --pool=solo >> log 2>&1 || true
timeout 60 env -i HOME="$folder" PATH="$folder/venv/bin:$PATH" PYTHONPATH="$folder" python - >> seen 2>>log <<'END' || { cat log >&2; exit 1; }
import jobs

print("stored:", jobs.app.AsyncResult(open("id").read()).state)
END
seen=$(cat seen.start seen)
echo "$seen"
[ "$seen" = "$expected" ] || { echo "expected: $expected" >&2; exit 1; }
