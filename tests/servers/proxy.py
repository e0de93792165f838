"""A stand-in for a company's proxy, which opens or refuses tunnels."""

import contextlib
import select
import socket
import ssl
from typing import BinaryIO

from typing_extensions import override

from tests.servers.loopback import PATIENCE, Loopback


class ProxyServer(Loopback):
    """Records the requested ``targets`` and the ``headers``; answers with ``reply``, if there is one, byte by byte.

    ``elsewhere`` maps a target to the address that the tunnel leads to instead.
    """

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.targets: list[str] = []
        self.headers: list[str] = []
        self.reply = b""
        self.elsewhere: dict[str, str] = {}
        super().__init__(context)

    @override
    def serve(self, sock: socket.socket, lines: BinaryIO) -> None:
        target = lines.readline().decode().split()[1]
        self.targets.append(target)
        while line := lines.readline().decode().strip():
            self.headers.append(line)
        if self.reply:
            self.drip(sock, self.reply)
        else:
            _tunnel(sock, self.elsewhere.get(target, target))


def _tunnel(sock: socket.socket, target: str) -> None:
    """Copy both ways until one side ends. One thread does it: two may not use one TLS connection at once."""
    host, _, port = target.partition(":")
    with contextlib.suppress(OSError), socket.create_connection((host, int(port)), PATIENCE) as far:
        sock.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        sinks = {sock: far, far: sock}
        while ready := _readable(sock) or select.select([sock, far], [], [], PATIENCE)[0]:
            for source in ready:
                data = source.recv(65536)
                if not data:
                    return
                sinks[source].sendall(data)


def _readable(sock: socket.socket) -> list[socket.socket]:
    """Return the socket, in a list, if bytes were decrypted that nobody has read: ``select`` knows nothing of these."""
    return [sock] if isinstance(sock, ssl.SSLSocket) and sock.pending() else []
