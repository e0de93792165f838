"""Pings of a health-check service use verified TLS, and no failure shows the URL."""

from pathlib import Path

import pytest

from tests.servers.slack import Reply, SlackServer
from tocsin import Failed, Running, State, Success, Task
from tocsin.adapters import SlackWebhook
from tocsin.shell.adapters.healthchecks import Ping, PingFailed
from tocsin.shell.adapters.secrets import Secret

JOB = Task("load")


def service(server: SlackServer, bundle: Path) -> Ping:
    return Ping(Secret("--ping", server.url), SlackWebhook(ca_bundle=bundle, deadline=5.0))


def test_the_start_and_the_end_are_pinged(slack_server: SlackServer, ca_bundle: Path) -> None:
    ping = service(slack_server, ca_bundle)
    for state in (Running(), Failed(), Success()):
        ping(JOB, state)
    path = slack_server.url.partition(str(slack_server.port))[2]
    assert [(request.method, request.path) for request in slack_server.requests] == [
        ("GET", f"{path}/start"),
        ("GET", f"{path}/fail"),
        ("GET", path),
    ]
    assert all(request.body == b"" and "cookie" not in request.headers for request in slack_server.requests)
    assert slack_server.connections == 1
    assert repr(ping) == "ping"


@pytest.mark.parametrize("state", [Running(), Success()])
@pytest.mark.parametrize("reply", [Reply(404, "not found"), Reply(500, ""), Reply(302, "", {"Location": "https://127.0.0.1/"})])
def test_a_failure_is_reported_without_the_url(slack_server: SlackServer, ca_bundle: Path, reply: Reply, state: State) -> None:
    slack_server.replies.append(reply)
    with pytest.raises(PingFailed, match=rf"answered HTTP {reply.status}") as raised:
        service(slack_server, ca_bundle)(JOB, state)
    assert slack_server.canary not in str(raised.value)
    assert len(slack_server.requests) == 1


def test_an_answer_that_repeats_the_path_does_not_show_the_token(slack_server: SlackServer, ca_bundle: Path) -> None:
    token = "7a1d9b63-1111-4222-8333-abcdefabcdef"
    slack_server.replies.append(Reply(404, f"no such check: /{token}/start"))
    url = Secret("--ping", f"https://127.0.0.1:{slack_server.port}/{token}?create=1")
    with pytest.raises(PingFailed, match="answered HTTP 404") as raised:
        Ping(url, SlackWebhook(ca_bundle=ca_bundle, deadline=5.0))(JOB, Running())
    assert token not in str(raised.value)


def test_a_url_that_is_not_https_is_refused() -> None:
    with pytest.raises(PingFailed, match="the URL to ping is refused: it is not an https URL"):
        Ping(Secret("--ping", "http://127.0.0.1:9/canary"), SlackWebhook())(JOB, Running())


def test_an_untrusted_certificate_is_refused(slack_server: SlackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(PingFailed, match="not trusted"):
        Ping(Secret("--ping", slack_server.url), SlackWebhook())(JOB, Running())
    assert slack_server.requests == []
