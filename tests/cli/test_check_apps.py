"""``tocsin check`` of a Slack app, and of a Gmail account that logs in with an access token.

A proxy leads to test servers in place of Slack's and Google's, with certificates that the test trusts.
"""

import ssl
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
import trustme

from tests.cli.terminal_session import Seen, Typist, lines
from tests.servers.gmail import GmailServer
from tests.servers.proxy import ProxyServer
from tests.servers.slack_api import SlackApiServer
from tests.servers.tokens import TokenServer, refusal

pytestmark = pytest.mark.usefixtures("bare_home")

SLACK, GOOGLE = "slack.com", "oauth2.googleapis.com"
CONFIGURED = {"TOCSIN_SLACK_TOKEN_SECRET": "OUR_TOKEN", "TOCSIN_SLACK_CHANNEL": "#ops"}


@attrs.frozen
class World:
    """The servers, in place of the real ones."""

    api: SlackApiServer
    tokens: TokenServer
    gmail: GmailServer

    def assert_no_canary(self, seen: Seen) -> None:
        """Check that no canary is in the output."""
        assert not any(canary in seen.out + seen.err for canary in (self.api.token, *self.tokens.canaries))


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """All servers, and an environment that points to them."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", SLACK, GOOGLE).configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    servers = World(SlackApiServer(context), TokenServer(context), GmailServer(context))
    proxy = ProxyServer()
    proxy.elsewhere = {f"{SLACK}:443": f"127.0.0.1:{servers.api.port}", f"{GOOGLE}:443": f"127.0.0.1:{servers.tokens.port}"}
    servers.gmail.tokens = servers.tokens.issued
    settings = {
        **CONFIGURED,
        "OUR_TOKEN": servers.api.token,
        "EMAIL_USERNAME": servers.gmail.username,
        "EMAIL_PASSWORD": servers.tokens.user(token_uri=f"https://{GOOGLE}/token"),
        "TOCSIN_GMAIL_HOST": "127.0.0.1",
        "TOCSIN_GMAIL_PORT": str(servers.gmail.port),
        "TOCSIN_GMAIL_CA_BUNDLE": str(tmp_path / "ca.pem"),
        "TOCSIN_SLACK_CA_BUNDLE": str(tmp_path / "ca.pem"),
        "HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}",
    }
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    yield servers
    for server in (servers.api, servers.tokens, servers.gmail, proxy):
        server.stop()


def test_the_ways_are_open(tocsin: Typist, world: World) -> None:
    seen = tocsin("check", "--connect")
    assert (seen.status, seen.err) == (0, "")
    said = lines(seen)
    assert ["OUR_TOKEN", "set, from environment variable OUR_TOKEN"] in said
    assert not any(line[0] == "SLACK_WEBHOOK_URL" for line in said if line)
    (slack,) = [line[1] for line in said if line[:1] == [SLACK]]
    assert slack.endswith("its certificate is good, and the token is accepted: it belongs to tocsin in Ours & co")
    assert ["127.0.0.1", "reached, its certificate is good, and the login is accepted"] in said
    assert ([call.method for call in world.api.calls], len(world.tokens.asked), world.gmail.mails) == (["auth.test"], 1, [])
    world.assert_no_canary(seen)


@pytest.mark.tocsin_live
def test_a_test_message_arrives(tocsin: Typist, world: World) -> None:
    seen = tocsin("check", "--send-test")
    assert (seen.status, seen.err) == (0, "")
    assert seen.out.count("accepted: look whether you see it") == 2
    assert (len(world.api.messages), len(world.gmail.mails)) == (1, 1)
    assert "This is a test: messages arrive." in world.api.messages[0].texts[0]
    world.assert_no_canary(seen)


@pytest.mark.tocsin_live
def test_a_test_message_that_is_refused(tocsin: Typist, world: World) -> None:
    world.api.replies, world.tokens.replies = ["channel_not_found"], [refusal("invalid_grant")]
    seen = tocsin("check", "--send-test")
    assert seen.status == 1
    assert ["FAULT", "test message by Slack", "Slack answered channel_not_found"] in lines(seen)
    assert "→ there is no such channel, or it is private and the app is not in it: correct its name" in seen.out
    assert ["FAULT", "test message by mail", "Google gives no access token (invalid_grant)"] in lines(seen)
    assert 'OAuth app in "Testing" expire after seven days' in seen.out
    assert "Incoming Webhook" not in seen.out
    world.assert_no_canary(seen)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("OUR_TOKEN", "xoxp-1234-canary", ("this is no bot token, which begins with xoxb-", "under OAuth & Permissions")),
        ("OUR_TOKEN", "xoxb canary", ("this is no bot token, which begins with xoxb-", "and put it where OUR_TOKEN is")),
        (
            "EMAIL_PASSWORD",
            '{"type": "canary"}',
            ("the JSON is refused: its type is not known", "it must be authorized_user or service_account"),
        ),
        ("EMAIL_PASSWORD", '{"canary"', ("the JSON is refused: it is not a JSON object", "copy the file that Google gave")),
    ],
)
def test_a_secret_that_can_be_none_is_not_sent(tocsin: Typist, world: World, variable: str, value: str, said: tuple[str, str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(variable, value)
        seen = tocsin("check", "--connect")
    assert seen.status == 1
    assert ["FAULT", variable, said[0]] in lines(seen)
    assert said[1] in seen.out
    assert "canary" not in seen.out
    assert {"OUR_TOKEN": world.api.calls, "EMAIL_PASSWORD": world.tokens.asked}[variable] == []
    world.assert_no_canary(seen)


@pytest.mark.parametrize(
    ("modules", "name", "extra"),
    [
        (["slack_sdk"], "OUR_TOKEN", "slack-bot"),
        (["google.auth"], "EMAIL_PASSWORD", "gmail-oauth"),
        (["google", "google.auth"], "EMAIL_PASSWORD", "gmail-oauth"),
    ],
)
def test_an_extra_that_is_missing_is_named(tocsin: Typist, world: World, modules: list[str], name: str, extra: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for module in modules:
            patch.delitem(sys.modules, module, raising=False)
        patch.setitem(sys.modules, modules[0], None)
        seen = tocsin("check", "--connect")
    assert seen.status == 1
    assert [line[1] for line in lines(seen) if line[:1] == ["FAULT"]] == [name]
    assert f"→ pip install 'tocsin[{extra}]'" in seen.out
    world.assert_no_canary(seen)


def test_a_token_that_is_not_there(tocsin: Typist, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CONFIGURED.items():
        monkeypatch.setenv(name, value)
    seen = tocsin("check", "--connect")
    assert seen.status == 1
    assert "→ set OUR_TOKEN to the Bot User OAuth Token of an app, which Slack's app settings give" in seen.out
    monkeypatch.setenv("TOCSIN_NOTIFIERS", "slack")
    assert ["FAULT", "OUR_TOKEN", "not set"] in lines(tocsin("check", "--connect"))


def test_half_of_an_app_is_a_fault(tocsin: Typist, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_SLACK_CHANNEL", "#ops")
    seen = tocsin("check")
    assert ["FAULT", "TOCSIN_SLACK_CHANNEL", "slack.channel: it means nothing without slack.token_secret"] in lines(seen)
    assert "or set TOCSIN_SLACK_TOKEN_SECRET=SLACK_BOT_TOKEN" in seen.out
    assert ["SLACK_WEBHOOK_URL", "not set"] in lines(seen)
    shown = tocsin("config", "show")
    assert (shown.status, shown.out) == (2, "")
    assert shown.err.startswith("tocsin: TOCSIN_SLACK_CHANNEL: slack.channel: it means nothing without slack.token_secret; write")


def test_half_of_an_account_may_be_completed_by_googles_json(tocsin: Typist, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMAIL_USERNAME", "ops@example.com")
    assert "→ set it to an app password of the account, or to the JSON that Google gives for it" in tocsin("check").out


def test_the_fallback_is_checked_too(tocsin: Typist, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_NOTIFIERS", "slack")
    tocsin("check", "--connect")
    assert world.gmail.logins == 0
    monkeypatch.setenv("TOCSIN_DELIVERY_FALLBACK", "gmail")
    assert ["127.0.0.1", "reached, its certificate is good, and the login is accepted"] in lines(tocsin("check", "--connect"))
    for name in ("EMAIL_USERNAME", "EMAIL_PASSWORD"):
        monkeypatch.delenv(name)
    seen = tocsin("check", "--connect")
    assert [line[1:] for line in lines(seen) if line[:1] == ["FAULT"]] == [["EMAIL_USERNAME", "not set"], ["EMAIL_PASSWORD", "not set"]]
    monkeypatch.setenv("EMAIL_USERNAME", "ops@example.com")
    monkeypatch.delenv("TOCSIN_NOTIFIERS")
    assert [line[1:] for line in lines(tocsin("check")) if line[:1] == ["FAULT"]] == [["EMAIL_PASSWORD", "not set"]]


def test_a_bot_token_in_quotation_marks_is_called_that(tocsin: Typist, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUR_TOKEN", f"'{world.api.token}'")
    seen = tocsin("check")
    assert "it stands in quotation marks" in seen.out
    world.assert_no_canary(seen)
