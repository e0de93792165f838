"""The way to Slack: as a message goes, proxy and TLS included, but with a HEAD for the host alone. The webhook's path stays here.

The way of an app of Slack's: as a message goes, proxy and TLS included, but it only asks who it is. Nothing is posted.

The way to Gmail: TLS, the login, and goodbye. No mail is begun. A login by an access token asks for one first.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import TypeVar
from urllib.parse import urlsplit

import attrs
from requests import Request
from requests.exceptions import ProxyError
from requests.utils import get_environ_proxies, select_proxy
from slack_sdk.web.slack_response import SlackResponse
from urllib3.exceptions import HTTPError

from tocsin.core.delivery.destinations import without_login
from tocsin.core.diagnosis import Finding, Seen, clock, finding
from tocsin.core.messages.text import cut, one_line
from tocsin.core.outcomes import DeliveryError, Rejected
from tocsin.core.services.slack_api import bot_reply
from tocsin.shell.adapters import Gmail, SlackWebhook, SystemClock, mail_smtp, tls
from tocsin.shell.adapters.google_tokens import TokenRoute, Tokens
from tocsin.shell.adapters.http import Transport, Wire
from tocsin.shell.adapters.mail_smtp import Credentials
from tocsin.shell.adapters.redaction import redact
from tocsin.shell.adapters.secrets import Secret
from tocsin.shell.adapters.slack_client import Client
from tocsin.shell.adapters.time_limits import Attempt, attempting
from tocsin.shell.config.defaults import PASSWORD

_T = TypeVar("_T")
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")


@attrs.frozen
class SlackRoute:
    """How a request goes: to the host at ``base``, a URL without a path, through ``proxy`` if there is one."""

    base: str
    host: str
    proxies: dict[str, str]
    proxy: str | None

    @property
    def reached(self) -> str:
        """That the host was reached, and how."""
        return f"reached{'' if self.proxy is None else f' through the proxy {self.proxy}'}"


def probe_webhook(webhook: SlackWebhook, url: Secret) -> tuple[Finding, ...]:
    """Whether the webhook's host can be reached, and what is wrong with this machine's clock, if anything is."""
    way = route_to(webhook, url.reveal())
    found = ask_slack(webhook, way, url.name, lambda wire: _date(wire, way))
    if isinstance(found, Seen):
        return (finding(found),)
    return (Finding(way.host, f"{way.reached}, and its certificate is good"), *unreachable(way, found))


def unreachable(way: SlackRoute, said: str | None) -> tuple[Finding, ...]:
    """A finding where this machine's clock is not that of the host, whose header Date is given."""
    try:
        told = None if said is None else parsedate_to_datetime(said)
    except ValueError:
        return ()
    if told is None:
        return ()
    skew = clock(way.host, told if told.tzinfo is not None else told.replace(tzinfo=UTC), SystemClock().now())
    return () if skew is None else (skew,)


def route_to(network: SlackWebhook, url: str) -> SlackRoute:
    """How the host of a URL is reached; the URL holds no login: that was looked at before."""
    parts = urlsplit(url)
    base = f"https://{parts.netloc}/"
    proxies = dict(network.proxies) if network.proxies is not None else dict(get_environ_proxies(base))
    proxy = select_proxy(base, proxies)
    return SlackRoute(base, parts.hostname or "", proxies, None if proxy is None else without_login(proxy))


def ask_slack(network: SlackWebhook, way: SlackRoute, secret: str, ask: Callable[[Wire], _T]) -> _T | Seen | None:
    """What is answered; or why nothing can be asked; or None where the request went out, and no answer came."""
    context = tls.context(network.ca_bundle)
    if isinstance(context, Rejected):
        return Seen(context, way.host, secret)
    attempt, transport = Attempt(way.host, network.deadline, network.connect_timeout), Transport(context)
    try:
        with attempting(attempt):
            return ask(Wire(transport, way.proxies, (network.connect_timeout, network.read_timeout)))
    except (OSError, HTTPException, HTTPError, ValueError) as error:
        return None if attempt.sent else _seen(attempt, error, way, secret)
    finally:
        transport.close()


def _seen(attempt: Attempt, error: Exception, way: SlackRoute, secret: str) -> Seen:
    refused = _TUNNEL.search(str(error))
    proxy = way.proxy if isinstance(error, ProxyError) else None
    if proxy is not None:
        attempt.trouble = attempt.trouble or f"the proxy does not lead to {way.host}"
    code = int(refused[1]) if refused else None
    return Seen(attempt.failure(error), way.host, secret, attempt.untrusted, code, proxy, SystemClock().now())


def _date(wire: Wire, way: SlackRoute) -> str | None:
    """What the host's clock says, None where it does not tell."""
    with wire.send(Request("HEAD", way.base, headers={"User-Agent": "tocsin"})) as response:
        return response.headers.get("Date")


def probe_app(network: SlackWebhook, token: Secret) -> tuple[Finding, ...]:
    """Whether Slack takes the token, and whose it is; and what is wrong with this machine's clock, if anything is."""
    way = route_to(network, network.api)
    found = ask_slack(network, way, token.name, lambda wire: Client(network.api, wire, token).api_call("auth.test", json={}))
    if isinstance(found, Seen):
        return (finding(found),)
    if found is None:
        return (Finding(way.host, f"{way.reached}, but it does not answer", "try again later"),)
    return (_meant(found, way, token), *unreachable(way, found.headers.get("date")))


def _meant(response: SlackResponse, way: SlackRoute, token: Secret) -> Finding:
    answer = {name: redact(said) if isinstance(said, str) else said for name, said in response.data.items()}
    outcome = bot_reply(response.status_code, answer)
    if isinstance(outcome, DeliveryError):
        return finding(Seen(outcome, way.host, token.name))
    who = f"{_word(answer, 'user')} in {_word(answer, 'team')}"
    return Finding(way.host, f"{way.reached}, its certificate is good, and the token is taken: it is that of {who}")


def _word(answer: Mapping[str, object], name: str) -> str:
    said = answer.get(name)
    return cut(one_line(said), 80) if isinstance(said, str) and said else "(it does not say)"


def probe_gmail(gmail: Gmail, account: Credentials) -> Finding:
    """Whether the account can log in."""
    context = tls.context(gmail.ca_bundle)
    if isinstance(context, Rejected):
        return finding(Seen(context, gmail.host, PASSWORD))
    attempt = Attempt(gmail.host, gmail.deadline, gmail.connect_timeout)
    try:
        with attempting(attempt):
            mail_smtp.connected(TokenRoute(gmail, context, attempt), Tokens(), account).close()
    except mail_smtp.Refused as refusal:
        return finding(_smtp_outcome(gmail, attempt, refusal.error, refusal.code))
    except (OSError, ValueError) as error:
        return finding(_smtp_outcome(gmail, attempt, attempt.failure(error), None))
    return Finding(gmail.host, "reached, its certificate is good, and the login is accepted")


def _smtp_outcome(gmail: Gmail, attempt: Attempt, error: DeliveryError, code: int | None) -> Seen:
    return Seen(error, gmail.host, PASSWORD, attempt.untrusted, code, None, SystemClock().now())
