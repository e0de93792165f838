"""Probes the connections to Slack and Gmail without sending a message.

- A probe uses the route of a real message: the same proxy, TLS context, time-outs and deadline.
- The probe of a webhook sends HEAD to the host alone; the webhook's path is not sent.
- The probe of a Slack app calls ``auth.test``, which only identifies the token. Nothing is posted.
- The probe of Gmail logs in and quits. No mail is begun. A login by an access token fetches a token first.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import attrs
from requests import Request
from requests.exceptions import ProxyError
from requests.utils import get_environ_proxies, select_proxy
from urllib3.exceptions import HTTPError

from tocsin.core.config.schema import PASSWORD
from tocsin.core.delivery.destinations import without_login
from tocsin.core.diagnosis import Finding, Seen, clock, finding
from tocsin.core.outcomes import DeliveryError, Rejected
from tocsin.core.services.slack_api import bot_reply, may_upload
from tocsin.core.text import cut, one_line
from tocsin.shell.adapters import SystemClock, mail_smtp, tls
from tocsin.shell.adapters.google_tokens import TokenCache, TokenRoute
from tocsin.shell.adapters.http import RequestSender, Transport, failure
from tocsin.shell.adapters.mail_smtp import Credentials
from tocsin.shell.adapters.secrets import Secret
from tocsin.shell.adapters.settings import HttpSettings, SmtpSettings
from tocsin.shell.adapters.slack_webhook import SlackWebhook
from tocsin.shell.adapters.time_limits import Attempt, attempting
from tocsin.shell.redaction import redact

if TYPE_CHECKING:
    from slack_sdk.web.slack_response import SlackResponse

_T = TypeVar("_T")
_TUNNEL_REFUSED = re.compile(r"Tunnel connection failed: (\d{3})")


@attrs.frozen
class SlackRoute:
    """How requests reach Slack: the host of ``base``, a URL without a path, through ``proxy`` if there is one."""

    base: str
    host: str
    proxies: dict[str, str]
    proxy: str | None

    @property
    def reached(self) -> str:
        """Return that the host was reached, and through which proxy."""
        return f"reached{'' if self.proxy is None else f' through the proxy {self.proxy}'}"


def probe_webhook(webhook: SlackWebhook, url: Secret) -> tuple[Finding, ...]:
    """Check that the webhook's host can be reached, and that this machine's clock agrees with the host's."""
    route = _route_to(webhook, url.reveal())
    date = _ask_slack(webhook, route, url.name, lambda sender: _date(sender, route))
    if isinstance(date, Seen):
        return (finding(date),)
    return (Finding(route.host, f"{route.reached}, and its certificate is good"), *_clock_findings(route, date))


def probe_app(slack: SlackWebhook, token: Secret) -> tuple[Finding, ...]:
    """Check that Slack accepts the token, say whose it is, and check that this machine's clock agrees with Slack's."""
    from tocsin.shell.adapters.slack_client import Client

    route = _route_to(slack, slack.api)
    response = _ask_slack(slack, route, token.name, lambda sender: Client(slack.api, sender, token).api_call("auth.test", json={}))
    if isinstance(response, Seen):
        return (finding(response),)
    if response is None:
        return (Finding(route.host, f"{route.reached}, but it does not answer", "try again later"),)
    return (_token_finding(response, route, token), *_clock_findings(route, response.headers.get("date")))


def probe_gmail(settings: SmtpSettings, account: Credentials) -> Finding:
    """Check that the account can log in."""
    context = tls.context(settings.ca_bundle)
    if isinstance(context, Rejected):
        return finding(Seen(context, settings.host, PASSWORD))
    attempt = Attempt(settings.host, settings.deadline, settings.connect_timeout, tls.trust(settings.ca_bundle, settings.ca_variable))
    try:
        with attempting(attempt):
            mail_smtp.connect(TokenRoute(settings, context, attempt), TokenCache(), account).close()
    except mail_smtp.SmtpRefusal as refusal:
        return finding(_smtp_failure(settings, attempt, refusal.error, refusal.code))
    except (OSError, ValueError) as error:
        return finding(_smtp_failure(settings, attempt, attempt.failure(error), None))
    return Finding(settings.host, "reached, its certificate is good, and the login is accepted")


