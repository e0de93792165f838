"""A small HTTP server on the loopback interface, hardened against hostile clients on the same machine.

- It reads the first line of a request and drops the rest of its head. Size and time are bounded, also for a client that sends slowly.
- It answers at most eight requests at a time. Each connection is closed after its answer.
"""

import socket
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from socketserver import BaseRequestHandler, ThreadingTCPServer

import attrs
from typing_extensions import override

from tocsin.shell.threads import WorkerThread

HOST = "127.0.0.1"

_TIMEOUT = 5.0  # seconds for a request, and for its answer
_LONGEST_HEAD = 8192  # bytes of a request's head
_AT_ONCE = 8  # requests
_END = b"\r\n\r\n"


@attrs.frozen
class Page:
    """The answer to a request."""

    text: str
    status: HTTPStatus = HTTPStatus.OK
    content_type: str = "text/plain; charset=utf-8"


Pages = Mapping[str, Callable[[], Page]]
"""Functions that make the pages, by path."""


@contextmanager
def serving(port: int, pages: Pages) -> Generator[int]:
    """Serve the pages. Yield the port: a free one if ``port`` is 0.

    Raises:
        OSError: the port cannot be bound.
    """
    with _Server(port, pages) as server:
        thread = WorkerThread("tocsin_metrics", lambda: server.serve_forever(0.1))
        thread.start()
        try:
            yield server.socket.getsockname()[1]
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, port: int, pages: Pages) -> None:
        self.pages = pages
        self._slots = threading.BoundedSemaphore(_AT_ONCE)
        super().__init__((HOST, port), _Handler)

    @override
    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        if not self._slots.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    @override
    def process_request_thread(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    @override
    def handle_error(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """Ignore the error: the client has closed the connection, or was too slow."""


class _Handler(BaseRequestHandler):
    @override
    def handle(self) -> None:
        sock, server = self.request, self.server
        assert isinstance(sock, socket.socket)
        assert isinstance(server, _Server)
        head = _head(sock)
        body, page = _answer(head, server.pages)
        headers = {
            "Content-Type": page.content_type,
            "Content-Length": str(len(page.text.encode())),
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
            "Connection": "close",
        }
        lines = (
            f"HTTP/1.1 {page.status.value} {page.status.phrase}",
            *(f"{name}: {value}" for name, value in headers.items()),
            "",
            body,
        )
        sock.settimeout(_TIMEOUT)
        sock.sendall("\r\n".join(lines).encode())
        with suppress(OSError):
            sock.shutdown(socket.SHUT_WR)


def _head(sock: socket.socket) -> bytes:
    """Read the head of a request, or what arrives of it before the client closes the connection.

    Raises:
        OSError: the time is over, or the connection failed.
    """
    head, until = b"", time.monotonic() + _TIMEOUT
    while _END not in head and len(head) < _LONGEST_HEAD:
        sock.settimeout(max(until - time.monotonic(), 0.001))
        more = sock.recv(_LONGEST_HEAD)
        if not more:
            break
        head += more
    return head


def _answer(head: bytes, pages: Pages) -> tuple[str, Page]:
    """Return the body of the answer, and the page that its head describes."""
    words = head.partition(b"\r\n")[0].decode("latin-1").split(" ")
    if _END not in head or len(words) != 3 or not words[2].startswith("HTTP/1."):
        page = Page("this is not an HTTP request\n", HTTPStatus.BAD_REQUEST)
        return page.text, page
    if words[0] not in {"GET", "HEAD"}:
        page = Page("only GET and HEAD are supported\n", HTTPStatus.METHOD_NOT_ALLOWED)
        return page.text, page
    make = pages.get(words[1].partition("?")[0])
    page = Page(f"not found: the pages are {', '.join(pages)}\n", HTTPStatus.NOT_FOUND) if make is None else make()
    return "" if words[0] == "HEAD" else page.text, page
