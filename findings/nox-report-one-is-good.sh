#!/usr/bin/env bash
# Subject: nox 2026.10.20, --report.
#
# One would guess: result codes in the report are like exit statuses: 0 is good, and anything else is not.
#
# It does: in the report 1 is a success and 0 a failure, in "result" of the whole as in "result_code" of each session. The exit
# status beside it is 1 for the failure.
#
# It matters: a program that reads the report to tell people of failures tells of each success, and of no failure.
#
# Seen:
#   nox 2026.10.20
#   ['good']: exit status 0, result 1, result codes {'good': 1}
#   ['good', 'bad']: exit status 1, result 0, result codes {'good': 1, 'bad': 0}
set -euo pipefail
expected=$(sed -n 's/^#   //p' "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
timeout 300 venv/bin/pip install -q --disable-pip-version-check nox==2026.10.20
seen=$(timeout 60 env -i HOME="$folder" PATH="$folder/venv/bin:$PATH" python -I - 2>log <<'END'
import json
import subprocess
from importlib.metadata import version
from pathlib import Path

Path("noxfile.py").write_text("""
import nox

@nox.session(venv_backend="none")
def good(session):
    session.run("true", external=True)

@nox.session(venv_backend="none")
def bad(session):
    session.run("false", external=True)
""")
print("nox", version("nox"))
for sessions in ["good"], ["good", "bad"]:
    done = subprocess.run(["nox", "--report", "report.json", "--sessions", *sessions], capture_output=True, timeout=50)
    report = json.loads(Path("report.json").read_text())
    codes = {session["name"]: session["result_code"] for session in report["sessions"]}
    print(f"{sessions}: exit status {done.returncode}, result {report['result']}, result codes {codes}")
END
) || { cat log >&2; exit 1; }
echo "$seen"
[ "$seen" = "$expected" ] || { echo "expected: $expected" >&2; exit 1; }
