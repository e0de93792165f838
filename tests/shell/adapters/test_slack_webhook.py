"""Posts to a webhook: the request, the outcome, and where the URL is never sent."""

import json
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from tests.servers.authority import Authority
from tests.servers.proxy import ProxyServer
from tests.servers.slack import Reply, SlackServer
from tests.shell.adapters.examples import MESSAGE, post, posted, webhook
from tocsin.core.delivery.destinations import QUOTED
from tocsin.core.outcomes import Ambiguous, Delivered, DestinationDead, Rejected, Retryable
from tocsin.shell.adapters.slack_webhook import SlackWebhook

SLACK = "hooks.slack.com or hooks.slack-gov.com"


def test_a_message_is_posted_as_json(slack_server: SlackServer, ca_bundle: Path) -> None:
    assert posted(slack_server, ca_bundle) == Delivered()
    (request,) = slack_server.requests
    assert (request.method, request.path) == ("POST", f"/services/T000/B000/{slack_server.canary}")
    assert request.body.decode() == MESSAGE.to_json()
    assert request.json == json.loads(MESSAGE.to_json())
    assert request.headers["content-type"] == "application/json; charset=utf-8"


def test_one_connection_serves_many_messages(slack_server: SlackServer, ca_bundle: Path) -> None:
    slack = webhook(ca_bundle)
    assert [post(slack, slack_server.url) for _ in range(20)] == [Delivered()] * 20
    assert slack_server.connections == 1
    slack.close()


def test_a_connection_that_was_dropped_is_opened_again(slack_server: SlackServer, ca_bundle: Path) -> None:
    slack = webhook(ca_bundle)
    assert post(slack, slack_server.url) == Delivered()
    slack_server.hang_up()
    assert post(slack, slack_server.url) == Delivered()
    slack.close()
    assert post(slack, slack_server.url) == Delivered()
    assert slack_server.connections == 3
    slack.close()


def test_threads_may_share_an_adapter(slack_server: SlackServer, ca_bundle: Path) -> None:
    slack = webhook(ca_bundle)
    outcomes: list[object] = []
    threads = [threading.Thread(target=lambda: outcomes.append(post(slack, slack_server.url))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == [Delivered()] * 8
    slack.close()


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(404, "no_service"), DestinationDead),
        (Reply(400, "invalid_payload"), Rejected),
        (Reply(500, "rollup_error"), Retryable),
        (Reply(504, ""), Ambiguous),
        (Reply(200, "<html>"), Rejected),
        (Reply(manner="close"), Ambiguous),
        (Reply(manner="drip body"), Delivered),
    ],
)
def test_an_answer_is_believed(reply: Reply, kind: type[object], slack_server: SlackServer, ca_bundle: Path) -> None:
    slack_server.replies = [reply]
    assert isinstance(posted(slack_server, ca_bundle), kind)


def test_slack_says_how_long_to_wait(slack_server: SlackServer, ca_bundle: Path) -> None:
    slack_server.replies = [Reply(429, "", {"Retry-After": "7"})]
    assert posted(slack_server, ca_bundle) == Retryable("127.0.0.1 asks for fewer messages (HTTP 429)", timedelta(seconds=7))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int, slack_server: SlackServer, ca_bundle: Path) -> None:
    slack_server.replies = [Reply(status, "", {"Location": slack_server.url})]
    assert isinstance(posted(slack_server, ca_bundle), Rejected)
    assert len(slack_server.requests) == 1


@pytest.mark.parametrize("status", [200, 302])
def test_a_body_is_not_read_for_ever(status: int, slack_server: SlackServer, ca_bundle: Path) -> None:
    slack_server.replies = [Reply(status, "x" * 65_537, {"Location": "https://localhost/"}), Reply()]
    slack = webhook(ca_bundle)
    assert isinstance(post(slack, slack_server.url), Rejected)
    assert post(slack, slack_server.url) == Delivered()
    assert slack_server.connections == 2
    slack.close()


