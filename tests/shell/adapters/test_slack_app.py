"""Slack apps: threads, edits, and where the token is never sent; against a server over TLS."""

import json
import logging
import os
import pickle
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import attrs
import pytest

from tests.servers.authority import Authority
from tests.servers.proxy import ProxyServer
from tests.servers.slack import Reply, SlackServer
from tests.servers.slack_api import CHANNEL, SlackApiServer
from tests.shell.adapters.test_leaks import frames, interrupted
from tocsin import DryRun, Failed, Flow, Live, Running, Success, Task, interpreting, slack_notifier
from tocsin.adapters import SlackWebhook
from tocsin.core.changes import Key
from tocsin.core.effects import Bot, PostToSlack
from tocsin.core.messages.content import Content
from tocsin.core.messages.slack import posting, slack_message
from tocsin.core.outcomes import Ambiguous, Delivered, DestinationDead, Outcome, Rejected, Retryable
from tocsin.shell.adapters.secrets import Secret
from tocsin.shell.adapters.time_limits import with_deadline
from tocsin.shell.interpreter import execute

BOT = Bot("SLACK_BOT_TOKEN", "#ops")
AT = datetime(2026, 7, 1, 3, tzinfo=UTC)


@pytest.fixture
def api(authority: Authority) -> Iterator[SlackApiServer]:
    """A server that accepts an app's calls."""
    server = SlackApiServer(authority.good)
    yield server
    server.stop()


@pytest.fixture
def slack(api: SlackApiServer, ca_bundle: Path) -> Iterator[SlackWebhook]:
    """An adapter for the server."""
    adapter = reaching(api, ca_bundle)
    yield adapter
    adapter.close()


def reaching(api: SlackApiServer, ca_bundle: Path, **timings: float) -> SlackWebhook:
    return SlackWebhook(allowed_hosts=("127.0.0.1",), ca_bundle=ca_bundle, proxies={}, api=api.url, **timings)


def message(said: str, ordinal: int = 0, *, run: str = "run", slug: str = "load", failed: bool = False) -> PostToSlack:
    content = Content(slug, said, said, "State", failed, "#eb0000", AT, ())
    return PostToSlack("SLACK_WEBHOOK_URL", slack_message(content), Key(run, slug, None, ordinal, 0), BOT, content)


def speak(slack: SlackWebhook, api: SlackApiServer, said: PostToSlack) -> Outcome:
    return slack.speak(Secret("SLACK_BOT_TOKEN", api.token), BOT, said)


def stands(api: SlackApiServer) -> list[tuple[str | None, list[str]]]:
    """Return the parent and the text of each message."""
    return [(posted.thread, posted.texts) for posted in api.messages]


def test_a_run_is_a_thread_whose_parent_shows_its_state(slack: SlackWebhook, api: SlackApiServer) -> None:
    said = [message("began", 0), message("add began", 0, slug="add"), message("ended", 1), message("other", 0, run="another")]
    assert [speak(slack, api, one) for one in said] == [Delivered()] * 4
    parent = api.messages[0].ts
    assert stands(api) == [(None, ["began", "ended"]), (parent, ["add began"]), (parent, ["ended"]), (None, ["other"])]
    assert [call.method for call in api.calls] == ["chat.postMessage"] * 3 + ["chat.update", "chat.postMessage"]
    assert [call.body["channel"] for call in api.calls] == ["#ops", CHANNEL, CHANNEL, CHANNEL, "#ops"]
    assert api.connections == 1


def test_what_is_posted_is_what_a_dry_run_shows(slack: SlackWebhook, api: SlackApiServer) -> None:
    said, shown = message("began & <failed>"), StringIO()
    speak(slack, api, said)
    execute(DryRun(shown), said)
    first, body = shown.getvalue().splitlines()
    assert first == "Slack, as the app with the token in SLACK_BOT_TOKEN, to #ops:"
    assert json.loads(body) == api.calls[0].body == posting("#ops", said.payload)
    assert api.calls[0].headers["content-type"] == "application/json; charset=utf-8"


def test_an_edit_keeps_the_failure_that_the_parent_shows(slack: SlackWebhook, api: SlackApiServer) -> None:
    speak(slack, api, message("failed", 0, failed=True))
    speak(slack, api, message("tried again", 1))
    speak(slack, api, message("succeeded", 2))
    assert [shown["text"] for shown in api.messages[0].attachments] == ["succeeded", "failed"]


