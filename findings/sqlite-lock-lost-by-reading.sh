#!/usr/bin/env bash
# Subject: sqlite3 of the running CPython (3.11 or later), on a POSIX system.
#
# One would guess: a program that reads the file of its own database, to copy it or to hash it, changes nothing for the
# transaction that it has open.
#
# It does: when the file is closed again, the locks that SQLite holds on it in this process are gone, since POSIX drops all of a
# process's locks on a file when any descriptor of it is closed. SQLite is not told, and another process begins to write at the
# same time. (Source: sqlite.org/howtocorrupt.html, 2.2.)
#
# It matters: a journal that says what was sent has two writers at once, and a backup in the same program is what lets the second
# one in.
#
# Seen on CPython 3.11.7, SQLite 3.40.1:
#   while a transaction is open, another process: database is locked
#   this process reads the file; the transaction is open
#   now the other process: begins to write
set -euo pipefail
expected=$(sed -n 's/^#   //p' "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/python -I -c 'import sqlite3, sys
print(f"CPython {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}")
sys.exit(sys.version_info < (3, 11) or sys.implementation.name != "cpython")'
seen=$(timeout 60 env -i HOME="$folder" PATH="$folder/venv/bin:$PATH" python -I - 2>log <<'END'
import sqlite3
import subprocess
import sys
from pathlib import Path

ANOTHER = """
import sqlite3
connection = sqlite3.connect("journal.sqlite", timeout=0, isolation_level=None)
try:
    connection.execute("BEGIN IMMEDIATE")
    connection.rollback()
    print("begins to write")
except sqlite3.OperationalError as error:
    print(error)
"""


def another():
    return subprocess.run([sys.executable, "-I", "-c", ANOTHER], capture_output=True, text=True, check=True, timeout=20).stdout.strip()


connection = sqlite3.connect("journal.sqlite", isolation_level=None)
connection.execute("CREATE TABLE runs (label)")
connection.execute("BEGIN IMMEDIATE")
print("while a transaction is open, another process:", another())
Path("journal.sqlite").read_bytes()
print("this process reads the file; the transaction is", "open" if connection.in_transaction else "over")
print("now the other process:", another())
connection.rollback()
END
) || { cat log >&2; exit 1; }
echo "$seen"
[ "$seen" = "$expected" ] || { echo "expected: $expected" >&2; exit 1; }
