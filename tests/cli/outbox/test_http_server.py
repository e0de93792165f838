"""The HTTP pages of the service, requested by good and bad clients."""

import http.client
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from http import HTTPStatus

import pytest

from tests.cli.outbox.filled_outbox import SLACK, Kept
from tocsin.cli.outbox import health as reading
from tocsin.cli.outbox import http_server as server
from tocsin.cli.outbox.health import Health, Metrics
from tocsin.cli.outbox.http_server import HOST, Page, serving
from tocsin.core.outbox.model import Status
from tocsin.shell.outbox.store import Store
from tocsin.shell.redaction import remember

PATIENCE = 30.0


@pytest.fixture
def port() -> Iterator[int]:
    """Where two pages are served."""
    with serving(0, {"/good": lambda: Page("größe\n"), "/bad": lambda: Page("no\n", HTTPStatus.SERVICE_UNAVAILABLE)}) as number:
        yield number


def sent(port: int, *parts: bytes) -> bytes:
    """What is answered to bytes, until the end."""
    with socket.create_connection((HOST, port), timeout=PATIENCE) as sock:
        for part in parts:
            sock.sendall(part)
        sock.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: sock.recv(65536), b""))


def test_a_page(port: int) -> None:
    with urllib.request.urlopen(f"http://{HOST}:{port}/good?x=1", timeout=PATIENCE) as answer:
        assert (answer.status, answer.read().decode(), answer.headers["Content-Type"]) == (200, "größe\n", "text/plain; charset=utf-8")


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", "/bad", 503, "no\n"),
        ("HEAD", "/good", 200, ""),
        ("GET", "/elsewhere", 404, "not found: the pages are /good, /bad\n"),
        ("POST", "/good", 405, "only GET and HEAD are supported\n"),
    ],
)
def test_other_answers(port: int, method: str, path: str, status: int, body: str) -> None:
    connection = http.client.HTTPConnection(HOST, port, timeout=PATIENCE)
    connection.request(method, path)
    answer = connection.getresponse()
    assert (answer.status, answer.read().decode()) == (status, body)
    connection.close()


@pytest.mark.parametrize(
    "request_",
    [b"", b"\r\n\r\n", b"GET /good\r\n\r\n", b"GET /good HTTP/1.1\r\n", b"\xff" * 8192, b"GET /good SMTP/1.1\r\n\r\n"],
    ids=["nothing", "empty", "no version", "no end", "endless", "another protocol"],
)
def test_what_is_no_request_is_refused(port: int, request_: bytes) -> None:
    assert sent(port, request_).startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert sent(port, b"GET /good HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_slow_client_is_disconnected(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_TIMEOUT", 0.3)
    began = time.monotonic()
    with socket.create_connection((HOST, port), timeout=PATIENCE) as sock:
        sock.sendall(b"GET /go")
        assert sock.recv(100) == b""
    assert time.monotonic() - began < PATIENCE / 2


def test_so_many_at_a_time_and_no_more(port: int) -> None:
    silent = [socket.create_connection((HOST, port), timeout=PATIENCE) for _ in range(server._AT_ONCE)]
    refused = socket.create_connection((HOST, port), timeout=PATIENCE)
    assert refused.recv(100) == b""
    silent[0].sendall(b"GET /good HTTP/1.1\r\n\r\n")
    assert silent[0].recv(65536).startswith(b"HTTP/1.1 200 OK")
    for sock in (*silent, refused):
        sock.close()


def test_a_port_that_is_taken(port: int) -> None:
    with ExitStack() as stack, pytest.raises(OSError, match="in use"):
        stack.enter_context(serving(port, {}))


def test_no_thread_is_left() -> None:
    before = threading.active_count()
    with serving(0, {}):
        assert threading.active_count() == before + 1
    assert threading.active_count() == before


def test_the_metrics_of_an_outbox(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    remember("TOKEN", "hunter2-and-more")
    health, store = Health(), Store(kept.url)
    pages = Metrics(store, health).pages
    assert pages["/metrics"]().text.endswith("tocsin_outbox_up 1\n")
    kept.put(Status.DEAD)
    assert pages["/metrics"]().text.endswith("tocsin_outbox_up 1\n")  # counted a moment ago
    monkeypatch.setattr(reading, "_COUNT_AGE", 0.0)
    assert f'tocsin_outbox_rows{{destination="{SLACK}",status="dead"}} 1\n' in pages["/metrics"]().text
    assert [pages["/live"]().status, pages["/ready"]().status] == [503, 503]
    health.note_round()
    health.note_reached()
    assert [pages["/live"]().text, pages["/ready"]().text] == ["alive\n", "ready\n"]
    health.set_error("no hunter2-and-more")
    assert (pages["/ready"]().text, pages["/live"]().status) == ("no [TOKEN]\n", 200)
    assert "tocsin_outbox_up 0\n" in pages["/metrics"]().text
    store.close()


def test_one_that_breaks_while_it_is_counted(kept: Kept) -> None:
    kept.path.parent.mkdir()
    kept.path.write_text("dear diary, " * 100)
    assert "tocsin_outbox_up 0\n" in Metrics(Store(kept.url), Health()).pages["/metrics"]().text
