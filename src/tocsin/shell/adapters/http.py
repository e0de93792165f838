"""HTTPS requests by requests, with a deadline, bounded answers and our TLS context.

- ``Transport`` is used without a session: a session follows redirects (or at least reads their bodies to the end), keeps cookies,
  and reads ``.netrc``. The connections, which are reused, belong to the transport.
- TLS uses our context alone: requests neither adds its own certificates to it nor turns verification off.
- Our sockets dial the connections and keep to the attempt's deadline. The attempt records when the whole request was sent.
- Two steps that requests repeats for each request take a third of its time, so they are saved: the request for a URL is prepared
  once, and the environment is not copied if it names no proxy.
"""

import os
import re
import ssl
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache, partial
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
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from tocsin.core.delivery.destinations import proxy_fault
from tocsin.core.outcomes import DeliveryError, Outcome, Receipt, Rejected
from tocsin.core.services.connection import Peer, proxy_refusal
from tocsin.core.services.healthchecks import Report, ping_reply, ping_url, start_reply
from tocsin.core.services.slack_api import upload_reply, webhook_reply
from tocsin.core.states import Running
from tocsin.shell import redaction
from tocsin.shell.adapters import tls
from tocsin.shell.adapters.clock import SystemClock
from tocsin.shell.adapters.secrets import Secret
from tocsin.shell.adapters.settings import HttpSettings
from tocsin.shell.adapters.sockets import Connection, Secured, dial, note_untrusted
from tocsin.shell.adapters.time_limits import Attempt, attempting, current_attempt
from tocsin.shell.fork_safety import PerProcess

_T = TypeVar("_T")

_LONGEST_ANSWER = 1 << 16  # bytes
HEADERS = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "tocsin", "Accept-Encoding": "identity"}
_PING_HEADERS = {name: value for name, value in HEADERS.items() if name != "Content-Type"}
_TUNNEL_REFUSED = re.compile(r"Tunnel connection failed: (\d+) ?(.*)", re.DOTALL)
_BYTES_HEADERS = {**HEADERS, "Content-Type": "application/octet-stream"}
_TEXT_HEADERS = {**HEADERS, "Content-Type": "text/plain; charset=utf-8"}
_ONLY_ENVIRONMENT = urllib.request.getproxies is urllib.request.getproxies_environment  # macOS and Windows also have system settings

AnyRequest = Request | PreparedRequest

Interpret = Callable[[int, str, str | None], Outcome]
"""Turns a response's status, body and Retry-After into an outcome."""


def _ongoing() -> Attempt:
    """Return the current attempt; ``exchange`` makes one."""
    attempt = current_attempt()
    assert attempt is not None
    return attempt


class _Connection(HTTPSConnection):
    debuglevel = 0  # http.client prints requests if it is set, and a program may set it globally

    @property
    @override
    def is_connected(self) -> bool:
        return super().is_connected and not (isinstance(self.sock, Secured) and self.sock.pending)

    @override
    def _new_conn(self) -> Connection:  # type: ignore[override]  # it has what http.client and urllib3 call
        return dial(self.host, self.port, _ongoing(), is_proxy=self.proxy is not None)

    @override
    def connect(self) -> None:
        try:
            super().connect()
        except ssl.SSLError as error:
            note_untrusted(error, _ongoing())  # of TLS within TLS, which urllib3 opens itself
            raise

    def _tunnel(self) -> None:
        """Ask the proxy for the way to the host, and record its answer if it refuses."""
        attempt = _ongoing()
        proxy, attempt.peer = attempt.peer, attempt.peer
        try:
            super()._tunnel()
        except OSError as error:
            refused = _TUNNEL_REFUSED.search(str(error))
            if refused is not None:
                said = redaction.redact(refused[2])
                attempt.trouble = proxy_refusal(proxy, attempt.host, int(refused[1]), said)
            raise
        attempt.peer = Peer(attempt.host, self._tunnel_port)

    @override
    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # urllib3 has a class of its own
        attempt = _ongoing()
        attempt.sent = not attempt.broken
        return super().getresponse()


