"""What an answer means: Slack's and Gmail's words and codes, as outcomes.

Sources: Slack's page on incoming webhooks and its error bodies; Gmail's page of SMTP errors and codes. Slack is classified by the
body first, then by the status, since one status serves many errors.
"""

from datetime import timedelta

from tocsin.core.messages.text import cut, one_line
from tocsin.core.outcomes import Ambiguous, Delivered, DeliveryError, DestinationDead, Receipt, Rejected, Retryable

_DEAD = {
    "channel_is_archived": "its channel is archived: un-archive it, or create a webhook for another channel",
    "no_active_hooks": "the webhook is disabled: create a new one",
    "no_service": "the webhook is disabled or removed: create a new one",
    "no_service_id": "the webhook's URL is cut short or mistyped: copy it again",
    "no_team": "the webhook's workspace does not exist: copy the URL again",
    "team_disabled": "the webhook's workspace is disabled",
    "invalid_token": "the webhook is revoked or mistyped: create a new one",
}
_REJECTED = {
    "invalid_payload": "the message is malformed, which is a bug of ours: please report it",
    "user_not_found": "the message names a user who does not exist, which is a bug of ours: please report it",
    "no_text": "the message has no text, which is a bug of ours: please report it",
    "too_many_attachments": "the message has too many attachments, which is a bug of ours: please report it",
    "action_prohibited": "the workspace's administrator forbids it",
    "posting_to_general_channel_denied": "only some may post to #general: choose another channel",
    "channel_not_found": "its channel does not exist: create a webhook for another channel",
}


def slack_reply(status: int, body: str, retry_after: str | None = None) -> Receipt | DeliveryError:
    """What Slack's answer to a posted message means.

    Args:
        status: the HTTP status.
        body: the beginning of the body.
        retry_after: the header Retry-After, in seconds, where there was one.

    >>> slack_reply(200, "ok")
    Delivered(refused=(), in_digest=None)
    >>> slack_reply(404, "no_service").reason
    'Slack answered no_service (HTTP 404): the webhook is disabled or removed: create a new one'
    """
    said = cut(one_line(body), 80)
    if status == 200 and said == "ok":
        return Delivered()
    if said in _DEAD:
        return DestinationDead(f"Slack answered {said} (HTTP {status}): {_DEAD[said]}")
    if said in _REJECTED:
        return Rejected(f"Slack answered {said} (HTTP {status}): {_REJECTED[said]}")
    if status == 429:
        return Retryable("Slack asks for fewer messages (HTTP 429)", seconds(retry_after))
    if status in {502, 504}:
        return Ambiguous(f"a gateway before Slack gave up (HTTP {status}): the message may have arrived")
    if status >= 500 or said == "rollup_error":
        return Retryable(f"Slack has trouble of its own (HTTP {status})", seconds(retry_after))
    if status < 200:
        return Ambiguous(f"Slack answered HTTP {status}, which announces an answer and is none: the message may have arrived")
    if 300 <= status < 400:
        return Rejected(f"the webhook answered with a redirect (HTTP {status}), which is never followed")
    return Rejected(f"Slack answered HTTP {status}, which is no acceptance: {said or 'nothing'}")


def ping_reply(status: int, body: str, retry_after: str | None = None) -> Receipt | DeliveryError:
    """What a dead-man service's answer means, with the arguments of ``slack_reply``: any status of success will do.

    >>> ping_reply(404, "not found").reason
    'the dead-man service answered HTTP 404: not found'
    """
    if 200 <= status < 300:
        return Delivered()
    said = cut(one_line(body), 80)
    reason = f"the dead-man service answered HTTP {status}{f': {said}' if said else ''}"
    return Retryable(reason, seconds(retry_after)) if status >= 500 or status == 429 else Rejected(reason)


def seconds(text: str | None) -> timedelta | None:
    """The header Retry-After, where it is a whole number of seconds (a day at most)."""
    if text is None or not (text.isascii() and text.strip().isdigit()):
        return None
    return timedelta(seconds=min(int(text.strip()[:9]), 86_400))


def smtp_reply(code: int, text: str) -> DeliveryError:
    """What a refusal by Gmail's SMTP server means.

    >>> smtp_reply(535, "5.7.8 Username and Password not accepted").reason
    'Gmail refused the login (535): an app password is needed, see https://support.google.com/accounts/answer/185833'
    """
    said = f"{code} {cut(one_line(text), 160)}"
    if code in {534, 535}:
        return DestinationDead(
            f"Gmail refused the login ({code}): an app password is needed, see https://support.google.com/accounts/answer/185833"
        )
    if code == 454:
        return Retryable(f"Gmail has had too many logins (this is not a bad password): {said}", timedelta(minutes=10))
    if code == 550 and "5.4.5" in text:
        return Retryable(f"the account has sent all it may send today: {said}", timedelta(hours=4))
    if 400 <= code < 500:
        return Retryable(f"Gmail asks for another try: {said}")
    return Rejected(f"Gmail refused the mail: {said}")
