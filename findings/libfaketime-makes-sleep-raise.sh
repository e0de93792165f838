#!/usr/bin/env bash
# Subject: libfaketime 0.9.10 of Debian 12, with DONT_FAKE_MONOTONIC=1; time.sleep of CPython 3.11 and later.
#
# One would guess: a program whose wall clock alone is faked still sleeps. The setting is for such programs, and with CPython 3.10 it does.
#
# It does: each time.sleep raises OSError EINVAL, before any clock was changed. Since 3.11, CPython sleeps until a moment of the
# monotonic clock, and the library refuses that call. threading.Event.wait, which takes another call, waits as it should.
#
# It matters: a test of a wall clock that is set, as opposed to one that runs slow, needs exactly this setting.
#
# Seen:
#   libfaketime 0.9.10-2.1
#   without it: time.sleep slept, Event.wait waited
#   the wall clock alone: time.sleep raised EINVAL, Event.wait waited
set -euo pipefail
expected=$(sed -n 's/^#   //p' "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
{ timeout 300 apt-get download libfaketime=0.9.10-2.1 && dpkg -x libfaketime_*.deb .; } >log 2>&1 || { cat log >&2; exit 1; }
echo +0 >clock
library=$(find "$folder" -name libfaketimeMT.so.1)
cat >program.py <<'END'
import errno
import sys
import threading
import time

try:
    time.sleep(0.1)
    slept = "slept"
except OSError as error:
    slept = f"raised {errno.errorcode[error.errno]}"
began = time.perf_counter()
threading.Event().wait(0.1)
waited = "waited" if time.perf_counter() - began > 0.05 else "did not wait"
print(f"{sys.argv[1]}: time.sleep {slept}, Event.wait {waited}")
END
python=$(command -v "${PYTHON:-python3}")
run() {
    timeout 60 env -i PATH="$PATH" HOME="$folder" FAKETIME_TIMESTAMP_FILE="$folder/clock" DONT_FAKE_MONOTONIC=1 LD_PRELOAD="$2" \
        "$python" -I program.py "$1" 2>>log
}
seen="libfaketime $(dpkg-deb -f libfaketime_*.deb Version)
$(run "without it" "")
$(run "the wall clock alone" "$library")" || { cat log >&2; exit 1; }
echo "$seen"
[ "$seen" = "$expected" ] || { echo "expected: $expected" >&2; exit 1; }