def test_eight_threads_in_one_run_begin_one_thread(slack: SlackWebhook, api: SlackApiServer) -> None:
    outcomes: list[Outcome] = []
    said = [message(f"{at}", at % 3, run=f"run {at % 2}", slug=f"{at % 4}") for at in range(32)]
    workers = [
        threading.Thread(target=lambda part=part: outcomes.extend(speak(slack, api, one) for one in part))
        for part in (said[at::8] for at in range(8))
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert outcomes == [Delivered()] * 32
    assert len(api.parents) == 2
    assert sorted(posted.texts[0] for posted in api.messages) == sorted(one.payload.fallback for one in said)
    assert {posted.thread for posted in api.messages} == {None, *(parent.ts for parent in api.parents)}
    assert not [posted for posted in api.messages if posted.thread is not None and len(posted.texts) > 1]


def test_a_first_message_that_failed_leaves_its_place_to_the_next(slack: SlackWebhook, api: SlackApiServer) -> None:
    api.replies = ["internal_error", None]
    assert isinstance(speak(slack, api, message("lost")), Ambiguous)
    assert speak(slack, api, message("next")) == Delivered()
    assert stands(api) == [(None, ["next"])]


def test_where_slack_gives_no_ids_there_is_no_thread(slack: SlackWebhook, api: SlackApiServer) -> None:
    api.replies = [Reply(body='{"ok": true}'), None]
    assert [speak(slack, api, message(said)) for said in ("one", "two")] == [Delivered()] * 2
    assert stands(api) == [(None, ["two"])]


@pytest.mark.parametrize("error", ["message_not_found", "restricted_action_thread_locked", "cannot_reply_to_message"])
def test_without_a_thread_to_reply_to_a_message_stands_by_itself(error: str, slack: SlackWebhook, api: SlackApiServer) -> None:
    speak(slack, api, message("one"))
    api.replies = [error, None]
    assert speak(slack, api, message("two", 1)) == Delivered()
    assert speak(slack, api, message("three", 2)) == Delivered()
    assert stands(api) == [(None, ["one"]), (None, ["two", "three"]), (api.messages[1].ts, ["three"])]


def test_a_reply_that_is_refused_is_a_failure_and_edits_nothing(slack: SlackWebhook, api: SlackApiServer) -> None:
    speak(slack, api, message("one"))
    api.replies = ["is_archived"]
    assert isinstance(speak(slack, api, message("two", 1)), DestinationDead)
    assert stands(api) == [(None, ["one"])]


@pytest.mark.parametrize(
    ("error", "again"),
    [("message_not_found", False), ("edit_window_closed", False), ("cant_update_message", False), ("ratelimited", True)],
)
def test_a_refused_edit_is_logged_and_is_no_failure(
    error: str, again: bool, slack: SlackWebhook, api: SlackApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    speak(slack, api, message("one"))
    api.replies = [None, error]
    assert [speak(slack, api, message(said, at)) for at, said in enumerate(("two", "three"), 1)] == [Delivered()] * 2
    assert [posted.texts for posted in api.messages] == [["one", "three"] if again else ["one"], ["two"], ["three"]]
    (record,) = (record for record in caplog.records if record.name == "tocsin")
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith(
        "tocsin: the first message of the run run in #ops does not show its newest state, which is in its thread: 127.0.0.1 "
    )


def test_an_edit_waits_no_longer_than_anybody_is_willing_to(
    slack: SlackWebhook, api: SlackApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    speak(slack, api, message("one"))
    with with_deadline(0.0):
        assert speak(slack, api, message("two", 1)) == Delivered()
    assert [posted.texts for posted in api.messages] == [["one"], ["two"]]
    assert "does not show its newest state" in caplog.text


def test_a_message_waits_for_the_one_before_it_only_so_long(api: SlackApiServer, ca_bundle: Path) -> None:
    api.replies = [Reply(manner="silent")]
    slack, outcomes = reaching(api, ca_bundle, read_timeout=5.0), list[Outcome]()
    first = threading.Thread(target=lambda: outcomes.append(speak(slack, api, message("one"))))
    first.start()
    while not api.calls:
        first.join(0.01)
    with with_deadline(0.0):
        assert isinstance(speak(slack, api, message("two", 1)), Retryable)
    assert speak(slack, api, message("other", run="another")) == Delivered()
    api.stop()
    first.join()
    assert [type(outcome) for outcome in outcomes] == [Ambiguous]
    slack.close()


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (
            Reply(429, '{"ok": false, "error": "ratelimited"}', {"Retry-After": "7"}),
            Retryable("127.0.0.1 asks for fewer messages (HTTP 429)", timedelta(seconds=7)),
        ),
        (
            Reply(200, '{"ok": false, "error": "missing_scope", "needed": "chat:write", "provided": "users:read"}'),
            DestinationDead(
                "127.0.0.1 answered missing_scope: give the app the scope chat:write (OAuth & Permissions), and install it again"
            ),
        ),
        (Reply(200, "[" * 100_000), Rejected("127.0.0.1 answered HTTP 200, which is no acceptance: nothing")),
        (Reply(200, "[]"), Rejected("127.0.0.1 answered HTTP 200, which is no acceptance: nothing")),
        (Reply(200, "<html>"), Rejected("127.0.0.1 answered HTTP 200, which is no acceptance: nothing")),
        (Reply(503, ""), Retryable("127.0.0.1 has trouble of its own (HTTP 503)")),
    ],
)
def test_an_answer_is_understood(reply: Reply, outcome: Outcome, slack: SlackWebhook, api: SlackApiServer) -> None:
    api.replies = [reply]
    assert speak(slack, api, message("one")) == outcome
    assert len(api.calls) == 1


def test_a_wrong_token_is_dead(slack: SlackWebhook, api: SlackApiServer) -> None:
    outcome = slack.speak(Secret("SLACK_BOT_TOKEN", "xoxb-1-2-wrong"), BOT, message("one"))
    assert isinstance(outcome, DestinationDead)
    assert outcome.reason.startswith("127.0.0.1 answered invalid_auth: the token is not valid")
    assert not api.messages


def test_what_is_no_token_goes_nowhere(slack: SlackWebhook, api: SlackApiServer) -> None:
    outcome = slack.speak(Secret("SLACK_BOT_TOKEN", "xoxb-1\r\nHost: elsewhere"), BOT, message("one"))
    assert isinstance(outcome, Rejected)
    assert outcome.reason.startswith("the token in the secret 'SLACK_BOT_TOKEN' is refused: it is no token of Slack")
    assert api.connections == api.refused == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int, slack: SlackWebhook, api: SlackApiServer, slack_server: SlackServer) -> None:
    api.replies = [Reply(status, "", {"Location": slack_server.url})]
    assert speak(slack, api, message("one")) == Rejected(f"127.0.0.1 answered with a redirect (HTTP {status}), which is never followed")
    assert (len(api.calls), slack_server.connections) == (1, 0)


