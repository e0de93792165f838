"""A small HTTP server on the loopback interface, hardened against hostile clients on the same machine.

- It answers only requests to a loopback host. Else a page in a browser could read the answers: its own host name may lead here
  (DNS rebinding).
- It reads the first line and the host of a request and drops the rest of its head. Size and time are bounded, also for a client that
  sends slowly.
- It answers at most eight requests at a time. Each connection is closed after its answer.
- A client that neither completes its request nor reads its answer makes room for the next one, the oldest such client first. So
  clients that hold on to their connections do not keep others away.
"""

import re
import socket
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http import HTTPStatus
from ipaddress import ip_address
from socketserver import BaseRequestHandler, ThreadingTCPServer

import attrs
from typing_extensions import override

from tocsin.shell.threads import WorkerThread

HOST = "127.0.0.1"

_TIMEOUT = 5.0  # seconds for a request, and for its answer
_LONGEST_HEAD = 8192  # bytes of a request's head
_AT_ONCE = 8  # requests
_GRACE = 0.1  # seconds that a new client waits for a free place before the oldest waiting client is disconnected
_MAKE_ROOM = 2.0  # seconds until the thread of a disconnected client has ended
_END = b"\r\n\r\n"
_AUTHORITY = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::[0-9]{1,5})?", re.ASCII)


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
        self._waiting: dict[socket.socket, None] = {}  # for their clients, the oldest first
        self._lock = threading.Lock()
        super().__init__((HOST, port), _Handler)

    def wait_for(self, client: socket.socket) -> None:
        """Note that the connection waits for its client, and may be closed for another one."""
        with self._lock:
            self._waiting[client] = None

    def keep(self, client: socket.socket) -> None:
        """Note that the connection no longer waits for its client."""
        with self._lock:
            self._waiting.pop(client, None)

    @override
    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        if not self._slots.acquire(timeout=_GRACE) and not (self._disconnect_oldest() and self._slots.acquire(timeout=_MAKE_ROOM)):
            self.shutdown_request(request)
            return
        assert isinstance(request, socket.socket)
        self.wait_for(request)
        super().process_request(request, client_address)

    def _disconnect_oldest(self) -> bool:
        """Disconnect the client that has been waited for the longest, which ends its thread. Return whether there was one."""
        with self._lock:  # no other thread closes the socket meanwhile
            oldest = next(iter(self._waiting), None)
            if oldest is not None:
                del self._waiting[oldest]
                with suppress(OSError):  # the client was faster
                    oldest.shutdown(socket.SHUT_RDWR)
        return oldest is not None

    @override
    def process_request_thread(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    @override
    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        assert isinstance(request, socket.socket)
        self.keep(request)
        super().shutdown_request(request)

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
        server.keep(sock)
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
        server.wait_for(sock)
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
    first, *fields = head.partition(_END)[0].decode("latin-1").split("\r\n")
    words = first.split(" ")
    if _END not in head or len(words) != 3 or not words[2].startswith("HTTP/1."):
        page = Page("this is not an HTTP request\n", HTTPStatus.BAD_REQUEST)
        return page.text, page
    if not _is_for_loopback(fields, words[2]):
        page = Page(f"this answers only requests to http://{HOST} or http://localhost\n", HTTPStatus.MISDIRECTED_REQUEST)
        return page.text, page
    if words[0] not in {"GET", "HEAD"}:
        page = Page("only GET and HEAD are supported\n", HTTPStatus.METHOD_NOT_ALLOWED)
        return page.text, page
    make = pages.get(words[1].partition("?")[0])
    page = Page(f"not found: the pages are {', '.join(pages)}\n", HTTPStatus.NOT_FOUND) if make is None else make()
    return "" if words[0] == "HEAD" else page.text, page


def _is_for_loopback(fields: Sequence[str], version: str) -> bool:
    """Whether the one Host of a request is a loopback host. HTTP/1.0 needs no Host; no browser leaves it out."""
    named = [value.strip() for name, colon, value in (field.partition(":") for field in fields) if colon and name.lower() == "host"]
    if len(named) != 1:
        return not named and version == "HTTP/1.0"
    found = _AUTHORITY.fullmatch(named[0])
    return found is not None and (found["name"].lower() == "localhost" or _is_loopback_address(found["name"].strip("[]")))


def _is_loopback_address(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
