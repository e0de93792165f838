"""Logins by access tokens: fetching, caching, expiry, and the outcome of a mail without a token."""

import http.client
import logging
import pickle
import smtplib
import sys
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from tests.servers.authority import Authority
from tests.servers.gmail import DROP, GmailServer
from tests.servers.proxy import ProxyServer
from tests.servers.slack import Reply
from tests.servers.tokens import TokenServer, claims, refusal
from tests.shell.adapters.examples import KEY, MAIL
from tests.shell.adapters.test_leaks import frames, interrupted
from tocsin.core.outcomes import Delivered, DeliveryError, DestinationDead, Receipt, Rejected, Retryable
from tocsin.shell.adapters.mail_gmail import Gmail
from tocsin.shell.adapters.secrets import Secret, Secrets

SCOPE = "https://mail.google.com/"


@attrs.frozen
class Service:
    """A mail server that accepts the tokens of a token server."""

    mail: GmailServer
    tokens: TokenServer
    gmail: Gmail

    def send(self, password: str | None = None, username: str | None = None) -> Receipt | DeliveryError:
        """Send a mail with ``password``; the default is the JSON of a user."""
        password = self.tokens.user() if password is None else password
        return self.gmail.send(Secret("EMAIL_USERNAME", username or self.mail.username), Secret("EMAIL_PASSWORD", password), MAIL, KEY)

    def reason(self, password: str | None = None) -> str:
        """Return why no mail is sent."""
        outcome = self.send(password)
        assert isinstance(outcome, DeliveryError)
        assert not any(canary in outcome.reason for canary in self.tokens.canaries)
        return outcome.reason


