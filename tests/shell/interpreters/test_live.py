"""``Live``: it obeys ``TOCSIN_NOTIFY`` and does not block an event loop."""

import asyncio
import pickle
import sys
import threading
from collections.abc import Callable

import pytest

from tests.servers.authority import Authority
from tests.servers.live import live_at
from tests.servers.slack import Reply, SlackServer
from tocsin import DryRun, Failed, Live, Recording, Running, Task, callback_factory, interpreting, slack_notifier
from tocsin.adapters import Secrets
from tocsin.effects import Effect, Queued, Shown, Withheld
from tocsin.shell.environment import NAME, misspelt
from tocsin.shell.interpreter import execute

pytestmark = pytest.mark.tocsin_live


def becomes_true(condition: Callable[[], bool]) -> bool:
    """Return whether the condition becomes true within ten seconds."""
    pause = threading.Event()
    return any(condition() or pause.wait(0.01) for _ in range(1000))


def effect() -> Effect:
    with interpreting(Recording()) as recording:
        slack_notifier(Task("load"), Running(), Failed())
    return recording.effects[0]


def test_the_environment_silences_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    live = Live(secrets={"SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/T/B/canary"})
    monkeypatch.setenv(NAME, "none")
    assert execute(live, effect()) == Withheld("TOCSIN_NOTIFY=none says so")
    monkeypatch.setenv(NAME, "print")
    assert execute(live, effect()) == Shown()
    assert "SLACK_WEBHOOK_URL" in capsys.readouterr().out


def test_a_word_in_quotation_marks_silences_it_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_NOTIFY", '"print"')
    wrong = """TOCSIN_NOTIFY="print" stands in quotation marks: write it without them, which docker's --env-file would keep"""
    assert misspelt() == wrong


def test_a_misspelt_word_silences_it_and_says_so_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv(NAME, "prnt")
    wrong = "TOCSIN_NOTIFY='prnt' is none of live, print, none"
    assert [execute(Live(), effect()) for _ in range(2)] == [Withheld(wrong)] * 2
    assert caplog.messages == [f"tocsin: {wrong}: nothing is sent"]


def test_where_there_is_no_standard_output_nothing_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    assert execute(DryRun(), effect()) == Withheld("there is no standard output to show it on")


def test_an_error_in_the_background_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    live = Live(secrets={"SLACK_WEBHOOK_URL": 5})  # type: ignore[dict-item]  # as in code that has no types

    async def main() -> None:
        assert execute(live, effect()) == Queued("a background thread")

    asyncio.run(main())
    assert becomes_true(lambda: bool(caplog.records))
    assert "could not tell Slack of 'load'" in caplog.text


def test_it_does_not_pickle_and_shows_no_secret() -> None:
    live = Live(secrets=Secrets({"SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/T/B/canary"}))
    with pytest.raises(TypeError, match="does not pickle, since it may hold secrets"):
        pickle.dumps(live)
    assert "canary" not in repr(live)


def test_in_an_event_loop_nothing_blocks(slack_server: SlackServer, authority: Authority, caplog: pytest.LogCaptureFixture) -> None:
    slack_server.replies = [Reply(body="invalid_payload", status=400)]
    here = threading.get_ident()

    async def main(live: Live) -> None:
        outcomes = [execute(live, effect()) for _ in range(2)]
        assert outcomes == [Queued("a background thread")] * 2
        called: list[int] = []
        with interpreting(live):
            callback_factory(lambda _, __: called.append(threading.get_ident()), lambda _: True)(Task("load"), Running(), Failed())
        assert called == [here]

    with live_at(authority, slack_server) as live:
        asyncio.run(main(live))
        assert becomes_true(lambda: len(slack_server.requests) == 2 and bool(caplog.records))
    assert len(slack_server.requests) == 2
    assert "could not tell Slack of 'load': 127.0.0.1 answered invalid_payload" in caplog.text
