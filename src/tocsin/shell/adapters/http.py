"""A request by requests, held to what it does not do by itself.

- The adapter is used without a session around it: a session follows redirects or at least reads their bodies to the end,
  keeps cookies, and looks into ``.netrc``. What is reused, the connections, is the adapter's.
- TLS is our one context's affair: requests neither adds its own certificates to it nor turns it off.
- Connections are dialled by us, and keep to the attempt's deadline; the attempt learns when the whole request went out.
- What requests does anew for each request is done once where that is as good, since it takes as long as a third of the rest: a URL is
  read once, and the environment is not copied where it names no proxy.
"""

import os
import socket
import ssl
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http.client import HTTPException
from math import ceil
from typing import TypeVar
from urllib.parse import urlsplit

import attrs
from requests import PreparedRequest, Request, Response
from requests.adapters import HTTPAdapter
from requests.exceptions import ProxyError
from requests.utils import get_environ_proxies, select_proxy
from typing_extensions import override
from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import HTTPError

from tocsin.core.outcomes import DeliveryError, Outcome, Receipt, Rejected
from tocsin.core.services.healthchecks import ping_reply, ping_url
from tocsin.core.services.slack_api import slack_reply
from tocsin.core.states import State
from tocsin.shell.adapters import redaction, tls
from tocsin.shell.adapters.clock import SystemClock
from tocsin.shell.adapters.secrets import Secret
from tocsin.shell.adapters.slack_webhook import SlackWebhook
from tocsin.shell.adapters.sockets import dial
from tocsin.shell.adapters.time_limits import Attempt, attempting, current_attempt
from tocsin.shell.fork_safety import PerProcess

_T = TypeVar("_T")

_LONGEST_ANSWER = 1 << 16  # bytes
HEADERS = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "tocsin", "Accept-Encoding": "identity"}
_PING_HEADERS = {name: value for name, value in HEADERS.items() if name != "Content-Type"}
_ONLY_ENVIRONMENT = urllib.request.getproxies is urllib.request.getproxies_environment  # macOS and Windows have settings besides

Asking = Request | PreparedRequest

Meaning = Callable[[int, str, str | None], Outcome]
"""What an answer means, by its status, its body and its Retry-After."""


class _Connection(HTTPSConnection):
    debuglevel = 0  # http.client prints requests where it is set, and it may be set for all of a program

    def _new_conn(self) -> socket.socket:
        attempt = current_attempt()
        assert attempt is not None  # ``exchanged`` makes one
        return dial(self.host, self.port, attempt)

    @override
    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # urllib3 has a class of its own
        attempt = current_attempt()
        assert attempt is not None
        attempt.sent = not attempt.broken
        return super().getresponse()


class _Pool(HTTPSConnectionPool):
    ConnectionCls = _Connection  # pyright: ignore[reportAssignmentType] - urllib3's own class does not fit its protocol


_POOLS: dict[str, type[HTTPConnectionPool]] = {"https": _Pool}


