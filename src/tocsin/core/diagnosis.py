"""Findings of ``tocsin check``, and the remedy of each problem, as pure functions.

- A finding reports that a thing is in order, or a problem with its remedy. No finding holds a secret.
- ``remedy`` tries certain evidence first (a certificate, a proxy, an SMTP code), then ``_BY_REASON``, whose first match wins.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import attrs

from tocsin.core.config.problems import Problem
from tocsin.core.delivery.destinations import QUOTED
from tocsin.core.notifiers import Messenger, SlackNotifier
from tocsin.core.outcomes import DeliveryError
from tocsin.core.services.connection import Trust, certificate_remedy
from tocsin.core.services.google import APP_PASSWORDS
from tocsin.core.states import KINDS, State
from tocsin.core.text import span
from tocsin.core.values import Value

_TOLERATED_CLOCK_OFFSET = timedelta(minutes=5)
_SYSTEM = Trust()
_WEBHOOK = "in Slack's app settings create an Incoming Webhook, and put its URL where {secret} is"
_COPY = "in Slack's app settings, under OAuth & Permissions, copy the Bot User OAuth Token, and put it where {} is"
_REASON_WITH_REMEDY = re.compile(  # reasons of the form "what happened: what to do"
    r"(?P<what>\S+ answered \w+"  # the answer to an app; an answer to a webhook also contains the status
    r"|the secret '[^']*' is not set"
    r"|to post to Slack as an app needs the extra"
    r"|the (?:token|JSON) in the secret '[^']*' is refused"
    r"|the secret '[^']*' holds OAuth credentials, which need google-auth"
    r"|the private_key of the service account[^:]*"
    r"|(?:Google gives no|\S+ refused the|the) access token[^:]*"
    r"|\S+ refused the login"
    r"|\S+ takes no login by password [^:]*"
    r"|Google's token endpoint answered[^:]*"
    r"|the certificate of .+? is not trusted \(.+?\)"
    r"|the proxy \S+ does not lead to [^:]*"
    r"|(?:the proxy )?\S+ (?:speaks |and this machine agree on )[^:]*"
    r"|no request to [^:]*"
    r"|.{1,100} is refused: it stands in quotation marks"
    r"|the proxy in HTTPS_PROXY, or in slack.proxies, is refused(?:: it is not the URL of a proxy|: SOCKS proxies are not supported)"
    r"): (?P<act>.+?)(?P<said> \(it says: .*\))?",
    re.DOTALL,
)


@attrs.frozen(eq=False, repr=False)
class Finding(Value):
    """The result of one check.

    Args:
        about: the name of what was checked: a secret, a host, a file.
        what: what was found, in one line.
        remedy: what to do about it; None if nothing is to be done.
    """

    about: str
    what: str
    remedy: str | None = None

    @property
    def is_fault(self) -> bool:
        """Whether something is to be done: every problem has a remedy."""
        return self.remedy is not None


def of_problems(problems: Iterable[Problem]) -> tuple[Finding, ...]:
    """Return the problems of the configuration as findings."""
    return tuple(Finding(problem.where, problem.what, problem.write) for problem in problems)


def announces(notifier: Messenger, kind: type[State]) -> str:
    """Return whether a notifier announces changes into a kind of state: "yes", "no", or "perhaps" if not the kind alone decides.

    >>> from tocsin.core.notifiers import SlackNotifier
    >>> from tocsin.core.states import Failed, TimedOut, Running
    >>> notifier = SlackNotifier(only_states=[Failed])
    >>> announces(notifier, TimedOut), announces(notifier, Running)
    ('yes', 'no')
    """
    if not notifier.concerns(kind):
        return "no"
    return "yes" if notifier.filter.settles(kind) else "perhaps"


def announced_states(notifier: Messenger) -> str:
    """Return in a few words which states a notifier announces.

    A state stands for all kinds of it, except for those that are named themselves: of two states that a kind is one of, the nearer
    counts.

    >>> from tocsin.core.notifiers import SlackNotifier
    >>> from tocsin.core.states import Failed, Finished, Running, Skipped, Success, TimedOut
    >>> announced_states(SlackNotifier(only_states=[Failed, Running], ignore_states=[TimedOut]))
    'Running and Failed, but not TimedOut'
    >>> announced_states(SlackNotifier(ignore_states=[Running, Skipped]))
    'every state, but not Running or Skipped'
    """
    answers = {kind: announces(notifier, kind) for kind in KINDS}
    named = {kind: answer for kind, answer in answers.items() if answer != answers.get(kind.__mro__[1], "no")}
    told, untold, unsure = ([_name(kind) for kind, answer in named.items() if answer == each] for each in ("yes", "no", "perhaps"))
    parts = (
        [listed(told, "and")] if told else [],
        [f"perhaps {listed(unsure, 'and')}"] if unsure else [],
        [f"but not {listed(untold, 'or')}"] if untold else [],
    )
    return ", ".join(part for some in parts for part in some) or "no state"


def announced_mentions(notifier: Messenger) -> str:
    """Return in a few words whom the messages of a notifier mention, and on which states; nothing if they mention no one.

    >>> from tocsin.core.notifiers import SlackNotifier
    >>> announced_mentions(SlackNotifier(mention=["U0123ABCD", "here"]))
    'mentions U0123ABCD and here on Failed'
    """
    if not isinstance(notifier, SlackNotifier) or not notifier.mention:
        return ""
    states = listed(sorted(kind.__name__ for kind in notifier.mention_states), "and") or "every state"
    return f"mentions {listed(notifier.mention, 'and')} on {states}"


def _name(kind: type[State]) -> str:
    return "every state" if kind is State else kind.__name__


def listed(names: Sequence[str], last: str) -> str:
    """Return names as a list in prose.

    >>> listed(["a"], "and"), listed(["a", "b", "c"], "or")
    ('a', 'a, b or c')
    """
    return f" {last} ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


@attrs.frozen(eq=False, repr=False)
class Seen(Value):
    """The evidence of a failed attempt.

    Args:
        error: the outcome of the attempt.
        host: the host that it was to reach.
        secret: the name of the secret that it used.
        untrusted: what is wrong with the certificate, in OpenSSL's words.
        code: the reply code of the SMTP server or the proxy.
        proxy: the proxy that was used, without its login.
        now: the time by this machine's clock.
        trust: the CA certificates that were trusted.
    """

    error: DeliveryError
    host: str
    secret: str
    untrusted: str | None = None
    code: int | None = None
    proxy: str | None = None
    now: datetime | None = None
    trust: Trust = _SYSTEM


def finding(seen: Seen) -> Finding:
    """Return the finding for a failed attempt; the remedy comes from the error's reason if it names one.

    >>> from tocsin.core.outcomes import DestinationDead
    >>> finding(Seen(DestinationDead("Slack answered not_in_channel: invite the app"), "slack.com", "NAME"))
    Finding(about='slack.com', what='Slack answered not_in_channel', remedy='invite the app')
    """
    match = _REASON_WITH_REMEDY.fullmatch(seen.error.reason)
    if match is None:
        return Finding(seen.host, seen.error.reason, remedy(seen))
    has_more_evidence = seen.untrusted is not None or seen.proxy is not None
    return Finding(seen.host, f"{match['what']}{match['said'] or ''}", remedy(seen) if has_more_evidence else match["act"])


def remedy(seen: Seen) -> str:
    """Return what to do about a failed attempt.

    >>> from tocsin.core.outcomes import Retryable
    >>> remedy(Seen(Retryable("cannot reach x: its name does not resolve"), "x", "NAME"))
    'look whether this machine has a network and a name server; where a proxy leads out, name it in HTTPS_PROXY'
    """
    if seen.untrusted is not None:
        return certificate_remedy(seen.host, seen.untrusted, seen.trust, seen.now)
    if seen.proxy is not None and seen.code == 407:
        return f"the proxy {seen.proxy} wants a login: write HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT"
    if seen.proxy is not None:
        return f"correct HTTPS_PROXY, or slack.proxies ({seen.proxy}), or name {seen.host} in NO_PROXY to go there directly"
    act = next((act for pattern, act in _BY_REASON if pattern.search(seen.error.reason)), "try again later")
    return act.format(host=seen.host, secret=seen.secret)


_BY_REASON: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile("may have arrived"), "look whether the message is there, before you have it sent again"),
    (
        re.compile("redirect|which is no acceptance|the answer of .* cannot be read|is no answer"),
        "look whether a proxy answers in place of {host}",
    ),
    (re.compile("refused the mail|from this machine"), "do what the server asks for, or ask its operator"),
    (re.compile("neither acceptance nor refusal"), "look whether {host} is a mail server, and its port that of SMTP over TLS"),
    (re.compile("names no recipient|the recipient .* is refused"), "correct the addresses in gmail.to and gmail.cc"),
    (re.compile("holds unprintable characters"), "put the password where {secret} is, without line breaks"),
    (re.compile("a bug of ours"), "report it as a bug of tocsin, with this line"),
    (re.compile("team_disabled"), f"{_WEBHOOK}, in a workspace that is in use"),
    (re.compile("starts a workflow"), f"{_WEBHOOK}: a workflow's URL takes no messages"),
    (re.compile("no_service|no_active_hooks|no_team|invalid_token"), f"{_WEBHOOK}: this one is revoked"),
    (re.compile("channel_|posting_to_general|action_prohibited"), f"{_WEBHOOK}, for another channel"),
    (re.compile("does not lead to"), f"{_WEBHOOK}; another host must stand in slack.allowed_hosts"),
    (re.compile("no path"), f"{_WEBHOOK}, whole: this one is cut short"),
    (re.compile("webhook URL"), f"{_WEBHOOK}, whole, from https:// on"),
    (
        re.compile("does not resolve"),
        "look whether this machine has a network and a name server; where a proxy leads out, name it in HTTPS_PROXY",
    ),
    (
        re.compile("cannot reach the proxy|the proxy .* did not answer"),
        "correct HTTPS_PROXY, or slack.proxies, or name {host} in NO_PROXY to go there directly",
    ),
    (
        re.compile("cannot reach|in time|broke|closed the connection"),
        "a firewall may be in the way: let this machine reach {host}; for Slack a proxy will do, by HTTPS_PROXY",
    ),
    (re.compile("is refused: .*(?:PEM|cannot be read|not a file)"), "name a file of CA certificates, in PEM form, that you can read"),
    (re.compile("too many logins|today"), "wait: the account has a limit, which ends by itself"),
    (re.compile("user name"), "put the whole address of the account where {secret} is"),
    (re.compile("app password"), f"create an app password ({APP_PASSWORDS}), and put it where {{secret}} is"),
)
"""The remedies by what the reason of an error says, with the names of the ``host`` and the ``secret`` to fill in."""


def unset(name: str, *, token: bool) -> str:
    """Return what to do if the secret for Slack is not set, a bot token or a webhook URL, so that no message is sent.

    >>> unset("SLACK_WEBHOOK_URL", token=False)
    "set SLACK_WEBHOOK_URL to the URL of an Incoming Webhook, which Slack's app settings give"
    """
    what = "the Bot User OAuth Token of an app" if token else "the URL of an Incoming Webhook"
    return f"set {name} to {what}, which Slack's app settings give"


def quoted(name: str) -> Finding:
    """Return the finding for a secret that stands in quotation marks."""
    what, _, write = QUOTED.partition(": ")
    return Finding(name, what, write)


def no_bot_token(name: str) -> Finding:
    """Return the finding for a secret that should hold a bot token and does not."""
    return Finding(name, "this is no bot token, which begins with xoxb-", _COPY.format(name))


def clock(host: str, theirs: datetime, ours: datetime) -> Finding | None:
    """Return a finding if this machine's clock and the server's are more than five minutes apart, else None."""
    apart = theirs - ours
    if abs(apart) <= _TOLERATED_CLOCK_OFFSET:
        return None
    what = f"this machine's clock is {span(abs(apart))} {'behind' if apart > timedelta(0) else 'ahead of'} that of {host}"
    return Finding("clock", what, "set the clock, by NTP where you can: certificates and the times in messages depend on it")


def missing(name: str, reason: str) -> Finding:
    """Return the finding for a secret that cannot be read; ``reason`` names all places that were searched."""
    known = reason.removeprefix(f"the secret {name!r} is not set: ")
    if known != reason:
        return Finding(name, "not set", known)
    what, _, write = reason.partition(": chmod")
    if write:
        return Finding(name, what, f"chmod{write}")
    if "Permission denied" in reason:
        return Finding(name, reason, "chown the file to the user who runs this, and chmod it 600")
    return Finding(name, reason, "correct the file, or what names it")
