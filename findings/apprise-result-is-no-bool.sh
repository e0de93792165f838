#!/usr/bin/env bash
# Subject: apprise 2.3.0, Apprise.notify.
#
# One would guess: the answer is True or False, as in version 1.13.1, and False means that the message went nowhere.
#
# It does: the answer is an object that is equal to neither, nor to None, also after a success. In a condition it is false after a
# failure, without any service, and also where some services took the message and others did not.
#
# It matters: "if notify(...) is False" never complains, and "is True" always does; a loop that tries again while the answer is
# false tells the same people again.
#
# Seen:
#   apprise 2.3.0
#   ['works://']: told 1, bool True, equal to True, False, None: [False, False, False]
#   ['works://', 'fails://']: told 1, bool False, equal to True, False, None: [False, False, False]
#   ['fails://']: told 0, bool False, equal to True, False, None: [False, False, False]
#   []: told 0, bool False, equal to True, False, None: [False, False, False]
set -euo pipefail
expected=$(sed -n 's/^#   //p' "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
timeout 300 venv/bin/pip install -q --disable-pip-version-check apprise==2.3.0
seen=$(timeout 60 env -i HOME="$folder" PATH="$folder/venv/bin:$PATH" python -I - 2>log <<'END'
from importlib.metadata import version

from apprise import Apprise
from apprise.decorators import notify


@notify(on="works")
def works(body, title, notify_type, *args, **kwargs):
    told.append(body)
    return True


@notify(on="fails")
def fails(body, title, notify_type, *args, **kwargs):
    return False


print("apprise", version("apprise"))
for urls in ["works://"], ["works://", "fails://"], ["fails://"], []:
    told = []
    services = Apprise()
    services.add(urls)
    answer = services.notify("load failed")
    equal = [answer == each for each in (True, False, None)]
    print(f"{urls}: told {len(told)}, bool {bool(answer)}, equal to True, False, None: {equal}")
END
) || { cat log >&2; exit 1; }
echo "$seen"
[ "$seen" = "$expected" ] || { echo "expected: $expected" >&2; exit 1; }