class _PlainConnection(HTTPConnection):
    """A connection without TLS, for what stays on this machine."""

    debuglevel = 0  # as above

    @override
    def _new_conn(self) -> Connection:  # type: ignore[override]  # as above
        attempt = current_attempt()
        assert attempt is not None
        return dial(self.host, self.port, attempt)

    @override
    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as above
        attempt = current_attempt()
        assert attempt is not None
        attempt.sent = not attempt.broken
        return super().getresponse()


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection  # pyright: ignore[reportAssignmentType] - as below


class _Pool(HTTPSConnectionPool):
    ConnectionCls = _Connection  # pyright: ignore[reportAssignmentType] - urllib3's own class does not fit its protocol


_POOLS: dict[str, type[HTTPConnectionPool]] = {"https": _Pool, "http": _PlainPool}


class _Context:
    """What urllib3 asks of a TLS context. What it sets has no effect: one context serves all adapters, and always verifies.

    With pyOpenSSL in place of ``ssl``, or a TLS library other than OpenSSL, urllib3 turns the check of the host name off, and makes the
    check itself, unless it reads that the check is on.
    """

    @property
    def check_hostname(self) -> bool:
        """Whether the host name is checked: always."""
        return True

    @check_hostname.setter
    def check_hostname(self, wanted: bool) -> None: ...

    @property
    def verify_mode(self) -> ssl.VerifyMode:
        """Whether the certificate is verified: always."""
        return ssl.CERT_REQUIRED

    @verify_mode.setter
    def verify_mode(self, wanted: ssl.VerifyMode) -> None: ...

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self.wrap_bio = context.wrap_bio  # for TLS within TLS

    def set_alpn_protocols(self, protocols: object) -> None:
        """Speak HTTP/1.1, whatever urllib3 would like."""

    def wrap_socket(self, sock: Connection, server_hostname: str | None = None) -> Secured:
        """Open TLS over ``sock``."""
        return Secured(sock, self._context, server_hostname)