@pytest.mark.parametrize(
    ("reply", "timings"),
    [
        (Reply(body="x" * 10_000, manner="drip body"), {"deadline": 0.3}),
        (Reply(body=json.dumps({"ok": True, "more": "x" * (1 << 20)})), {}),
        (Reply(manner="silent"), {"read_timeout": 0.2}),
        (Reply(manner="close"), {}),
        (Reply(body="{}", headers={"Content-Length": "9"}), {"read_timeout": 0.2}),
    ],
)
def test_an_answer_that_does_not_come_to_its_end_is_ambiguous(
    reply: Reply, timings: dict[str, float], api: SlackApiServer, ca_bundle: Path
) -> None:
    api.replies = [reply]
    slack = reaching(api, ca_bundle, **timings)
    assert isinstance(speak(slack, api, message("one")), Ambiguous)
    slack.close()


def test_a_certificate_must_be_good(authority: Authority) -> None:
    server = SlackApiServer(authority.wrong_host)
    outcome = speak(reaching(server, authority.bundle), server, message("one"))
    assert isinstance(outcome, Rejected)
    assert "the certificate of 127.0.0.1 is not trusted" in outcome.reason
    assert not server.calls
    server.stop()


def test_a_bundle_that_is_gone(api: SlackApiServer, ca_bundle: Path, tmp_path: Path) -> None:
    copy = tmp_path / "ca.pem"
    copy.write_bytes(ca_bundle.read_bytes())
    slack = reaching(api, copy)
    copy.unlink()
    assert "ca_bundle is refused" in repr(speak(slack, api, message("one")))


def test_proxies_lead_there_or_do_not(api: SlackApiServer, slack: SlackWebhook, proxy_server: ProxyServer) -> None:
    proxied = attrs.evolve(slack, proxies={"https": f"http://127.0.0.1:{proxy_server.port}"})
    assert speak(proxied, api, message("one")) == Delivered()
    assert proxy_server.targets == [f"127.0.0.1:{api.port}"]
    proxied.close()
    proxy_server.reply = b"HTTP/1.1 407 No\r\n\r\n"
    act = "write its login into HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT (it says: 407 No)"
    refused = Retryable(f"the proxy 127.0.0.1:{proxy_server.port} does not lead to 127.0.0.1: {act}")
    assert speak(attrs.evolve(proxied), api, message("one")) == refused
    assert "SOCKS" in repr(speak(attrs.evolve(slack, proxies={"https": "socks5://localhost"}), api, message("one")))


