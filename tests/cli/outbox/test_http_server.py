"""The HTTP pages of the service, requested by good and bad clients."""

import http.client
import platform
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from http import HTTPStatus
from importlib.metadata import version

import pytest

from tests.cli.outbox.filled_outbox import SLACK, Kept, message
from tocsin.cli.outbox import health as reading
from tocsin.cli.outbox import http_server as server
from tocsin.cli.outbox.health import Health, Metrics
from tocsin.cli.outbox.http_server import HOST, Page, serving
from tocsin.core.outbox.model import Status
from tocsin.shell.outbox.codec import new_row
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
        return rest(sock)


def rest(sock: socket.socket) -> bytes:
    """What comes until the end."""
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


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:9464", "localhost:9464", "LOCALHOST", "127.1.2.3", "[::1]:9464", " 127.0.0.1:9464 "]
)
def test_a_loopback_host_is_answered(port: int, host: str) -> None:
    assert sent(port, f"GET /good HTTP/1.1\r\nhOST:{host}\r\n\r\n".encode()).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    "fields",
    [
        "Host: rebound.example",
        "Host: rebound.example:9464",
        "Host: 192.0.2.1",
        "Host: [2001:db8::1]:9464",
        "Host: localhost.example",
        "Host: 127.0.0.1.example",
        "Host: 127.0.0.1@rebound.example",
        "Host: rebound.example/127.0.0.1",
        "Host: [::1",
        "Host: \xb9",
        "Host:",
        "Host: 127.0.0.1\r\nHost: rebound.example",
        "Host: rebound.example\r\nX-Forwarded-Host: localhost",
        "X: y",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_no_other_host_is_answered(port: int, method: str, fields: str) -> None:
    answer = sent(port, f"{method} /good HTTP/1.1\r\n{fields}\r\n\r\n".encode("latin-1"))
    assert answer.startswith(b"HTTP/1.1 421 Misdirected Request\r\n")
    assert "größe".encode() not in answer


def test_a_slow_client_is_disconnected(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_TIMEOUT", 0.3)
    began = time.monotonic()
    with socket.create_connection((HOST, port), timeout=PATIENCE) as sock:
        sock.sendall(b"GET /go")
        assert sock.recv(100) == b""
    assert time.monotonic() - began < PATIENCE / 2


def clients(port: int, number: int) -> list[socket.socket]:
    """Connect clients that say nothing."""
    return [socket.create_connection((HOST, port), timeout=PATIENCE) for _ in range(number)]


def test_silent_clients_keep_nobody_away(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_TIMEOUT", 10 * PATIENCE)  # so that to wait for it would take too long
    silent = clients(port, server._AT_ONCE)
    assert sent(port, b"GET /good HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200 OK")
    assert silent[0].recv(100) == b""  # the oldest has made room
    silent[1].sendall(b"GET /good HTTP/1.0\r\n\r\n")
    assert silent[1].recv(65536).startswith(b"HTTP/1.1 200 OK")
    for sock in silent:
        sock.close()


def test_clients_that_read_nothing_keep_nobody_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_TIMEOUT", 10 * PATIENCE)  # as above
    with serving(0, {"/big": lambda: Page("x" * 20_000_000), "/small": lambda: Page("y")}) as port:
        deaf = clients(port, server._AT_ONCE)
        for sock in deaf:
            sock.sendall(b"GET /big HTTP/1.0\r\n\r\n")
            assert sock.recv(4) == b"HTTP"
        assert sent(port, b"GET /small HTTP/1.0\r\n\r\n").endswith(b"\r\n\r\ny")
        for sock in deaf:
            sock.close()


def test_so_many_answers_are_made_at_a_time_and_no_more() -> None:
    made, go = threading.Semaphore(0), threading.Event()

    def slow() -> Page:
        made.release()
        go.wait(PATIENCE)
        return Page("slow\n")

    with serving(0, {"/slow": slow}) as port:
        asking = clients(port, server._AT_ONCE)
        for sock in asking:
            sock.sendall(b"GET /slow HTTP/1.0\r\n\r\n")
            assert made.acquire(timeout=PATIENCE)
        (refused,) = clients(port, 1)
        assert refused.recv(100) == b""
        go.set()
        for sock in asking:
            assert rest(sock).endswith(b"\r\n\r\nslow\n")
        for sock in (*asking, refused):
            sock.close()


def test_a_client_that_has_left_makes_room_too(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_GRACE", 0.0)
    for _ in range(3):
        for sock in clients(port, server._AT_ONCE):
            sock.close()
        assert sent(port, b"GET /good HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200 OK")


def test_a_port_that_is_taken(port: int) -> None:
    with ExitStack() as stack, pytest.raises(OSError, match="in use"):
        stack.enter_context(serving(port, {}))


def test_no_thread_is_left() -> None:
    before = set(threading.enumerate())  # those of other tests may end meanwhile
    with serving(0, {}):
        assert len(set(threading.enumerate()) - before) == 1
    assert set(threading.enumerate()) <= before


def test_the_metrics_of_an_outbox(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    remember("TOKEN", "hunter2-and-more")
    health, store = Health(), Store(kept.url)
    pages = Metrics(store, health).pages
    nothing = pages["/metrics"]().text
    assert f'tocsin_build_info{{version="{version("tocsin")}",python_version="{platform.python_version()}"}} 1\n' in nothing
    assert "tocsin_outbox_up 1\n" in nothing
    assert "tocsin_outbox_rows{" not in nothing
    kept.put(Status.DEAD)
    assert pages["/metrics"]().text == nothing  # counted a moment ago
    monkeypatch.setattr(reading, "_COUNT_AGE", 0.0)
    assert f'tocsin_outbox_rows{{destination="{SLACK}",status="dead"}} 1\n' in pages["/metrics"]().text
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


def test_messages_that_any_program_puts_in_are_counted(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_COUNT_AGE", 0.0)
    store = Store(kept.url)
    pages = Metrics(store, Health()).pages
    assert "tocsin_outbox_enqueued_total 0\n" in pages["/metrics"]().text
    kept.put(Status.DELIVERED, Status.PENDING)  # into a file that was not there
    assert "tocsin_outbox_enqueued_total 2\n" in pages["/metrics"]().text
    other = Metrics(store, Health()).pages
    assert "tocsin_outbox_enqueued_total 0\n" in other["/metrics"]().text  # it begins to look
    assert store.purge(store.now() + 1.0) == 1
    for number in (7, 8, 9):
        kept.put_row(new_row(message(number), store.now()))
    assert "tocsin_outbox_enqueued_total 5\n" in pages["/metrics"]().text
    assert "tocsin_outbox_enqueued_total 3\n" in other["/metrics"]().text
    store.close()
