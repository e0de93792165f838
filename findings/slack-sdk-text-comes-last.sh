#!/usr/bin/env bash
# Subject: slack_sdk 3.48.0, WebClient.files_upload_v2 with initial_comment.
#
# One would guess: the text is posted, and then the files; where a file is not taken, the text is there all the same, and the call
# raises a SlackApiError.
#
# It does: the text goes with the very last request, after all files. Where one of them is not taken, nothing is posted: neither the
# text nor the files that were. The exception is one of urllib's. Without a channel all is uploaded, the answer says ok, and nobody
# sees the text or the files.
#
# It matters: a message about a failure is lost for the picture beside it, past the `except SlackApiError` that was to notice.
#
# Seen:
#   slack_sdk 3.48.0
#   all is well: ok; getUploadURLExternal, getUploadURLExternal, file, file, completeUploadExternal with the text to C1
#   the second file is not taken: HTTPError, a SlackApiError: False; getUploadURLExternal, getUploadURLExternal, file, file
#   no channel: ok; getUploadURLExternal, getUploadURLExternal, file, file, completeUploadExternal with the text to no channel
set -euo pipefail
expected=$(sed -n 's/^#   //p' "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
timeout 300 venv/bin/pip install -q --disable-pip-version-check slack_sdk==3.48.0
seen=$(timeout 60 env -i HOME="$folder" PATH="$folder/venv/bin:$PATH" python -I - 2>log <<'END'
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from urllib.error import HTTPError
from urllib.parse import parse_qs

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

requests = []
refused = []


class Slack(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        method = self.path.rpartition("/")[2].removeprefix("files.")
        status, answer = 200, {"ok": True, "files": [{"id": "F1"}]}
        if method == "getUploadURLExternal":
            answer |= {"upload_url": f"http://127.0.0.1:{server.server_port}/file", "file_id": f"F{len(requests)}"}
        elif method == "file":
            status = 500 if body in refused else 200
        else:
            form = parse_qs(body.decode())
            method += f" with the text to {form.get('channel_id', ['no channel'])[0]}" if "initial_comment" in form else ""
        requests.append(method)
        sent = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *_):
        pass


print("slack_sdk", version("slack_sdk"))
server = ThreadingHTTPServer(("127.0.0.1", 0), Slack)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = WebClient("xoxb-0", base_url=f"http://127.0.0.1:{server.server_port}/")
files = [{"content": "the log", "filename": "log.txt"}, {"content": "the plot", "filename": "plot.txt"}]
for name, not_taken, options in [
    ("all is well", [], {"channel": "C1"}),
    ("the second file is not taken", [b"the plot"], {"channel": "C1"}),
    ("no channel", [], {}),
]:
    requests[:], refused[:] = [], not_taken
    try:
        said = "ok" if client.files_upload_v2(file_uploads=files, initial_comment="load failed", **options)["ok"] else "not ok"
    except (SlackApiError, HTTPError) as error:
        said = f"{type(error).__name__}, a SlackApiError: {isinstance(error, SlackApiError)}"
    print(f"{name}: {said}; {', '.join(requests)}")
server.shutdown()
END
) || { cat log >&2; exit 1; }
echo "$seen"
[ "$seen" = "$expected" ] || { echo "expected: $expected" >&2; exit 1; }
