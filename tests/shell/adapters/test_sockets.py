"""Connections: their time-outs, with and without an attempt, and when they close."""

import ssl
import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers.authority import Authority
from tests.servers.hostile import Act, Raw, after_request, mute, reset, rude, says
from tests.shell.adapters.examples import post, webhook
from tocsin.core.outcomes import Delivered
from tocsin.shell.adapters import tls
from tocsin.shell.adapters.sockets import Connection, Secured, dial
from tocsin.shell.adapters.time_limits import Attempt, attempting

ANSWER = b"HTTP/1.1 200 Said\r\nContent-Length: 2\r\n\r\nok"


@contextmanager
def connected(authority: Authority, act: Act) -> Iterator[Secured]:
    """Yield a connection to a server that acts like that; it belongs to no attempt."""
    context = tls.context(str(authority.bundle))
    assert isinstance(context, ssl.SSLContext)
    server = Raw(authority.good, act)
    connection = Secured(dial("127.0.0.1", server.port, Attempt("127.0.0.1", 5, 5)), context, "127.0.0.1")
    try:
        yield connection
    finally:
        connection.close()
        server.stop()


def test_each_call_ends_in_time(authority: Authority) -> None:
    with connected(authority, mute) as connection:
        for seconds in (0.05, 0.0):
            connection.settimeout(seconds)
            began = time.monotonic()
            with pytest.raises(TimeoutError):
                connection.recv(1)
            assert time.monotonic() - began < 1


def test_without_a_limit_a_call_waits_for_the_answer(authority: Authority) -> None:
    with connected(authority, says(b"hello")) as connection:
        connection.settimeout(None)
        assert (connection.recv(1), connection.pending) == (b"h", True)
        assert connection.recv(100) == b"ello"
        assert (connection.recv(1), connection.recv(1), connection.pending) == (b"", b"", False)


def test_outside_of_an_attempt_a_handshake_that_fails_is_an_error(authority: Authority) -> None:
    server = Raw(None, says(b"220 ready\r\n"))
    context = tls.context(str(authority.bundle))
    assert isinstance(context, ssl.SSLContext)
    plain = dial("127.0.0.1", server.port, Attempt("127.0.0.1", 5, 5))
    with pytest.raises(ssl.SSLError):
        Secured(plain, context, "127.0.0.1")
    server.stop()


def test_a_name_that_no_certificate_can_have_is_an_error(authority: Authority) -> None:
    server = Raw(None, says(b""))
    context = tls.context(str(authority.bundle))
    assert isinstance(context, ssl.SSLContext)
    attempt = Attempt("127.0.0.1", 5, 5)
    plain = dial("127.0.0.1", server.port, attempt)
    with attempting(attempt), pytest.raises(ValueError, match=r"idna|server_hostname"):
        Secured(plain, context, ".example.com")
    assert (plain.fileno(), attempt.trouble) == (-1, None)
    server.stop()


def test_a_reset_is_an_error(authority: Authority) -> None:
    with connected(authority, reset) as connection, pytest.raises(ConnectionResetError):
        connection.recv(1)


def test_what_is_long_is_sent_whole(authority: Authority) -> None:
    text = array("H", range(50_000))
    head = b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % memoryview(text).nbytes
    with connected(authority, after_request(says(ANSWER))) as connection:
        connection.sendall(head)
        connection.sendall(text)
        assert connection.recv(100) == ANSWER


def test_a_file_is_read_to_its_end_though_the_connection_is_closed(authority: Authority) -> None:
    with connected(authority, says(b"hello\r\n", mute)) as connection:
        first, second = connection.makefile("rb"), connection.makefile("rb")
        connection.close()
        assert first.readline() == b"hello\r\n"
        first.close()
        first.raw.close()  # once more, which changes nothing
        assert connection.fileno() >= 0
        second.close()
        assert connection.fileno() == -1


def test_a_plain_connection_reads_and_writes(authority: Authority) -> None:
    server = Raw(None, after_request(says(ANSWER)))
    connection = dial("127.0.0.1", server.port, Attempt("127.0.0.1", 5, 5))
    assert type(connection) is Connection
    connection.sendall(b"POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\n!")
    assert connection.makefile("rb").read(100) == ANSWER
    connection.close()
    server.stop()


def test_a_connection_with_more_than_an_answer_is_not_used_again(authority: Authority, ca_bundle: Path) -> None:
    server = Raw(authority.good, after_request(says(ANSWER + b"!" * 20_000, mute)))
    slack = webhook(ca_bundle)
    url = f"https://127.0.0.1:{server.port}/services/T000/B000/XXX"
    assert [post(slack, url), post(slack, url)] == [Delivered(), Delivered()]
    slack.close()
    server.stop()
    assert server.connections == 2


def test_the_end_of_a_connection_between_two_messages_is_seen(authority: Authority, ca_bundle: Path) -> None:
    server = Raw(authority.good, after_request(says(ANSWER, rude)))
    slack = webhook(ca_bundle)
    url = f"https://127.0.0.1:{server.port}/services/T000/B000/XXX"
    assert post(slack, url) == Delivered()
    time.sleep(0.1)
    assert post(slack, url) == Delivered()
    slack.close()
    server.stop()
    assert server.connections == 2
