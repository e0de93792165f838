"""Certificates: which ones the adapters trust, and the errors for the others."""

import os
import ssl
import sys
from pathlib import Path

import attrs
import pytest
import trustme
from urllib3.util import ssl_

from tests.servers.authority import Authority, Bare
from tests.servers.gmail import GmailServer
from tests.servers.proxy import ProxyServer
from tests.servers.slack import SlackServer
from tests.shell.adapters.examples import account, post, posted, send, sent, webhook
from tocsin.core.outcomes import Delivered, Rejected
from tocsin.shell.adapters import tls


@pytest.fixture(autouse=True)
def no_bundle_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("kind", "why", "act"),
    [
        ("wrong_host", "IP address mismatch, certificate is not valid for '127.0.0.1'", "another server answers in place of 127.0.0.1"),
        ("expired", "has expired", "set this machine's clock; if it is right, the operator of 127.0.0.1 must renew the certificate"),
    ],
)
def test_a_bad_certificate_is_rejected_with_a_remedy(kind: str, why: str, act: str, authority: Authority) -> None:
    context = authority.expired if kind == "expired" else authority.wrong_host
    slack, gmail = SlackServer(context), GmailServer(context)
    for outcome in (posted(slack, authority.bundle), sent(gmail, authority.bundle)):
        assert isinstance(outcome, Rejected)
        assert why in outcome.reason.lower() or why in outcome.reason
        assert act in outcome.reason
    for server in (slack, gmail):
        server.stop()
        assert (server.connections, server.refused) == (0, 1)


@pytest.mark.parametrize(("name", "value"), [("IS_PYOPENSSL", True), ("HAS_NEVER_CHECK_COMMON_NAME", False)])
def test_urllib3_leaves_the_check_of_the_host_name_on(
    name: str, value: bool, slack_server: SlackServer, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where another TLS library than OpenSSL is in place: there urllib3 would make the check itself."""
    monkeypatch.setattr(ssl_, name, value)
    assert posted(slack_server, authority.bundle) == Delivered()
    refusing = SlackServer(authority.wrong_host)
    assert isinstance(posted(refusing, authority.bundle), Rejected)
    refusing.stop()
    assert refusing.connections == 0


def test_an_unknown_authority_is_not_trusted(slack_server: SlackServer, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    asked = f"add its CA certificate to {other}, which ca_bundle names"
    for bundle, act in ((other, asked), (None, "set TOCSIN_SLACK_CA_BUNDLE, or SSL_CERT_FILE, to the file of its CA certificate")):
        outcome = post(webhook(bundle), slack_server.url)
        assert isinstance(outcome, Rejected)
        assert "is not trusted" in outcome.reason
        assert outcome.reason.endswith(act)
    assert slack_server.connections == 0


def test_a_ca_without_key_identifiers_is_refused_by_newer_pythons_and_the_reason_says_so(tmp_path: Path) -> None:
    authority = Bare(tmp_path)
    server = SlackServer(authority.context)
    outcome = posted(server, authority.bundle)
    server.stop()
    if sys.version_info < (3, 13):
        assert outcome == Delivered()
    else:
        assert isinstance(outcome, Rejected)
        assert "(Missing Subject Key Identifier): Python 3.13 and newer ask this" in outcome.reason


def test_behind_a_proxy_with_tls_a_certificate_that_is_not_trusted_is_told(authority: Authority) -> None:
    proxy, server = ProxyServer(authority.good), SlackServer(authority.expired)
    slack = attrs.evolve(webhook(authority.bundle), proxies={"https": f"https://127.0.0.1:{proxy.port}"})
    outcome = post(slack, server.url)
    slack.close()
    proxy.stop()
    server.stop()
    assert isinstance(outcome, Rejected)
    assert outcome.reason.startswith("the certificate of 127.0.0.1 is not trusted (certificate has expired): set this machine's clock")


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_bundle_of_the_environment_is_used(
    name: str, slack_server: SlackServer, ca_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, str(ca_bundle))
    slack = webhook(None)
    assert post(slack, slack_server.url) == Delivered()
    slack.close()


def test_a_bundle_of_the_environment_that_is_missing(
    slack_server: SlackServer, gmail_server: GmailServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    why = Rejected(f"SSL_CERT_FILE is refused: {tmp_path / 'none.pem'} cannot be read: No such file or directory")
    assert post(webhook(None), slack_server.url) == why
    gmail = account(gmail_server, None)
    assert send(gmail, gmail_server) == why


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such files")
def test_a_bundle_that_is_no_file_is_not_waited_for(slack_server: SlackServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pipe = tmp_path / "ca.pem"
    os.mkfifo(pipe)
    with pytest.raises(ValueError, match=rf"ca_bundle is refused: {pipe} is not a file"):
        webhook(pipe)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pipe))
    assert post(webhook(None), slack_server.url) == Rejected(f"REQUESTS_CA_BUNDLE is refused: {pipe} is not a file")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "x" * 5000)
    outcome = post(webhook(None), slack_server.url)
    assert isinstance(outcome, Rejected)
    assert outcome.reason.endswith("cannot be read: File name too long")


def test_a_folder_of_the_environment_will_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path))
    context = tls.context(None)
    assert isinstance(context, ssl.SSLContext)
    assert context.get_ca_certs() == []


def test_a_bundle_is_exclusive_and_made_once(slack_server: SlackServer, ca_bundle: Path) -> None:
    assert posted(slack_server, ca_bundle) == Delivered()
    context = tls.context(str(ca_bundle))
    assert isinstance(context, ssl.SSLContext)
    assert context is tls.context(str(ca_bundle))
    assert len(context.get_ca_certs()) == 1  # requests added no authorities
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
