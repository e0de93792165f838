"""A stand-in for Slack's incoming webhooks."""

import json
import secrets
import socket
import ssl
from collections.abc import Mapping
from typing import BinaryIO, Literal

import attrs
from typing_extensions import override

from tests.servers.loopback import Loopback

Manner = Literal["plain", "drip head", "drip body", "silent", "close"]


@attrs.frozen
class Reply:
    """How to answer a request; ``manner`` is a fault: dripping, silence, or closing without a response."""

    status: int = 200
    body: str = "ok"
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str])
    manner: Manner = "plain"


@attrs.frozen
class Request:
    """A received request; the names of ``headers`` are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> object:
        """Parse the body as JSON."""
        return json.loads(self.body)


class SlackServer(Loopback):
    """Records ``requests``, and answers with ``replies`` in turn, then with 200 and ``ok``.

    ``url`` is a webhook's URL. It ends with ``canary``, which must not appear in any output.
    """

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self.requests: list[Request] = []
        self.replies: list[Reply] = []
        self.canary = f"CANARY{secrets.token_hex(9)}"
        super().__init__(context)
        self.url = f"https://127.0.0.1:{self.port}/services/T000/B000/{self.canary}"

    @override
    def serve(self, sock: socket.socket, lines: BinaryIO) -> None:
        while (request := _read(lines)) is not None:
            self.requests.append(request)
            reply = self.replies.pop(0) if self.replies else Reply()
            if reply.manner == "close":
                return
            if reply.manner == "silent":
                self.be_silent()
                return
            self._answer(sock, reply)

    def _answer(self, sock: socket.socket, reply: Reply) -> None:
        body = reply.body.encode()
        headers = {"Content-Length": str(len(body)), **reply.headers}
        lines = (f"HTTP/1.1 {reply.status} Said", *(f"{name}: {value}" for name, value in headers.items()))
        head = "".join(f"{line}\r\n" for line in (*lines, "")).encode()
        if reply.manner == "drip head":
            self.drip(sock, head)
        elif reply.manner == "drip body":
            sock.sendall(head)
            self.drip(sock, body)
        else:
            sock.sendall(head + body)


def _read(lines: BinaryIO) -> Request | None:
    """Read the next request; None at the end of the connection."""
    first = lines.readline().decode().split()
    if not first:
        return None
    headers: dict[str, str] = {}
    while line := lines.readline().decode().strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Request(first[0], first[1], headers, lines.read(int(headers.get("content-length", "0"))))
