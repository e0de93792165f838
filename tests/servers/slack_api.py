"""A stand-in for Slack's Web API: one channel, messages with ids, threads, edits and uploads; and faults on request.

An upload goes as Slack's reference of ``files.getUploadURLExternal`` says: that call takes a form with the name and the length, the
bytes are posted to the URL that it answers, and ``files.completeUploadExternal`` shows the file in a thread.
"""

import json
import secrets
import socket
import ssl
import threading
from collections.abc import Mapping
from typing import BinaryIO
from urllib.parse import parse_qsl

import attrs
from typing_extensions import override

from tests.servers.loopback import Loopback
from tests.servers.slack import Reply

CHANNEL = "C0123ABCD"


@attrs.define
class Posted:
    """A message in the channel. ``thread`` is the id of its parent; ``texts`` are its texts, the newest edit last."""

    ts: str
    thread: str | None
    texts: list[str]
    attachments: list[Mapping[str, object]]


@attrs.frozen
class Call:
    """A received call; the names of ``headers`` are in lower case. An upload has ``content``, and no ``body``."""

    method: str
    headers: Mapping[str, str]
    body: Mapping[str, object]
    content: bytes = b""


@attrs.define
class File:
    """A file: ``content`` is None until it is uploaded, ``title``, ``channel`` and ``thread`` until it is shown."""

    name: str
    length: int
    content: bytes | None = None
    title: str | None = None
    channel: str | None = None
    thread: str | None = None


class SlackApiServer(Loopback):
    """Records ``calls`` and ``messages``, and accepts only ``token``, which holds a canary.

    ``replies`` are answered in turn before a call is handled: error codes, or whole replies; None for the usual answer. ``upload_url``
    is where uploads go, in place of the server's own URL. ``scopes`` are those of the token.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self.calls: list[Call] = []
        self.messages: list[Posted] = []
        self.files: dict[str, File] = {}
        self.scopes = "chat:write,files:write"
        self.upload_url: str | None = None
        self.replies: list[Reply | str | None] = []
        self.token = f"xoxb-1234-5678-CANARY{secrets.token_hex(9)}"
        self._lock = threading.Lock()
        super().__init__(context)
        self.url = f"https://127.0.0.1:{self.port}/api/"

    @property
    def parents(self) -> list[Posted]:
        """Return the messages that are not replies."""
        return [message for message in self.messages if message.thread is None]

    @override
    def serve(self, sock: socket.socket, lines: BinaryIO) -> None:
        while (call := _read(lines)) is not None:
            with self._lock:
                self.calls.append(call)
                reply = self._reply(call)
            if reply.manner == "close":
                return
            if reply.manner == "silent":
                self.be_silent()
                return
            self._answer(sock, reply)

    def _reply(self, call: Call) -> Reply:
        asked = self.replies.pop(0) if self.replies else None
        if isinstance(asked, Reply):
            return asked
        if call.method.startswith("F0"):
            return Reply(*self._uploaded(call))
        refused = "invalid_auth" if call.headers.get("authorization") != f"Bearer {self.token}" else asked
        answer: Mapping[str, object] = {"ok": False, "error": refused} if refused else self._done(call)
        return Reply(body=json.dumps(answer), headers={"X-OAuth-Scopes": self.scopes})

    def _uploaded(self, call: Call) -> tuple[int, str]:
        """Take the bytes of a file. A token is of no use there."""
        file = self.files.get(call.method)
        if "authorization" in call.headers or file is None or file.length != len(call.content):
            return 400, "no"
        file.content = call.content
        return 200, f"OK - {file.length}"

    def _upload_url(self, body: Mapping[str, object]) -> Mapping[str, object]:
        name, length = str(body["filename"]), int(str(body["length"]))
        if "files:write" not in self.scopes:
            return {"ok": False, "error": "missing_scope", "needed": "files:write", "provided": self.scopes}
        if length == 0:
            return {"ok": False, "error": "missing_argument"}
        file_id = f"F0{len(self.files):08}"
        self.files[file_id] = File(name, length)
        return {"ok": True, "upload_url": self.upload_url or f"https://127.0.0.1:{self.port}/upload/v1/{file_id}", "file_id": file_id}

    def _complete(self, body: Mapping[str, object]) -> Mapping[str, object]:
        named: list[dict[str, str]] = json.loads(str(body["files"]))
        if any(self.files[each["id"]].content is None for each in named):
            return {"ok": False, "error": "file_not_found"}
        for each in named:
            file = self.files[each["id"]]
            file.title, file.channel, file.thread = each["title"], str(body["channel_id"]), str(body["thread_ts"])
        return {"ok": True, "files": named}

    def _done(self, call: Call) -> Mapping[str, object]:
        if call.method == "auth.test":
            return {"ok": True, "user": "tocsin", "team": "Ours & co", "bot_id": "B0123ABCD"}
        if call.method == "files.getUploadURLExternal":
            return self._upload_url(call.body)
        if call.method == "files.completeUploadExternal":
            return self._complete(call.body)
        text, attachments = call.body["text"], call.body["attachments"]
        assert isinstance(text, str)
        assert isinstance(attachments, list)
        if call.method == "chat.update":
            (message,) = (one for one in self.messages if one.ts == call.body["ts"])
            message.texts.append(text)
            message.attachments = attachments
        else:
            thread = call.body.get("thread_ts")
            assert thread is None or isinstance(thread, str)
            message = Posted(f"1503435956.{len(self.messages):06}", thread, [text], attachments)
            self.messages.append(message)
        return {"ok": True, "channel": CHANNEL, "ts": message.ts, "message": {"text": text, "attachments": attachments}}

    def _answer(self, sock: socket.socket, reply: Reply) -> None:
        body = reply.body.encode()
        headers = {"Content-Length": str(len(body)), "Content-Type": "application/json", **reply.headers}
        lines = (f"HTTP/1.1 {reply.status} Said", *(f"{name}: {value}" for name, value in headers.items()))
        sock.sendall("".join(f"{line}\r\n" for line in (*lines, "")).encode())
        if reply.manner == "drip body":
            self.drip(sock, body)
        else:
            sock.sendall(body)


def _read(lines: BinaryIO) -> Call | None:
    """Read the next call; None at the end of the connection."""
    first = lines.readline().decode().split()
    if not first:
        return None
    headers: dict[str, str] = {}
    while line := lines.readline().decode().strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    raw, kind, method = lines.read(int(headers["content-length"])), headers["content-type"], first[1].rpartition("/")[2]
    if kind == "application/octet-stream":
        return Call(method, headers, {}, raw)
    if kind.startswith("application/x-www-form-urlencoded"):
        return Call(method, headers, dict(parse_qsl(raw.decode(), strict_parsing=True)))
    body: Mapping[str, object] = json.loads(raw)
    return Call(method, headers, body)
