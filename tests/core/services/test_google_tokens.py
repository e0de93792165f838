"""Answers about access tokens, classified as outcomes."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.outcomes import Ambiguous, DeliveryError, DestinationDead, Rejected, Retryable
from tocsin.core.services.google import AccessToken, AuthorizedUser, Grant, ServiceAccount, login_reply, token_reply

USER = AuthorizedUser("id", "secret", "refresh")
ROBOT = ServiceAccount("robot@x.y", "key")
GRANTS = st.sampled_from([USER, ROBOT])
CODES = (
    "invalid_grant",
    "invalid_client",
    "deleted_client",
    "disabled_client",
    "unauthorized_client",
    "invalid_scope",
    "access_denied",
    "admin_policy_enforced",
    "org_internal",
)


def refused(grant: Grant, error: object, description: object = None, status: int = 400) -> AccessToken | DeliveryError:
    return token_reply(grant, status, json.dumps({"error": error, "error_description": description}))


@pytest.mark.parametrize(
    ("expires_in", "lifetime"),
    [(3599, 3299), ("3599", 3299), (300, 0), (1, 0), (-5, 0), (0, 0), (10**20, 86_400), (None, 0), (True, 0), (3.5, 0), ("١٢", 0)],
)
def test_a_token_is_kept_until_shortly_before_its_end(expires_in: object, lifetime: float) -> None:
    found = token_reply(USER, 200, json.dumps({"access_token": "canary", "expires_in": expires_in}))
    assert found == AccessToken("canary", float(lifetime))
    assert "canary" not in repr(found)


@pytest.mark.parametrize("body", ["", "ok", "[]", "{}", '{"access_token": ""}', '{"access_token": 5}', '{"access_token": "a\\u0001b"}'])
def test_an_answer_without_a_token(body: str) -> None:
    reason = "Google's token endpoint answered without an access token (HTTP 200): look whether a proxy answers in its place"
    assert token_reply(USER, 200, body) == Rejected(reason)


@pytest.mark.parametrize("scope", ["openid https://mail.google.com", "", 7])
def test_a_token_for_something_else(scope: object) -> None:
    found = token_reply(USER, 200, json.dumps({"access_token": "t", "scope": scope}))
    reason = "the access token does not allow mail: make a new refresh token, with the scope https://mail.google.com/"
    assert found == DestinationDead(reason)


def test_a_token_for_mail_and_more() -> None:
    found = token_reply(USER, 200, '{"access_token": "t", "scope": "openid https://mail.google.com/"}')
    assert found == AccessToken("t", 0.0)


def test_a_refresh_token_that_has_expired() -> None:
    assert refused(USER, "invalid_grant", "Token has been expired or revoked.") == DestinationDead(
        'Google gives no access token (invalid_grant): the refresh token is expired or revoked, and those of an OAuth app in "Testing"'
        " expire after seven days: publish the app, or make a new token (it says: Token has been expired or revoked.)"
    )


def test_a_service_account_that_may_not() -> None:
    for error in ("invalid_grant", "unauthorized_client"):
        found = refused(ROBOT, error)
        assert isinstance(found, DestinationDead)
        assert "domain-wide delegation must allow the service account the scope https://mail.google.com/" in found.reason
        assert "seven days" not in found.reason


@given(GRANTS, st.sampled_from(CODES), st.sampled_from([400, 401, 403]))
def test_what_a_person_must_mend_is_dead(grant: Grant, error: str, status: int) -> None:
    found = refused(grant, error, status=status)
    assert isinstance(found, DestinationDead)
    assert found.reason.startswith(f"Google gives no access token ({error}): ")


def test_a_refusal_that_we_do_not_know() -> None:
    for error, said in [("invalid_request", "invalid_request"), ("a: b", "no reason that we know"), (None, "no reason that we know")]:
        found = refused(USER, error, "why\nnot", 403)
        reason = f"Google gives no access token (HTTP 403, {said}): make new credentials for the account (it says: why not)"
        assert found == Rejected(reason)


@given(st.sampled_from([408, 429, *range(500, 512)]), st.none() | st.just("7"))
def test_trouble_passes(status: int, after: str | None) -> None:
    found = token_reply(USER, status, '{"error": "invalid_grant"}', after)
    reason = f"Google's token endpoint has trouble of its own (HTTP {status})"
    assert found == Retryable(reason, None if after is None else timedelta(seconds=7))


@pytest.mark.parametrize("error", ["internal_failure", "rate_limit_exceeded", "server_error", "temporarily_unavailable"])
def test_trouble_by_name_passes(error: str) -> None:
    assert isinstance(refused(ROBOT, error), Retryable)


def test_a_redirect_is_not_followed() -> None:
    found = token_reply(USER, 302, "")
    assert isinstance(found, Rejected)
    assert "is never followed" in found.reason


@given(GRANTS, st.integers(100, 999), st.text() | st.builds(json.dumps, st.dictionaries(st.text(), st.text())), st.none() | st.text())
def test_every_answer_means_something(grant: Grant, status: int, body: str, retry_after: str | None) -> None:
    found = token_reply(grant, status, body, retry_after)
    assert not isinstance(found, Ambiguous)  # a token may be asked for twice
    said = found.reason if isinstance(found, DeliveryError) else found.value
    assert said.isprintable()
    assert len(said) < 600


@pytest.mark.parametrize("code", [534, 535])
def test_a_token_that_is_refused_is_no_matter_of_app_passwords(code: int) -> None:
    found = login_reply(code, "5.7.8 Username and Password not accepted")
    assert isinstance(found, DestinationDead)
    assert "app password" not in found.reason


def test_other_refusals_are_those_of_any_login() -> None:
    assert isinstance(login_reply(454, "4.7.0 Too many login attempts"), Retryable)
