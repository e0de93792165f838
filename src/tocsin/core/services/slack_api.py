"""What an app of Slack's is bound by: the hosts its token may go to, the tokens and the channels that there are.

Decided before a connection is opened, from the text of a setting alone; no word of a token is repeated.

What Slack's Web API answers to an app, as outcomes.

Sources: Slack's reference of ``chat.postMessage`` and ``chat.update``, and its page on rate limits. Most errors come with HTTP 200, so
the word counts first, then the status. A token, a channel and what the app may do there are one destination: while a person has to
mend one of them, it is dead.
"""

import re
from collections.abc import Mapping
from datetime import timedelta

from tocsin.core.delivery.destinations import https_fault
from tocsin.core.messages.text import cut, one_line
from tocsin.core.outcomes import Ambiguous, Delivered, DeliveryError, DestinationDead, Receipt, Rejected, Retryable
from tocsin.core.services.replies import seconds

API_HOSTS = ("slack.com", "slack-gov.com")
_TOKEN = re.compile(r"xox[A-Za-z0-9._-]{5,500}")
_CHANNEL = re.compile(r"#[\w-]{1,80}|[CDGUW][A-Z0-9]{5,30}")  # a name as people write it, or an id


def api_fault(url: str, allowed_hosts: tuple[str, ...] = ()) -> str | None:
    """What is wrong with the address of an API that a token is to go to; None where it may.

    >>> api_fault("https://slack.com/api/") is None
    True
    >>> api_fault("https://slack.com.example/api/")
    'it does not lead to slack.com or slack-gov.com; allow another by SlackWebhook(allowed_hosts=...)'
    """
    from urllib.parse import urlsplit  # seldom needed, and slow to load

    fault = https_fault(url)
    if fault is not None:
        return fault
    parts = urlsplit(url)
    if parts.hostname not in allowed_hosts and (parts.hostname not in API_HOSTS or parts.port not in {None, 443}):
        return f"it does not lead to {' or '.join(API_HOSTS)}; allow another by SlackWebhook(allowed_hosts=...)"
    if not parts.path.endswith("/") or parts.query or parts.fragment:
        return "it does not end with the folder of the API: write 'https://slack.com/api/'"
    return None


def token_fault(token: str) -> str | None:
    """What is wrong with a token, in words that do not repeat it; None where Slack may be asked.

    >>> token_fault("https://hooks.slack.com/services/T0/B0/x")
    'it is no token of Slack, which begins with xoxb-: copy the Bot User OAuth Token of the app'
    """
    return (
        None
        if _TOKEN.fullmatch(token)
        else "it is no token of Slack, which begins with xoxb-: copy the Bot User OAuth Token of the app"
    )


def is_channel(text: str) -> bool:
    """Whether a channel can be called so.

    >>> [is_channel(text) for text in ("#ops", "C0123ABCD", "ops", "#a b")]
    [True, True, False, False]
    """
    return _CHANNEL.fullmatch(text) is not None


