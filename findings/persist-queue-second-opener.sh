#!/usr/bin/env bash
# Subject: persist-queue 1.1.0, SQLiteAckQueue.
#
# One would guess: what a living consumer holds, and has not acknowledged yet, is out of reach of the others.
#
# It does: each opening of the file makes ready again all that is not acknowledged, also what a living consumer holds. A second
# consumer gets the same item, and acknowledges it, while the first is at work on it. That is auto_resume, which is on unless it
# is switched off.
#
# It matters: where the items are messages, the start of a second worker sends again what the first one is sending at that moment.
#
# Seen:
#   persist-queue 1.1.0
#   the first process holds: load failed
#   a second process, with auto_resume=False, gets nothing
#   a second process, with auto_resume=True, gets and acknowledges: load failed
set -euo pipefail
expected=$(sed -n 's/^#   //p' "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
timeout 300 venv/bin/pip install -q --disable-pip-version-check persist-queue==1.1.0
seen=$(timeout 60 env -i HOME="$folder" PATH="$folder/venv/bin:$PATH" python -I - 2>log <<'END'
import subprocess
import sys
from importlib.metadata import version

from persistqueue import SQLiteAckQueue

ANOTHER = """
import sys
from persistqueue import Empty, SQLiteAckQueue
queue = SQLiteAckQueue("queue", auto_resume=sys.argv[1] == "True")
try:
    item = queue.get(block=False)
    queue.ack(item)
    print("gets and acknowledges:", item)
except Empty:
    print("gets nothing")
"""

print("persist-queue", version("persist-queue"))
queue = SQLiteAckQueue("queue")
queue.put("load failed")
print("the first process holds:", queue.get(block=False))
for resume in False, True:
    command = [sys.executable, "-I", "-c", ANOTHER, str(resume)]
    second = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    print(f"a second process, with auto_resume={resume},", second.stdout.strip())
END
) || { cat log >&2; exit 1; }
echo "$seen"
[ "$seen" = "$expected" ] || { echo "expected: $expected" >&2; exit 1; }
