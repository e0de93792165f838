"""Asks Google's token endpoint for an access token: google-auth writes the request and signs it, we carry it and judge the answer.

- It goes where the JSON was judged to lead, over our own TLS and within our own deadlines, and follows no redirect.
- It is tried once. google-auth would try three times, and sleep in between, by the status of the answer that it is given; so it is
  given only what holds a token, and anything else is raised past it.
- A token may be asked for again without harm: silence after the request went out is not ambiguous.
"""

import json
from collections.abc import Mapping
from http.client import HTTPException
from typing import Protocol
from urllib.parse import urlsplit

import attrs
from google.auth import transport
from google.oauth2 import credentials, service_account
from requests import Request
from requests.exceptions import ProxyError
from requests.utils import get_environ_proxies, select_proxy
from typing_extensions import override
from urllib3.exceptions import HTTPError

from tocsin.core.outcomes import DeliveryError, Rejected
from tocsin.core.services.google_oauth import SCOPE, AccessToken, AuthorizedUser, Grant, token_reply
from tocsin.shell.adapters import redaction
from tocsin.shell.adapters.google_tokens import TokenRoute
from tocsin.shell.adapters.http import Transport
from tocsin.shell.adapters.time_limits import Attempt, attempting

_LONGEST_ANSWER = 1 << 16  # bytes
_HEADERS = {"User-Agent": "tocsin", "Accept-Encoding": "identity"}


class _Credentials(Protocol):
    """What google-auth makes an access token from."""

    def refresh(self, request: transport.Request) -> None:
        """Carry the request, and keep the token that comes back."""


class _NoTokenError(Exception):
    """The answer holds no token."""

    def __init__(self, error: DeliveryError) -> None:
        super().__init__()
        self.error = error


@attrs.frozen
class _Response:
    """An answer, as far as google-auth reads it."""

    status: int
    data: bytes


class _Carrier(transport.Request):
    """Carries one request of google-auth's to the endpoint, whatever address it names. ``token`` is what came back."""

    def __init__(self, grant: Grant, way: TokenRoute) -> None:
        self._grant = grant
        self._way = way
        self.token = AccessToken("", 0.0)

    @override
    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **kwargs: object,
    ) -> _Response:
        uri = self._grant.token_uri
        answer = self._answer(uri, Request(method, uri, headers={**(headers or {}), **_HEADERS}, data=body))
        if isinstance(answer, DeliveryError):
            raise _NoTokenError(answer)
        self.token = answer
        return _Response(200, json.dumps({"access_token": answer.value}).encode())

    def _answer(self, uri: str, request: Request) -> AccessToken | DeliveryError:
        proxies = get_environ_proxies(uri)
        if (select_proxy(uri, proxies) or "").lower().startswith("socks"):
            return Rejected("SOCKS proxies are not supported: name an http:// proxy in HTTPS_PROXY")
        timeout = (self._way.gmail.connect_timeout, self._way.gmail.read_timeout)
        connection = Transport(self._way.context)
        try:
            with connection.send(request.prepare(), stream=True, timeout=timeout, proxies=proxies) as response:
                body: bytes = response.raw.read(_LONGEST_ANSWER, decode_content=False)
                text = body.decode(errors="replace")
                said = text if response.status_code == 200 else redaction.redact(text)
                return token_reply(self._grant, response.status_code, said, response.headers.get("Retry-After"))
        finally:
            connection.close()


def fetched(grant: Grant, account: str, way: TokenRoute) -> AccessToken | DeliveryError:
    """A new token for ``account``, or why there is none."""
    redaction.guard_logs()
    asking = _credentials(grant, account)
    if isinstance(asking, Rejected):
        return asking
    carrier = _Carrier(grant, way)
    attempt = Attempt(urlsplit(grant.token_uri).hostname or "", way.attempt.left(), way.gmail.connect_timeout)
    try:
        with attempting(attempt):
            asking.refresh(carrier)
    except _NoTokenError as none:
        return none.error
    except (OSError, HTTPException, HTTPError, ValueError) as error:
        return _failure(attempt, error)
    return carrier.token


def _failure(attempt: Attempt, error: Exception) -> DeliveryError:
    if isinstance(error, ProxyError):
        attempt.trouble = attempt.trouble or f"the proxy does not lead to {attempt.host}: check the proxy settings"
    attempt.sent = False
    return attempt.failure(error)


def _credentials(grant: Grant, account: str) -> _Credentials | Rejected:
    if isinstance(grant, AuthorizedUser):
        return credentials.Credentials(
            None,
            grant.refresh_token,
            token_uri=grant.token_uri,
            client_id=grant.client_id,
            client_secret=grant.client_secret,
            scopes=(SCOPE,),
        )
    try:
        signing = service_account.Credentials.from_service_account_info(attrs.asdict(grant), scopes=(SCOPE,), subject=account)
        signing.sign_bytes(b"")
    except Exception:  # a key may be bad in many ways, and each has an exception of its own
        return Rejected("the private_key of the service account is no RSA key in PEM form: copy the file that Google gave, whole")
    return signing
