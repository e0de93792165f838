"""What a health-check service is notified of, at which URL, and what its answers mean."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin import Failed, Retrying, Run, Running, State, Success
from tocsin import events as e
from tocsin.core.effects import CallBack
from tocsin.core.endings import Command
from tocsin.core.machine import Subject, advance
from tocsin.core.notifiers import Pinger
from tocsin.core.outcomes import Delivered, DeliveryError, Rejected, Retryable
from tocsin.core.services.healthchecks import MAX_BODY, body_limit, ping_body, ping_fault, ping_reply, ping_url, start_reply
from tocsin.core.transitions import IllegalTransition

PLAIN = "it is not an https URL: plain http is only for localhost, 127.0.0.1 and ::1"
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
    ("state", "status", "suffix"),
    [
        (Running(), None, "/start"),
        (Success(), 0, ""),
        (Success(), 3, ""),  # a status that counts as a success
        (Failed(), 3, "/3"),
        (Failed(), 255, "/255"),
        (Failed(), 0, "/fail"),  # /0 would be a success
        (Failed(), None, "/fail"),
    ],
)
def test_an_exit_status_is_told(state: State, status: int | None, suffix: str) -> None:
    assert ping_url("https://hc-ping.com/5f0c/?create=1", state, status).removesuffix("?create=1") == (
        f"https://hc-ping.com/5f0c{suffix}" if suffix else "https://hc-ping.com/5f0c/"
    )


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
        ("http://hc-ping.com/5f0c", PLAIN),
        ("HTTP://127.0.0.1.example.com/5f0c", PLAIN),
        ("http://127.0.0.256/5f0c", PLAIN),
        ("http://127.1/5f0c", PLAIN),
        ("http://localhost.localdomain/5f0c", PLAIN),
        ("http://[::2]/5f0c", PLAIN),
        ("http://127.0.0.1:8000/5f0c", None),
        ("HTTP://127.255.3.4/5f0c", None),
        ("http://LocalHost:8000/5f0c", None),
        ("http://[::1]:8000/5f0c", None),
        ("http://user:word@localhost/5f0c", "it names no host, or holds a user name"),
        ("http://localhost:port/", "it is not a URL"),
        ("ftp://127.0.0.1/5f0c", "it is not an https URL"),
        ("https://user:word@hc-ping.com/5f0c", "it names no host, or holds a user name"),
        ("https:///5f0c", "it names no host, or holds a user name"),
        ("https://hc-ping.com/5f0c\nHost: elsewhere", "it holds white space or unprintable characters"),
        ("https://hc-ping.com:port/", "it is not a URL"),
    ],
)
def test_what_is_no_service(url: str, fault: str | None) -> None:
    assert ping_fault(url) == fault


@given(st.sampled_from(["https", "http"]), st.text())
def test_any_text_is_judged_without_repeating_it(scheme: str, text: str) -> None:
    fault = ping_fault(f"{scheme}://hc-ping.com/canary{text}")
    assert fault is None or "canary" not in fault


@given(st.text())
def test_no_host_but_this_machine_is_asked_in_plain_http(host: str) -> None:
    if ping_fault(f"http://{host}/x") is None:
        assert (
            urlsplit(f"http://{host}/x").hostname == "localhost" or ip_address(urlsplit(f"http://{host}/x").hostname or "").is_loopback
        )


@given(st.text(), st.integers(0, 30))
def test_a_body_is_the_end_of_the_output_in_whole_characters(tail: str, limit: int) -> None:
    body = ping_body(tail, limit).decode()
    assert tail.encode("utf-8", "replace").decode().endswith(body)
    assert limit - 4 < len(body.encode()) <= limit or body == tail.encode("utf-8", "replace").decode()


@pytest.mark.parametrize(
    ("header", "limit"), [(None, MAX_BODY), ("10000", 10_000), ("0", 0), ("-1", MAX_BODY), ("²", MAX_BODY), ("999999999", MAX_BODY)]
)
def test_a_service_says_how_much_it_keeps(header: str | None, limit: int) -> None:
    assert body_limit(header) == limit


@pytest.mark.parametrize("status", [404, 405])
def test_a_service_may_have_no_address_for_a_start(status: int) -> None:
    assert start_reply(status, "not found") == Delivered()
    assert start_reply(500, "") == ping_reply(500, "")


@pytest.mark.parametrize(
    ("status", "kind"), [(200, Delivered), (204, Delivered), (301, Rejected), (404, Rejected), (429, Retryable), (503, Retryable)]
)
def test_what_an_answer_means(status: int, kind: type[Delivered | DeliveryError]) -> None:
    assert isinstance(ping_reply(status, "OK"), kind)


def test_an_answer_is_quoted() -> None:
    assert ping_reply(404, "not\nfound") == Rejected("the dead-man service answered HTTP 404: not found")
    assert ping_reply(503, "", "7") == Retryable("the dead-man service answered HTTP 503", timedelta(seconds=7))