_INVITE = "invite the app to the channel: write /invite @app there"
_ADMIN = "ask an administrator of the workspace"
_AGAIN = "install the app again, and copy its Bot User OAuth Token"
_DEAD: Mapping[str, str] = {
    "channel_not_found": f"there is no such channel, or it is private and the app is not in it: correct its name, or {_INVITE}",
    "not_in_channel": f"{_INVITE}, or give the app the scope chat:write.public",
    "is_archived": "the channel is archived: un-archive it, or name another",
    "no_permission": f"the app may not post there: {_INVITE}",
    "missing_scope": "give the app the scope {needed} (OAuth & Permissions), and install it again",
    "not_authed": f"it saw no token: {_AGAIN}",
    "invalid_auth": f"the token is not valid, or not from this machine's address: {_AGAIN}",
    "account_inactive": f"the app's bot user, or its workspace, is gone: {_AGAIN}",
    "token_revoked": f"the token was revoked, or the app removed: {_AGAIN}",
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
_OURS = ", which is a bug of ours: please report it"
_REJECTED: Mapping[str, str] = {
    "invalid_arguments": f"the call is malformed{_OURS}",
    "invalid_attachments": f"the message is malformed{_OURS}",
    "msg_too_long": f"the message is too long{_OURS}",
    "no_text": f"the message has no text{_OURS}",
    "too_many_attachments": f"the message has too many attachments{_OURS}",
    "message_not_found": "the message is no longer there",
    "cant_update_message": "the message is not the app's own",
    "edit_window_closed": "the workspace does not let messages of that age be edited",
    "is_inactive": "the channel is frozen, archived or deleted",
    "cannot_reply_to_message": "nobody can reply to that message",
    "restricted_action_thread_locked": "the thread is locked",
    "restricted_action_non_threadable_channel": "the channel has no threads",
}
_LATER: Mapping[str, timedelta | None] = {
    "request_timeout": None,  # "the POST data was either missing or truncated": nothing was done
    "service_unavailable": None,
    "team_added_to_org": timedelta(minutes=10),
    "org_login_required": timedelta(minutes=10),
}
_LIMITED = {"ratelimited", "rate_limited"}
_PERHAPS = {"internal_error", "fatal_error"}  # "it's possible some aspect of the operation succeeded"
_LONE = {
    "cannot_reply_to_message",
    "message_not_found",
    "restricted_action_non_threadable_channel",
    "restricted_action_thread_locked",
    "thread_not_found",
}


def bot_reply(status: int, answer: Mapping[str, object], retry_after: str | None = None) -> Receipt | DeliveryError:
    """What an answer to a call of the Web API means.

    Args:
        status: the HTTP status.
        answer: the body, which is JSON; empty where it was not. Its words hold no secret.
        retry_after: the header Retry-After, where there was one.

    >>> bot_reply(200, {"ok": True, "ts": "1503435956.000247"})
    Delivered(refused=(), in_digest=None)
    >>> bot_reply(200, {"ok": False, "error": "is_archived"}).reason
    'Slack answered is_archived: the channel is archived: un-archive it, or name another'
    """
    if status == 200 and answer.get("ok") is True:
        return Delivered()
    said = _word(answer, "error")
    if said in _DEAD:
        return DestinationDead(f"Slack answered {said}: {_DEAD[said].format(needed=_word(answer, 'needed') or 'chat:write')}")
    if said in _REJECTED:
        return Rejected(f"Slack answered {said}: {_REJECTED[said]}")
    if status == 429 or said in _LIMITED:
        return Retryable(f"Slack asks for fewer messages (HTTP {status})", seconds(retry_after))
    if said in _PERHAPS or status in {502, 504}:
        return Ambiguous(f"Slack, or a gateway before it, broke down ({said or f'HTTP {status}'}): the message may have arrived")
    if said in _LATER or status >= 500:
        return Retryable(f"Slack has trouble of its own ({said or f'HTTP {status}'})", seconds(retry_after) or _LATER.get(said))
    if status < 200:
        return Ambiguous(f"Slack answered HTTP {status}, which announces an answer and is none: the message may have arrived")
    if 300 <= status < 400:
        return Rejected(f"Slack's API answered with a redirect (HTTP {status}), which is never followed")
    return Rejected(f"Slack answered HTTP {status}, which is no acceptance: {said or 'nothing'}")


def alone(answer: Mapping[str, object]) -> bool:
    """Whether a reply was refused because there can be none in that thread; the message may be posted by itself."""
    return _word(answer, "error") in _LONE


def posted_as(answer: Mapping[str, object]) -> tuple[str, str] | None:
    """The ids of the channel and of the message that was posted; None where the answer does not say."""
    channel, ts = answer.get("channel"), answer.get("ts")
    return (channel, ts) if isinstance(channel, str) and isinstance(ts, str) else None


def _word(answer: Mapping[str, object], name: str) -> str:
    said = answer.get(name)
    return cut(one_line(said), 80) if isinstance(said, str) else ""
