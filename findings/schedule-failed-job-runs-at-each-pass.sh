#!/usr/bin/env bash
# Subject: schedule 1.2.2, a job that raises.
#
# One would guess: a daily job that raises is due again on the next day, whether or not the loop around run_pending() catches the
# exception.
#
# It does: the next time is worked out after the function has returned, so a job that raised stays due. Each pass of the loop runs it
# again, and no job that is due after it is reached in that pass.
#
# It matters: the usual loop passes once a second. One failure at night is thousands of runs, and of messages, until the morning, and
# the other jobs of the night do not run.
#
# Seen:
#   schedule 1.2.2
#   load returns: five passes run load 1 times and save 1 times; load is due in the future: True
#   load raises: five passes run load 5 times and save 0 times; load is due in the future: False
set -euo pipefail
expected=$(sed -n 's/^#   //p' "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
timeout 300 venv/bin/pip install -q --disable-pip-version-check schedule==1.2.2
seen=$(timeout 60 env -i HOME="$folder" PATH="$folder/venv/bin:$PATH" python -I - 2>log <<'END'
from contextlib import suppress
from datetime import datetime, timedelta
from importlib.metadata import version

import schedule

print("schedule", version("schedule"))
for raises in False, True:
    runs = []

    def load():
        runs.append("load")
        if raises:
            raise ValueError("no rows")

    def save():
        runs.append("save")

    jobs = [schedule.every().day.do(load), schedule.every().day.do(save)]
    for minutes, job in zip((2, 1), jobs):
        job.next_run = datetime.now() - timedelta(minutes=minutes)  # the night has come
    for _ in range(5):
        with suppress(ValueError):
            schedule.run_pending()
    counts = " and ".join(f"{name} {runs.count(name)} times" for name in ("load", "save"))
    print(f"load {'raises' if raises else 'returns'}: five passes run {counts};", end=" ")
    print(f"load is due in the future: {jobs[0].next_run > datetime.now()}")
    schedule.clear()
END
) || { cat log >&2; exit 1; }
echo "$seen"
[ "$seen" = "$expected" ] || { echo "expected: $expected" >&2; exit 1; }
