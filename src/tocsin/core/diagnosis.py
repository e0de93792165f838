"""What a check-up found: all is well there, or a fault with its remedy. No finding holds a secret.

For each fault its remedy, as a function of what was seen. The first row that fits counts; what is certain comes first.
"""

import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import attrs

from tocsin.core.config.problems import Problem
from tocsin.core.messages.text import span
from tocsin.core.notifiers import Messenger
from tocsin.core.outcomes import DeliveryError
from tocsin.core.states import State
from tocsin.core.values import Value


@attrs.frozen(eq=False, repr=False)
class Finding(Value):
    """One thing that was looked at.

    Args:
        about: what it is called: a secret, a host, a file.
        what: what is so, in one line.
        remedy: what to do about it; None where nothing needs doing.
    """

    about: str
    what: str
    remedy: str | None = None

    @property
    def is_fault(self) -> bool:
        """Whether something needs doing: what is wrong is never said without its remedy."""
        return self.remedy is not None


def of_problems(faults: Iterable[Problem]) -> tuple[Finding, ...]:
    """The faults of configuration as findings."""
    return tuple(Finding(fault.where, fault.what, fault.write) for fault in faults)


def announces(notifier: Messenger, kind: type[State]) -> str:
    """Whether the notifier tells of a change into a state of this kind: "yes", "no", or "perhaps" where more decides than the kind.

    >>> from tocsin.core.notifiers import SlackNotifier
    >>> from tocsin.core.states import Failed, TimedOut, Running
    >>> notifier = SlackNotifier(only_states=[Failed])
    >>> announces(notifier, TimedOut), announces(notifier, Running)
    ('yes', 'no')
    """
    if not notifier.concerns(kind):
        return "no"
    return "yes" if notifier.filter.settles(kind) else "perhaps"


_TOLERATED = timedelta(minutes=5)
_PAGE = "https://myaccount.google.com/apppasswords"
_WEBHOOK = "in Slack's app settings create an Incoming Webhook, and put its URL where {} is"
_COPY = "in Slack's app settings, under OAuth & Permissions, copy the Bot User OAuth Token, and put it where {} is"
_SPEAKING = re.compile(  # reasons of the form "what happened: what to do"
    r"(?P<what>Slack answered \w+"  # to an app; what it answers to a webhook has the status in it
    r"|to post to Slack as an app needs the extra"
    r"|the (?:token|JSON) in the secret '[^']*' is refused"
    r"|the secret '[^']*' holds OAuth credentials, which need google-auth"
    r"|the private_key of the service account[^:]*"
    r"|(?:Google gives no|Gmail refused the|the) access token[^:]*"
    r"|Google's token endpoint answered[^:]*"
    r"|the certificate of [^:]*"
    r"|the proxy does not lead to [^:]*"
    r"|no request to [^:]*): (?P<act>.+)",
    re.DOTALL,
)


@attrs.frozen(eq=False, repr=False)
class Seen(Value):
    """What is known of something that did not work.

    Args:
        error: how it ended.
        host: whom it was to reach.
        secret: the name of the secret that it went by.
        untrusted: what is wrong with the certificate, in OpenSSL's words.
        code: the code of the SMTP server, or of the proxy.
        proxy: the proxy on the way, without its login.
        now: what this machine's clock says.
    """

    error: DeliveryError
    host: str
    secret: str
    untrusted: str | None = None
    code: int | None = None
    proxy: str | None = None
    now: datetime | None = None


def finding(seen: Seen) -> Finding:
    """What was seen, with its remedy, which some errors name themselves.

    >>> from tocsin.core.outcomes import DestinationDead
    >>> finding(Seen(DestinationDead("Slack answered not_in_channel: invite the app"), "slack.com", "NAME"))
    Finding(about='slack.com', what='Slack answered not_in_channel', remedy='invite the app')
    """
    if seen.untrusted is not None:
        return Finding(seen.host, f"the certificate of {seen.host} is not trusted ({seen.untrusted})", remedy(seen))
    said = _SPEAKING.fullmatch(seen.error.reason)
    return Finding(seen.host, seen.error.reason, remedy(seen)) if said is None else Finding(seen.host, said["what"], said["act"])


def remedy(seen: Seen) -> str:
    """What to do about it.

    >>> from tocsin.core.outcomes import Retryable
    >>> remedy(Seen(Retryable("cannot reach x: its name does not resolve"), "x", "NAME"))
    'look whether this machine has a network and a name server; where a proxy leads out, name it in HTTPS_PROXY'
    """
    if seen.untrusted is not None:
        return _of_certificate(seen, seen.untrusted)
    if seen.proxy is not None and seen.code == 407:
        return f"the proxy {seen.proxy} wants a login: write HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT"
    if seen.proxy is not None:
        return f"correct HTTPS_PROXY, or slack.proxies ({seen.proxy}), or name {seen.host} in NO_PROXY to go there directly"
    if seen.code in {534, 535}:
        return f"create an app password ({_PAGE}, which needs 2-step verification), and put its 16 letters where {seen.secret} is"
    return next((act(seen) for pattern, act in _BY_REASON if pattern.search(seen.error.reason)), "try again later")


