"""Shortcuts that speed up sending do not change its results."""

from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from tests.servers.authority import Authority
from tests.servers.gmail import DROP, GmailServer
from tests.servers.proxy import ProxyServer
from tests.servers.slack import SlackServer
from tests.servers.tokens import TokenServer
from tests.shell.adapters.examples import KEY, MAIL, MESSAGE
from tests.shell.test_redaction import OTHERS, forgotten_values
from tocsin.core.outcomes import Delivered
from tocsin.shell import redaction
from tocsin.shell.adapters.mail_gmail import Gmail
from tocsin.shell.adapters.secrets import Secret
from tocsin.shell.adapters.slack_webhook import SlackWebhook


@pytest.fixture
def slack(ca_bundle: Path) -> Iterator[SlackWebhook]:
    """An adapter that takes its proxies from the environment."""
    slack = SlackWebhook(allowed_hosts=("127.0.0.1",), ca_bundle=ca_bundle)
    yield slack
    slack.close()


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove all proxy variables from the environment."""
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


def test_each_post_has_its_own_body(slack: SlackWebhook, slack_server: SlackServer, no_proxies: None) -> None:
    messages = [attrs.evolve(MESSAGE, text="x" * length) for length in (3000, 0, 20)]
    for message in messages:
        assert slack.post(Secret("TEAM_WEBHOOK", slack_server.url), message) == Delivered()
    bodies = [message.to_json().encode() for message in messages]
    assert [request.body for request in slack_server.requests] == bodies
    assert [request.headers["content-length"] for request in slack_server.requests] == [str(len(body)) for body in bodies]


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_proxy_is_found_as_soon_as_the_environment_names_it(
    name: str, slack: SlackWebhook, slack_server: SlackServer, no_proxies: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = Secret("TEAM_WEBHOOK", slack_server.url)
    assert slack.post(url, MESSAGE) == Delivered()
    proxy = ProxyServer()
    monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    assert slack.post(url, MESSAGE) == Delivered()
    monkeypatch.delenv(name)
    assert slack.post(url, MESSAGE) == Delivered()
    proxy.stop()
    assert proxy.targets == [f"127.0.0.1:{slack_server.port}"]
    assert len(slack_server.requests) == 3


def test_a_token_is_forgotten_when_another_takes_its_place_and_when_all_is_closed(
    gmail_server: GmailServer, authority: Authority, no_proxies: None
) -> None:
    server = TokenServer(authority.good)
    server.expires_in = 240  # seconds; too short to be used again
    gmail_server.tokens = server.issued
    gmail = Gmail(host="127.0.0.1", port=gmail_server.port, ca_bundle=authority.bundle, token_hosts=("127.0.0.1",))
    password = Secret("EMAIL_PASSWORD", server.user())
    for _ in range(2):
        assert gmail.send(Secret("EMAIL_USERNAME", gmail_server.username), password, MAIL, KEY) == Delivered()
        gmail_server.once["MAIL"] = DROP
    first, second = server.issued
    forgotten_values(OTHERS)
    assert (redaction.redact(first), redaction.redact(second)) == (first, "[EMAIL_PASSWORD]")
    gmail.close()
    assert redaction.redact(second) == "[EMAIL_PASSWORD]"
    forgotten_values(OTHERS)
    assert redaction.redact(second) == second
    server.stop()
