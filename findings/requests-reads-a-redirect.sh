#!/usr/bin/env bash
# Subject: requests 2.34.2 with urllib3 2.7.0.
#
# One would guess: stream=True leaves the body of every answer unread, and with allow_redirects=False a redirect is an answer like
# any other.
#
# It does: a session reads the whole body of a redirect before it returns, stream=True or not, since it prepares Response.next.
# The time-out of one second does not end that, since it is for each read.
#
# It matters: a webhook that has moved, and answers slowly, holds its caller longer than any time-out says, for a body that is not
# wanted.
#
# Seen:
#   requests 2.34.2 with urllib3 2.7.0
#   200: 5 bytes, returned at once
#   404: 5 bytes, returned at once
#   302: 5 bytes, returned when the body was over
set -euo pipefail
expected=$(sed -n 's/^#   //p' "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
timeout 300 venv/bin/pip install -q --disable-pip-version-check requests==2.34.2 urllib3==2.7.0
seen=$(timeout 60 env -i HOME="$folder" PATH="$folder/venv/bin:$PATH" python -I - 2>log <<'END'
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

import requests


class Slow(BaseHTTPRequestHandler):
    def do_POST(self):
        self.send_response(int(self.path[1:]))
        if self.path == "/302":
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "5")
        self.end_headers()
        for _ in range(5):
            self.wfile.write(b".")
            time.sleep(0.5)

    def log_message(self, *_):
        pass


print("requests", version("requests"), "with urllib3", version("urllib3"))
server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
threading.Thread(target=server.serve_forever, daemon=True).start()
for status in 200, 404, 302:
    begun = time.monotonic()
    answer = requests.post(f"http://127.0.0.1:{server.server_port}/{status}", stream=True, allow_redirects=False, timeout=1)
    took = time.monotonic() - begun
    said = len(answer.content)
    print(f"{answer.status_code}: {said} bytes, returned {'at once' if took < 1 else 'when the body was over'}")
server.shutdown()
END
) || { cat log >&2; exit 1; }
echo "$seen"
[ "$seen" = "$expected" ] || { echo "expected: $expected" >&2; exit 1; }