def _of_certificate(seen: Seen, said: str) -> str:
    clock = f"this machine's clock, which says {seen.now:%Y-%m-%d %H:%M} UTC" if seen.now else "this machine's clock"
    if "not yet valid" in said:
        return f"set {clock}: a certificate that begins in the future is a clock that is behind"
    if "expired" in said:
        return f"set {clock}; if it is right, whoever runs {seen.host} must renew the certificate"
    if "mismatch" in said:
        return f"somebody else answers in place of {seen.host}: look at /etc/hosts, the name server, and proxies"
    return "a proxy or a company signs the traffic: ask for the file of its CA, and name it in REQUESTS_CA_BUNDLE or ca_bundle"


_Act = Callable[[Seen], str]


def _always(text: str) -> _Act:
    return lambda _: text


_BY_REASON: tuple[tuple[re.Pattern[str], _Act], ...] = (
    (re.compile("starts a workflow"), lambda seen: f"{_WEBHOOK.format(seen.secret)}: a workflow's URL takes no messages"),
    (
        re.compile("no_service|no_active_hooks|no_team|invalid_token"),
        lambda seen: f"{_WEBHOOK.format(seen.secret)}: this one is revoked",
    ),
    (re.compile("channel_|posting_to_general|action_prohibited"), lambda seen: f"{_WEBHOOK.format(seen.secret)}, for another channel"),
    (re.compile("does not lead to"), lambda seen: f"{_WEBHOOK.format(seen.secret)}; another host must stand in slack.allowed_hosts"),
    (re.compile("webhook URL"), lambda seen: f"{_WEBHOOK.format(seen.secret)}, whole, from https:// on"),
    (
        re.compile("does not resolve"),
        _always("look whether this machine has a network and a name server; where a proxy leads out, name it in HTTPS_PROXY"),
    ),
    (
        re.compile("cannot reach|in time|broke"),
        lambda seen: f"a firewall may be in the way: let this machine reach {seen.host}; for Slack a proxy will do, by HTTPS_PROXY",
    ),
    (re.compile("SOCKS"), _always("name an http:// proxy in HTTPS_PROXY, or in slack.proxies")),
    (
        re.compile("is refused: .*(?:PEM|cannot be read|not a file)"),
        _always("name a file of CA certificates, in PEM form, that you can read"),
    ),
    (re.compile("too many logins|today"), _always("wait: the account has a limit, which ends by itself")),
    (re.compile("user name"), lambda seen: f"put the whole address of the account where {seen.secret} is"),
    (re.compile("app password"), lambda seen: f"create an app password ({_PAGE}), and put it where {seen.secret} is"),
)


def unset(name: str, *, token: bool) -> str:
    """What to do where nobody is told, since the secret that leads to Slack is not set: a bot's token, or a webhook's URL.

    >>> unset("SLACK_WEBHOOK_URL", token=False)
    "set SLACK_WEBHOOK_URL to the URL of an Incoming Webhook, which Slack's app settings give"
    """
    what = "the Bot User OAuth Token of an app" if token else "the URL of an Incoming Webhook"
    return f"set {name} to {what}, which Slack's app settings give"


def no_bot_token(name: str) -> Finding:
    """A secret that holds no bot token, where one is needed."""
    return Finding(name, "this is no bot token, which begins with xoxb-", _COPY.format(name))


def clock(host: str, theirs: datetime, ours: datetime) -> Finding | None:
    """A finding where this machine's clock and a server's are more than five minutes apart."""
    apart = theirs - ours
    if abs(apart) <= _TOLERATED:
        return None
    what = f"this machine's clock is {span(abs(apart))} {'behind' if apart > timedelta(0) else 'ahead of'} that of {host}"
    return Finding("clock", what, "set the clock, by NTP where you can: certificates and the times in messages depend on it")


def missing(name: str, reason: str) -> Finding:
    """A secret that cannot be had, for a reason that names all places, with its remedy."""
    known = reason.removeprefix(f"the secret {name!r} is not set: ")
    if known != reason:
        return Finding(name, "not set", known)
    what, _, write = reason.partition(": chmod")
    if write:
        return Finding(name, what, f"chmod{write}")
    if "Permission denied" in reason:
        return Finding(name, reason, "chown the file to the user who runs this, and chmod it 600")
    return Finding(name, reason, "correct the file, or what names it")
