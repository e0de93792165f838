"""Where a message goes: its destination, its audience, and the checks of URLs and addresses.

- Messages to one destination share a queue, a rate limit and a circuit breaker. Messages to one audience may be folded into one.
- URLs and addresses are checked before a connection is opened, from the text of the setting alone. No problem text repeats them.
"""

import re
from typing import Literal

import attrs

from tocsin.core.effects import CallBack, Effect, Message, PostToSlack, SendEmail
from tocsin.core.text import is_quoted
from tocsin.core.values import Value

Channel = Literal["slack", "gmail"]

SLACK_HOSTS = ("hooks.slack.com", "hooks.slack-gov.com")
QUOTED = "it stands in quotation marks: write it without them, which docker's --env-file would keep"
_NO_PROXY = "it is not the URL of a proxy: write http://HOST:PORT"
_WORKFLOWS = {"triggers", "workflows"}
_MOST_DECODED = 3  # times that a path is percent-decoded; a server decodes once, and a gateway before it perhaps once more
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"  # of RFC 5322; no quotes, no comments, no literals
_CHANNEL = re.compile(r"#[\w-]{1,80}|[CDGUW][A-Z0-9]{5,30}")  # of Slack: a name as people write it, or an id
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"(?=[^@]{{1,64}}@[^@]{{1,255}}\Z){_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*")


@attrs.frozen(eq=False, repr=False)
class Destination(Value):
    """A webhook, a channel of a bot, or an account that sends mail. ``name`` holds names of secrets, never a secret itself."""

    channel: Channel
    name: str

    def __str__(self) -> str:
        return f"{'Slack' if self.channel == 'slack' else 'Gmail'} ({self.name})"


def destination(effect: Effect) -> Destination | None:
    """Return the destination of an effect; None for a call, which has none."""
    if isinstance(effect, CallBack):
        return None
    if isinstance(effect, SendEmail):
        return Destination("gmail", effect.username_secret)
    name = effect.webhook_secret if effect.bot is None else f"{effect.bot.token_secret} in {effect.bot.channel}"
    return Destination("slack", name)


def audience(message: Message) -> tuple[object, ...]:
    """Return who reads a message and who sends it, as a hashable value. Only messages to the same audience may be folded into one."""
    if isinstance(message, PostToSlack):
        return ("slack", message.webhook_secret, message.bot)
    return ("gmail", message.username_secret, message.password_secret, message.mail.recipients, message.mail.cc, message.rest)


def webhook_fault(url: str, allowed_hosts: tuple[str, ...] = ()) -> str | None:
    """Return what is wrong with a webhook URL, without repeating it; None if nothing is.

    The URL must be https, have a path, and lead to one of Slack's two hosts or to a host that is allowed explicitly. A URL that starts
    a workflow is refused however it is written, since it takes no messages.

    >>> webhook_fault("https://hooks.slack.com/services/T0/B0/x") is None
    True
    >>> webhook_fault("http://hooks.slack.com/services/T0/B0/x")
    'it is not an https URL'
    """
    from urllib.parse import urlsplit

    fault = https_fault(url)
    if fault is not None:
        return fault
    path = _path(urlsplit(url).path)
    if not leads_to(url, SLACK_HOSTS, allowed_hosts):
        other = "TOCSIN_SLACK_ALLOWED_HOSTS, or SlackWebhook(allowed_hosts=...)"
        return f"it does not lead to {' or '.join(SLACK_HOSTS)}; allow another by {other}"
    if not path:
        return "it has no path: copy the whole URL of the Incoming Webhook"
    if path[0] in _WORKFLOWS:
        return "it starts a workflow and takes no messages: create an Incoming Webhook instead"
    return None


def _path(path: str) -> tuple[str, ...]:
    """Return the segments of a URL's path as a server may read them, however they are written.

    >>> _path("//services/../%2554riggers/./x")
    ('triggers', 'x')
    """
    from urllib.parse import unquote

    for _ in range(_MOST_DECODED):
        path = unquote(path)
    found: list[str] = []
    for segment in path.replace("\\", "/").casefold().split("/"):
        name = segment.partition(";")[0].strip()
        if name == "..":
            del found[-1:]
        elif name not in {"", "."}:
            found.append(name)
    return tuple(found)


def https_fault(url: str) -> str | None:
    """Return what is wrong with an https URL, without repeating it; None if nothing is.

    >>> https_fault("http://hc-ping.com/5f0c")
    'it is not an https URL'
    """
    from urllib.parse import urlsplit  # seldom needed, and slow to load

    if is_quoted(url):
        return QUOTED
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "it is not a URL"
    if " " in url or not url.isprintable():
        return "it holds white space or unprintable characters"
    if parts.scheme != "https":
        return "it is not an https URL"
    if not host or parts.username is not None or parts.password is not None:
        return "it names no host, or holds a user name"
    return None


def leads_to(url: str, hosts: tuple[str, ...], allowed_hosts: tuple[str, ...], *, below: bool = False) -> bool:
    """Return whether an https URL leads to one of ``hosts``, on the port of https, or to one of ``allowed_hosts``, on any port.

    With ``below``, a host below one of ``hosts`` counts as that.
    """
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    host = parts.hostname or ""
    is_theirs = host in hosts or (below and host.endswith(tuple([f".{domain}" for domain in hosts])))
    return host in allowed_hosts or (is_theirs and parts.port in {None, 443})


def is_channel(text: str) -> bool:
    """Return whether a text is the name or the id of a channel on Slack.

    >>> [is_channel(text) for text in ("#ops", "C0123ABCD", "ops", "#a b")]
    [True, True, False, False]
    """
    return _CHANNEL.fullmatch(text) is not None


def address_fault(address: str) -> str | None:
    """Return what is wrong with a mail address; None if it may stand in a header.

    >>> address_fault("ops@example.com") is None
    True
    >>> address_fault("ops@example.com\\nBcc: x@y.z")
    'it is not an address like name@example.com'
    """
    if _ADDRESS.fullmatch(address):
        return None
    return QUOTED if is_quoted(address) else "it is not an address like name@example.com"


def proxy_fault(url: str) -> str | None:
    """Return what is wrong with the URL of a proxy, without repeating it; None if nothing is. Without a scheme, http is meant.

    >>> proxy_fault("http://proxy:3128"), proxy_fault("proxy:3128")
    (None, None)
    >>> proxy_fault("socks5://proxy:1080")
    'SOCKS proxies are not supported: name an http:// proxy'
    """
    from urllib.parse import urlsplit

    if is_quoted(url):
        return QUOTED
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, _ = parts.hostname, parts.port
    except ValueError:
        return _NO_PROXY
    if parts.scheme.startswith("socks"):
        return "SOCKS proxies are not supported: name an http:// proxy"
    return None if host and parts.scheme in {"http", "https"} and url.isprintable() and " " not in url else _NO_PROXY


def without_login(url: str) -> str:
    """Remove the login from the URL of a proxy or a link.

    A password may hold any character, so only the part after the last @ is sure to hold none of it.

    >>> without_login("http://me:p@ss/word@proxy:3128")
    'http://...@proxy:3128'
    """
    scheme, _, rest = url.partition("://")
    login, _, host = rest.rpartition("@")
    return f"{scheme}://...@{host}" if login else url
