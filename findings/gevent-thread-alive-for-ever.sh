#!/usr/bin/env bash
# Subject: gevent 26.9.0, monkey.patch_all, on CPython 3.11 and 3.12.
#
# One would guess: a thread whose class was derived from threading.Thread before the patch ends like another one.
#
# It does: it ends, and is alive for ever. join waits to its time limit, and without one for ever. A class derived after the patch is not
# concerned, and CPython 3.13 is not.
#
# It matters: a library that is imported before the patch, and has a thread class of its own, waits in vain for threads that have done
# their work, or starts no new one in place of what it takes for alive.
#
# Seen:
#   gevent 26.9.0: Before: ended, and alive as said above: True
#   gevent 26.9.0: After: ended, and alive as said above: True
set -euo pipefail
expected=$(sed -n 's/^#   //p' "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
timeout 300 venv/bin/pip install -q --disable-pip-version-check gevent==26.9.0
seen=$(timeout 60 env -i HOME="$folder" PATH="$folder/venv/bin:$PATH" python -I -W ignore - 2>log <<'END'
import sys
import threading
from importlib.metadata import version


class Before(threading.Thread):
    pass


from gevent import monkey

monkey.patch_all()


class After(threading.Thread):
    pass


for kind in Before, After:
    ended = threading.Event()
    thread = kind(target=ended.set, daemon=True)
    thread.start()
    assert ended.wait(20)
    thread.join(1)
    expected = kind is Before and sys.version_info < (3, 13)
    print(f"gevent {version('gevent')}: {kind.__name__}: ended, and alive as said above: {thread.is_alive() == expected}")
END
) || { cat log >&2; exit 1; }
echo "$seen"
[ "$seen" = "$expected" ] || { echo "expected: $expected" >&2; exit 1; }
