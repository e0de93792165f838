#!/usr/bin/env bash
# Subject: APScheduler 3.11.3, BackgroundScheduler with its own thread pool.
#
# One would guess: EVENT_JOB_SUBMITTED of a run comes before its EVENT_JOB_EXECUTED.
#
# It does: the scheduler says "submitted" only after it has handed all jobs that are due to the pool, and a thread of the pool
# says "executed" by itself. Where a hundred short jobs are due at once, most of them are executed before they are submitted.
#
# It matters: a listener that writes the newest event down as the state of a job leaves jobs "submitted" for ever that have ended.
#
# Seen:
#   APScheduler 3.11.3
#   some jobs executed before they were submitted: True
set -euo pipefail
expected=$(sed -n 's/^#   //p' "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
timeout 300 venv/bin/pip install -q --disable-pip-version-check apscheduler==3.11.3
seen=$(timeout 60 env -i HOME="$folder" PATH="$folder/venv/bin:$PATH" python -I - 2>log <<'END'
import threading
from importlib.metadata import version

from apscheduler.events import EVENT_JOB_EXECUTED, EVENT_JOB_SUBMITTED
from apscheduler.schedulers.background import BackgroundScheduler

JOBS = 100
events = []
executed = threading.Semaphore(0)


def hear(event):
    events.append((event.code, event.job_id))
    if event.code == EVENT_JOB_EXECUTED:
        executed.release()


print("APScheduler", version("apscheduler"))
scheduler = BackgroundScheduler(timezone="UTC")
scheduler.add_listener(hear, EVENT_JOB_SUBMITTED | EVENT_JOB_EXECUTED)
for number in range(JOBS):
    scheduler.add_job(int, id=str(number), misfire_grace_time=None)
scheduler.start()
for _ in range(JOBS):
    assert executed.acquire(timeout=20)
scheduler.shutdown()
when = {event: place for place, event in enumerate(events)}
early = sum(when[EVENT_JOB_EXECUTED, str(number)] < when[EVENT_JOB_SUBMITTED, str(number)] for number in range(JOBS))
print("some jobs executed before they were submitted:", early > 0)
END
) || { cat log >&2; exit 1; }
echo "$seen"
[ "$seen" = "$expected" ] || { echo "expected: $expected" >&2; exit 1; }
