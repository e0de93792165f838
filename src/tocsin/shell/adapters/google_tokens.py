"""Access tokens: what an account logs in with whose password is the JSON that Google gives.

A token is kept in memory until shortly before it expires, each for its own account. What keeps them pickles as a new, empty place, and
so does what a child of this process has.
"""

import ssl
import time
from typing import TYPE_CHECKING

import attrs

from tocsin.core.outcomes import DeliveryError, Rejected
from tocsin.core.services.google_oauth import Grant, read_grant
from tocsin.shell.adapters import redaction
from tocsin.shell.adapters.secrets import Secret
from tocsin.shell.adapters.time_limits import Attempt

if TYPE_CHECKING:
    from tocsin.shell.adapters.mail_gmail import Gmail


@attrs.frozen
class TokenRoute:
    """How the token endpoint is reached: TLS by ``context``, and in the time that is left of ``attempt``."""

    gmail: "Gmail"
    context: ssl.SSLContext
    attempt: Attempt


class Tokens:
    """The access tokens that are good for a while yet."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Secret, Secret], tuple[Secret, float]] = {}

    def known(self, username: Secret, password: Secret) -> Secret | None:
        """The token that was fetched before, where it is still good."""
        token, until = self._kept.get((username, password), (None, 0.0))
        return token if time.monotonic() < until else None

    def fetch(self, username: Secret, password: Secret, way: TokenRoute) -> Secret | DeliveryError:
        """A new token, kept for the next time; or why there is none."""
        grant = _grant(password, way.gmail.token_hosts)
        if isinstance(grant, Rejected):
            return grant
        try:
            from tocsin.shell.adapters import google_token_client
        except ImportError:
            return Rejected(
                f"the secret {password.name!r} holds OAuth credentials, which need google-auth: pip install 'tocsin[gmail-oauth]'"
            )
        asked = time.monotonic()
        token = google_token_client.fetched(grant, username.reveal(), way)
        if isinstance(token, DeliveryError):
            return token
        secret = Secret(password.name, token.value)
        self.drop(username, password)
        self._kept[username, password] = (secret, asked + token.lifetime)
        return secret

    def drop(self, username: Secret, password: Secret) -> None:
        """Keep the account's token no longer."""
        kept = self._kept.pop((username, password), None)
        if kept is not None:
            token, _ = kept
            redaction.forget(token.name, token.reveal())

    def close(self) -> None:
        """Keep none."""
        for account in tuple(self._kept):
            self.drop(*account)


def _grant(password: Secret, token_hosts: tuple[str, ...]) -> Grant | Rejected:
    """What the JSON holds; from now on its parts do not show, wherever they turn up."""
    grant = read_grant(password.reveal(), token_hosts)
    if isinstance(grant, str):
        return Rejected(f"the JSON in the secret {password.name!r} is refused: {grant}")
    for part in grant.secrets:
        redaction.remember(password.name, part)
    return grant
