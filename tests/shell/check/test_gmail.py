"""Probes of Gmail over real connections: findings and remedies."""

from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest

from tests.servers.authority import Authority
from tests.servers.gmail import DROP, GmailServer
from tests.servers.slack import Reply
from tests.servers.tokens import TokenServer, refusal
from tests.shell.adapters.examples import account
from tocsin.core.diagnosis import Finding
from tocsin.shell.adapters.mail_gmail import Gmail
from tocsin.shell.adapters.mail_smtp import Credentials
from tocsin.shell.adapters.secrets import Secret
from tocsin.shell.check.connections import probe_gmail

Probe = Callable[[dict[str, str]], Finding]


def probe(server: GmailServer, gmail: Gmail) -> Finding:
    """Probe the server, and assert that the finding holds no password."""
    found = probe_gmail(gmail, Credentials(Secret("EMAIL_USERNAME", server.username), Secret("EMAIL_PASSWORD", server.password)))
    assert server.password not in repr(found)
    return found


def test_an_account_that_may_log_in_sends_nothing(gmail_server: GmailServer, ca_bundle: Path) -> None:
    found = probe(gmail_server, account(gmail_server, ca_bundle))
    assert found == Finding("127.0.0.1", "reached, its certificate is good, and the login is accepted")
    gmail_server.stop()
    assert gmail_server.commands == ["EHLO", "AUTH", "QUIT"]
    assert gmail_server.mails == []


@pytest.mark.parametrize(
    ("script", "what", "write"),
    [
        (
            {"AUTH": "535 5.7.8 canaryapppasswrd not accepted"},
            "127.0.0.1 refused the login (it says: 535 5.7.8 [EMAIL",
            "correct EMAIL_USERNAME or EMAIL_PASSWORD",
        ),
        (
            {"AUTH": "534 5.7.9 Application-specific password required"},
            "127.0.0.1 refused the login (it says: 534 ",
            "correct EMAIL_USERNAME or",
        ),
        ({"AUTH": "454 4.7.0 Too many login attempts"}, "127.0.0.1 cannot check the login now (", "try again later"),
        (
            {"AUTH": "550 canaryapppasswrd"},
            "127.0.0.1 refused the login (it says: 550 [EMAIL_PASSWORD])",
            "ask its operator what a login needs",
        ),
        ({"EHLO": DROP}, "127.0.0.1 closed the connection", "a firewall may be in the way: "),
    ],
)
def test_a_refusal(script: dict[str, str], what: str, write: str, gmail_server: GmailServer, ca_bundle: Path) -> None:
    gmail_server.script = script
    found = probe(gmail_server, account(gmail_server, ca_bundle))
    assert found.what.startswith(what)
    assert found.remedy is not None
    assert found.remedy.startswith(write)


@pytest.mark.parametrize(
    ("kind", "write"), [("expired", "set this machine's clock, which says 20"), ("wrong_host", "another server ans")]
)
def test_a_bad_certificate(kind: str, write: str, authority: Authority) -> None:
    server = GmailServer(authority.expired if kind == "expired" else authority.wrong_host)
    found = probe(server, account(server, authority.bundle))
    assert "is not trusted" in found.what
    assert found.remedy is not None
    assert found.remedy.startswith(write)
    server.stop()


def test_an_unknown_authority(gmail_server: GmailServer) -> None:
    found = probe(gmail_server, account(gmail_server, None))
    assert found.remedy is not None
    assert found.remedy.endswith("set TOCSIN_GMAIL_CA_BUNDLE, or SSL_CERT_FILE, to the file of its CA certificate")


def test_a_bundle_that_is_bad(gmail_server: GmailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file")
    found = probe(gmail_server, account(gmail_server, None))
    assert found.remedy == "name a file of CA certificates, in PEM form, that you can read"


def test_a_closed_port(gmail_server: GmailServer, ca_bundle: Path) -> None:
    gmail_server.stop()
    found = probe(gmail_server, account(gmail_server, ca_bundle))
    assert found.what == "cannot reach 127.0.0.1: the connection was refused"


@pytest.fixture
def token_server(gmail_server: GmailServer, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[TokenServer]:
    """A server whose access tokens the mail server accepts."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = TokenServer(authority.good)
    gmail_server.tokens, gmail_server.password = server.issued, server.user()
    yield server
    server.stop()


@pytest.fixture
def by_token(gmail_server: GmailServer, ca_bundle: Path, token_server: TokenServer) -> Probe:
    """Return a function that probes a login by an access token, with a script for the mail server."""
    gmail = attrs.evolve(account(gmail_server, ca_bundle), token_hosts=("127.0.0.1",))

    def found(script: dict[str, str]) -> Finding:
        gmail_server.script = script
        return probe(gmail_server, gmail)

    return found


def test_an_access_token_may_log_in(gmail_server: GmailServer, token_server: TokenServer, by_token: Probe) -> None:
    found = by_token({})
    assert found == Finding("127.0.0.1", "reached, its certificate is good, and the login is accepted")
    gmail_server.stop()
    assert gmail_server.commands == ["EHLO", "AUTH", "QUIT"]
    assert len(token_server.asked) == 1


@pytest.mark.parametrize(
    ("reply", "script", "expected"),
    [
        (refusal("invalid_grant"), {}, ("Google gives no access token (invalid_grant)", "the refresh token is expired or revoked,")),
        (refusal("", status=500), {}, ("Google's token endpoint has trouble of its own (HTTP 500)", "try again later")),
        (
            None,
            {"AUTH": "535 5.7.8 no"},
            ("127.0.0.1 refused the access token (it says: 535 5.7.8 no)", "it must be one of the account that sends"),
        ),
        (None, {"AUTH": "454 4.7.0 Too many login attempts"}, ("127.0.0.1 cannot check the login now (", "try again later")),
        (None, {"AUTH": "550 5.7.1 no"}, ("127.0.0.1 refused the login (it says: 550 5.7.1 no)", "ask its operator what")),
    ],
)
def test_a_refusal_of_a_token(
    reply: Reply | None, script: dict[str, str], expected: tuple[str, str], token_server: TokenServer, by_token: Probe
) -> None:
    token_server.replies = [] if reply is None else [reply]
    found = by_token(script)
    assert found.what.startswith(expected[0])
    assert found.remedy is not None
    assert found.remedy.startswith(expected[1])
    assert "app password" not in found.remedy


def test_a_json_that_leads_astray(gmail_server: GmailServer, ca_bundle: Path, token_server: TokenServer) -> None:
    found = probe(gmail_server, account(gmail_server, ca_bundle))
    assert found.what == "the JSON in the secret 'EMAIL_PASSWORD' is refused"
    assert found.remedy is not None
    assert found.remedy.startswith("its token_uri does not lead to oauth2.googleapis.com: remove it")
    assert token_server.asked == []
