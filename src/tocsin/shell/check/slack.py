"""The way to Slack: as a message goes, proxy and TLS included, but with a HEAD for the host alone. The webhook's path stays here."""

import re
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import TypeVar
from urllib.parse import urlsplit

import attrs
from requests import Request
from requests.exceptions import ProxyError
from requests.utils import get_environ_proxies, select_proxy
from urllib3.exceptions import HTTPError

from tocsin.core.checkup.findings import Finding
from tocsin.core.checkup.remedies import Seen, clock, finding
from tocsin.core.destinations import without_login
from tocsin.core.outcomes import Rejected
from tocsin.shell.adapters import SlackWebhook, SystemClock, tls
from tocsin.shell.adapters.deadline import Attempt, attempting
from tocsin.shell.adapters.https import Transport, Wire
from tocsin.shell.adapters.secrets import Secret

_T = TypeVar("_T")
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")


@attrs.frozen
class Way:
    """How a request goes: to the host at ``base``, a URL without a path, through ``proxy`` if there is one."""

    base: str
    host: str
    proxies: dict[str, str]
    proxy: str | None

    @property
    def reached(self) -> str:
        """That the host was reached, and how."""
        return f"reached{'' if self.proxy is None else f' through the proxy {self.proxy}'}"


def probed(webhook: SlackWebhook, url: Secret) -> tuple[Finding, ...]:
    """Whether the webhook's host can be reached, and what is wrong with this machine's clock, if anything is."""
    way = way_to(webhook, url.reveal())
    found = asked(webhook, way, url.name, lambda wire: _date(wire, way))
    if isinstance(found, Seen):
        return (finding(found),)
    return (Finding(way.host, f"{way.reached}, and its certificate is good"), *off(way, found))


def off(way: Way, said: str | None) -> tuple[Finding, ...]:
    """A finding where this machine's clock is not that of the host, whose header Date is given."""
    try:
        told = None if said is None else parsedate_to_datetime(said)
    except ValueError:
        return ()
    if told is None:
        return ()
    skew = clock(way.host, told if told.tzinfo is not None else told.replace(tzinfo=UTC), SystemClock().now())
    return () if skew is None else (skew,)


def way_to(network: SlackWebhook, url: str) -> Way:
    """How the host of a URL is reached; the URL holds no login: that was looked at before."""
    parts = urlsplit(url)
    base = f"https://{parts.netloc}/"
    proxies = dict(network.proxies) if network.proxies is not None else dict(get_environ_proxies(base))
    proxy = select_proxy(base, proxies)
    return Way(base, parts.hostname or "", proxies, None if proxy is None else without_login(proxy))


def asked(network: SlackWebhook, way: Way, secret: str, ask: Callable[[Wire], _T]) -> _T | Seen | None:
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


def _seen(attempt: Attempt, error: Exception, way: Way, secret: str) -> Seen:
    refused = _TUNNEL.search(str(error))
    proxy = way.proxy if isinstance(error, ProxyError) else None
    if proxy is not None:
        attempt.trouble = attempt.trouble or f"the proxy does not lead to {way.host}"
    code = int(refused[1]) if refused else None
    return Seen(attempt.failure(error), way.host, secret, attempt.untrusted, code, proxy, SystemClock().now())


def _date(wire: Wire, way: Way) -> str | None:
    """What the host's clock says, None where it does not tell."""
    with wire.send(Request("HEAD", way.base, headers={"User-Agent": "tocsin"})) as response:
        return response.headers.get("Date")
