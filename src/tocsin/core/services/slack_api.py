"""Slack's webhooks and Web API: the hosts, tokens and channels that are allowed, and answers classified as outcomes.

- Hosts, tokens and channels are checked before a connection is opened, from the text of the setting alone. No message repeats a token.
- The error word in the body counts before the HTTP status: one status serves many errors, and most errors of the Web API come with 200.
- A token, its channel and the app's permissions there are one destination. While a person has to fix one of them, it is dead.

Sources: Slack's page on incoming webhooks and its error bodies, its reference of ``chat.postMessage`` and ``chat.update``, and its
page on rate limits.
"""

import re
from collections.abc import Mapping
from datetime import timedelta

from tocsin.core.delivery.destinations import QUOTED, SLACK_HOSTS, https_fault, leads_to
from tocsin.core.delivery.retry import parse_retry_after
from tocsin.core.outcomes import Ambiguous, Delivered, DeliveryError, DestinationDead, Receipt, Rejected, Retryable
from tocsin.core.services.connection import NOISE, words
from tocsin.core.text import cut, is_quoted, one_line

API_HOSTS = ("slack.com", "slack-gov.com")
_FILES_SCOPE = "files:write"
_TOKEN = re.compile(r"xox[A-Za-z0-9._-]{5,500}")

_OUR_BUG = ", which is a bug of ours: please report it"
_WEBHOOK_DEAD: Mapping[str, str] = {
    "channel_is_archived": "its channel is archived: un-archive it, or create a webhook for another channel",
    "no_active_hooks": "the webhook is disabled: create a new one",
    "no_service": "the webhook is disabled or removed: create a new one",
    "no_service_id": "the webhook's URL is cut short or mistyped: copy it again",
    "no_team": "the webhook's workspace does not exist: copy the URL again",
    "team_disabled": "the webhook's workspace is disabled",
    "invalid_token": "the webhook is revoked or mistyped: create a new one",
}
_WEBHOOK_REJECTED: Mapping[str, str] = {
    "invalid_payload": f"the message is malformed{_OUR_BUG}",
    "user_not_found": f"the message names a user who does not exist{_OUR_BUG}",
    "no_text": f"the message has no text{_OUR_BUG}",
    "too_many_attachments": f"the message has too many attachments{_OUR_BUG}",
    "action_prohibited": "the workspace's administrator forbids it",
    "posting_to_general_channel_denied": "only some may post to #general: choose another channel",
    "channel_not_found": "its channel does not exist: create a webhook for another channel",
}

_INVITE = "invite the app to the channel: write /invite @app there"
_ADMIN = "ask an administrator of the workspace"
_REINSTALL = "install the app again, and copy its Bot User OAuth Token"
_API_DEAD: Mapping[str, str] = {
    "channel_not_found": f"there is no such channel, or it is private and the app is not in it: correct its name, or {_INVITE}",
    "not_in_channel": f"{_INVITE}, or give the app the scope chat:write.public",
    "is_archived": "the channel is archived: un-archive it, or name another",
    "no_permission": f"the app may not post there: {_INVITE}",
    "missing_scope": "give the app the scope {needed} (OAuth & Permissions), and install it again",
    "not_authed": f"it saw no token: {_REINSTALL}",
    "invalid_auth": f"the token is not valid, or not from this machine's address: {_REINSTALL}",
    "account_inactive": f"the app's bot user, or its workspace, is gone: {_REINSTALL}",
    "token_revoked": f"the token was revoked, or the app removed: {_REINSTALL}",
    "token_expired": "the token has expired: turn the app's token rotation off, or put a fresh token where this one is",
    "not_allowed_token_type": "this is no bot token: copy the Bot User OAuth Token, which begins with xoxb-",
    "restricted_action": f"the workspace lets the app not post there: {_ADMIN}, or name another channel",
    "restricted_action_read_only_channel": "the channel is read-only: name another",
    "restricted_action_thread_only_channel": "the channel takes nothing but replies: name another",
    "access_denied": f"the app may not do that: {_ADMIN}",
    "accesslimited": f"the workspace takes nothing from this network: {_ADMIN}",
    "ekm_access_denied": f"the workspace's administrators have suspended posting: {_ADMIN}",
    "enterprise_is_restricted": f"the organisation forbids it: {_ADMIN}",
    "team_access_not_granted": f"the app may not use that workspace: {_ADMIN}",
    "two_factor_setup_required": "the workspace asks the app's owner for two-factor authentication: set it up",
}
_API_REJECTED: Mapping[str, str] = {
    "invalid_arguments": f"the call is malformed{_OUR_BUG}",
    "invalid_attachments": f"the message is malformed{_OUR_BUG}",
    "msg_too_long": f"the message is too long{_OUR_BUG}",
    "no_text": f"the message has no text{_OUR_BUG}",
    "too_many_attachments": f"the message has too many attachments{_OUR_BUG}",
    "message_not_found": "the message is no longer there",
    "cant_update_message": "the message is not the app's own",
    "edit_window_closed": "the workspace does not let messages of that age be edited",
    "is_inactive": "the channel is frozen, archived or deleted",
    "cannot_reply_to_message": "that message cannot be replied to",
    "restricted_action_thread_locked": "the thread is locked",
    "restricted_action_non_threadable_channel": "the channel has no threads",
    "file_uploads_disabled": f"the workspace takes no files: {_ADMIN}",
    "file_uploads_except_images_disabled": f"the workspace takes no files but pictures: {_ADMIN}",
    "file_upload_size_restricted": f"the workspace takes no file of this size: {_ADMIN}",
    "file_type_not_allowed": f"the workspace takes no file of this type: {_ADMIN}",
    "storage_limit_reached": f"the workspace has no room for files: {_ADMIN}",
}
_API_RETRYABLE: Mapping[str, timedelta | None] = {
    "request_timeout": None,  # "the POST data was either missing or truncated": nothing was done
    "service_unavailable": None,
    "team_added_to_org": timedelta(minutes=10),
    "org_login_required": timedelta(minutes=10),
}
_RATE_LIMITED = {"ratelimited", "rate_limited"}
_AMBIGUOUS = {"internal_error", "fatal_error"}  # "it's possible some aspect of the operation succeeded"
_NO_THREAD = {
    "cannot_reply_to_message",
    "message_not_found",
    "restricted_action_non_threadable_channel",
    "restricted_action_thread_locked",
    "thread_not_found",
}


