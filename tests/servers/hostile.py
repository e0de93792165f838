"""Servers that break protocols; an ``Act`` is what a server does to a connection.

- An act closes the connection by returning.
- A ``Prepare`` makes a context manager that starts a server, yields its port, and stops it.
"""

import errno
import os
import socket
import ssl
import struct
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from hashlib import shake_256
from pathlib import Path
from typing import BinaryIO

import pytest
import trustme
from typing_extensions import override

from tests.servers.authority import Authority
from tests.servers.gmail import GmailServer
from tests.servers.loopback import Loopback
from tests.servers.slack import Reply, SlackServer

NOISE = shake_256(b"noise").digest(4096)  # the same in each run

Act = Callable[["Raw", socket.socket, BinaryIO], None]
Prepare = Callable[[Authority], AbstractContextManager[int]]
Context = Callable[[Authority], ssl.SSLContext | None]


class Raw(Loopback):
    """Runs ``act`` on each connection; ``heard`` is the last line received."""

    def __init__(self, context: ssl.SSLContext | None, act: Act) -> None:
        self.heard = b""
        self._act = act
        super().__init__(context)

    @override
    def serve(self, sock: socket.socket, lines: BinaryIO) -> None:
        self._act(self, sock, lines)


def mute(server: Raw, sock: socket.socket, lines: BinaryIO) -> None:
    """Send nothing, and keep the connection open."""
    server.be_silent()


def rude(server: Raw, sock: socket.socket, lines: BinaryIO) -> None:
    """Close the connection."""


def reset(server: Raw, sock: socket.socket, lines: BinaryIO) -> None:
    """Reset the connection, as a machine does that does not know the connection."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(sock.detach())


def echo(server: Raw, sock: socket.socket, lines: BinaryIO) -> None:
    """Send back what was received."""
    sock.sendall(server.heard)


def says(data: bytes, then: Act = rude) -> Act:
    """Send ``data``, then run ``then``."""

    def act(server: Raw, sock: socket.socket, lines: BinaryIO) -> None:
        sock.sendall(data)
        then(server, sock, lines)

    return act


def drips(data: bytes) -> Act:
    """Send ``data`` a byte at a time."""
    return lambda server, sock, lines: server.drip(sock, data)


def floods(head: bytes, piece: bytes) -> Act:
    """Send ``head``, then ``piece`` again and again until the client closes the connection."""

    def act(server: Raw, sock: socket.socket, lines: BinaryIO) -> None:
        sock.sendall(head)
        many = piece * (65_536 // len(piece))
        while True:
            sock.sendall(many)

    return act


def after_head(act: Act) -> Act:
    """Read the head of an HTTP request, then act."""

    def serve(server: Raw, sock: socket.socket, lines: BinaryIO) -> None:
        _head(server, lines)
        act(server, sock, lines)

    return serve


def after_request(act: Act) -> Act:
    """Read an HTTP request to its end, then act."""

    def serve(server: Raw, sock: socket.socket, lines: BinaryIO) -> None:
        lines.read(_head(server, lines))
        act(server, sock, lines)

    return serve


def _head(server: Raw, lines: BinaryIO) -> int:
    """Read the head of a request, and return the length of its body."""
    server.heard = lines.readline()
    headers = dict(line.split(b": ") for line in iter(lambda: lines.readline().strip(), b""))
    return int(headers[b"Content-Length"])


_FIRST = b"\0"  # stands for the event that a client connects
_YES = {
    _FIRST: b"220 ready",
    b"EHLO": b"250 ready",
    b"AUTH": b"235 welcome",
    b"MAIL": b"250 go on",
    b"RCPT": b"250 go on",
    b"DATA": b"354 go on",
}


def at(stage: str, act: Act) -> Act:
    """Accept a mail as a mail server does until ``stage`` (a stage of ``GmailServer``), then act."""
    awaited = {"GREETING": _FIRST, "DATA-END": b"."}.get(stage, stage.encode())

    def serve(server: Raw, sock: socket.socket, lines: BinaryIO) -> None:
        received, server.heard = iter(lines.readline, b""), _FIRST
        while (verb := server.heard[:4].strip()) != awaited:
            if verb in _YES:
                sock.sendall(_YES[verb] + b"\r\n")
            server.heard = next(received)
        act(server, sock, lines)

    return serve


def good(authority: Authority) -> ssl.SSLContext:
    """Return a valid TLS context."""
    return authority.good


def plain(authority: Authority) -> None:
    """Return no TLS context."""


def self_signed(authority: Authority) -> ssl.SSLContext:
    """Return a TLS context with a self-signed certificate."""
    own = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "own.pem"
        file.write_bytes(own.private_key_pem.bytes() + own.cert_pem.bytes())
        context.load_cert_chain(file)
    return context


@contextmanager
def serving(server: Loopback) -> Iterator[int]:
    """Yield the port of ``server``, and stop it afterwards."""
    try:
        yield server.port
    finally:
        server.stop()


def raw(act: Act, context: Context = good) -> Prepare:
    """Prepare a server that runs ``act``."""
    return lambda authority: serving(Raw(context(authority), act))


def replying(status: int, body: str, **headers: str) -> Prepare:
    """Prepare a stand-in for Slack with this response to the first request; later ones get 200 and ``ok``."""

    def prepare(authority: Authority) -> AbstractContextManager[int]:
        server = SlackServer(authority.good)
        server.replies = [Reply(status, body, {name.replace("_", "-"): value for name, value in headers.items()})]
        return serving(server)

    return prepare


def scripted(stage: str, reply: str) -> Prepare:
    """Prepare a stand-in for Gmail with this reply at that stage."""

    def prepare(authority: Authority) -> AbstractContextManager[int]:
        server = GmailServer(authority.good)
        server.script[stage] = reply
        return serving(server)

    return prepare


@contextmanager
def closed_port(authority: Authority) -> Iterator[int]:
    """Yield a port without a listener."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    yield port


@contextmanager
def busy(authority: Authority, family: socket.AddressFamily = socket.AF_INET, host: str = "127.0.0.1") -> Iterator[int]:
    """Yield a port whose queue is full: connecting to it never ends."""
    with socket.socket(family) as listener, ExitStack() as queue:
        listener.bind((host, 0))
        listener.listen(0)
        for _ in range(4):
            waits = queue.enter_context(socket.socket(family))
            waits.setblocking(False)
            waits.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def _second_home() -> tuple[socket.AddressFamily, str]:
    """Return an IPv6 address of this machine, or its IPv4 address if it has none."""
    with socket.socket(socket.AF_INET6) as probe:
        there = probe.connect_ex(("::1", 9)) != errno.EADDRNOTAVAIL
    return (socket.AF_INET6, "::1") if there else (socket.AF_INET, "127.0.0.1")


def behind_a_hanging_address(prepare: Prepare) -> Prepare:
    """Prepare the server behind a host name with two addresses, the first of which does not answer."""

    @contextmanager
    def both(authority: Authority) -> Iterator[int]:
        family, host = _second_home()
        with prepare(authority) as port, busy(authority, family, host) as full, pytest.MonkeyPatch.context() as patch:
            kind = (socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
            found = [(family, *kind, (host, full)), (socket.AF_INET, *kind, ("127.0.0.1", port))]
            patch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
            yield port

    return both
