"""A request by requests, held to what it does not do by itself.

- The adapter is used without a session around it: a session follows redirects or at least reads their bodies to the end,
  keeps cookies, and looks into ``.netrc``. What is reused, the connections, is the adapter's.
- TLS is our one context's affair: requests neither adds its own certificates to it nor turns it off.
- Connections are dialled by us, and keep to the attempt's deadline; the attempt learns when the whole request went out.
"""

import socket
import ssl
from collections.abc import Callable
from http.client import HTTPException
from urllib.parse import urlsplit

from requests import Request, Response
from requests.adapters import HTTPAdapter
from requests.exceptions import ProxyError
from requests.utils import get_environ_proxies, select_proxy
from typing_extensions import override
from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import HTTPError

from tocsin.core.outcomes import DeliveryError, Outcome, Receipt, Rejected
from tocsin.core.pings import ping_url
from tocsin.core.replies import ping_reply, slack_reply
from tocsin.core.states import State
from tocsin.shell.adapters import redaction, tls
from tocsin.shell.adapters.deadline import Attempt, attempting, current
from tocsin.shell.adapters.process import Kept
from tocsin.shell.adapters.secrets import Secret
from tocsin.shell.adapters.slack import SlackWebhook
from tocsin.shell.adapters.sockets import dial

_LONGEST_ANSWER = 1 << 16  # bytes
_HEADERS = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "tocsin", "Accept-Encoding": "identity"}
_PING_HEADERS = {name: value for name, value in _HEADERS.items() if name != "Content-Type"}

Meaning = Callable[[int, str, str | None], Outcome]
"""What an answer means, by its status, its body and its Retry-After."""


class _Connection(HTTPSConnection):
    debuglevel = 0  # http.client prints requests where it is set, and it may be set for all of a program

    def _new_conn(self) -> socket.socket:
        attempt = current()
        assert attempt is not None  # ``post`` makes one
        return dial(self.host, self.port, attempt)

    @override
    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # urllib3 has a class of its own
        attempt = current()
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


def post(webhook: SlackWebhook, kept: Kept[Transport], url: Secret, body: bytes) -> Receipt | DeliveryError:
    """Post ``body``, which is JSON, and say what the answer means."""
    return _exchanged(webhook, kept, url, Request("POST", url.reveal(), headers=_HEADERS, data=body), slack_reply)


def ping(network: SlackWebhook, kept: Kept[Transport], url: Secret, state: State) -> Receipt | DeliveryError:
    """Tell the service at ``url`` of a state, and say what the answer means."""
    return _exchanged(network, kept, url, Request("GET", ping_url(url.reveal(), state), headers=_PING_HEADERS), ping_reply)


def _exchanged(network: SlackWebhook, kept: Kept[Transport], url: Secret, request: Request, meaning: Meaning) -> Outcome:
    context = tls.context(network.ca_bundle)
    if isinstance(context, Rejected):
        return context
    attempt = Attempt(urlsplit(url.reveal()).hostname or "", network.deadline, network.connect_timeout)
    with attempting(attempt):
        try:
            return _sent(network, kept.get(lambda: Transport(context)), url, request, meaning)
        except ProxyError as error:
            attempt.trouble = attempt.trouble or f"the proxy does not lead to {attempt.host}: check the proxy settings"
            return attempt.failure(error)
        except (OSError, HTTPException, HTTPError, ValueError) as error:
            return attempt.failure(error)


def _sent(network: SlackWebhook, transport: Transport, url: Secret, request: Request, meaning: Meaning) -> Outcome:
    proxies = dict(network.proxies) if network.proxies is not None else get_environ_proxies(url.reveal())
    if (select_proxy(url.reveal(), proxies) or "").lower().startswith("socks"):
        return Rejected("SOCKS proxies are not supported: name an http:// proxy in proxies, or in HTTPS_PROXY")
    timeout = (network.connect_timeout, network.read_timeout)
    with transport.send(request.prepare(), stream=True, timeout=timeout, proxies=proxies) as response:
        return _understood(response, meaning)


def _understood(response: Response, meaning: Meaning) -> Outcome:
    """What the answer means. Of a body that is too long the rest is left, and the connection with it."""
    body: bytes = response.raw.read(_LONGEST_ANSWER, decode_content=False)
    said = redaction.redact(body.decode(errors="replace"))  # before it is cut: half a secret would not be known again
    return meaning(response.status_code, said, response.headers.get("Retry-After"))