def api_fault(url: str, allowed_hosts: tuple[str, ...] = ()) -> str | None:
    """Return what is wrong with the address of an API that receives a token; None if nothing is.

    >>> api_fault("https://slack.com/api/") is None
    True
    >>> api_fault("https://slack.com.example/api/")
    'it does not lead to slack.com or slack-gov.com; allow another by SlackWebhook(allowed_hosts=...)'
    """
    from urllib.parse import urlsplit  # seldom needed, and slow to load

    fault = https_fault(url)
    if fault is not None:
        return fault
    if not leads_to(url, API_HOSTS, allowed_hosts):
        return f"it does not lead to {' or '.join(API_HOSTS)}; allow another by SlackWebhook(allowed_hosts=...)"
    parts = urlsplit(url)
    if not parts.path.endswith("/") or parts.query or parts.fragment:
        return "it does not end with the folder of the API: write 'https://slack.com/api/'"
    return None


def token_fault(token: str) -> str | None:
    """Return what is wrong with a bot token, without repeating it; None if nothing is.

    >>> token_fault("https://hooks.slack.com/services/T0/B0/x")
    'it is no token of Slack, which begins with xoxb-: copy the Bot User OAuth Token of the app'
    """
    if _TOKEN.fullmatch(token):
        return None
    if is_quoted(token):
        return QUOTED
    return "it is no token of Slack, which begins with xoxb-: copy the Bot User OAuth Token of the app"


def webhook_reply(status: int, body: str, retry_after: str | None = None, host: str = SLACK_HOSTS[0]) -> Receipt | DeliveryError:
    """Classify Slack's answer to a message that was posted to a webhook.

    The body counts before the status, since one status serves many errors.

    Args:
        status: the HTTP status.
        body: the beginning of the body.
        retry_after: the header Retry-After in seconds, if there was one.
        host: the server that answered.

    >>> webhook_reply(200, "ok")
    Delivered(refused=(), in_digest=None)
    >>> webhook_reply(404, "no_service").reason
    'Slack answered no_service (HTTP 404): the webhook is disabled or removed: create a new one'
    """
    server, word = _name(host), cut(one_line(body), 80)
    if status == 200 and word == "ok":
        return Delivered()
    if word in _WEBHOOK_DEAD:
        return DestinationDead(f"{server} answered {word} (HTTP {status}): {_WEBHOOK_DEAD[word]}")
    if word in _WEBHOOK_REJECTED:
        return Rejected(f"{server} answered {word} (HTTP {status}): {_WEBHOOK_REJECTED[word]}")
    if status == 429:
        return Retryable(f"{server} asks for fewer messages (HTTP 429)", parse_retry_after(retry_after))
    if status in {502, 504}:
        return Ambiguous(f"a gateway before {server} gave up (HTTP {status}): the message may have arrived")
    if status >= 500 or word == "rollup_error":
        return Retryable(f"{server} has trouble of its own (HTTP {status})", parse_retry_after(retry_after))
    if status < 200:
        return Ambiguous(f"{server} answered HTTP {status}, which announces an answer and is none: the message may have arrived")
    if 300 <= status < 400:
        return Rejected(f"{server} answered with a redirect (HTTP {status}), which is never followed")
    said = words(body, 80) or (NOISE if word else "nothing")
    return Rejected(f"{server} answered HTTP {status}, which is no acceptance: {said}")


