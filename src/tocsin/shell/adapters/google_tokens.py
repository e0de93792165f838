"""Cache of Google access tokens, for accounts whose password is a JSON credentials file from Google.

- The cache holds one token per account in memory, until shortly before the token expires.
- The cache is per process: a pickled copy is empty, and so is the cache of a forked child.
"""

import ssl
import time

import attrs

from tocsin.core.outcomes import DeliveryError, Rejected
from tocsin.core.services.google import Grant, read_grant
from tocsin.shell import redaction
from tocsin.shell.adapters.secrets import Secret
from tocsin.shell.adapters.settings import SmtpSettings
from tocsin.shell.adapters.time_limits import Attempt


@attrs.frozen
class TokenRoute:
    """How to reach a server: the settings, TLS by ``context``, in the time that ``attempt`` has left."""

    settings: SmtpSettings
    context: ssl.SSLContext
    attempt: Attempt


class TokenCache:
    """Access tokens that have not expired, by account."""

    def __init__(self) -> None:
        self._cached: dict[tuple[Secret, Secret], tuple[Secret, float]] = {}

    def known(self, username: Secret, password: Secret) -> Secret | None:
        """Return the cached token if it has not expired."""
        token, until = self._cached.get((username, password), (None, 0.0))
        return token if time.monotonic() < until else None

    def fetch(self, username: Secret, password: Secret, route: TokenRoute) -> Secret | DeliveryError:
        """Fetch a new token and cache it, or return why there is none."""
        grant = _read_grant(password, route.settings.token_hosts)
        if isinstance(grant, Rejected):
            return grant
        try:
            from tocsin.shell.adapters import google_token_client
        except ImportError:
            return Rejected(
                f"the secret {password.name!r} holds OAuth credentials, which need google-auth: pip install 'tocsin[gmail-oauth]'"
            )
        asked = time.monotonic()
        token = google_token_client.fetch_token(grant, username.reveal(), route.settings, route.context, route.attempt)
        if isinstance(token, DeliveryError):
            return token
        secret = Secret(password.name, token.value)
        self.drop(username, password)
        self._cached[username, password] = (secret, asked + token.lifetime)
        return secret

    def drop(self, username: Secret, password: Secret) -> None:
        """Remove the account's token from the cache."""
        cached = self._cached.pop((username, password), None)
        if cached is not None:
            token, _ = cached
            redaction.forget(token.name, token.reveal())

    def close(self) -> None:
        """Remove all tokens from the cache."""
        for account in tuple(self._cached):
            self.drop(*account)


def _read_grant(password: Secret, token_hosts: tuple[str, ...]) -> Grant | Rejected:
    """Parse the JSON, and register its secret parts for redaction."""
    grant = read_grant(password.reveal(), token_hosts)
    if isinstance(grant, str):
        return Rejected(f"the JSON in the secret {password.name!r} is refused: {grant}")
    for part in grant.secrets:
        redaction.remember(password.name, part)
    return grant
