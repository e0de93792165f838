"""Servers that keep to no protocol: what they do to a connection is an act, which is given to them.

A ``Prepare`` is a server that is not there yet: with it one begins, has its port, and ends it. An act returns to hang up.
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
    """Does ``act`` to each connection; ``heard`` is what was said to it last."""

    def __init__(self, context: ssl.SSLContext | None, act: Act) -> None:
        self.heard = b""
        self._act = act
        super().__init__(context)

    @override
    def serve(self, sock: socket.socket, lines: BinaryIO) -> None:
        self._act(self, sock, lines)


def mute(server: Raw, sock: socket.socket, lines: BinaryIO) -> None:
    """Say nothing, and do not hang up."""
    server.be_silent()


def rude(server: Raw, sock: socket.socket, lines: BinaryIO) -> None:
    """Hang up."""


def reset(server: Raw, sock: socket.socket, lines: BinaryIO) -> None:
    """Hang up as a machine does that knows nothing of the connection."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(sock.detach())


def echo(server: Raw, sock: socket.socket, lines: BinaryIO) -> None:
    """Say what was heard."""
    sock.sendall(server.heard)


def says(data: bytes, then: Act = rude) -> Act:
    """Say ``data``, whatever it means."""

    def act(server: Raw, sock: socket.socket, lines: BinaryIO) -> None:
        sock.sendall(data)
        then(server, sock, lines)

    return act


def drips(data: bytes) -> Act:
    """Say ``data`` a byte at a time."""
    return lambda server, sock, lines: server.drip(sock, data)


def floods(head: bytes, piece: bytes) -> Act:
    """Say ``head``, and then ``piece`` again and again, for as long as anybody listens."""

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
    """How long the body is."""
    server.heard = lines.readline()
    headers = dict(line.split(b": ") for line in iter(lambda: lines.readline().strip(), b""))
    return int(headers[b"Content-Length"])


_FIRST = b"\0"  # stands for what a client says by connecting
_YES = {
    _FIRST: b"220 ready",
    b"EHLO": b"250 ready",
    b"AUTH": b"235 welcome",
    b"MAIL": b"250 go on",
    b"RCPT": b"250 go on",
    b"DATA": b"354 go on",
}


def at(stage: str, act: Act) -> Act:
    """Take a mail as a mail server does, as far as ``stage``, which is named as for ``GmailServer``. Then act."""
    awaited = {"GREETING": _FIRST, "DATA-END": b"."}.get(stage, stage.encode())

    def serve(server: Raw, sock: socket.socket, lines: BinaryIO) -> None:
        said, server.heard = iter(lines.readline, b""), _FIRST
        while (verb := server.heard[:4].strip()) != awaited:
            if verb in _YES:
                sock.sendall(_YES[verb] + b"\r\n")
            server.heard = next(said)
        act(server, sock, lines)

    return serve


def good(authority: Authority) -> ssl.SSLContext:
    """TLS as it should be."""
    return authority.good


def plain(authority: Authority) -> None:
    """No TLS."""


def self_signed(authority: Authority) -> ssl.SSLContext:
    """TLS with a certificate that nobody signed but itself."""
    own = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "own.pem"
        file.write_bytes(own.private_key_pem.bytes() + own.cert_pem.bytes())
        context.load_cert_chain(file)
    return context


@contextmanager
def serving(server: Loopback) -> Iterator[int]:
    """The port of ``server``, which is stopped afterwards."""
    try:
        yield server.port
    finally:
        server.stop()


def raw(act: Act, context: Context = good) -> Prepare:
    """A server that does ``act``."""
    return lambda authority: serving(Raw(context(authority), act))


def replying(status: int, body: str, **headers: str) -> Prepare:
    """A stand-in for Slack that answers so; the second time it would answer yes."""

    def prepare(authority: Authority) -> AbstractContextManager[int]:
        server = SlackServer(authority.good)
        server.replies = [Reply(status, body, {name.replace("_", "-"): value for name, value in headers.items()})]
        return serving(server)

    return prepare


def scripted(stage: str, reply: str) -> Prepare:
    """A stand-in for Gmail that answers so at that stage."""

    def prepare(authority: Authority) -> AbstractContextManager[int]:
        server = GmailServer(authority.good)
        server.script[stage] = reply
        return serving(server)

    return prepare


@contextmanager
def nobody(authority: Authority) -> Iterator[int]:
    """A port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    yield port


@contextmanager
def busy(authority: Authority, family: socket.AddressFamily = socket.AF_INET, host: str = "127.0.0.1") -> Iterator[int]:
    """A port whose queue is full: connecting to it takes for ever."""
    with socket.socket(family) as listener, ExitStack() as queue:
        listener.bind((host, 0))
        listener.listen(0)
        for _ in range(4):
            waits = queue.enter_context(socket.socket(family))
            waits.setblocking(False)
            waits.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def _second_home() -> tuple[socket.AddressFamily, str]:
    """An IPv6 address of this machine; where it has none, the IPv4 address stands in for it."""
    with socket.socket(socket.AF_INET6) as probe:
        there = probe.connect_ex(("::1", 9)) != errno.EADDRNOTAVAIL
    return (socket.AF_INET6, "::1") if there else (socket.AF_INET, "127.0.0.1")


def behind_a_hanging_address(prepare: Prepare) -> Prepare:
    """The server, for those who are told of two addresses, the first of which hangs."""

    @contextmanager
    def both(authority: Authority) -> Iterator[int]:
        family, host = _second_home()
        with prepare(authority) as port, busy(authority, family, host) as full, pytest.MonkeyPatch.context() as patch:
            kind = (socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
            found = [(family, *kind, (host, full)), (socket.AF_INET, *kind, ("127.0.0.1", port))]
            patch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
            yield port

    return both
