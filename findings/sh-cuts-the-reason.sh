#!/usr/bin/env bash
# Subject: sh 2.4.0, ErrorReturnCode.
#
# One would guess: the text of the exception tells why the program failed: what it wrote last to standard error.
#
# It does: the text begins with two empty lines, the command and the output, and then has the first 750 characters of standard error.
# The reason, which a program writes last, is cut off. It is whole in the `stderr` of the exception, as bytes.
#
# It matters: a message has a page of what went well before, and says "please see e.stderr" to people on a telephone.
#
# Seen:
#   sh 2.4.0
#   3 lines before the reason: first line '', has the reason: True, ends with 'fatal: no rows'
#   60 lines before the reason: first line '', has the reason: False, ends with 'row  41 is l... (345 more, please see e.stderr)'
#   stderr: bytes, ends with 'fatal: no rows'
set -euo pipefail
expected=$(sed -n 's/^#   //p' "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
timeout 300 venv/bin/pip install -q --disable-pip-version-check sh==2.4.0
cat > load.py <<'END'
import sys

for number in range(int(sys.argv[1])):
    print(f"row {number:3} is loaded", file=sys.stderr)
sys.exit("fatal: no rows")
END
seen=$(timeout 60 env -i HOME="$folder" PATH="$folder/venv/bin:$PATH" python -I - 2>log <<'END'
import sys
from importlib.metadata import version

import sh

print("sh", version("sh"))
for number in 3, 60:
    try:
        sh.Command(sys.executable)("load.py", str(number))
    except sh.ErrorReturnCode as error:
        text, written = str(error), error.stderr
        last = text.strip().splitlines()[-1]
        print(f"{number} lines before the reason: first line {text.splitlines()[0]!r},", end=" ")
        print(f"has the reason: {'fatal: no rows' in text}, ends with {last!r}")
print(f"stderr: {type(written).__name__}, ends with {written.decode().splitlines()[-1]!r}")
END
) || { cat log >&2; exit 1; }
echo "$seen"
[ "$seen" = "$expected" ] || { echo "expected: $expected" >&2; exit 1; }
