"""Answers of Slack's Web API, and the hosts, tokens and channels that are allowed."""

from collections.abc import Mapping
from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tocsin.core.delivery.destinations import is_channel
from tocsin.core.outcomes import Ambiguous, Delivered, DeliveryError, DestinationDead, Rejected, Retryable
from tocsin.core.services.slack_api import api_fault, bot_reply, posted_as, thread_refused, token_fault, webhook_reply
from tocsin.testing import strategies

Kind = type[Delivered | Retryable | Rejected | DestinationDead | Ambiguous]

TABLE: Mapping[str, tuple[Kind, str]] = {
    "channel_not_found": (DestinationDead, "/invite @app"),
    "not_in_channel": (DestinationDead, "/invite @app"),
    "is_archived": (DestinationDead, "un-archive it"),
    "no_permission": (DestinationDead, "/invite @app"),
    "missing_scope": (DestinationDead, "give the app the scope chat:write (OAuth & Permissions)"),
    "not_authed": (DestinationDead, "install the app again"),
    "invalid_auth": (DestinationDead, "copy its Bot User OAuth Token"),
    "account_inactive": (DestinationDead, "install the app again"),
    "token_revoked": (DestinationDead, "install the app again"),
    "token_expired": (DestinationDead, "token rotation"),
    "not_allowed_token_type": (DestinationDead, "xoxb-"),
    "restricted_action": (DestinationDead, "ask an administrator"),
    "restricted_action_read_only_channel": (DestinationDead, "name another"),
    "ekm_access_denied": (DestinationDead, "ask an administrator"),
    "invalid_arguments": (Rejected, "a bug of ours"),
    "no_text": (Rejected, "a bug of ours"),
    "message_not_found": (Rejected, "no longer there"),
    "edit_window_closed": (Rejected, "be edited"),
    "something_new": (Rejected, "no acceptance: something_new"),
    "ratelimited": (Retryable, "fewer messages"),
    "rate_limited": (Retryable, "fewer messages"),
    "request_timeout": (Retryable, "trouble of its own"),
    "service_unavailable": (Retryable, "trouble of its own"),
    "team_added_to_org": (Retryable, "trouble of its own"),
    "internal_error": (Ambiguous, "may have arrived"),
    "fatal_error": (Ambiguous, "may have arrived"),
}


@pytest.mark.parametrize("error", TABLE)
def test_each_error_means_what_it_means_and_says_what_to_do(error: str) -> None:
    kind, advice = TABLE[error]
    outcome = bot_reply(200, {"ok": False, "error": error})
    assert isinstance(outcome, kind)
    assert isinstance(outcome, DeliveryError)
    assert error in outcome.reason or kind is Retryable
    assert advice in outcome.reason


@pytest.mark.parametrize(
    ("status", "kind"),
    [(100, Ambiguous), (302, Rejected), (404, Rejected), (429, Retryable), (500, Retryable), (502, Ambiguous), (504, Ambiguous)],
)
def test_where_there_is_no_word_the_status_counts(status: int, kind: Kind) -> None:
    assert isinstance(bot_reply(status, {}), kind)


def test_the_word_counts_before_the_status() -> None:
    assert isinstance(bot_reply(500, {"ok": False, "error": "internal_error"}), Ambiguous)
    assert isinstance(bot_reply(403, {"ok": False, "error": "token_revoked"}), DestinationDead)
    assert bot_reply(200, {}) == Rejected("Slack answered HTTP 200, which is no acceptance: nothing")
    assert isinstance(bot_reply(201, {"ok": True}), Rejected)


def test_the_scope_that_is_needed_is_named() -> None:
    answer = {"ok": False, "error": "missing_scope", "needed": "chat:write.public"}
    assert "the scope chat:write.public (" in repr(bot_reply(200, answer))


def test_slack_says_how_long_to_wait() -> None:
    assert bot_reply(429, {"ok": False, "error": "ratelimited"}, "30") == Retryable(
        "Slack asks for fewer messages (HTTP 429)", timedelta(seconds=30)
    )
    later = bot_reply(200, {"ok": False, "error": "team_added_to_org"})
    assert later == Retryable("Slack has trouble of its own (team_added_to_org)", timedelta(minutes=10))


@example(200, {"ok": True})
@given(
    st.integers(100, 599), st.dictionaries(st.sampled_from(["ok", "error", "needed"]), st.none() | st.booleans() | strategies.texts())
)
def test_whatever_is_answered_means_something_in_one_short_line(status: int, answer: dict[str, object]) -> None:
    outcome = bot_reply(status, answer)
    assert isinstance(outcome, Delivered) is (status == 200 and answer.get("ok") is True)
    if isinstance(outcome, DeliveryError):
        assert len(outcome.reason.splitlines()) == 1
        assert len(outcome.reason) < 300


def test_ids_and_replies_that_cannot_be() -> None:
    assert posted_as({"ok": True, "channel": "C1", "ts": "1.2"}) == ("C1", "1.2")
    assert posted_as({"ok": True, "channel": "C1"}) is posted_as({"ok": True, "channel": 1, "ts": "1.2"}) is None
    assert thread_refused({"ok": False, "error": "restricted_action_thread_locked"})
    assert not thread_refused({"ok": False, "error": "channel_not_found"})
    assert not thread_refused({"ok": True})


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://slack.com/api/", "not an https URL"),
        ("https://slack.com.example/api/", "does not lead to slack.com"),
        ("https://slack.com:8443/api/", "does not lead to slack.com"),
        ("https://me@slack.com/api/", "holds a user name"),
        ("https://slack.com/api", "does not end with the folder of the API"),
        ("https://slack.com/api/?a=/", "does not end with the folder of the API"),
    ],
)
def test_a_token_goes_to_slack_and_nowhere_else(url: str, why: str) -> None:
    assert why in str(api_fault(url))


@pytest.mark.parametrize("url", ["https://slack.com/api/", "https://slack-gov.com:443/api/", "https://localhost:1/x/"])
def test_these_it_may_go_to(url: str) -> None:
    assert api_fault(url, ("localhost",)) is None


@pytest.mark.parametrize(
    "token", ["xoxb-1-2-a\r\nHost: elsewhere", "xoxb-1-2-é", "xoxb", "token", "https://hooks.slack.com/services/T/B/x"]
)
def test_what_is_no_token_is_not_sent_and_not_repeated(token: str) -> None:
    fault = token_fault(token)
    assert fault is not None
    assert not [part for part in ("1-2", "Host", "é", "services") if part in fault]


def test_tokens_and_channels_that_there_are() -> None:
    assert [token_fault(token) for token in ("xoxb-12-34-aB", "xoxp-1-2-3-4", "xoxe.xoxb-1-Mi0y")] == [None] * 3
    assert all(is_channel(name) for name in ("#ops", "#on-call_2", "#überwachung", "C0123ABCD", "G0123ABCD", "D0123ABCD"))
    assert not any(is_channel(name) for name in ("", "#", "ops", "# ops", "#a\n", "c0123abcd", "#" + "a" * 81, "C0123ABCD\n"))


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
    assert isinstance(webhook_reply(status, body, "7"), outcome)
