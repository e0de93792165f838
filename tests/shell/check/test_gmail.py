"""The way to Gmail: what is found of it on real connections, and the remedy."""

from pathlib import Path

import pytest

from tests.servers.authority import Authority
from tests.servers.gmail import DROP, GmailServer
from tests.shell.adapters.examples import account
from tocsin.core.checkup.findings import Finding
from tocsin.shell.adapters import Gmail
from tocsin.shell.adapters.secrets import Secret
from tocsin.shell.adapters.smtp import Account
from tocsin.shell.check.gmail import probed


def probe(server: GmailServer, gmail: Gmail) -> Finding:
    """What is found; no password is in it."""
    found = probed(gmail, Account(Secret("EMAIL_USERNAME", server.username), Secret("EMAIL_PASSWORD", server.password)))
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
        ({"AUTH": "535 5.7.8 canaryapppasswrd not accepted"}, "Gmail refused the login (535)", "create an app password (https://"),
        ({"AUTH": "534 5.7.9 Application-specific password required"}, "Gmail refused the login (534)", "create an app password ("),
        ({"AUTH": "454 4.7.0 Too many login attempts"}, "Gmail has had too many logins", "wait: the account has a limit"),
        ({"AUTH": "550 canaryapppasswrd"}, "Gmail refused the mail: 550 [EMAIL_PASSWORD]", "try again later"),
        ({"EHLO": DROP}, "the connection to 127.0.0.1 broke off", "a firewall may be in the way: "),
    ],
)
def test_a_refusal(script: dict[str, str], what: str, write: str, gmail_server: GmailServer, ca_bundle: Path) -> None:
    gmail_server.script = script
    found = probe(gmail_server, account(gmail_server, ca_bundle))
    assert found.what.startswith(what)
    assert found.remedy is not None
    assert found.remedy.startswith(write)


@pytest.mark.parametrize(
    ("kind", "write"), [("expired", "set this machine's clock, which says 20"), ("wrong_host", "somebody else ans")]
)
def test_a_bad_certificate(kind: str, write: str, authority: Authority) -> None:
    server = GmailServer(authority.expired if kind == "expired" else authority.wrong_host)
    found = probe(server, account(server, authority.bundle))
    assert "is not trusted" in found.what
    assert found.remedy is not None
    assert found.remedy.startswith(write)
    server.stop()


def test_an_authority_that_nobody_knows(gmail_server: GmailServer) -> None:
    found = probe(gmail_server, account(gmail_server, None))
    assert found.remedy is not None
    assert "REQUESTS_CA_BUNDLE" in found.remedy


def test_a_bundle_that_is_bad(gmail_server: GmailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file")
    found = probe(gmail_server, account(gmail_server, None))
    assert found.remedy == "name a file of CA certificates, in PEM form, that you can read"


def test_a_port_where_nobody_listens(gmail_server: GmailServer, ca_bundle: Path) -> None:
    gmail_server.stop()
    found = probe(gmail_server, account(gmail_server, ca_bundle))
    assert found.what == "cannot reach 127.0.0.1: the connection was refused"
