"""Pings of a health-check service use verified TLS, and no failure shows the URL."""

from contextlib import closing
from pathlib import Path

import attrs
import pytest

from tests.servers.postgres import free_port
from tests.servers.slack import Reply, SlackServer
from tocsin import Failed, Live, Running, State, Success, Task
from tocsin.adapters import SlackWebhook
from tocsin.core.changes import Key
from tocsin.core.effects import CallBack
from tocsin.shell import log
from tocsin.shell.adapters.healthchecks import Ping, PingFailed
from tocsin.shell.adapters.secrets import Secret

JOB = Task("load")


@attrs.frozen
class Stoppable:
    """A server that ``closing`` stops."""

    server: SlackServer

    def close(self) -> None:
        """Stop the server."""
        self.server.stop()


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
    assert repr(ping) == "the dead-man service"


@pytest.mark.parametrize("state", [Running(), Success()])
@pytest.mark.parametrize("reply", [Reply(400, "bad url"), Reply(500, ""), Reply(302, "", {"Location": "https://127.0.0.1/"})])
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
        Ping(url, SlackWebhook(ca_bundle=ca_bundle, deadline=5.0))(JOB, Success())
    assert token not in str(raised.value)


def test_a_url_that_is_not_https_is_refused() -> None:
    with pytest.raises(PingFailed, match="the URL to ping is refused: it is not an https URL"):
        Ping(Secret("--ping", "http://localhost.example.com/canary"), SlackWebhook())(JOB, Running())


def test_an_untrusted_certificate_is_refused(slack_server: SlackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(PingFailed, match="not trusted"):
        Ping(Secret("--ping", slack_server.url), SlackWebhook())(JOB, Running())
    assert slack_server.requests == []


def test_a_service_that_takes_only_a_url_hears_of_a_success(slack_server: SlackServer, ca_bundle: Path) -> None:
    slack_server.replies += [Reply(404, "no such page"), Reply(200, "OK")]
    ping = service(slack_server, ca_bundle)
    ping(JOB, Running())
    ping.status = 0
    ping(JOB, Success())
    assert [request.path.rpartition("/")[2] for request in slack_server.requests] == ["start", slack_server.canary]


def test_a_failure_is_pinged_with_its_exit_status_and_the_end_of_the_output(slack_server: SlackServer, ca_bundle: Path) -> None:
    ping = service(slack_server, ca_bundle)
    ping.status, ping.tail = 3, "é" * 60_000
    slack_server.replies += [Reply(200, "OK", {"Ping-Body-Limit": "9"}), Reply(), Reply(200, "OK", {"Ping-Body-Limit": "0"}), Reply()]
    for state in (Running(), Failed(), Failed(), Success()):
        ping(JOB, state)
    start, first, second, last = slack_server.requests
    assert (start.method, start.body) == ("GET", b"")
    assert (first.method, first.path.rpartition("/")[2], first.body) == ("POST", "3", "éééé".encode())
    assert first.headers["content-type"] == "text/plain; charset=utf-8"
    assert second.body == "é".encode() * 50_000  # the service did not say its limit any more
    assert (last.method, last.body) == ("GET", b"")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_plain_http_goes_to_this_machine_and_through_no_proxy(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with closing(Stoppable(SlackServer(None))) as stoppable:
        server = stoppable.server
        ping = Ping(
            Secret("--ping", f"http://{host}:{server.port}/5f0c"), SlackWebhook(deadline=5.0, proxies={"http": "http://127.0.0.1:9"})
        )
        ping(JOB, Running())
        ping.status = 7
        ping(JOB, Failed())
    assert [request.path for request in server.requests] == ["/5f0c/start", "/5f0c/7"]
    assert server.connections == 1


@pytest.mark.tocsin_live
def test_a_reason_is_logged_once_for_a_run(ca_bundle: Path, caplog: pytest.LogCaptureFixture) -> None:
    ping = Ping(Secret("--ping", f"http://127.0.0.1:{free_port()}/canary"), SlackWebhook(ca_bundle=ca_bundle, deadline=5.0))
    live = Live()
    for number, state in enumerate((Running(), Failed())):
        effect = CallBack(ping, JOB, state, Key("r1", "load", None, number, 0))
        log.complain(effect, live.perform(effect))
    reason = "cannot reach 127.0.0.1: the connection was refused"
    assert caplog.messages == [f"tocsin: could not call the dead-man service for 'load': {reason}"]
