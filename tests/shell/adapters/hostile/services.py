"""Expected outcomes of the answers of Slack's Web API, of Google's token endpoint, and of proxies."""

import json

from tests.servers.hostile import Prepare, closed_port, mute, plain, raw, replying, rude, says
from tests.shell.adapters.hostile.row import Row
from tocsin.core.outcomes import Ambiguous, DestinationDead, Rejected, Retryable


def _errors(*words: str) -> dict[str, Prepare]:
    return {f"`{word}`": replying(200, json.dumps({"ok": False, "error": word})) for word in words}


def _statuses(*statuses: int) -> dict[str, Prepare]:
    return {f"HTTP {status}": replying(status, "") for status in statuses}


def _tokens(*words: str) -> dict[str, Prepare]:
    body = {word: json.dumps({"error": word, "error_description": "<b>no</b>\x1b"}) for word in words}
    return {f"`{word}`": replying(400, body[word]) for word in words}


def _refusing(status: bytes) -> Prepare:
    return raw(says(b"HTTP/1.1 " + status + b"\r\n\r\n"), plain)


_MEMBERSHIP = ("channel_not_found", "not_in_channel", "is_archived", "no_permission", "missing_scope")
_TOKEN = ("not_authed", "invalid_auth", "account_inactive", "token_revoked", "token_expired", "not_allowed_token_type")
_POLICY = ("restricted_action", "access_denied", "accesslimited", "ekm_access_denied", "enterprise_is_restricted")
_TEAM = ("team_access_not_granted", "two_factor_setup_required", "restricted_action_read_only_channel")

APP = (
    Row("Slack app", "answers", DestinationDead, _errors(*_MEMBERSHIP, *_TOKEN, *_POLICY, *_TEAM)),
    Row("Slack app", "answers", Rejected, _errors("invalid_arguments", "msg_too_long", "something_new") | _statuses(302, 404)),
    Row("Slack app", "answers", Retryable, _errors("ratelimited", "service_unavailable") | _statuses(429, 503)),
    Row("Slack app", "answers", Retryable, _errors("team_added_to_org"), after=600),
    Row("Slack app", "answers", Ambiguous, _errors("internal_error") | _statuses(502, 103)),
)
_CLIENT = ("invalid_grant", "invalid_client", "unauthorized_client", "invalid_scope", "access_denied")
TOKENS = (
    Row("Google's tokens", "answers", DestinationDead, _tokens(*_CLIENT)),
    Row(
        "Google's tokens",
        "answers",
        DestinationDead,
        {"a token without the scope": replying(200, '{"access_token": "t", "scope": "x"}')},
    ),
    Row(
        "Google's tokens",
        "answers",
        Rejected,
        _tokens("invalid_request") | {"200 without a token": replying(200, "{}")} | _statuses(302),
    ),
    Row("Google's tokens", "answers", Retryable, _tokens("temporarily_unavailable") | _statuses(503)),
)
PROXY = (
    Row(
        "A proxy to Slack",
        "answers",
        Retryable,
        {"403": _refusing(b"403 Forbidden"), "407": _refusing(b"407 Proxy Authentication Required")},
        proxy="http",
    ),
    Row("A proxy to Slack", "hangs up", Retryable, {"on a connection": raw(rude, plain)}, proxy="http"),
    Row("A proxy to Slack", "says nothing", Retryable, {"to a connection": raw(mute, plain)}, proxy="http", strains="time"),
    Row("A proxy to Slack", "takes no connection:", Retryable, {"no process listens": closed_port}, proxy="http"),
    Row(
        "A proxy to Slack",
        "speaks no TLS, but",
        Rejected,
        {"HTTP": raw(says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), plain)},
        proxy="https",
    ),
    Row(
        "A proxy to Slack",
        "shows a certificate",
        Rejected,
        {"that has expired": raw(rude, lambda authority: authority.expired)},
        proxy="https",
    ),
)
