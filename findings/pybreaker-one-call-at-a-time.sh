#!/usr/bin/env bash
# Subject: pybreaker 1.4.1, CircuitBreaker.call.
#
# One would guess: a circuit breaker that is shared by threads guards its count of failures with a lock, and lets the calls
# themselves run side by side.
#
# It does: it holds its lock for the whole of each call. Calls in four threads run one after the other, while the circuit is
# closed and all is well.
#
# It matters: one message that hangs holds up all others to the same place, and threads that should send in parallel send in turn.
#
# Seen:
#   pybreaker 1.4.1
#   four threads, without a breaker: 4 at once
#   four threads, with one: 1 at once
#   the circuit is closed
set -euo pipefail
expected=$(sed -n 's/^#   //p' "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
timeout 300 venv/bin/pip install -q --disable-pip-version-check pybreaker==1.4.1
seen=$(timeout 60 env -i HOME="$folder" PATH="$folder/venv/bin:$PATH" python -I - 2>log <<'END'
import threading
import time
from importlib.metadata import version

from pybreaker import CircuitBreaker

print("pybreaker", version("pybreaker"))
breaker = CircuitBreaker()
at_once, most = 0, 0
counting = threading.Lock()


def send():
    global at_once, most
    with counting:
        at_once += 1
        most = max(most, at_once)
    time.sleep(0.3)
    with counting:
        at_once -= 1


for what, call in ("without a breaker", send), ("with one", lambda: breaker.call(send)):
    most = 0
    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"four threads, {what}: {most} at once")
print("the circuit is", breaker.current_state)
END
) || { cat log >&2; exit 1; }
echo "$seen"
[ "$seen" = "$expected" ] || { echo "expected: $expected" >&2; exit 1; }