def test_no_cookie_and_no_netrc(slack_server: SlackServer, ca_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password something")
    monkeypatch.setenv("NETRC", str(netrc))
    slack_server.replies = [Reply(headers={"Set-Cookie": "a=b"})]
    slack = webhook(ca_bundle)
    post(slack, slack_server.url)
    post(slack, slack_server.url)
    assert not {"cookie", "authorization"} & slack_server.requests[1].headers.keys()
    slack.close()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:{port}/services/T/B/x", "it is not an https URL"),
        (
            "https://example.com:{port}/services/T/B/x",
            f"it does not lead to {SLACK}; allow another by TOCSIN_SLACK_ALLOWED_HOSTS, or SlackWebhook(allowed_hosts=...)",
        ),
        ("https://127.0.0.1:{port}/triggers/T/B/x", "it starts a workflow and takes no messages: create an Incoming Webhook instead"),
        ("https://127.0.0.1:{port}/", "it has no path: copy the whole URL of the Incoming Webhook"),
        ('"https://127.0.0.1:{port}/services/T/B/x"', QUOTED),
        ("https://me:you@127.0.0.1:{port}/services/T/B/x", "it names no host, or holds a user name"),
    ],
)
def test_nothing_is_opened_for_a_url_that_is_refused(url: str, why: str, slack_server: SlackServer, ca_bundle: Path) -> None:
    outcome = post(webhook(ca_bundle), url.format(port=slack_server.port))
    assert outcome == Rejected(f"the webhook URL in the secret 'TEAM_WEBHOOK' is refused: {why}")
    assert slack_server.connections == slack_server.refused == 0


def test_a_host_must_be_allowed(slack_server: SlackServer, ca_bundle: Path) -> None:
    assert isinstance(post(SlackWebhook(ca_bundle=ca_bundle), slack_server.url), Rejected)
    assert slack_server.connections == 0


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_leads_there(scheme: str, slack_server: SlackServer, authority: Authority) -> None:
    proxy = ProxyServer(authority.good if scheme == "https" else None)
    proxies = {"https": f"{scheme}://me:you@127.0.0.1:{proxy.port}"}
    slack = SlackWebhook(allowed_hosts=("127.0.0.1",), ca_bundle=authority.bundle, proxies=proxies)
    assert [post(slack, slack_server.url), post(slack, slack_server.url)] == [Delivered()] * 2
    assert proxy.targets == [f"127.0.0.1:{slack_server.port}"]
    assert any(header.startswith("Proxy-Authorization: Basic") for header in proxy.headers)
    assert "you" not in repr(slack)
    slack.close()
    proxy.stop()


def test_a_proxy_of_the_environment_is_used(
    slack_server: SlackServer, proxy_server: ProxyServer, ca_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_PROXY", "no_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy_server.port}")
    slack = SlackWebhook(allowed_hosts=("127.0.0.1",), ca_bundle=ca_bundle)
    assert post(slack, slack_server.url) == Delivered()
    assert proxy_server.targets
    slack.close()


def test_a_proxy_that_refuses(slack_server: SlackServer, proxy_server: ProxyServer, ca_bundle: Path) -> None:
    proxy_server.reply = b"HTTP/1.1 407 No\r\n\r\n"
    slack = SlackWebhook(allowed_hosts=("127.0.0.1",), ca_bundle=ca_bundle, proxies={"https": f"http://127.0.0.1:{proxy_server.port}"})
    act = "write its login into HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT (it says: 407 No)"
    assert post(slack, slack_server.url) == Retryable(f"the proxy 127.0.0.1:{proxy_server.port} does not lead to 127.0.0.1: {act}")
    slack.close()


@pytest.mark.parametrize(
    ("proxy", "why"),
    [
        ("socks5://localhost", "SOCKS proxies are not supported: name an http:// proxy"),
        ("http://", "it is not the URL of a proxy: write http://HOST:PORT"),
        ("http://proxy:port", "it is not the URL of a proxy: write http://HOST:PORT"),
        ("ftp://proxy", "it is not the URL of a proxy: write http://HOST:PORT"),
        ("'http://proxy:3128'", QUOTED),
    ],
)
def test_a_proxy_that_cannot_be(proxy: str, why: str, slack_server: SlackServer, ca_bundle: Path) -> None:
    slack = SlackWebhook(allowed_hosts=("127.0.0.1",), ca_bundle=ca_bundle, proxies={"https": proxy})
    assert post(slack, slack_server.url) == Rejected(f"the proxy in HTTPS_PROXY, or in slack.proxies, is refused: {why}")
    slack.close()
