#!/usr/bin/env bash
# Subject: joblib 1.6.0, Parallel with backend="threading".
#
# One would guess: an exception that a thread of the same process raises arrives as it was raised, with the cause that `raise ... from`
# gave it. Only where processes are used must it be made anew.
#
# It does: as with processes, the cause is replaced by a RemoteTraceback, whose text is the whole traceback, the exception itself
# included. An exception that was raised `from None`, and has no cause, gets that one, too.
#
# It matters: a message that shows what caused an error shows the error once more, a page of joblib's frames, and no KeyError as such.
#
# Seen:
#   joblib 1.6.0
#   from error, sequential: ValueError('row 7') caused by KeyError, a text of 1 line, row 7 in it: False, amount in it: True
#   from error, threading: ValueError('row 7') caused by _RemoteTraceback, a text of many lines, row 7 in it: True, amount in it: True
#   from error, loky: ValueError('row 7') caused by _RemoteTraceback, a text of many lines, row 7 in it: True, amount in it: True
#   from None, sequential: ValueError('row 7') caused by nothing
#   from None, threading: ValueError('row 7') caused by _RemoteTraceback, a text of many lines, row 7 in it: True, amount in it: False
#   from None, loky: ValueError('row 7') caused by _RemoteTraceback, a text of many lines, row 7 in it: True, amount in it: False
set -euo pipefail
expected=$(sed -n 's/^#   //p' "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
timeout 300 venv/bin/pip install -q --disable-pip-version-check joblib==1.6.0
cat > load.py <<'END'
from importlib.metadata import version

from joblib import Parallel, delayed


def load(cut):
    try:
        {}["amount"]
    except KeyError as error:
        raise ValueError("row 7") from (None if cut else error)


def told(cause):
    if cause is None:
        return "nothing"
    lines = len(str(cause).splitlines())
    text = f"{type(cause).__name__}, a text of {'1 line' if lines == 1 else 'many lines'}"
    return f"{text}, row 7 in it: {'ValueError: row 7' in str(cause)}, amount in it: {'amount' in str(cause)}"


if __name__ == "__main__":
    print("joblib", version("joblib"))
    for cut in False, True:
        for backend in "sequential", "threading", "loky":
            try:
                Parallel(n_jobs=2, backend=backend)(delayed(load)(cut) for _ in range(2))
            except ValueError as error:
                print(f"from {'None' if cut else 'error'}, {backend}: {error!r} caused by {told(error.__cause__)}")
END
seen=$(timeout 60 env -i HOME="$folder" PATH="$folder/venv/bin:$PATH" python load.py 2>log) || { cat log >&2; exit 1; }
echo "$seen"
[ "$seen" = "$expected" ] || { echo "expected: $expected" >&2; exit 1; }
