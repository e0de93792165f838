"""A server on 127.0.0.1 with one thread that accepts, and one thread for each connection.

No wait is longer than ``PATIENCE`` seconds, and ``stop`` ends all waits, so that a failing test ends too.
"""

import contextlib
import socket
import ssl
import threading
from abc import ABC, abstractmethod
from typing import BinaryIO

PATIENCE = 10.0
DRIP = 0.02  # seconds between two bytes


class Loopback(ABC):
    """Serves until it is stopped.

    Args:
        context: the TLS context; None for a server without TLS.

    Attributes:
        connections: number of connections with a completed TLS handshake.
        refused: number of TLS handshakes that failed.
    """

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self.connections = 0
        self.refused = 0
        self.stopping = threading.Event()
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, name=f"accepts for {self.port}", daemon=True)]
        self._threads[0].start()

    @abstractmethod
    def serve(self, sock: socket.socket, lines: BinaryIO) -> None:
        """Serve one connection; ``lines`` reads from it. An OSError ends it."""

    def stop(self) -> None:
        """End all connections and threads. A stopped server cannot be started again."""
        if self.stopping.is_set():
            return
        self.stopping.set()
        socket.create_connection(("127.0.0.1", self.port)).close()  # wakes the thread that accepts
        self._threads[0].join(PATIENCE)
        self._listener.close()
        self.hang_up()
        for thread in self._threads:
            thread.join(PATIENCE)
        assert not any(thread.is_alive() for thread in self._threads)

    def hang_up(self) -> None:
        """End all connections, and wait for their threads."""
        for sock in self._open:
            shut(sock)
        for thread in self._threads[1:]:
            thread.join(PATIENCE)

    def drip(self, sock: socket.socket, data: bytes) -> None:
        """Send a byte now and then until stopped, or until the client closes the connection."""
        for value in data:
            sock.sendall(bytes([value]))
            self.stopping.wait(DRIP)

    def be_silent(self) -> None:
        """Send nothing until stopped."""
        self.stopping.wait(PATIENCE)

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            if self.stopping.is_set():
                sock.close()
                return
            thread = threading.Thread(target=self._converse, args=(sock,), name=f"serves {self.port}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _converse(self, plain: socket.socket) -> None:
        plain.settimeout(PATIENCE)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            sock = plain if self._context is None else self._context.wrap_socket(plain, server_side=True)
        except OSError:
            self.refused += 1
            plain.close()
            return
        self._open.append(sock)
        self.connections += 1
        with sock, sock.makefile("rb") as lines:
            with contextlib.suppress(OSError, ValueError):
                self.serve(sock, lines)
            shut(sock)


def shut(sock: socket.socket) -> None:
    """Shut the connection down, also if another thread uses it."""
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