def bot_reply(
    status: int, answer: Mapping[str, object], retry_after: str | None = None, host: str = API_HOSTS[0]
) -> Receipt | DeliveryError:
    """Classify an answer to a call of the Web API.

    Args:
        status: the HTTP status.
        answer: the JSON body; empty if the body was no JSON. It must hold no secret.
        retry_after: the header Retry-After in seconds, if there was one.
        host: the server that answered.

    >>> bot_reply(200, {"ok": True, "ts": "1503435956.000247"})
    Delivered(refused=(), in_digest=None)
    >>> bot_reply(200, {"ok": False, "error": "is_archived"}).reason
    'Slack answered is_archived: the channel is archived: un-archive it, or name another'
    """
    if status == 200 and answer.get("ok") is True:
        return Delivered()
    server, word = _name(host), _word(answer, "error")
    if word in _API_DEAD:
        return DestinationDead(f"{server} answered {word}: {_API_DEAD[word].format(needed=_word(answer, 'needed') or 'chat:write')}")
    if word in _API_REJECTED:
        return Rejected(f"{server} answered {word}: {_API_REJECTED[word]}")
    if status == 429 or word in _RATE_LIMITED:
        return Retryable(f"{server} asks for fewer messages (HTTP {status})", parse_retry_after(retry_after))
    if word in _AMBIGUOUS or status in {502, 504}:
        return Ambiguous(f"{server}, or a gateway before it, broke down ({word or f'HTTP {status}'}): the message may have arrived")
    if word in _API_RETRYABLE or status >= 500:
        return Retryable(
            f"{server} has trouble of its own ({word or f'HTTP {status}'})", parse_retry_after(retry_after) or _API_RETRYABLE.get(word)
        )
    if status < 200:
        return Ambiguous(f"{server} answered HTTP {status}, which announces an answer and is none: the message may have arrived")
    if 300 <= status < 400:
        return Rejected(f"{server} answered with a redirect (HTTP {status}), which is never followed")
    return Rejected(f"{server} answered HTTP {status}, which is no acceptance: {word or 'nothing'}")


def thread_refused(answer: Mapping[str, object]) -> bool:
    """Return whether a reply was refused because the thread takes none. The message may then be posted outside the thread."""
    return _word(answer, "error") in _NO_THREAD


def posted_as(answer: Mapping[str, object]) -> tuple[str, str] | None:
    """Return the ids of the channel and of the message that was posted; None if the answer lacks them."""
    channel, ts = answer.get("channel"), answer.get("ts")
    return (channel, ts) if isinstance(channel, str) and isinstance(ts, str) else None


def upload_place(answer: Mapping[str, object]) -> tuple[str, str] | None:
    """Return the URL that takes the bytes of a file, and the file's id; None if the answer lacks them."""
    url, file_id = answer.get("upload_url"), answer.get("file_id")
    return (url, file_id) if isinstance(url, str) and isinstance(file_id, str) else None


def upload_fault(url: str, allowed_hosts: tuple[str, ...] = ()) -> str | None:
    """Return what is wrong with the address that is to take the bytes of a file; None if nothing is.

    Slack has a host of its own for files, such as files.slack.com.

    >>> upload_fault("https://files.slack.com/upload/v1/ABC") is None
    True
    >>> upload_fault("https://slack.com.example/upload/v1/ABC")
    'it does not lead to slack.com or slack-gov.com, or to a host below them'
    """
    fault = https_fault(url)
    if fault is not None or leads_to(url, API_HOSTS, allowed_hosts, below=True):
        return fault
    return f"it does not lead to {' or '.join(API_HOSTS)}, or to a host below them"


def upload_reply(status: int, host: str) -> Receipt | DeliveryError:
    """Classify the answer to the bytes of a file.

    >>> upload_reply(200, "files.slack.com"), upload_reply(413, "files.slack.com").reason
    (Delivered(refused=(), in_digest=None), 'files.slack.com did not take the bytes (HTTP 413)')
    """
    return Delivered() if status == 200 else Rejected(f"{host} did not take the bytes (HTTP {status})")


def may_upload(scopes: str) -> bool:
    """Return whether an app with these scopes, from the header X-OAuth-Scopes, may upload files.

    >>> may_upload("chat:write,files:write"), may_upload("chat:write")
    (True, False)
    """
    return _FILES_SCOPE in {scope.strip() for scope in scopes.split(",")}


def _word(answer: Mapping[str, object], name: str) -> str:
    """Return a text of the answer as one line of at most 80 characters; empty if it is absent."""
    value = answer.get(name)
    return cut(one_line(value), 80) if isinstance(value, str) else ""


def _name(host: str) -> str:
    return "Slack" if host in {*SLACK_HOSTS, *API_HOSTS} else host