def _route_to(settings: HttpSettings, url: str) -> SlackRoute:
    """Return the route to the host of a URL. The URL was checked before and holds no login."""
    parts = urlsplit(url)
    base = f"https://{parts.netloc}/"
    proxies = dict(settings.proxies) if settings.proxies is not None else dict(get_environ_proxies(base))
    proxy = select_proxy(base, proxies)
    return SlackRoute(base, parts.hostname or "", proxies, None if proxy is None else without_login(proxy))


def _ask_slack(settings: HttpSettings, route: SlackRoute, secret: str, ask: Callable[[RequestSender], _T]) -> _T | Seen | None:
    """Return the result of ``ask``; a ``Seen`` if no request could be sent; None if one was sent but not answered."""
    context = tls.context(settings.ca_bundle)
    if isinstance(context, Rejected):
        return Seen(context, route.host, secret)
    attempt, transport = (
        Attempt(route.host, settings.deadline, settings.connect_timeout, tls.trust(settings.ca_bundle, settings.ca_variable)),
        Transport(context),
    )
    try:
        with attempting(attempt):
            return ask(RequestSender(transport, route.proxies, (settings.connect_timeout, settings.read_timeout)))
    except (OSError, HTTPException, HTTPError, ValueError) as error:
        return None if attempt.sent else _slack_failure(attempt, error, route, secret)
    finally:
        transport.close()


def _slack_failure(attempt: Attempt, error: Exception, route: SlackRoute, secret: str) -> Seen:
    refused = _TUNNEL_REFUSED.search(str(error))
    proxy = route.proxy if isinstance(error, ProxyError) else None
    code = int(refused[1]) if refused else None
    error_of_attempt = failure(attempt, error)
    return Seen(error_of_attempt, route.host, secret, attempt.untrusted, code, proxy, SystemClock().now(), attempt.trust)


def _smtp_failure(settings: SmtpSettings, attempt: Attempt, error: DeliveryError, code: int | None) -> Seen:
    return Seen(error, settings.host, PASSWORD, attempt.untrusted, code, None, SystemClock().now(), attempt.trust)


def _date(sender: RequestSender, route: SlackRoute) -> str | None:
    """Return the Date header of the host, if it sends one."""
    with sender.send(Request("HEAD", route.base, headers={"User-Agent": "tocsin"})) as response:
        return response.headers.get("Date")


def _clock_findings(route: SlackRoute, date: str | None) -> tuple[Finding, ...]:
    """Return a finding if this machine's clock differs from ``date``, the host's Date header."""
    try:
        host_time = None if date is None else parsedate_to_datetime(date)
    except ValueError:
        return ()
    if host_time is None:
        return ()
    skew = clock(route.host, host_time if host_time.tzinfo is not None else host_time.replace(tzinfo=UTC), SystemClock().now())
    return () if skew is None else (skew,)


def _token_finding(response: "SlackResponse", route: SlackRoute, token: Secret) -> Finding:
    answer = {name: redact(value) if isinstance(value, str) else value for name, value in response.data.items()}
    outcome = bot_reply(response.status_code, answer, host=route.host)
    if isinstance(outcome, DeliveryError):
        return finding(Seen(outcome, route.host, token.name))
    owner = f"{_field(answer, 'user')} in {_field(answer, 'team')}"
    scopes = response.headers.get("x-oauth-scopes")
    files = "" if scopes is None or may_upload(scopes) else "; it needs the scope files:write to upload the files of messages"
    return Finding(route.host, f"{route.reached}, its certificate is good, and the token is accepted: it belongs to {owner}{files}")


def _field(answer: Mapping[str, object], name: str) -> str:
    value = answer.get(name)
    return cut(one_line(value), 80) if isinstance(value, str) and value else "(not given)"
