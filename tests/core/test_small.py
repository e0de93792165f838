"""Tests of small functions that many modules use."""

from datetime import UTC, datetime, timedelta

import pytest

from tocsin import Running, Success
from tocsin.core.changes import slugs
from tocsin.core.delivery.destinations import address_fault
from tocsin.core.delivery.retry import parse_retry_after
from tocsin.core.messages.text import name_of, span
from tocsin.core.services.slack_api import slack_reply
from tocsin.core.services.smtp import smtp_reply
from tocsin.core.validation import invoke
from tocsin.core.values import FrozenMap, freeze
from tocsin.effects import Ambiguous, Delivered, DestinationDead, Queued, Rejected, Retryable
from tocsin.events import ReferencesSettled
from tocsin.shell.report import outcome_text


def test_a_frozen_map_is_a_copy_that_stays() -> None:
    given = {"rows": 1}
    frozen = FrozenMap(given)
    given["rows"] = 2
    assert (frozen["rows"], len(frozen), list(frozen), repr(frozen)) == (1, 1, ["rows"], "{'rows': 1}")
    assert freeze(frozen) is frozen
    assert frozen == {"rows": 1}
    with pytest.raises(TypeError):
        frozen["rows"] = 3  # type: ignore[index]  # the refused assignment is under test


def test_only_what_can_be_called_is_called() -> None:
    assert invoke(dict, function=1) == {"function": 1}
    with pytest.raises(TypeError, match="a int cannot be called"):
        invoke(3)
    assert name_of(3) == "3"


def test_slugs_never_repeat() -> None:
    assert slugs(["a", "a-2", "a", "a"]) == ["a", "a-2", "a-3", "a-4"]


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        (timedelta(microseconds=999), "less than 1 ms"),
        (timedelta(milliseconds=999), "999 ms"),
        (timedelta(seconds=9.96), "10.0 s"),
        (timedelta(seconds=61), "1 m 1 s"),
        (timedelta(hours=49, seconds=1), "2 d 1 h 1 s"),
        (timedelta(days=1), "1 d"),
    ],
)
def test_durations_in_words(duration: timedelta, expected: str) -> None:
    assert span(duration) == expected


@pytest.mark.parametrize(("text", "after"), [(None, None), ("soon", None), ("٣", None), ("3", 3), (" 5 ", 5), ("9" * 40, 86_400)])
def test_retry_after(text: str | None, after: float | None) -> None:
    assert parse_retry_after(text) == (None if after is None else timedelta(seconds=after))


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, "ok", Delivered),
        (200, "<html>", Rejected),
        (400, "invalid_payload", Rejected),
        (400, "user_not_found", Rejected),
        (400, "no_text", Rejected),
        (400, "too_many_attachments", Rejected),
        (403, "action_prohibited", Rejected),
        (403, "posting_to_general_channel_denied", Rejected),
        (404, "channel_not_found", Rejected),
        (410, "channel_is_archived", DestinationDead),
        (404, "no_active_hooks", DestinationDead),
        (404, "no_service", DestinationDead),
        (404, "no_service_id", DestinationDead),
        (404, "no_team", DestinationDead),
        (404, "team_disabled", DestinationDead),
        (403, "invalid_token", DestinationDead),
        (429, "", Retryable),
        (500, "rollup_error", Retryable),
        (400, "rollup_error", Retryable),
        (503, "", Retryable),
        (502, "", Ambiguous),
        (504, "", Ambiguous),
        (302, "ok", Rejected),
        (418, "teapot", Rejected),
    ],
)
def test_the_outcome_of_each_slack_answer(status: int, body: str, outcome: type[object]) -> None:
    assert isinstance(slack_reply(status, body, "7"), outcome)


@pytest.mark.parametrize(
    ("code", "text", "outcome"),
    [
        (421, "", Retryable("Gmail asks for another try: 421 ")),
        (450, "4.2.1 busy", Retryable("Gmail asks for another try: 450 4.2.1 busy")),
        (552, "5.3.4 too big", Rejected("Gmail refused the mail: 552 5.3.4 too big")),
    ],
)
def test_the_outcome_of_each_gmail_answer(code: int, text: str, outcome: Retryable | Rejected) -> None:
    assert smtp_reply(code, text) == outcome


@pytest.mark.parametrize(
    ("code", "text", "after"),
    [(454, "4.7.0 Too many login attempts", timedelta(minutes=10)), (550, "5.4.5 Daily limit", timedelta(hours=4))],
)
def test_the_delay_that_a_gmail_answer_asks_for(code: int, text: str, after: timedelta) -> None:
    answered = smtp_reply(code, text)
    assert isinstance(answered, Retryable)
    assert answered.after == after


@pytest.mark.parametrize("code", [534, 535])
def test_a_refused_login_is_never_retried(code: int) -> None:
    answered = smtp_reply(code, "5.7.8")
    assert isinstance(answered, DestinationDead)
    assert "an app password is needed" in answered.reason


def test_outcomes_in_words() -> None:
    assert outcome_text(Queued("a background thread")) == "queued in a background thread"
    assert outcome_text(Ambiguous("no answer came")) == "unknown: no answer came"
    assert outcome_text(Delivered()) == "delivered"
    assert Success() == Success("whatever")


def test_a_flow_ends_in_a_finished_state() -> None:
    with pytest.raises(ValueError, match=r"a flow ends in a finished state, not in Running\(\)"):
        ReferencesSettled(datetime(2026, 1, 1, tzinfo=UTC), state=Running())


INVALID_ADDRESSES = [
    ".@a",
    "a.@b.c",
    "a..b@c.d",
    "a@.b",
    "a@b-",
    "a@-b",
    "@b",
    "a@",
    "a b@c.d",
    '"a"@b.c',
    "a@b@c",
    "é@b.c",
    "a" * 65 + "@b",
]


@pytest.mark.parametrize("address", INVALID_ADDRESSES)
def test_an_invalid_address(address: str) -> None:
    assert address_fault(address) is not None
