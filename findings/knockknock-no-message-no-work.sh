#!/usr/bin/env bash
# Subject: knockknock 0.1.8.1, the decorator slack_sender.
#
# One would guess: where the message cannot be sent, the decorated function runs all the same, and its result is returned.
#
# It does: it posts before it calls the function, so that without a connection the function is never called. Where the connection is
# lost later, what the function returned is lost too, the exception of requests is raised in its place, and a crash is reported of a
# function that has succeeded. An answer such as 404 or 500 is not looked at.
#
# It matters: a night of training is gone, since a chat was not reached in the morning.
#
# Seen:
#   knockknock 0.1.8.1
#   Slack is there: called 1, returned 0.93, told: has started, is complete
#   Slack answers 404: called 1, returned 0.93, told: has started, is complete
#   Slack is not there: called 0, ConnectionError
#   Slack goes while it works: called 1, ConnectionError, told: has started
#   Slack closes one connection at the end: called 1, ConnectionError, told: has started, has crashed
set -euo pipefail
expected=$(sed -n 's/^#   //p' "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
timeout 300 venv/bin/pip install -q --disable-pip-version-check knockknock==0.1.8.1 requests==2.34.2 urllib3==1.26.20 \
    keyring==25.7.0 matrix-client==0.4.0 python-telegram-bot==22.8 twilio==9.13.0 yagmail==0.16.0
seen=$(timeout 60 env -i HOME="$folder" PATH="$folder/venv/bin:$PATH" python -I - 2>log <<'END'
import json
import re
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

import requests
from knockknock import slack_sender

told = []  # what Slack was told, by the first words of each message
behaviour = []  # how each post is answered, in order: by a status, or not at all (0)


class Slack(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status = behaviour.pop(0)
        if status == 0:
            return  # the connection is closed without an answer
        told.append(re.search("has started|is complete|has crashed", body["text"]).group())
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


print("knockknock", version("knockknock"))
for name, answers in {
    "Slack is there": [200, 200],
    "Slack answers 404": [404, 404],
    "Slack is not there": [],
    "Slack goes while it works": [200],
    "Slack closes one connection at the end": [200, 0, 200],
}.items():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Slack)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/"
    calls, told[:], behaviour[:] = [], [], answers

    def leave():
        server.shutdown()
        server.server_close()

    @slack_sender(webhook_url=url, channel="C1")
    def train():
        calls.append("train")
        if len(answers) == 1:
            leave()
        return 0.93

    if not answers:
        leave()
    try:
        said = f"returned {train()}"
    except requests.ConnectionError as error:
        said = type(error).__name__
    print(f"{name}: called {len(calls)}, {said}" + (f", told: {', '.join(told)}" if told else ""))
    with suppress(OSError):
        leave()
END
) || { cat log >&2; exit 1; }
echo "$seen"
[ "$seen" = "$expected" ] || { echo "expected: $expected" >&2; exit 1; }
