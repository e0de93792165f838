#!/usr/bin/env bash
# Subject: Typer 0.29.2, sys.excepthook.
#
# One would guess: a hook that a program puts into sys.excepthook hears of an exception that a Typer command raises.
#
# It does: calling the application replaces the hook, and does not call the one that it found. A hook from before is heard only if it
# was there before typer was first imported and the application has pretty_exceptions_enable=False. One that a command or a
# callback puts in is heard.
#
# It matters: whatever reports uncaught exceptions from the top of a script, as an error tracker or a notifier does, is silent.
#
# Seen:
#   typer 0.29.2
#   hook before the import: not heard
#   hook before the import, pretty_exceptions_enable=False: heard
#   hook after the import: not heard
#   hook after the import, pretty_exceptions_enable=False: not heard
#   hook in the callback: heard
#   hook in the callback, pretty_exceptions_enable=False: heard
set -euo pipefail
expected=$(sed -n 's/^#   //p' "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
timeout 300 venv/bin/pip install -q --disable-pip-version-check typer==0.29.2
cat > load.py <<'END'
import sys

where, pretty = sys.argv[1:]
former = sys.excepthook


def hook(kind, error, traceback):
    print("heard")
    former(kind, error, traceback)


if where == "before the import":
    sys.excepthook = hook
import typer

app = typer.Typer() if pretty == "yes" else typer.Typer(pretty_exceptions_enable=False)


@app.callback()
def begin():
    if where == "in the callback":
        sys.excepthook = hook


@app.command()
def load():
    raise ValueError("no rows")


if where == "after the import":
    sys.excepthook = hook
app(["load"])
END
seen=$(timeout 60 env -i HOME="$folder" PATH="$folder/venv/bin:$PATH" python -I - 2>log <<'END'
import subprocess
import sys
from importlib.metadata import version

print("typer", version("typer"))
for where in "before the import", "after the import", "in the callback":
    for pretty in "yes", "no":
        done = subprocess.run([sys.executable, "load.py", where, pretty], capture_output=True, text=True, timeout=20)
        assert "ValueError: no rows" in done.stderr, done.stderr
        option = "" if pretty == "yes" else ", pretty_exceptions_enable=False"
        print(f"hook {where}{option}: {'heard' if 'heard' in done.stdout.split() else 'not heard'}")
END
) || { cat log >&2; exit 1; }
echo "$seen"
[ "$seen" = "$expected" ] || { echo "expected: $expected" >&2; exit 1; }
