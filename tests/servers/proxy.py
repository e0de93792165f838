"""A stand-in for a company's proxy, which opens or refuses tunnels."""

import contextlib
import socket
import ssl
import threading
from typing import BinaryIO

from typing_extensions import override

from tests.servers.loopback import PATIENCE, Loopback, shut


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
    host, _, port = target.partition(":")
    with socket.create_connection((host, int(port)), PATIENCE) as far:
        sock.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        back = threading.Thread(target=_copy, args=(far, sock), daemon=True)
        back.start()
        _copy(sock, far)
        back.join(PATIENCE)


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    shut(source)
    shut(sink)
