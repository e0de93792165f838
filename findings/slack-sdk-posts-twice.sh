#!/usr/bin/env bash
# Subject: slack_sdk 3.48.0, WebClient and WebhookClient, beside requests 2.34.2.
#
# One would guess: where the connection ends before Slack has answered, the call raises, and the caller decides whether to post
# again.
#
# It does: it posts the same message a second time and returns the answer to that. Neither the caller nor the response knows of
# the first post, which the server has read to its end. requests posts once, and raises.
#
# It matters: people may read one failure as two, and the log of the program that told them shows one post.
#
# Seen:
#   slack_sdk 3.48.0 and requests 2.34.2
#   WebClient: HTTP 200, 2 posts arrived, all alike: True
#   WebhookClient: HTTP 200, 2 posts arrived, all alike: True
#   requests: ConnectionError, 1 posts arrived, all alike: True
set -euo pipefail
expected=$(sed -n 's/^#   //p' "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
timeout 300 venv/bin/pip install -q --disable-pip-version-check slack_sdk==3.48.0 requests==2.34.2
seen=$(timeout 60 env -i HOME="$folder" PATH="$folder/venv/bin:$PATH" python -I - 2>log <<'END'
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

import requests
from slack_sdk import WebClient, WebhookClient

posts = []


class Breaking(BaseHTTPRequestHandler):
    def do_POST(self):
        posts.append(self.rfile.read(int(self.headers["Content-Length"])))
        if len(posts) == 1:
            return  # the connection is closed without an answer
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"ok": true}')

    def log_message(self, *_):
        pass


print("slack_sdk", version("slack_sdk"), "and requests", version("requests"))
server = ThreadingHTTPServer(("127.0.0.1", 0), Breaking)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/"
for name, call in {
    "WebClient": lambda: WebClient("xoxb-0", base_url=url).chat_postMessage(channel="C1", text="load failed").status_code,
    "WebhookClient": lambda: WebhookClient(url).send(text="load failed").status_code,
    "requests": lambda: requests.post(url, json={"text": "load failed"}, timeout=5).status_code,
}.items():
    posts.clear()
    try:
        said = f"HTTP {call()}"
    except requests.ConnectionError as error:
        said = type(error).__name__
    print(f"{name}: {said}, {len(posts)} posts arrived, all alike: {len(set(posts)) == 1}")
server.shutdown()
END
) || { cat log >&2; exit 1; }
echo "$seen"
[ "$seen" = "$expected" ] || { echo "expected: $expected" >&2; exit 1; }
