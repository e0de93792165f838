"""What an app of Slack's is bound by: the hosts its token may go to, the tokens and the channels that there are.

Decided before a connection is opened, from the text of a setting alone; no word of a token is repeated.
"""

import re

from tocsin.core.destinations import https_fault

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
