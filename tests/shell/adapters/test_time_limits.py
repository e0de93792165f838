"""No server blocks an adapter: silence, slow answers, and the outcome of a time-out."""

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest

from tests.servers.gmail import DRIP, SILENT, GmailServer
from tests.servers.proxy import ProxyServer
from tests.servers.slack import Manner, Reply, SlackServer
from tests.shell.adapters.examples import MAIL, account, post, posted, send, sent, webhook
from tocsin.core.outcomes import Ambiguous, Delivered, DeliveryError, Receipt, Rejected, Retryable
from tocsin.core.services.connection import unreachable
from tocsin.shell.adapters.mail_gmail import Gmail
from tocsin.shell.adapters.slack_webhook import SlackWebhook
from tocsin.shell.adapters.sockets import dial
from tocsin.shell.adapters.time_limits import Attempt, attempting, current_attempt

AFTER = "127.0.0.1 did not answer in time, after the message went out: it may have arrived"
BEFORE = "127.0.0.1 did not answer in time"


def quick(act: Callable[[], Receipt | DeliveryError]) -> Receipt | DeliveryError:
    """Return ``act()``, and assert that it takes well under a second."""
    began = time.monotonic()
    outcome = act()
    assert 0.1 < time.monotonic() - began < 1
    return outcome


@pytest.fixture
def mute() -> Iterator[int]:
    """The port of a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize("manner", ["silent", "drip head", "drip body"])
def test_slack_cannot_hold_us(manner: Manner, slack_server: SlackServer, ca_bundle: Path) -> None:
    slack_server.replies = [Reply(body="x" * 400, manner=manner)]
    assert quick(lambda: posted(slack_server, ca_bundle, deadline=0.3)) == Ambiguous(AFTER)


def test_slack_may_not_be_silent_for_long(slack_server: SlackServer, ca_bundle: Path) -> None:
    slack_server.replies = [Reply(manner="silent")]
    assert quick(lambda: posted(slack_server, ca_bundle, read_timeout=0.2)) == Ambiguous(AFTER)


def test_a_handshake_that_never_ends_may_be_tried_again(mute: int, ca_bundle: Path) -> None:
    slack = webhook(ca_bundle, connect_timeout=0.2)
    assert quick(lambda: post(slack, f"https://127.0.0.1:{mute}/services/T/B/x")) == Retryable(BEFORE)


def test_a_proxy_cannot_hold_us(slack_server: SlackServer, proxy_server: ProxyServer, ca_bundle: Path) -> None:
    proxy_server.reply = b"HTTP/1.1 200 Connected\r\n" + b"X-Slow: yes\r\n" * 40
    proxies = {"https": f"http://127.0.0.1:{proxy_server.port}"}
    slack = SlackWebhook(allowed_hosts=("127.0.0.1",), ca_bundle=ca_bundle, deadline=0.3, proxies=proxies)
    late = f"the proxy 127.0.0.1:{proxy_server.port} did not answer in time"
    assert quick(lambda: post(slack, slack_server.url)) == Retryable(late)
    slack.close()


@pytest.mark.parametrize("how", [SILENT, DRIP])
@pytest.mark.parametrize(
    ("stage", "outcome"),
    [
        ("GREETING", Retryable(BEFORE)),
        ("EHLO", Retryable(BEFORE)),
        ("AUTH", Retryable(BEFORE)),
        ("RCPT", Retryable(BEFORE)),
        ("DATA", Retryable(BEFORE)),
        ("DATA-END", Ambiguous(AFTER)),
    ],
)
def test_gmail_cannot_hold_us(stage: str, how: str, outcome: DeliveryError, gmail_server: GmailServer, ca_bundle: Path) -> None:
    gmail_server.script[stage] = how
    assert quick(lambda: sent(gmail_server, ca_bundle, deadline=0.3)) == outcome


def test_gmail_that_takes_no_text_may_be_tried_again(gmail_server: GmailServer, ca_bundle: Path) -> None:
    gmail_server.script["BODY"] = SILENT
    big = attrs.evolve(MAIL, plain="x" * 12_000_000)
    gmail = account(gmail_server, ca_bundle, read_timeout=0.3)
    assert send(gmail, gmail_server, big) == Retryable(BEFORE)


def test_mails_wait_for_their_turn_but_not_for_ever(gmail_server: GmailServer, ca_bundle: Path) -> None:
    gmail = account(gmail_server, ca_bundle, deadline=0.2)
    with gmail._kept.lock:
        outcome = quick(lambda: send(gmail, gmail_server))
    assert outcome == Retryable("other mails kept the connection to 127.0.0.1 busy for 0.2 s")


def test_a_closed_port(ca_bundle: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    outcome = post(webhook(ca_bundle), f"https://127.0.0.1:{port}/services/T/B/x")
    assert outcome == Retryable("cannot reach 127.0.0.1: the connection was refused")


def test_no_such_name(gmail_server: GmailServer, ca_bundle: Path) -> None:
    outcome = send(Gmail(host="nowhere.invalid", ca_bundle=ca_bundle), gmail_server)
    assert outcome == Retryable("cannot reach nowhere.invalid: its name does not resolve")


def test_no_possible_name(gmail_server: GmailServer, ca_bundle: Path) -> None:
    outcome = send(Gmail(host=f"{'x' * 64}.example", ca_bundle=ca_bundle), gmail_server)
    assert isinstance(outcome, Rejected)
    assert outcome.reason.endswith("check the proxy settings and the host's name")


def test_no_time_to_connect(slack_server: SlackServer, ca_bundle: Path) -> None:
    outcome = post(webhook(ca_bundle, deadline=1e-9), slack_server.url)
    assert outcome == Retryable("cannot reach 127.0.0.1: no answer in time")


def test_each_message_has_its_own_deadline(slack_server: SlackServer, ca_bundle: Path) -> None:
    slack = webhook(ca_bundle, deadline=0.3)
    for _ in range(4):
        assert post(slack, slack_server.url) == Delivered()
        time.sleep(0.1)
    assert slack_server.connections == 1
    slack.close()


def test_trouble_with_one_address_is_forgotten_at_the_next(slack_server: SlackServer) -> None:
    attempt = Attempt("localhost", 5, 5)
    attempt.trouble = unreachable(attempt.peer, "the connection was refused")
    dial("localhost", slack_server.port, attempt).close()
    assert attempt.trouble is None


def test_attempts_nest() -> None:
    outer, inner = Attempt("one", 1, 1), Attempt("two", 1, 1)
    with attempting(outer):
        with attempting(inner):
            assert current_attempt() is inner
        assert current_attempt() is outer
    assert current_attempt() is None
