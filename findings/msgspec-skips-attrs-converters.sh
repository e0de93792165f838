#!/usr/bin/env bash
# Subject: msgspec 0.22.0 with attrs 26.1.0.
#
# One would guess: a library that decodes into attrs classes, and runs their validators and their __attrs_post_init__, runs their
# converters too.
#
# It does: validators and __attrs_post_init__ run, converters do not. So a validator sees values that it never sees when the class
# is called.
#
# It matters: an address or a label that a converter makes canonical comes back from a file otherwise than it went in, and without
# an error.
#
# Seen:
#   msgspec 0.22.0, attrs 26.1.0, cattrs 26.2.1
#   Mail(...)
#     validator sees: ops@example.com
#     __attrs_post_init__ runs
#     Mail(to='ops@example.com')
#   cattrs.structure(...)
#     validator sees: ops@example.com
#     __attrs_post_init__ runs
#     Mail(to='ops@example.com')
#   msgspec.convert(...)
#     validator sees: Ops@Example.com
#     __attrs_post_init__ runs
#     Mail(to='Ops@Example.com')
set -euo pipefail
expected=$(sed -n 's/^#   //p' "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
timeout 300 venv/bin/pip install -q --disable-pip-version-check msgspec==0.22.0 attrs==26.1.0 cattrs==26.2.1
seen=$(timeout 60 env -i HOME="$folder" PATH="$folder/venv/bin:$PATH" python -I - 2>log <<'END'
from importlib.metadata import version

import attrs
import cattrs
import msgspec


def look(mail, attribute, value):
    print("  validator sees:", value)


@attrs.frozen
class Mail:
    to: str = attrs.field(converter=str.lower, validator=look)

    def __attrs_post_init__(self):
        print("  __attrs_post_init__ runs")


print(*(f"{name} {version(name)}" for name in ("msgspec", "attrs", "cattrs")), sep=", ")
given = {"to": "Ops@Example.com"}
ways = {
    "Mail(...)": lambda: Mail(**given),
    "cattrs.structure(...)": lambda: cattrs.structure(given, Mail),
    "msgspec.convert(...)": lambda: msgspec.convert(given, Mail),
}
for name, make in ways.items():
    print(name)
    print(" ", make())
END
) || { cat log >&2; exit 1; }
echo "$seen"
[ "$seen" = "$expected" ] || { echo "expected: $expected" >&2; exit 1; }
