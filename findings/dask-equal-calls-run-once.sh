#!/usr/bin/env bash
# Subject: distributed 2026.8.0 (Dask), Client.get_executor.
#
# One would guess: an executor with the interface of concurrent.futures calls the function once for each submit, and once for each
# item of a map.
#
# It does: it takes calls of one function with equal arguments for one call: a map over three equal items gives three answers, and
# calls the function once. With get_executor(pure=False) it calls it three times.
#
# It matters: a function that tells people, or pings a service, is called too seldom where its arguments are the same twice, and
# its caller gets an answer for each all the same.
#
# Seen:
#   distributed 2026.8.0
#   get_executor(): 3 answers, 1 calls
#   get_executor({'pure': False}): 3 answers, 3 calls
set -euo pipefail
expected=$(sed -n 's/^#   //p' "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
timeout 300 venv/bin/pip install -q --disable-pip-version-check distributed==2026.8.0 dask==2026.8.0
seen=$(timeout 60 env -i HOME="$folder" PATH="$folder/venv/bin:$PATH" python -I - 2>log <<'END'
from importlib.metadata import version
from pathlib import Path

from distributed import Client


def tell(whom):
    with open("told", "a") as file:
        file.write(f"{whom}\n")
    return whom


print("distributed", version("distributed"))
with Client(processes=False, n_workers=1, threads_per_worker=1, dashboard_address=None) as client:
    for pure in True, False:
        Path("told").write_text("")
        options = {} if pure else {"pure": False}
        answers = list(client.get_executor(**options).map(tell, ["ops"] * 3))
        print(f"get_executor({options or ''}): {len(answers)} answers, {len(Path('told').read_text().split())} calls")
END
) || { cat log >&2; exit 1; }
echo "$seen"
[ "$seen" = "$expected" ] || { echo "expected: $expected" >&2; exit 1; }
