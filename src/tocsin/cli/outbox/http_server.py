"""Pages for programs on this machine, by HTTP on the loopback interface: whoever asks may be hostile, and gets little of our time.

- Of a request the first line is looked at, and the rest of its head dropped: all of bounded size, in bounded time, however it drips.
- So many are answered at a time, and no more; after an answer the connection is closed.
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

HOST = "127.0.0.1"

_SECONDS = 5.0  # for a request, and for its answer
_LONGEST = 8192  # bytes of a request's head
_AT_ONCE = 8
_END = b"\r\n\r\n"


@attrs.frozen
class Page:
    """What is answered."""

    text: str
    status: HTTPStatus = HTTPStatus.OK
    content_type: str = "text/plain; charset=utf-8"


Pages = Mapping[str, Callable[[], Page]]
"""What there is, by its path."""


@contextmanager
def serving(port: int, pages: Pages) -> Generator[int]:
    """Inside, the pages are served; the port, which is a free one where 0 was asked for.

    Raises:
        OSError: it cannot be had.
    """
    with _Server(port, pages) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="tocsin_metrics", daemon=True)
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
        self._places = threading.BoundedSemaphore(_AT_ONCE)
        super().__init__((HOST, port), _Handler)

    @override
    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    @override
    def process_request_thread(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    @override
    def handle_error(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """Whoever asked has gone, or was too slow: nobody need know."""


class _Handler(BaseRequestHandler):
    @override
    def handle(self) -> None:
        sock, server = self.request, self.server
        assert isinstance(sock, socket.socket)
        assert isinstance(server, _Server)
        head = _head(sock)
        body, page = _answer(head, server.pages)
        said = {
            "Content-Type": page.content_type,
            "Content-Length": str(len(page.text.encode())),
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
            "Connection": "close",
        }
        lines = (f"HTTP/1.1 {page.status.value} {page.status.phrase}", *(f"{name}: {value}" for name, value in said.items()), "", body)
        sock.settimeout(_SECONDS)
        sock.sendall("\r\n".join(lines).encode())
        with suppress(OSError):
            sock.shutdown(socket.SHUT_WR)


def _head(sock: socket.socket) -> bytes:
    """The head of a request, as far as it came in time.

    Raises:
        OSError: it did not.
    """
    head, until = b"", time.monotonic() + _SECONDS
    while _END not in head and len(head) < _LONGEST:
        sock.settimeout(max(until - time.monotonic(), 0.001))
        more = sock.recv(_LONGEST)
        if not more:
            break
        head += more
    return head


def _answer(head: bytes, pages: Pages) -> tuple[str, Page]:
    """The body of an answer, and the page that its head is about."""
    words = head.partition(b"\r\n")[0].decode("latin-1").split(" ")
    if _END not in head or len(words) != 3 or not words[2].startswith("HTTP/1."):
        page = Page("that is no request\n", HTTPStatus.BAD_REQUEST)
        return page.text, page
    if words[0] not in {"GET", "HEAD"}:
        page = Page("there is only GET\n", HTTPStatus.METHOD_NOT_ALLOWED)
        return page.text, page
    make = pages.get(words[1].partition("?")[0])
    page = Page(f"there are {', '.join(pages)}\n", HTTPStatus.NOT_FOUND) if make is None else make()
    return "" if words[0] == "HEAD" else page.text, page