@pytest.fixture
def service(gmail_server: GmailServer, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """A mail server, its token server, and an adapter for both."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    tokens = TokenServer(authority.good)
    gmail_server.tokens = tokens.issued
    gmail = Gmail(host="127.0.0.1", port=gmail_server.port, ca_bundle=authority.bundle, token_hosts=("127.0.0.1",))
    yield Service(gmail_server, tokens, gmail)
    gmail.close()
    tokens.stop()


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    """Return the private key of a service account."""
    return rsa.generate_private_key(65537, 2048)


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, password: bytes | None = None) -> str:
    hidden = NoEncryption() if password is None else BestAvailableEncryption(password)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, hidden).decode()


def test_a_user_logs_in(service: Service) -> None:
    assert service.send() == Delivered()
    (asked,) = service.tokens.asked
    assert asked == {
        "path": "/token",
        "grant_type": "refresh_token",
        "client_id": "1234.apps.googleusercontent.com",
        "client_secret": service.tokens.client_secret,
        "refresh_token": service.tokens.refresh_token,
        "scope": SCOPE,
    }
    assert service.mail.commands == ["EHLO", "AUTH", "MAIL", "RCPT", "DATA"]
    assert len(service.mail.mails) == 1


def test_a_service_account_speaks_for_the_account(service: Service, key: rsa.RSAPrivateKey) -> None:
    assert service.send(service.tokens.service(pem(key))) == Delivered()
    (asked,) = service.tokens.asked
    assert asked["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    asserted = claims(asked["assertion"])
    assert isinstance(asserted, dict)
    assert {name: asserted[name] for name in ("iss", "sub", "scope", "aud")} == {
        "iss": "robot@project.iam.gserviceaccount.com",
        "sub": service.mail.username,
        "scope": SCOPE,
        "aud": "https://oauth2.googleapis.com/token",
    }
    signed, _, signature = asked["assertion"].rpartition(".")
    key.public_key().verify(urlsafe_b64decode(signature + "=="), signed.encode(), padding.PKCS1v15(), SHA256())


def test_one_token_serves_many_connections_of_fifty_mails(service: Service) -> None:
    assert [service.send() for _ in range(51)] == [Delivered()] * 51
    assert (service.mail.connections, service.mail.logins, len(service.tokens.asked)) == (2, 2, 1)


@pytest.mark.parametrize("dropped", ["421 4.7.0 idle for too long", DROP])
def test_a_connection_that_is_gone_is_opened_anew_with_the_same_token(dropped: str, service: Service) -> None:
    service.send()
    service.mail.once["MAIL"] = dropped
    assert service.send() == Delivered()
    assert (len(service.mail.mails), service.mail.logins, len(service.tokens.asked)) == (2, 2, 1)


@pytest.mark.parametrize("expires_in", [240, None])
def test_a_token_that_is_about_to_expire_is_not_used_again(expires_in: object, service: Service) -> None:
    service.tokens.expires_in = expires_in
    service.send()
    service.mail.once["MAIL"] = DROP
    assert service.send() == Delivered()
    assert len(service.tokens.asked) == 2


def test_a_token_is_that_of_its_account(service: Service) -> None:
    service.send()
    service.mail.username = "other@example.com"
    assert service.send() == Delivered()
    assert len(service.tokens.asked) == 2


def test_a_token_is_forgotten_when_all_is_closed_and_goes_into_no_pickle(service: Service) -> None:
    service.send()
    stored = pickle.dumps(service.gmail)
    assert not any(canary.encode() in stored for canary in service.tokens.canaries)
    copy = attrs.evolve(service, gmail=pickle.loads(stored))
    assert copy.gmail == service.gmail
    assert copy.send() == Delivered()
    copy.gmail.close()
    assert copy.send() == Delivered()
    copy.gmail.close()
    assert len(service.tokens.asked) == 3


def test_a_token_that_was_withdrawn_is_replaced_once(service: Service) -> None:
    service.send()
    service.tokens.issued.clear()
    service.mail.once["MAIL"] = DROP
    assert service.send() == Delivered()
    assert (len(service.mail.mails), service.mail.logins, len(service.tokens.asked)) == (2, 3, 2)


def test_a_new_token_that_is_refused_is_the_end(service: Service) -> None:
    service.mail.tokens = []
    reason = (
        "127.0.0.1 refused the access token: it must be one of the account that sends, with the scope https://mail.google.com/"
        " (it says: 535 5.7.8 Username and Password not accepted)"
    )
    assert service.send() == DestinationDead(reason)
    assert (service.mail.logins, len(service.tokens.asked)) == (1, 1)
    assert service.send() == DestinationDead(reason)
    assert (service.mail.logins, len(service.tokens.asked)) == (2, 2)  # a refused token is not tried again


def test_an_old_token_and_a_new_one_that_are_refused_are_the_end(service: Service) -> None:
    service.send()
    service.mail.tokens = []
    service.mail.once["MAIL"] = DROP
    assert isinstance(service.send(), DestinationDead)
    assert (service.mail.logins, len(service.tokens.asked)) == (3, 2)


def test_too_many_logins_are_no_fault_of_the_token(service: Service) -> None:
    service.mail.once["AUTH"] = "454 4.7.0 Too many login attempts"
    assert isinstance(service.send(), Retryable)
    assert service.send() == Delivered()
    assert len(service.tokens.asked) == 1


def test_a_connection_that_is_lost_while_logging_in_is_no_fault_of_the_token(service: Service) -> None:
    service.mail.once["AUTH"] = DROP
    assert isinstance(service.send(), Retryable)
    assert service.send() == Delivered()
    assert len(service.tokens.asked) == 1


def test_a_refresh_token_that_has_expired_says_so(service: Service) -> None:
    service.tokens.replies = [refusal("invalid_grant", f"{service.tokens.refresh_token} has been expired or revoked.")]
    outcome = service.send()
    assert isinstance(outcome, DestinationDead)
    assert 'of an OAuth app in "Testing" expire after seven days: publish the app' in outcome.reason
    assert "(it says: [EMAIL_PASSWORD] has been expired or revoked.)" in outcome.reason
    assert service.mail.connections == 0


def test_a_service_account_that_may_not_send_says_so(service: Service, key: rsa.RSAPrivateKey) -> None:
    service.tokens.replies = [refusal("unauthorized_client", status=401)]
    outcome = service.send(service.tokens.service(pem(key)))
    assert isinstance(outcome, DestinationDead)
    assert "domain-wide delegation" in outcome.reason


@pytest.mark.parametrize("status", [408, 429, 500, 503, 504])
def test_trouble_of_the_endpoint_is_tried_once(status: int, service: Service) -> None:
    service.tokens.replies = [Reply(status, "{}", {"Retry-After": "9"})]
    outcome = service.send()
    assert isinstance(outcome, Retryable)
    assert outcome.after is not None
    assert outcome.after.total_seconds() == 9
    assert len(service.tokens.asked) == 1


def test_a_redirect_is_not_followed(service: Service) -> None:
    service.tokens.replies = [Reply(307, "", {"Location": service.tokens.uri})]
    assert "is never followed" in service.reason()
    assert len(service.tokens.asked) == 1


def test_an_answer_that_is_no_token(service: Service) -> None:
    service.tokens.replies = [Reply(200, "<html>log in, please</html>"), Reply(200, '"token"')]
    assert [service.reason().partition(":")[0] for _ in range(2)] == [
        "Google's token endpoint answered without an access token (HTTP 200)"
    ] * 2


def test_an_endpoint_that_is_silent_costs_no_more_than_the_mail_may(service: Service) -> None:
    service.tokens.replies = [Reply(manner="silent")]
    hurried = attrs.evolve(service, gmail=attrs.evolve(service.gmail, deadline=0.3))
    assert hurried.send() == Retryable("127.0.0.1 did not answer in time")


def test_an_endpoint_that_is_not_there(service: Service) -> None:
    service.tokens.stop()
    assert service.send() == Retryable("cannot reach 127.0.0.1: the connection was refused")


def test_an_endpoint_with_another_certificate(service: Service, authority: Authority) -> None:
    impostor = TokenServer(authority.wrong_host)
    assert service.reason(impostor.user()).startswith("the certificate of 127.0.0.1 is not trusted")
    assert (impostor.asked, service.mail.connections) == ([], 0)
    impostor.stop()


@pytest.mark.parametrize(
    "uri", ["http://127.0.0.1/token", "https://evil.example/token", "https://oauth2.googleapis.com.evil.example/token"]
)
def test_nothing_goes_to_an_endpoint_elsewhere(uri: str, service: Service) -> None:
    assert service.send(service.tokens.user(token_uri=uri)) == Rejected(
        "the JSON in the secret 'EMAIL_PASSWORD' is refused: its token_uri does not lead to oauth2.googleapis.com: remove it,"
        " or write https://oauth2.googleapis.com/token"
    )


def test_another_host_must_be_allowed(service: Service) -> None:
    strict = attrs.evolve(service, gmail=attrs.evolve(service.gmail, token_hosts=()))
    assert "does not lead to oauth2.googleapis.com" in strict.reason()
    assert (service.tokens.asked, service.mail.connections) == ([], 0)
    with pytest.raises(ValueError, match=r"token_hosts is a tuple of names: write \('localhost',\)"):
        Gmail(token_hosts="localhost")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"refresh_token": "canary-of-mine', "it is not a JSON object: copy the file that Google gave, whole"),
        ('{"type": "canary-of-mine"}', "its type is not known: it must be authorized_user or service_account"),
    ],
)
def test_a_json_that_will_not_do_is_not_repeated(text: str, fault: str, service: Service) -> None:
    assert service.send(text) == Rejected(f"the JSON in the secret 'EMAIL_PASSWORD' is refused: {fault}")


def test_a_key_that_will_not_do(service: Service, key: rsa.RSAPrivateKey) -> None:
    for bad in ("canary", pem(key, b"canary"), pem(ec.generate_private_key(ec.SECP256R1()))):
        assert service.reason(service.tokens.service(bad)) == (
            "the private_key of the service account is no RSA key in PEM form: copy the file that Google gave, whole"
        )
    assert service.tokens.asked == []


def test_the_extra_must_be_there(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "tocsin.shell.adapters.google_token_client", raising=False)
    monkeypatch.delattr("tocsin.shell.adapters.google_token_client", raising=False)
    monkeypatch.setitem(sys.modules, "google.auth", None)
    assert service.send() == Rejected(
        "the secret 'EMAIL_PASSWORD' holds OAuth credentials, which need google-auth: pip install 'tocsin[gmail-oauth]'"
    )


def test_a_proxy_may_lead_to_the_endpoint(service: Service, proxy_server: ProxyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy_server.port}")
    assert service.send() == Delivered()
    assert proxy_server.targets == [f"127.0.0.1:{service.tokens.port}"]


def test_a_proxy_that_leads_nowhere(service: Service, proxy_server: ProxyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy_server.port}")
    proxy_server.reply = b"HTTP/1.1 403 Forbidden\r\n\r\n"
    refusal = "does not lead to 127.0.0.1: check the proxy settings (it says: 403 Forbidden)"
    assert service.send() == Retryable(f"the proxy 127.0.0.1:{proxy_server.port} {refusal}")
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:9")
    fault = "SOCKS proxies are not supported: name an http:// proxy"
    assert service.send() == Rejected(f"the proxy in HTTPS_PROXY, or in slack.proxies, is refused: {fault}")


def test_the_json_may_stand_in_a_file(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "credentials.json"
    file.write_text(f"{service.tokens.user()}\n", encoding="utf-8")
    monkeypatch.setenv("EMAIL_PASSWORD_FILE", str(file))
    password = Secrets().find("EMAIL_PASSWORD")
    assert isinstance(password, Secret)
    assert service.send(password.reveal()) == Delivered()


@pytest.fixture
def output(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """Return all log records so far, at DEBUG and with their attributes, and all printed text."""
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
    monkeypatch.setattr(smtplib.SMTP, "debuglevel", 2)
    for name in ("", "google", "google.auth", "google.oauth2"):
        caplog.set_level(logging.DEBUG, logger=name)
    return lambda: caplog.text + "".join(repr(vars(record)) for record in caplog.records) + "".join(capfd.readouterr())


@pytest.mark.parametrize("whose", ["user", "service account"])
def test_nothing_leaks(whose: str, service: Service, key: rsa.RSAPrivateKey, output: Callable[[], str]) -> None:
    text = service.tokens.user() if whose == "user" else service.tokens.service(pem(key))
    parts = (service.tokens.refresh_token, service.tokens.client_secret) if whose == "user" else (pem(key),)
    results: list[object] = []
    for reply, script in [
        (None, {}),
        (refusal("invalid_grant", " ".join(parts)), {}),
        (refusal("unknown", " ".join(parts).replace("\n", "")), {}),
        (Reply(500, text), {}),
        (None, {"AUTH": "535 5.7.8 no"}),
        (None, {"AUTH": "550 5.7.1 no"}),
    ]:
        service.tokens.replies = [] if reply is None else [reply]
        service.mail.script = script
        results += [service.send(text), service.gmail]
        service.gmail.close()
    noise = output() + repr(results)
    lines = [line for part in parts for line in part.splitlines() if not line.startswith("-")]
    assert len(service.tokens.issued) == 3
    assert "POST /token" in noise
    assert not [canary for canary in (*service.tokens.issued, *lines) if canary in noise]


@pytest.mark.skipif(sys.platform == "win32", reason="a thread cannot be interrupted there")
def test_an_interrupt_leaves_without_the_refresh_token(service: Service) -> None:
    service.tokens.replies = [Reply(manner="silent")]
    with pytest.raises(KeyboardInterrupt) as caught, interrupted(KeyboardInterrupt()):
        service.send()
    held = frames(caught.value)
    assert held
    assert not [shown for shown in held if any(canary in shown for canary in service.tokens.canaries)]
    assert caught.value.__context__ is None
    service.tokens.replies.clear()  # on a busy machine the interrupt came before the request
    assert service.send() == Delivered()