class Transport(HTTPAdapter):
    """Keeps connections that verify with ``context``."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__()
        self.poolmanager: PoolManager = PoolManager(maxsize=10, ssl_context=context)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    @override
    def proxy_manager_for(self, proxy: str, **proxy_kwargs: object) -> object:
        manager = super().proxy_manager_for(proxy, ssl_context=self._context, proxy_ssl_context=self._context, **proxy_kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager

    @override
    def cert_verify(self, conn: HTTPSConnectionPool, url: object, verify: object, cert: object) -> None:
        conn.cert_reqs = "CERT_REQUIRED"


@attrs.frozen
class Wire:
    """How a request goes out: over a transport, by way of proxies, and each wait for ``timeout`` seconds: to connect, to read."""

    transport: Transport
    proxies: dict[str, str]
    timeout: tuple[float, float]

    def send(self, request: Asking) -> Response:
        """The answer, of which nothing but the head is read so far. What breaks on the way is raised."""
        prepared = request.prepare() if isinstance(request, Request) else request
        return self.transport.send(prepared, stream=True, timeout=self.timeout, proxies=self.proxies)


def exchanged(
    network: SlackWebhook, kept: PerProcess[Transport], url: str, seconds: float, exchange: Callable[[Wire], _T]
) -> _T | DeliveryError:
    """What comes of an ``exchange`` with whoever is at ``url``, which may take some seconds in all; or why nothing does."""
    context = tls.context(network.ca_bundle)
    if isinstance(context, Rejected):
        return context
    attempt = Attempt(urlsplit(url).hostname or "", seconds, network.connect_timeout)
    with attempting(attempt):
        try:
            proxies = _proxies(network, url)
            if (select_proxy(url, proxies) or "").lower().startswith("socks"):
                return Rejected("SOCKS proxies are not supported: name an http:// proxy in proxies, or in HTTPS_PROXY")
            transport = kept.get(lambda: Transport(context))
            return exchange(Wire(transport, proxies, (network.connect_timeout, network.read_timeout)))
        except ProxyError as error:
            attempt.trouble = attempt.trouble or f"the proxy does not lead to {attempt.host}: check the proxy settings"
            return attempt.failure(error)
        except (OSError, HTTPException, HTTPError, ValueError) as error:
            return attempt.failure(error)


def _proxies(network: SlackWebhook, url: str) -> dict[str, str]:
    """Proxies by scheme."""
    if network.proxies is not None:
        return dict(network.proxies)
    if _ONLY_ENVIRONMENT and "_proxy" not in " ".join(os.environ).lower():  # joined, it is looked through four times as fast
        return {}
    return get_environ_proxies(url)


def post(webhook: SlackWebhook, kept: PerProcess[Transport], url: Secret, body: bytes) -> Receipt | DeliveryError:
    """Post ``body``, which is JSON, and say what the answer means."""
    return _asked(webhook, kept, url, lambda: _posting(url.reveal(), body), slack_reply)


def ping(network: SlackWebhook, kept: PerProcess[Transport], url: Secret, state: State) -> Receipt | DeliveryError:
    """Tell the service at ``url`` of a state, and say what the answer means."""
    return _asked(network, kept, url, lambda: Request("GET", ping_url(url.reveal(), state), headers=_PING_HEADERS), ping_reply)


def _posting(url: str, body: bytes) -> PreparedRequest:
    request = _empty(url).copy()
    request.body, request.headers["Content-Length"] = body, str(len(body))
    return request


@lru_cache(maxsize=64)
def _empty(url: str) -> PreparedRequest:
    """A request that posts nothing."""
    return Request("POST", url, headers=HEADERS).prepare()


def _asked(network: SlackWebhook, kept: PerProcess[Transport], url: Secret, request: Callable[[], Asking], meaning: Meaning) -> Outcome:
    def exchange(wire: Wire) -> Outcome:
        with wire.send(request()) as response:
            return _understood(response, meaning)

    return exchanged(network, kept, url.reveal(), network.deadline, exchange)


def _understood(response: Response, meaning: Meaning) -> Outcome:
    """What the answer means. Of a body that is too long the rest is left, and the connection with it."""
    body: bytes = response.raw.read(_LONGEST_ANSWER, decode_content=False)
    if len(body) < _LONGEST_ANSWER:
        response.raw.read(1, decode_content=False)  # raises, where the connection broke before the body's end
    said = redaction.redact(body.decode(errors="replace"))  # before it is cut: half a secret would not be known again
    return meaning(response.status_code, said, in_seconds(response.headers.get("Retry-After"), SystemClock().now()))


def in_seconds(retry_after: str | None, now: datetime) -> str | None:
    """The header Retry-After, in seconds from ``now`` where it is a date: 0 at least, and a day at most. Else as it is.

    >>> in_seconds("Wed, 01 Jul 2026 03:01:30 GMT", datetime(2026, 7, 1, 3, 0, tzinfo=UTC))
    '90'
    """
    if retry_after is None:
        return None
    try:
        moment = parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):
        return retry_after
    seconds = ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now).total_seconds()
    return str(ceil(min(max(seconds, 0), 86_400)))
