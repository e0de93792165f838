"""What a health-check service is notified of, at which URL, and what its answers mean."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin import Failed, Retrying, Run, Running, State, Success
from tocsin import events as e
from tocsin.core.delivery.destinations import https_fault
from tocsin.core.effects import CallBack
from tocsin.core.endings import Command
from tocsin.core.machine import Subject, advance
from tocsin.core.notifiers import Pinger
from tocsin.core.outcomes import Delivered, DeliveryError, Rejected, Retryable
from tocsin.core.services.healthchecks import ping_reply, ping_url
from tocsin.core.transitions import IllegalTransition

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def ping(tracked_obj: Command, state: State) -> None: ...


def reported(*events: e.Event) -> list[str]:
    """Return the kinds of states that the service is notified of."""
    run, heard = Run(Subject(Command("load"), (Pinger(ping),), "r1", "load", attempts=2)), list[str]()
    for event in events:
        stepped = advance(run, event)
        assert not isinstance(stepped, IllegalTransition)
        run = stepped.run
        for effect in stepped.effects:
            assert isinstance(effect, CallBack)
            heard.append(type(effect.state).__name__)
    return heard


failed = e.Signalled(NOW, state=Failed("exit status 1"))


def test_it_hears_of_the_start_and_of_the_last_end() -> None:
    assert reported(e.Started(NOW), e.Succeeded(NOW)) == ["Running", "Success"]
    again = e.RetryDue(NOW, attempt=1, attempts=2)
    assert reported(e.Started(NOW), failed, again, e.Started(NOW), failed) == ["Running", "Failed"]
    assert reported(e.Started(NOW), failed, again, e.Started(NOW), e.Succeeded(NOW)) == ["Running", "Success"]


def test_it_says_why() -> None:
    run = Run(Subject(Command("load"), (Pinger(ping),), "r1", "load", attempts=2))
    begun = advance(run, e.Started(NOW))
    assert not isinstance(begun, IllegalTransition)
    over = advance(begun.run, failed)
    assert not isinstance(over, IllegalTransition)
    assert begun.announced is not None
    assert over.announced is not None
    assert Pinger(ping).explain(begun.announced.change).reason == "attempt 1 starts"
    assert Pinger(ping).explain(over.announced.change).reason == "another attempt may follow"
    assert repr(Pinger(ping)) == "ping"
    assert not Pinger(ping).concerns(Retrying)


@pytest.mark.parametrize(
    ("url", "state", "asked"),
    [
        ("https://hc-ping.com/5f0c", Running(), "https://hc-ping.com/5f0c/start"),
        ("https://hc-ping.com/5f0c/", Failed(), "https://hc-ping.com/5f0c/fail"),
        ("https://hc-ping.com/5f0c/", Success(), "https://hc-ping.com/5f0c/"),
        ("https://hc-ping.com/5f0c?create=1#top", Success(), "https://hc-ping.com/5f0c?create=1"),
    ],
)
def test_where_it_is_told(url: str, state: State, asked: str) -> None:
    assert ping_url(url, state) == asked


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("https://hc-ping.com/5f0c", None),
        ("https://127.0.0.1:8443/5f0c", None),
        ("http://hc-ping.com/5f0c", "it is not an https URL"),
        ("https://user:word@hc-ping.com/5f0c", "it names no host, or holds a user name"),
        ("https:///5f0c", "it names no host, or holds a user name"),
        ("https://hc-ping.com/5f0c\nHost: elsewhere", "it holds white space or unprintable characters"),
        ("https://hc-ping.com:port/", "it is not a URL"),
    ],
)
def test_what_is_no_service(url: str, fault: str | None) -> None:
    assert https_fault(url) == fault


@given(st.text())
def test_any_text_is_judged_without_repeating_it(text: str) -> None:
    fault = https_fault(f"https://hc-ping.com/canary{text}")
    assert fault is None or "canary" not in fault


@pytest.mark.parametrize(
    ("status", "kind"), [(200, Delivered), (204, Delivered), (301, Rejected), (404, Rejected), (429, Retryable), (503, Retryable)]
)
def test_what_an_answer_means(status: int, kind: type[Delivered | DeliveryError]) -> None:
    assert isinstance(ping_reply(status, "OK"), kind)


def test_an_answer_is_quoted() -> None:
    assert ping_reply(404, "not\nfound") == Rejected("the dead-man service answered HTTP 404: not found")
    assert ping_reply(503, "", "7") == Retryable("the dead-man service answered HTTP 503", timedelta(seconds=7))
