"""The way to Slack: as a message goes, proxy and TLS included, but with a HEAD for the host alone. The webhook's path stays here."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException
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
from tocsin.shell.adapters.https import Transport
from tocsin.shell.adapters.secrets import Secret

_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")


@attrs.frozen
class _Way:
    """How a request goes: to the host at ``base``, a URL without a path, through ``proxy`` if there is one."""

    base: str
    host: str
    proxies: dict[str, str]
    proxy: str | None


def probed(webhook: SlackWebhook, url: Secret) -> tuple[Finding, ...]:
    """Whether the webhook's host can be reached, and what is wrong with this machine's clock, if anything is."""
    way = _way(webhook, url)
    found = _asked(webhook, way, url.name)
    if isinstance(found, Seen):
        return (finding(found),)
    skew = None if found is None else clock(way.host, found, SystemClock().now())
    through = "" if way.proxy is None else f" through the proxy {way.proxy}"
    reached = Finding(way.host, f"reached{through}, and its certificate is good")
    return (reached,) if skew is None else (reached, skew)


def _way(webhook: SlackWebhook, url: Secret) -> _Way:
    parts = urlsplit(url.reveal())
    base = f"https://{parts.netloc}/"  # which holds no login: that was looked at before
    proxies = dict(webhook.proxies) if webhook.proxies is not None else dict(get_environ_proxies(base))
    proxy = select_proxy(base, proxies)
    return _Way(base, parts.hostname or "", proxies, None if proxy is None else without_login(proxy))


def _asked(webhook: SlackWebhook, way: _Way, secret: str) -> Seen | datetime | None:
    """What the host's clock says, None where it does not tell; or why it cannot be asked."""
    context = tls.context(webhook.ca_bundle)
    if isinstance(context, Rejected):
        return Seen(context, way.host, secret)
    attempt, transport = Attempt(way.host, webhook.deadline, webhook.connect_timeout), Transport(context)
    try:
        with attempting(attempt):
            return _date(transport, webhook, way)
    except (OSError, HTTPException, HTTPError, ValueError) as error:
        # where the request went out the host was reached, which is all that was asked
        return None if attempt.sent else _seen(attempt, error, way, secret)
    finally:
        transport.close()


def _seen(attempt: Attempt, error: Exception, way: _Way, secret: str) -> Seen:
    refused = _TUNNEL.search(str(error))
    proxy = way.proxy if isinstance(error, ProxyError) else None
    if proxy is not None:
        attempt.trouble = attempt.trouble or f"the proxy does not lead to {way.host}"
    code = int(refused[1]) if refused else None
    return Seen(attempt.failure(error), way.host, secret, attempt.untrusted, code, proxy, SystemClock().now())


def _date(transport: Transport, webhook: SlackWebhook, way: _Way) -> datetime | None:
    timeout = (webhook.connect_timeout, webhook.read_timeout)
    request = Request("HEAD", way.base, headers={"User-Agent": "tocsin"}).prepare()
    with transport.send(request, stream=True, timeout=timeout, proxies=way.proxies) as response:
        said = response.headers.get("Date")
    try:
        told = None if said is None else parsedate_to_datetime(said)
    except ValueError:
        return None
    return told if told is None or told.tzinfo is not None else told.replace(tzinfo=UTC)
