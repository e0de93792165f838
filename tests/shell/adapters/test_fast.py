"""Shortcuts that speed up sending do not change its results."""

import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from tests.servers.authority import Authority
from tests.servers.gmail import DROP, GmailServer
from tests.servers.proxy import ProxyServer
from tests.servers.slack import SlackServer
from tests.servers.tokens import TokenServer
from tests.shell.adapters.examples import KEY, MAIL, MESSAGE
from tocsin.core.outcomes import Delivered
from tocsin.shell.adapters import Gmail, SlackWebhook, redaction
from tocsin.shell.adapters.secrets import Secret, Secrets

_OTHERS = 16  # forgotten values that stay hidden


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


def forgotten_values(count: int) -> None:
    """Remember and forget ``count`` other values."""
    for _ in range(count):
        value = uuid4().hex
        redaction.remember("OTHER", value)
        redaction.forget("OTHER", value)


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


def test_what_is_forgotten_shows_once_others_were_forgotten_too() -> None:
    value = uuid4().hex
    redaction.remember("TOKEN", value)
    redaction.forget("TOKEN", value)
    forgotten_values(_OTHERS - 1)
    assert redaction.redact(value) == "[TOKEN]"
    forgotten_values(1)
    assert redaction.redact(value) == value


@given(st.integers(1, 5), st.integers(0, 6))
def test_a_value_is_hidden_until_each_remember_is_undone(remembered: int, forgotten: int) -> None:
    value = uuid4().hex
    for _ in range(remembered):
        redaction.remember("TOKEN", value)
    for _ in range(forgotten):
        redaction.forget("TOKEN", value)
    forgotten_values(_OTHERS)
    assert redaction.redact(f"<{value}>") == (f"<{value}>" if forgotten >= remembered else "<[TOKEN]>")


def test_a_secret_stays_hidden_where_a_token_with_its_value_goes() -> None:
    value = uuid4().hex
    assert Secrets({"LASTING": value}).find("LASTING") == Secret("LASTING", value)
    redaction.remember("TOKEN", value)
    redaction.forget("TOKEN", value)
    forgotten_values(_OTHERS)
    assert redaction.redact(value) == "[LASTING]"


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
    forgotten_values(_OTHERS)
    assert (redaction.redact(first), redaction.redact(second)) == (first, "[EMAIL_PASSWORD]")
    gmail.close()
    assert redaction.redact(second) == "[EMAIL_PASSWORD]"
    forgotten_values(_OTHERS)
    assert redaction.redact(second) == second
    server.stop()


class Slow(str):
    """A value whose hash blocks until ``done`` is set."""

    __slots__ = ()
    held = threading.Event()
    done = threading.Event()

    @override
    def __hash__(self) -> int:
        self.held.set()
        self.done.wait()
        return super().__hash__()


def test_a_child_may_remember_while_another_thread_of_its_parent_is_just_about_to() -> None:
    thread = threading.Thread(target=lambda: redaction.remember("PARENTS", Slow(uuid4().hex)))
    thread.start()
    Slow.held.wait()
    redaction._memory.forget()  # as in a forked child
    value = uuid4().hex
    redaction.remember("CHILDS", value)
    Slow.done.set()
    thread.join()
    assert redaction.redact(value) == "[CHILDS]"
