"""Probes of a Slack app over real connections: findings and remedies."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import attrs
import pytest

from tests.servers.authority import Authority
from tests.servers.proxy import ProxyServer
from tests.servers.slack import Reply
from tests.servers.slack_api import SlackApiServer
from tocsin.adapters import SlackWebhook
from tocsin.core.diagnosis import Finding
from tocsin.shell.adapters.secrets import Secret
from tocsin.shell.check.connections import probe_app

GOOD = Finding("127.0.0.1", "reached, its certificate is good, and the token is accepted: it belongs to tocsin in Ours & co")


@pytest.fixture
def api(authority: Authority) -> Iterator[SlackApiServer]:
    """A server that accepts an app's calls."""
    server = SlackApiServer(authority.good)
    yield server
    server.stop()


def probe(api: SlackApiServer, bundle: Path | None, token: str | None = None, **timings: float) -> tuple[Finding, ...]:
    """Probe the server, and assert that no finding holds a part of the token."""
    network = SlackWebhook(allowed_hosts=("127.0.0.1",), ca_bundle=bundle, proxies={}, api=api.url, **timings)
    found = probe_app(network, Secret("OUR_TOKEN", token or api.token))
    assert "CANARY" not in repr(found)
    return found


def one(found: tuple[Finding, ...]) -> Finding:
    """Return the only finding, and assert that it is a fault."""
    (fault,) = found
    assert fault.is_fault
    return fault


def test_a_token_that_is_taken_posts_nothing(api: SlackApiServer, ca_bundle: Path) -> None:
    assert probe(api, ca_bundle) == (GOOD,)
    assert ([call.method for call in api.calls], api.messages) == (["auth.test"], [])
    assert api.calls[0].body == {}


def test_a_token_without_the_scope_for_files_is_taken_and_the_scope_named(api: SlackApiServer, ca_bundle: Path) -> None:
    api.scopes = "chat:write"
    (found,) = probe(api, ca_bundle)
    assert found.what == f"{GOOD.what}; it needs the scope files:write to upload the files of messages"
    assert not found.is_fault


def test_an_answer_that_names_no_scopes_is_taken(api: SlackApiServer, ca_bundle: Path) -> None:
    api.replies = [Reply(body='{"ok": true, "user": "tocsin", "team": "Ours & co"}')]
    assert probe(api, ca_bundle) == (GOOD,)


def test_a_token_that_is_not(api: SlackApiServer, ca_bundle: Path) -> None:
    found = one(probe(api, ca_bundle, "xoxb-9999-CANARY-of-another"))
    assert (found.about, found.what) == ("127.0.0.1", "127.0.0.1 answered invalid_auth")
    assert found.remedy is not None
    assert found.remedy.startswith("the token is not valid, or not from this machine's address: install the app again")


@pytest.mark.parametrize(
    ("reply", "what", "write"),
    [
        ("account_inactive", "127.0.0.1 answered account_inactive", "the app's bot user, or its workspace, is gone: "),
        ("token_expired", "127.0.0.1 answered token_expired", "the token has expired: turn the app's token rotation off"),
        (Reply(429, headers={"Retry-After": "3"}), "127.0.0.1 asks for fewer messages (HTTP 429)", "try again later"),
        (Reply(503, "busy"), "127.0.0.1 has trouble of its own (HTTP 503)", "try again later"),
        (
            Reply(302, headers={"Location": "https://127.0.0.1:9/"}),
            "127.0.0.1 answered with a redirect (HTTP 302)",
            "look whether a proxy answers in place of 127.0.0.1",
        ),
        (Reply(200, "[]"), "127.0.0.1 answered HTTP 200, which is no acceptance: nothing", "look whether a proxy answers"),
        (Reply(manner="close"), "reached, but it does not answer", "try again later"),
        (Reply(manner="silent"), "reached, but it does not answer", "try again later"),
    ],
)
def test_an_answer(reply: Reply | str, what: str, write: str, api: SlackApiServer, ca_bundle: Path) -> None:
    api.replies = [reply]
    found = one(probe(api, ca_bundle, read_timeout=0.2))
    assert found.what.startswith(what)
    assert found.remedy is not None
    assert found.remedy.startswith(write)


def test_what_slack_says_is_shown_in_one_line_and_no_token_with_it(api: SlackApiServer, ca_bundle: Path) -> None:
    api.replies = [Reply(200, f'{{"ok": true, "user": "a\\nb {api.token}", "team": 3}}')]
    (found,) = probe(api, ca_bundle)
    assert found.what.endswith("the token is accepted: it belongs to a b [OUR_TOKEN] in (not given)")
    api.replies = [Reply(200, f'{{"ok": false, "error": "{"x" * 43} {api.token}"}}')]
    assert "x [OUR_TOKEN]" in one(probe(api, ca_bundle)).what


def test_a_clock_that_is_off_is_found(api: SlackApiServer, ca_bundle: Path) -> None:
    theirs = datetime.now(UTC) + timedelta(hours=3)
    api.replies = [Reply(200, '{"ok": true, "user": "u", "team": "t"}', {"Date": format_datetime(theirs, usegmt=True)})]
    reached, clock = probe(api, ca_bundle)
    assert not reached.is_fault
    assert clock.about == "clock"
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
    server = SlackApiServer(authority.expired if chosen is authority.expired else authority.wrong_host)
    found = one(probe(server, authority.bundle))
    assert what in found.what
    assert found.remedy is not None
    assert found.remedy.startswith(write)
    assert server.calls == []
    server.stop()


def test_a_bad_bundle_and_a_closed_port(api: SlackApiServer, ca_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/file")
    assert one(probe(api, None)).remedy == "name a file of CA certificates, in PEM form, that you can read"
    api.stop()
    assert one(probe(api, ca_bundle)).what == "cannot reach 127.0.0.1: the connection was refused"


def test_a_proxy_on_the_way(api: SlackApiServer, ca_bundle: Path, proxy_server: ProxyServer) -> None:
    proxies = {"https": f"http://me:canary@127.0.0.1:{proxy_server.port}"}
    network = SlackWebhook(allowed_hosts=("127.0.0.1",), ca_bundle=ca_bundle, proxies=proxies, api=api.url)
    (found,) = probe_app(network, Secret("OUR_TOKEN", api.token))
    assert found.what.startswith(f"reached through the proxy http://...@127.0.0.1:{proxy_server.port}, its certificate is good")
    proxy_server.reply = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"
    wants = one(probe_app(attrs.evolve(network), Secret("OUR_TOKEN", api.token)))
    assert wants.remedy is not None
    assert "wants a login" in wants.remedy
