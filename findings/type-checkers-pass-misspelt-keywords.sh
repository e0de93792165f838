#!/usr/bin/env bash
# Subject: ty 0.0.108 and pyrefly 1.5.0, keywords of calls.
#
# One would guess: a type checker finds a misspelt keyword of a call, like any other wrong argument.
#
# It does: ty passes any keyword to a function that takes **options: Unpack[TypedDict]. pyrefly passes any keyword to an overloaded
# function, until its folder has a pyrefly.toml, which may be empty; then it finds both.
#
# It matters: a misspelt option, which changes nothing at run time or fails there, is what people write types against.
#
# Seen:
#   ty 0.0.108, pyrefly 1.5.0
#   ty: lines 24
#   pyrefly: lines 23
#   pyrefly with an empty pyrefly.toml: lines 23 24
set -euo pipefail
expected=$(sed -n 's/^#   //p' "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
timeout 300 venv/bin/pip install -q --disable-pip-version-check ty==0.0.108 pyrefly==1.5.0 typing-extensions==4.15.0
mkdir plain configured
touch configured/pyrefly.toml
cat > plain/calls.py <<'END'
from typing import TypedDict, overload

from typing_extensions import Unpack


class Options(TypedDict, total=False):
    title: str


def unpacked(**options: Unpack[Options]) -> None: ...


@overload
def overloaded(name: str, *, title: str = ...) -> str: ...
@overload
def overloaded(*, title: str = ...) -> int: ...
def overloaded(name: str = "", *, title: str = "") -> int | str:
    return title or name


# each call below misspells the keyword

unpacked(titel="x")
overloaded(titel="x")
END
cp plain/calls.py configured
lines() { grep -oE 'calls\.py:[0-9]+' | cut -d: -f2 | sort -nu | paste -sd' ' -; }
bin=$folder/venv/bin
run() { (cd "$1"; shift; timeout 60 env -i HOME="$folder" PATH="$bin:/usr/bin:/bin" "$@" 2>>"$folder/log" || true); }
seen=$(
    echo "ty $("$bin/ty" --version | cut -d' ' -f2), pyrefly $("$bin/pyrefly" --version | cut -d' ' -f2)"
    echo "ty: lines $(run plain ty check --python "$folder/venv" --output-format concise calls.py | lines)"
    echo "pyrefly: lines $(run plain pyrefly check --output-format min-text calls.py | lines)"
    echo "pyrefly with an empty pyrefly.toml: lines $(run configured pyrefly check --output-format min-text calls.py | lines)"
)
echo "$seen"
[ "$seen" = "$expected" ] || { cat log >&2; echo "expected: $expected" >&2; exit 1; }