class Transport(HTTPAdapter):
    """A pool of connections that verify certificates with ``context``."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = _Context(context)
        super().__init__()
        self.poolmanager: PoolManager = PoolManager(maxsize=10, ssl_context=self._context)
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
class RequestSender:
    """Sends requests over a transport and its proxies. ``timeout`` is (seconds to connect, seconds per read)."""

    transport: Transport
    proxies: dict[str, str]
    timeout: tuple[float, float]

    def send(self, request: AnyRequest) -> Response:
        """Send the request and return the response with its body unread. Raises on a failure of the connection."""
        prepared = request.prepare() if isinstance(request, Request) else request
        return self.transport.send(prepared, stream=True, timeout=self.timeout, proxies=self.proxies)


def exchange(
    settings: HttpSettings, transports: PerProcess[Transport], url: str, seconds: float, call: Callable[[RequestSender], _T]
) -> _T | DeliveryError:
    """Run ``call``, which sends a request to ``url``, within ``seconds``; return its result, or why it failed."""
    context = tls.context(settings.ca_bundle)
    if isinstance(context, Rejected):
        return context
    attempt = Attempt(_host(url), seconds, settings.connect_timeout, tls.trust(settings.ca_bundle, settings.ca_variable))
    with attempting(attempt):
        try:
            proxies = _proxies(settings, url)
            fault = refused_proxy(url, proxies)
            if fault is not None:
                return fault
            transport = transports.get(lambda: Transport(context))
            return call(RequestSender(transport, proxies, (settings.connect_timeout, settings.read_timeout)))
        except (OSError, HTTPException, HTTPError, ValueError) as error:
            return failure(attempt, error)


def failure(attempt: Attempt, error: Exception) -> DeliveryError:
    """Turn the ``error`` of a request that ended the attempt into a delivery error."""
    if isinstance(error, ProxyError):
        attempt.trouble = attempt.trouble or proxy_refusal(attempt.peer, attempt.host, None)
    return attempt.failure(error)


def refused_proxy(url: str, proxies: dict[str, str]) -> Rejected | None:
    """Return the error if the proxy for a URL cannot be used as it is written."""
    proxy = select_proxy(url, proxies) if proxies else None
    fault = None if not proxy else proxy_fault(proxy)
    return None if fault is None else Rejected(f"the proxy in HTTPS_PROXY, or in slack.proxies, is refused: {fault}")


def _proxies(settings: HttpSettings, url: str) -> dict[str, str]:
    """Return proxy URLs by scheme. Plain http goes to this machine itself, through no proxy."""
    if not url.lower().startswith("https:"):
        return {}
    if settings.proxies is not None:
        return dict(settings.proxies)
    if _ONLY_ENVIRONMENT and "_proxy" not in " ".join(os.environ).lower():  # searching the joined text is four times as fast
        return {}
    return get_environ_proxies(url)


@lru_cache(maxsize=64)
def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def post(settings: HttpSettings, transports: PerProcess[Transport], url: Secret, body: bytes) -> Receipt | DeliveryError:
    """Post ``body``, which is JSON, and return the outcome."""
    interpret = partial(webhook_reply, host=_host(url.reveal()))
    return _request(settings, transports, url, lambda: _post_request(url.reveal(), body), interpret)


def ping(
    settings: HttpSettings,
    transports: PerProcess[Transport],
    url: Secret,
    report: Report,
    note_limit: Callable[[str | None], None],
) -> Receipt | DeliveryError:
    """Send a report to the health-check service at ``url``, and return the outcome. ``note_limit`` gets the header Ping-Body-Limit."""

    def call(sender: RequestSender) -> Outcome:
        method, headers = ("POST", _TEXT_HEADERS) if report.body else ("GET", _PING_HEADERS)
        address = ping_url(url.reveal(), report.state, report.status)
        with sender.send(Request(method, address, headers=headers, data=report.body)) as response:
            note_limit(response.headers.get("Ping-Body-Limit"))
            return _outcome(response, start_reply if isinstance(report.state, Running) else ping_reply)

    return exchange(settings, transports, url.reveal(), settings.deadline, call)


def upload(settings: HttpSettings, transports: PerProcess[Transport], url: str, content: bytes, seconds: float) -> Outcome:
    """Post the bytes of a file to ``url`` without any token, within ``seconds``, and return the outcome."""

    def call(sender: RequestSender) -> Outcome:
        with sender.send(Request("POST", url, headers=_BYTES_HEADERS, data=content)) as response:
            return _outcome(response, lambda status, _, __: upload_reply(status, _host(url)))

    return exchange(settings, transports, url, seconds, call)


def _post_request(url: str, body: bytes) -> PreparedRequest:
    request = _empty_post(url).copy()
    request.body, request.headers["Content-Length"] = body, str(len(body))
    return request


@lru_cache(maxsize=64)
def _empty_post(url: str) -> PreparedRequest:
    """Prepare a POST without a body."""
    return Request("POST", url, headers=HEADERS).prepare()


def _request(
    settings: HttpSettings, transports: PerProcess[Transport], url: Secret, make: Callable[[], AnyRequest], interpret: Interpret
) -> Outcome:
    def call(sender: RequestSender) -> Outcome:
        with sender.send(make()) as response:
            return _outcome(response, interpret)

    return exchange(settings, transports, url.reveal(), settings.deadline, call)


def _outcome(response: Response, interpret: Interpret) -> Outcome:
    """Interpret the response. The rest of a body that is too long is not read, and its connection is not reused."""
    body: bytes = response.raw.read(_LONGEST_ANSWER, decode_content=False)
    if len(body) < _LONGEST_ANSWER:
        response.raw.read(1, decode_content=False)  # raises if the connection broke before the end of the body
    text = redaction.redact(body.decode(errors="replace"))  # before the text is cut: half a secret would not be recognized
    return interpret(response.status_code, text, in_seconds(response.headers.get("Retry-After"), SystemClock().now()))


def in_seconds(retry_after: str | None, now: datetime) -> str | None:
    """Convert a Retry-After date to seconds from ``now``, at least 0 and at most one day. Return any other value unchanged.

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
