"""A stand-in for Slack's Web API: one channel, messages with ids, threads and edits; and faults on request."""

import json
import secrets
import socket
import ssl
import threading
from collections.abc import Mapping
from typing import BinaryIO

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
    """A received call; the names of ``headers`` are in lower case."""

    method: str
    headers: Mapping[str, str]
    body: Mapping[str, object]


class SlackApiServer(Loopback):
    """Records ``calls`` and ``messages``, and accepts only ``token``, which holds a canary.

    ``replies`` are answered in turn before a call is handled: error codes, or whole replies; None for the usual answer.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self.calls: list[Call] = []
        self.messages: list[Posted] = []
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
        refused = "invalid_auth" if call.headers.get("authorization") != f"Bearer {self.token}" else asked
        answer: Mapping[str, object] = {"ok": False, "error": refused} if refused else self._done(call)
        return Reply(body=json.dumps(answer))

    def _done(self, call: Call) -> Mapping[str, object]:
        if call.method == "auth.test":
            return {"ok": True, "user": "tocsin", "team": "Ours & co", "bot_id": "B0123ABCD"}
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
    body: Mapping[str, object] = json.loads(lines.read(int(headers["content-length"])))
    return Call(first[1].rpartition("/")[2], headers, body)
