"""What the JSON that Google gives for an account holds, decided from its text alone.

- Two kinds are known: that of a user who gave an app leave to send (``authorized_user``, with a refresh token), and that of a
  Workspace's service account (``service_account``, with a private key), which speaks for the account that sends.
- The token endpoint is Google's own, over https. Another is refused, whatever the JSON says, unless its host is allowed expressly.
- What is wrong is said in words that repeat nothing of the JSON.
"""

from collections.abc import Mapping

import attrs

from tocsin.core.destinations import https_fault
from tocsin.core.shapes import is_table
from tocsin.core.values import Value

HOST = "oauth2.googleapis.com"
_ENDPOINT = f"https://{HOST}/token"
_NEEDED = {
    "authorized_user": ("client_id", "client_secret", "refresh_token"),
    "service_account": ("client_email", "private_key"),
}


@attrs.frozen(eq=False, repr=False)
class AuthorizedUser(Value):
    """What a user's leave to send consists of."""

    client_id: str
    client_secret: str = attrs.field(repr=False)
    refresh_token: str = attrs.field(repr=False)
    token_uri: str = _ENDPOINT

    @property
    def secrets(self) -> tuple[str, ...]:
        """The parts that must never show."""
        return (self.client_secret, self.refresh_token)


@attrs.frozen(eq=False, repr=False)
class ServiceAccount(Value):
    """What a service account proves itself with."""

    client_email: str
    private_key: str = attrs.field(repr=False)
    private_key_id: str | None = None
    token_uri: str = _ENDPOINT

    @property
    def secrets(self) -> tuple[str, ...]:
        """The parts that must never show."""
        return (self.private_key,)


Grant = AuthorizedUser | ServiceAccount


def is_grant(password: str) -> bool:
    """Whether a password is meant to be Google's JSON: no app password begins like it."""
    return password.startswith("{")


def read_grant(text: str, token_hosts: tuple[str, ...] = ()) -> Grant | str:
    """What the JSON that Google gives for an account holds; or what is wrong with it, in words that do not repeat it.

    Args:
        text: the JSON.
        token_hosts: hosts that ``token_uri`` may lead to besides Google's own; any port of theirs.

    >>> read_grant('{"type": "authorized_user", "client_id": "id", "client_secret": "s", "refresh_token": "r"}')
    AuthorizedUser(client_id='id', token_uri='https://oauth2.googleapis.com/token')
    >>> read_grant('{"type": "service_account"}')
    'it has no client_email: copy the file that Google gave, whole'
    """
    found = json_object(text)
    if not found:
        return "it is not a JSON object: copy the file that Google gave, whole"
    if "installed" in found or "web" in found:
        return "it is the OAuth client's own file, which opens no account: make a refresh token with it, and put that JSON here"
    texts = {name: value for name, value in found.items() if isinstance(value, str) and _sound(value)}
    kind = texts.get("type", "")
    if kind not in _NEEDED:
        return f"its type is not known: it must be {' or '.join(_NEEDED)}"
    uri = texts.get("token_uri", "" if "token_uri" in found else _ENDPOINT)
    if _leads_astray(uri, token_hosts):
        return f"its token_uri does not lead to {HOST}: remove it, or write {_ENDPOINT}"
    missing = next((name for name in _NEEDED[kind] if name not in texts), None)
    if missing is not None:
        return f"it has no {missing}: copy the file that Google gave, whole"
    if kind == "authorized_user":
        return AuthorizedUser(texts["client_id"], texts["client_secret"], texts["refresh_token"], uri)
    return ServiceAccount(texts["client_email"], texts["private_key"], texts.get("private_key_id"), uri)


def _sound(part: str) -> bool:
    return bool(part.strip()) and part.replace("\n", "").replace("\r", "").isprintable()


def _leads_astray(uri: str, token_hosts: tuple[str, ...]) -> bool:
    from urllib.parse import urlsplit

    if https_fault(uri) is not None:
        return True
    parts = urlsplit(uri)
    return parts.hostname not in token_hosts and (parts.hostname != HOST or parts.port not in {None, 443})


def json_object(text: str) -> Mapping[str, object]:
    """The JSON object in a text; an empty one where there is none."""
    import json  # seldom needed, and slow to load

    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if is_table(found) else {}
