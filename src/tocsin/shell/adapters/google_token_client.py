"""Fetches access tokens from Google's token endpoint; google-auth writes and signs the request, tocsin sends it.

- The request goes to the endpoint that ``read_grant`` accepted, over our TLS and within our deadlines. Redirects are not followed.
- The request is tried once. google-auth retries up to three times, with pauses, on the status of an error response; so it only gets
  responses that hold a token, and every other response is raised past it.
- Asking for a token again does no harm: no answer after the request was sent is not ambiguous.
"""

import json
import ssl
from collections.abc import Mapping
from http.client import HTTPException
from typing import Protocol
from urllib.parse import urlsplit

import attrs
from google.auth import transport
from google.oauth2 import credentials, service_account
from requests import Request
from requests.utils import get_environ_proxies
from typing_extensions import override
from urllib3.exceptions import HTTPError

from tocsin.core.outcomes import DeliveryError, Rejected
from tocsin.core.services.google import SCOPE, AccessToken, AuthorizedUser, Grant, token_reply
from tocsin.shell import redaction
from tocsin.shell.adapters.http import Transport, failure, refused_proxy
from tocsin.shell.adapters.settings import SmtpSettings
from tocsin.shell.adapters.time_limits import Attempt, attempting

_LONGEST_ANSWER = 1 << 16  # bytes
_HEADERS = {"User-Agent": "tocsin", "Accept-Encoding": "identity"}


class _Credentials(Protocol):
    """The part of google-auth's credentials that fetches an access token."""

    def refresh(self, request: transport.Request) -> None:
        """Fetch a token by ``request``, and keep it."""


class _NoTokenError(Exception):
    """The response holds no token."""

    def __init__(self, error: DeliveryError) -> None:
        super().__init__()
        self.error = error


@attrs.frozen
class _Response:
    """The part of a response that google-auth reads."""

    status: int
    data: bytes


class _TokenTransport(transport.Request):
    """Sends one request of google-auth to the grant's endpoint, whatever URL the request names. ``token`` holds the result."""

    def __init__(self, grant: Grant, settings: SmtpSettings, context: ssl.SSLContext) -> None:
        self._grant = grant
        self._timeout = settings.connect_timeout, settings.read_timeout
        self._context = context
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
        answer = self._send(uri, Request(method, uri, headers={**(headers or {}), **_HEADERS}, data=body))
        if isinstance(answer, DeliveryError):
            raise _NoTokenError(answer)
        self.token = answer
        return _Response(200, json.dumps({"access_token": answer.value}).encode())

    def _send(self, uri: str, request: Request) -> AccessToken | DeliveryError:
        proxies = get_environ_proxies(uri)
        fault = refused_proxy(uri, proxies)
        if fault is not None:
            return fault
        connection = Transport(self._context)
        try:
            with connection.send(request.prepare(), stream=True, timeout=self._timeout, proxies=proxies) as response:
                body: bytes = response.raw.read(_LONGEST_ANSWER, decode_content=False)
                text = body.decode(errors="replace")
                shown = text if response.status_code == 200 else redaction.redact(text)
                return token_reply(self._grant, response.status_code, shown, response.headers.get("Retry-After"))
        finally:
            connection.close()


def fetch_token(
    grant: Grant, account: str, settings: SmtpSettings, context: ssl.SSLContext, ongoing: Attempt
) -> AccessToken | DeliveryError:
    """Fetch a new token for ``account`` in the time that the ``ongoing`` attempt has left, or return why there is none."""
    redaction.guard_logs()
    google_credentials = _credentials(grant, account)
    if isinstance(google_credentials, Rejected):
        return google_credentials
    token_transport = _TokenTransport(grant, settings, context)
    attempt = Attempt(urlsplit(grant.token_uri).hostname or "", ongoing.left(), settings.connect_timeout, ongoing.trust)
    try:
        with attempting(attempt):
            google_credentials.refresh(token_transport)
    except _NoTokenError as no_token:
        return no_token.error
    except (OSError, HTTPException, HTTPError, ValueError) as error:
        attempt.sent = False  # to ask again does no harm
        return failure(attempt, error)
    return token_transport.token


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
    except Exception:  # each kind of bad key raises another exception
        return Rejected("the private_key of the service account is no RSA key in PEM form: copy the file that Google gave, whole")
    return signing
