"""Probes of a webhook over real connections: findings and remedies."""

import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from tests.servers.authority import Authority
from tests.servers.proxy import ProxyServer
from tests.servers.slack import Reply, SlackServer
from tests.shell.adapters.examples import webhook
from tocsin.adapters import SlackWebhook
from tocsin.core.diagnosis import Finding
from tocsin.shell.adapters.secrets import Secret
from tocsin.shell.check.connections import probe_webhook

GOOD = Finding("127.0.0.1", "reached, and its certificate is good")


def probe(server: SlackServer, slack: SlackWebhook, url: str | None = None) -> Finding:
    """Probe the server, and return the only finding; assert that it holds no canary."""
    (found,) = probe_webhook(slack, Secret("TEAM_WEBHOOK", url or server.url))
    assert server.canary not in repr(found)
    return found


def remedy(found: Finding) -> str:
    assert found.remedy is not None
    return found.remedy


def proxied(proxy: str, ca_bundle: Path | None) -> SlackWebhook:
    return SlackWebhook(allowed_hosts=("127.0.0.1",), ca_bundle=ca_bundle, proxies={"https": proxy})


def test_a_host_that_is_reached_is_asked_for_nothing_but_its_head(slack_server: SlackServer, ca_bundle: Path) -> None:
    assert probe(slack_server, webhook(ca_bundle)) == GOOD
    (request,) = slack_server.requests
    assert (request.method, request.path, request.body) == ("HEAD", "/", b"")
    assert slack_server.canary not in repr(request)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(404, "no such page"),
        Reply(manner="close"),
        Reply(manner="silent"),
        *(Reply(headers={"Date": said}) for said in ("", "noon")),
    ],
)
def test_how_the_host_answers_is_no_matter(reply: Reply, slack_server: SlackServer, ca_bundle: Path) -> None:
    slack_server.replies = [reply]
    assert probe(slack_server, webhook(ca_bundle, read_timeout=0.2)) == GOOD


@pytest.mark.parametrize(("zone", "hours"), [("GMT", 3), ("-0000", -3)])
def test_a_clock_that_is_off_is_found(zone: str, hours: int, slack_server: SlackServer, ca_bundle: Path) -> None:
    theirs = datetime.now(UTC) + timedelta(hours=hours)
    slack_server.replies = [Reply(headers={"Date": format_datetime(theirs, usegmt=True).replace("GMT", zone)})]
    reached, clock = probe_webhook(webhook(ca_bundle), Secret("TEAM_WEBHOOK", slack_server.url))
    assert reached == GOOD
    assert clock.what.endswith(f"{'behind' if hours > 0 else 'ahead of'} that of 127.0.0.1")
    assert clock.is_fault


@pytest.mark.parametrize(
    ("context", "what", "write"),
    [
        (lambda authority: authority.expired, "certificate has expired", "set this machine's clock, which says 20"),
        (lambda authority: authority.wrong_host, "IP address mismatch", "another server answers in place of 127.0.0.1: "),
    ],
)
def test_a_bad_certificate(context: Callable[[Authority], object], what: str, write: str, authority: Authority) -> None:
    chosen = context(authority)
    server = SlackServer(authority.expired if chosen is authority.expired else authority.wrong_host)
    found = probe(server, webhook(authority.bundle))
    assert found.what.startswith(f"the certificate of 127.0.0.1 is not trusted ({what}")
    assert remedy(found).startswith(write)
    server.stop()


def test_an_unknown_authority(slack_server: SlackServer) -> None:
    found = probe(slack_server, webhook(None))
    assert "unable to get local issuer certificate" in found.what
    assert remedy(found) == (
        "if a company, or its proxy, signs the traffic, set TOCSIN_SLACK_CA_BUNDLE, or SSL_CERT_FILE, to the file of its CA certificate"
    )


def test_a_bundle_that_is_bad(slack_server: SlackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/file")
    assert remedy(probe(slack_server, webhook(None))) == "name a file of CA certificates, in PEM form, that you can read"


def test_a_closed_port(slack_server: SlackServer, ca_bundle: Path) -> None:
    slack_server.stop()
    found = probe(slack_server, webhook(ca_bundle))
    assert found.what == "cannot reach 127.0.0.1: the connection was refused"
    assert remedy(found).startswith("a firewall may be in the way: let this machine reach 127.0.0.1; ")


def test_a_name_that_does_not_resolve(slack_server: SlackServer, ca_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with monkeypatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", unknown)
        found = probe(slack_server, webhook(ca_bundle), "https://hooks.slack.com/services/T/B/x")
    assert found.what == "cannot reach hooks.slack.com: its name does not resolve"
    assert remedy(found).startswith("look whether this machine has a network and a name server")


def test_a_proxy_on_the_way_is_named_without_its_login(slack_server: SlackServer, proxy_server: ProxyServer, ca_bundle: Path) -> None:
    found = probe(slack_server, proxied(f"http://me:canary@127.0.0.1:{proxy_server.port}", ca_bundle))
    assert found.what == f"reached through the proxy http://...@127.0.0.1:{proxy_server.port}, and its certificate is good"
    assert proxy_server.targets == [f"127.0.0.1:{slack_server.port}"]


@pytest.mark.parametrize(
    "said",
    [
        (b"407 Proxy Authentication Required", "the proxy {} wants a login: write HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT"),
        (b"403 Forbidden", "correct HTTPS_PROXY, or slack.proxies ({}), or name 127.0.0.1 in NO_PROXY to go there directly"),
    ],
)
def test_a_proxy_that_refuses(
    said: tuple[bytes, str], slack_server: SlackServer, proxy_server: ProxyServer, ca_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, write = said
    proxy_server.reply = b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n"
    proxy = f"http://127.0.0.1:{proxy_server.port}"
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    monkeypatch.setenv("https_proxy", proxy)
    found = probe(slack_server, SlackWebhook(allowed_hosts=("127.0.0.1",), ca_bundle=ca_bundle))
    assert found.what == f"the proxy {proxy.removeprefix('http://')} does not lead to 127.0.0.1 (it says: {status.decode()})"
    assert remedy(found) == write.format(proxy)
    assert slack_server.connections == 0


def test_a_proxy_at_a_closed_port(slack_server: SlackServer, proxy_server: ProxyServer, ca_bundle: Path) -> None:
    proxy_server.stop()
    found = probe(slack_server, proxied(f"http://me:canary@127.0.0.1:{proxy_server.port}", ca_bundle))
    assert found.what == f"cannot reach the proxy 127.0.0.1:{proxy_server.port}: the connection was refused"
    assert remedy(found).startswith("correct HTTPS_PROXY, or slack.proxies (http://...@127.0.0.1:")
    assert "canary" not in repr(found)
