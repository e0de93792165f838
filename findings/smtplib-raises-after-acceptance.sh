#!/usr/bin/env bash
# Subject: smtplib of the running CPython (3.11 or later) with aiosmtpd 1.4.6.
#
# One would guess: a mail for which sendmail returned has been accepted, and what the server answers to QUIT makes no difference
# to that; if anything, no answer at all does.
#
# It does: with smtplib.SMTP(...) raises SMTPResponseException if QUIT is answered otherwise than by 221, as by the 421 with which
# a server says that it shuts down (RFC 5321, 3.8). It raises nothing where the connection is dropped instead.
#
# It matters: a caller that takes the exception for a failure sends an accepted mail a second time, just when mail servers are
# restarted.
#
# Seen on CPython 3.11.7, SQLite 3.40.1:
#   aiosmtpd 1.4.6
#   QUIT answered by 221 bye: 1 mail accepted, raised None
#   QUIT answered by 421 shutting down: 1 mail accepted, raised SMTPResponseException(421, b'shutting down')
#   QUIT answered by None: 1 mail accepted, raised None
set -euo pipefail
expected=$(sed -n 's/^#   //p' "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/python -I -c 'import sqlite3, sys
print(f"CPython {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}")
sys.exit(sys.version_info < (3, 11) or sys.implementation.name != "cpython")'
timeout 300 venv/bin/pip install -q --disable-pip-version-check aiosmtpd==1.4.6
seen=$(timeout 60 env -i HOME="$folder" PATH="$folder/venv/bin:$PATH" python -I - 2>log <<'END'
import smtplib
import socket
from importlib.metadata import version

from aiosmtpd.controller import Controller


class Accepting:
    def __init__(self, goodbye):
        self.goodbye, self.accepted = goodbye, 0

    async def handle_DATA(self, server, session, envelope):
        self.accepted += 1
        return "250 accepted"

    async def handle_QUIT(self, server, session, envelope):
        if self.goodbye is None:
            server.transport.abort()
        return self.goodbye or ""


print("aiosmtpd", version("aiosmtpd"))
for goodbye in "221 bye", "421 shutting down", None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    handler = Accepting(goodbye)
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    raised = None
    try:
        with smtplib.SMTP("127.0.0.1", port, timeout=5) as smtp:
            smtp.sendmail("load@example.com", ["ops@example.com"], b"Subject: load failed\r\n\r\n")
    except smtplib.SMTPException as error:
        raised = error
    controller.stop()
    print(f"QUIT answered by {goodbye}: {handler.accepted} mail accepted, raised {raised!r}")
END
) || { cat log >&2; exit 1; }
echo "$seen"
[ "$seen" = "$expected" ] || { echo "expected: $expected" >&2; exit 1; }