def test_the_token_turns_up_nowhere(
    api: SlackApiServer,
    slack: SlackWebhook,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:canarypassword@127.0.0.1:9")
    caplog.set_level(logging.DEBUG)
    echo = json.dumps({"ok": False, "error": f"no such thing: {api.token}", "needed": api.token})
    api.replies = [
        None,
        None,
        f"edit_{api.token}",
        Reply(200, echo),
        Reply(302, headers={"Location": api.token}),
        Reply(manner="close"),
    ]
    outcomes = [speak(slack, api, message(f"{at}", at)) for at in range(5)]
    api.stop()
    outcomes.append(speak(slack, api, message("gone")))
    logged = caplog.text + "".join(repr(vars(record)) for record in caplog.records) + "".join(capfd.readouterr())
    shown = repr(outcomes) + repr(slack) + logged + repr(pickle.dumps(slack)) + repr(vars(slack._threads))
    assert "[SLACK_BOT_TOKEN]" in shown
    assert "POST" in shown
    assert not [part for part in (api.token, api.token[-20:], "canarypassword") if part in shown]
    assert not [record for record in caplog.records if record.name.startswith("slack_sdk")]


@pytest.mark.skipif(sys.platform == "win32", reason="a thread cannot be interrupted there")
def test_an_interrupt_leaves_without_the_token_and_ends_the_turn(slack: SlackWebhook, api: SlackApiServer) -> None:
    api.replies = [Reply(manner="silent"), None]
    with pytest.raises(KeyboardInterrupt) as caught, interrupted(KeyboardInterrupt()):
        speak(slack, api, message("one"))
    held = frames(caught.value)
    assert held
    assert not [shown for shown in held if api.token in shown]
    assert speak(slack, api, message("two", 1)) == Delivered()


@pytest.mark.parametrize("api", ["https://slack.com.example/api/", "http://slack.com/api/", "https://slack.com/api"])
def test_the_api_is_slacks(api: str) -> None:
    with pytest.raises(ValueError, match=r"^api is refused: it "):
        SlackWebhook(api=api)


def test_without_the_extra_it_says_what_to_install(slack: SlackWebhook, api: SlackApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "slack_sdk", None)
    assert speak(slack, api, message("one")) == Rejected("to post to Slack as an app needs the extra: pip install 'tocsin[slack-bot]'")
    assert not api.calls


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork there")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_goes_on_in_the_thread_of_its_parent(slack: SlackWebhook, api: SlackApiServer) -> None:
    speak(slack, api, message("one"))
    place = (Secret("SLACK_BOT_TOKEN", api.token), "#ops", "run")
    with slack._threads.turn(place, 0.0) as ours:
        assert ours
        child = os.fork()
        if child == 0:  # pragma: no cover - in the child, which ends by _exit
            os._exit(0 if speak(slack, api, message("two", 1)) == Delivered() else 1)
        assert os.waitpid(child, 0)[1] == 0
    assert speak(slack, api, message("three", 2)) == Delivered()
    assert stands(api) == [(None, ["one", "two", "three"]), (api.messages[0].ts, ["two"]), (api.messages[0].ts, ["three"])]


def test_a_copy_knows_of_no_thread(slack: SlackWebhook, api: SlackApiServer) -> None:
    speak(slack, api, message("one"))
    copy = pickle.loads(pickle.dumps(slack))
    assert isinstance(copy, SlackWebhook)
    assert speak(copy, api, message("two", 1)) == Delivered()
    assert len(api.parents) == 2
    copy.close()


@pytest.mark.tocsin_live
def test_a_flow_is_one_thread(slack: SlackWebhook, api: SlackApiServer) -> None:
    tell = slack_notifier(token_secret="SLACK_BOT_TOKEN", channel="#ops")
    live = Live(secrets={"SLACK_BOT_TOKEN": api.token}, slack=slack)
    with Flow("nightly", state_handlers=[tell]) as flow:
        flow.add_task(Task("load", state_handlers=[tell]))
    report = flow.run(interpreter=live)
    assert not report.failures
    (parent,) = api.parents
    assert len(api.messages) == len(report.deliveries) == 4
    assert parent.texts[0].startswith("nightly started")
    assert parent.texts[-1].startswith("nightly succeeded")


@pytest.mark.tocsin_live
def test_a_handler_alone_posts_as_the_app_and_needs_the_token(slack: SlackWebhook, api: SlackApiServer) -> None:
    tell = slack_notifier(token_secret="SLACK_BOT_TOKEN", channel="C0123ABCD")
    with interpreting(Live(secrets={"SLACK_BOT_TOKEN": api.token}, slack=slack)):
        assert tell(Task("load"), Running(), Success()) == Success()
    assert api.calls[0].body["channel"] == "C0123ABCD"
    with interpreting(Live(secrets={}, slack=slack)), pytest.raises(ValueError, match="SLACK_BOT_TOKEN"):
        tell(Task("load"), Running(), Failed())
