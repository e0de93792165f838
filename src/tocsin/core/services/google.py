"""Mail by SMTP: Google's JSON credentials of an account, and the answers of OAuth's token endpoint and of a mail server.

- Two kinds of credentials are known: those of a user who authorized an app (``authorized_user``, with a refresh token), and those of a
  Workspace's service account (``service_account``, with a private key), which impersonates the account that sends.
- The token endpoint is Google's own, over https. Any other is refused, whatever the JSON holds, unless its host is allowed explicitly.
- No problem text repeats anything of the JSON.
- An answer without a token is an outcome. Its reason has the form "what happened: what to do".
- A reason names the mail server that answered, and quotes it. Google's rules and pages are for Google's own servers alone.

Sources: RFC 6749, section 5.2; Google's pages on OAuth 2.0, on domain-wide delegation, and on XOAUTH2; Gmail's page of
SMTP errors and codes; RFC 4954, section 6 (the codes of AUTH).
"""

import re
from collections.abc import Mapping
from datetime import timedelta

import attrs

from tocsin.core.delivery.destinations import https_fault, leads_to
from tocsin.core.delivery.retry import parse_retry_after
from tocsin.core.outcomes import DeliveryError, DestinationDead, Rejected, Retryable
from tocsin.core.services.connection import words
from tocsin.core.text import cut, one_line
from tocsin.core.validation import is_table
from tocsin.core.values import Value

HOST = "oauth2.googleapis.com"
_ENDPOINT = f"https://{HOST}/token"
_NEEDED = {
    "authorized_user": ("client_id", "client_secret", "refresh_token"),
    "service_account": ("client_email", "private_key"),
}
SCOPE = "https://mail.google.com/"
_MARGIN = 300.0  # seconds before its expiry from which a token is no longer used
_LONGEST = 86_400.0  # seconds
_TRANSIENT = {"internal_failure", "rate_limit_exceeded", "server_error", "temporarily_unavailable"}
_CODE = re.compile("[a-z_]{1,40}")
_MAIL_DOMAINS = (".gmail.com", ".googlemail.com", ".google.com")
APP_PASSWORDS = "https://support.google.com/accounts/answer/185833"
_LOGIN_CODES = {454, 534, 535}
_OTHER_REFUSAL = "ask its operator what a login needs"
_SCOPED = f"make a new refresh token, with the scope {SCOPE}"
_CLIENT = "the OAuth client is unknown, disabled, or its secret is another: make a new refresh token with a client that exists"
_DELEGATED = f"in the Workspace's admin console, domain-wide delegation must allow the service account the scope {SCOPE}"
_KEY = "the service account, or its key, is disabled or deleted: download a new key"
_POLICY = "the Workspace's administrator does not let this app send: ask them to"
_USER_REMEDIES = {
    "invalid_grant": (
        'the refresh token is expired or revoked, and those of an OAuth app in "Testing" expire after seven days:'
        " publish the app, or make a new token"
    ),
    "invalid_client": _CLIENT,
    "deleted_client": _CLIENT,
    "disabled_client": _CLIENT,
    "unauthorized_client": "the refresh token is that of another OAuth client: make a new one with this client",
    "invalid_scope": _SCOPED,
    "access_denied": _POLICY,
    "admin_policy_enforced": _POLICY,
    "org_internal": _POLICY,
}
_SERVICE_ACCOUNT_REMEDIES = {
    "invalid_grant": f"{_DELEGATED}, the account that sends must exist there, and this machine's clock must be right",
    "invalid_client": _KEY,
    "deleted_client": _KEY,
    "disabled_client": _KEY,
    "unauthorized_client": _DELEGATED,
    "invalid_scope": _DELEGATED,
    "access_denied": _DELEGATED,
    "admin_policy_enforced": _POLICY,
    "org_internal": _POLICY,
}


@attrs.frozen(eq=False, repr=False)
class AuthorizedUser(Value):
    """The credentials of a user who authorized an app to send."""

    client_id: str
    client_secret: str = attrs.field(repr=False)
    refresh_token: str = attrs.field(repr=False)
    token_uri: str = _ENDPOINT

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return the parts that must never be shown."""
        return (self.client_secret, self.refresh_token)


@attrs.frozen(eq=False, repr=False)
class ServiceAccount(Value):
    """The credentials of a service account."""

    client_email: str
    private_key: str = attrs.field(repr=False)
    private_key_id: str | None = None
    token_uri: str = _ENDPOINT

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return the parts that must never be shown."""
        return (self.private_key,)


Grant = AuthorizedUser | ServiceAccount


def is_grant(password: str) -> bool:
    """Return whether a password is meant to be Google's JSON. No app password begins with ``{``."""
    return password.startswith("{")


def read_grant(text: str, token_hosts: tuple[str, ...] = ()) -> Grant | str:
    """Return the credentials in Google's JSON for an account; or a text that says what is wrong with it, without repeating it.

    Args:
        text: the JSON.
        token_hosts: hosts that ``token_uri`` may lead to besides Google's own, on any port.

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
    texts = {name: value for name, value in found.items() if isinstance(value, str) and _is_usable(value)}
    kind = texts.get("type", "")
    if kind not in _NEEDED:
        return f"its type is not known: it must be {' or '.join(_NEEDED)}"
    uri = texts.get("token_uri", "" if "token_uri" in found else _ENDPOINT)
    if https_fault(uri) is not None or not leads_to(uri, (HOST,), token_hosts):
        return f"its token_uri does not lead to {HOST}: remove it, or write {_ENDPOINT}"
    missing = next((name for name in _NEEDED[kind] if name not in texts), None)
    if missing is not None:
        return f"it has no {missing}: copy the file that Google gave, whole"
    if kind == "authorized_user":
        return AuthorizedUser(texts["client_id"], texts["client_secret"], texts["refresh_token"], uri)
    return ServiceAccount(texts["client_email"], texts["private_key"], texts.get("private_key_id"), uri)


def _is_usable(part: str) -> bool:
    return bool(part.strip()) and part.replace("\n", "").replace("\r", "").isprintable()


def json_object(text: str) -> Mapping[str, object]:
    """Return the JSON object in a text; an empty one if there is none."""
    import json  # seldom needed, and slow to load

    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if is_table(found) else {}


@attrs.frozen(eq=False, repr=False)
class AccessToken(Value):
    """An access token for one account. It may be reused for ``lifetime`` seconds from its arrival."""

    value: str = attrs.field(repr=False)
    lifetime: float


def token_reply(grant: Grant, status: int, body: str, retry_after: str | None = None) -> AccessToken | DeliveryError:
    """Classify an answer of the token endpoint.

    Args:
        grant: the credentials that the token was requested with.
        status: the HTTP status.
        body: the body; redacted, unless the status is 200.
        retry_after: the header Retry-After in seconds, if there was one.

    >>> user = AuthorizedUser("id", "s", "r")
    >>> token_reply(user, 200, '{"access_token": "t", "expires_in": 3599}')
    AccessToken(lifetime=3299.0)
    >>> token_reply(user, 503, "").reason
    "Google's token endpoint has trouble of its own (HTTP 503)"
    """
    found = json_object(body)
    if status == 200:
        return _token(found)
    if 300 <= status < 400:
        return Rejected(f"Google's token endpoint answered with a redirect (HTTP {status}), which is never followed: look for a proxy")
    error, description = (_words(found, name) for name in ("error", "error_description"))
    if status >= 500 or status in {408, 429} or error in _TRANSIENT:
        return Retryable(f"Google's token endpoint has trouble of its own (HTTP {status})", parse_retry_after(retry_after))
    said = f" (it says: {description})" if description else ""
    remedies = _SERVICE_ACCOUNT_REMEDIES if isinstance(grant, ServiceAccount) else _USER_REMEDIES
    if error in remedies:
        return DestinationDead(f"Google gives no access token ({error}): {remedies[error]}{said}")
    known = error if _CODE.fullmatch(error) else "no reason that we know"
    return Rejected(f"Google gives no access token (HTTP {status}, {known}): make new credentials for the account{said}")


def _words(found: Mapping[str, object], name: str) -> str:
    value = found.get(name)
    return cut(one_line(value), 160) if isinstance(value, str) else ""


def _token(found: Mapping[str, object]) -> AccessToken | DeliveryError:
    value, scope = found.get("access_token"), found.get("scope", SCOPE)
    if not isinstance(value, str) or not (value and value.isascii() and value.isprintable()):
        return Rejected(
            "Google's token endpoint answered without an access token (HTTP 200): look whether a proxy answers in its place"
        )
    if not isinstance(scope, str) or SCOPE not in scope.split():
        return DestinationDead(f"the access token does not allow mail: {_SCOPED}")
    return AccessToken(value, _lifetime(found.get("expires_in")))


def _lifetime(expires_in: object) -> float:
    """Return for how many seconds the token may be kept: 0 if the answer gives no number."""
    text = str(expires_in)[:9]  # some servers send a string
    return min(max(float(text) - _MARGIN, 0.0), _LONGEST) if text.isascii() and text.isdigit() else 0.0


def is_google(host: str) -> bool:
    """Return whether a mail server is one of Google's, to which Google's rules apply.

    >>> is_google("smtp.gmail.com"), is_google("smtp.gmail.com.example")
    (True, False)
    """
    name = host.casefold().rstrip(".")
    return name.endswith(_MAIL_DOMAINS)


def smtp_reply(code: int, text: str, host: str = "smtp.gmail.com") -> DeliveryError:
    """Classify a mail server's refusal of a mail.

    Args:
        code: the reply code.
        text: the text after it, redacted.
        host: the server that answered.

    >>> smtp_reply(550, "5.1.1 no such user").reason
    'Gmail refused the mail: 550 5.1.1 no such user'
    >>> smtp_reply(421, "4.7.0 too many connections", "mail.example.com").reason
    'mail.example.com asks for another try: 421 4.7.0 too many connections'
    """
    if code in _LOGIN_CODES:
        return password_reply(code, text, host)
    server, reply = _name(host), f"{code} {words(text)}"
    if code == 550 and "5.4.5" in text and is_google(host):
        return Retryable(f"the account has sent all that {server} lets it send today: {reply}", timedelta(hours=4))
    if 400 <= code < 500:
        return Retryable(f"{server} asks for another try: {reply}")
    return Rejected(f"{server} refused the mail: {reply}")


def password_reply(
    code: int, text: str, host: str = "smtp.gmail.com", names: tuple[str, str] = ("EMAIL_USERNAME", "EMAIL_PASSWORD")
) -> DeliveryError:
    """Classify a mail server's refusal of a login with a password.

    Args:
        code: the reply code.
        text: the text after it, redacted.
        host: the server that answered.
        names: the names of the secrets that hold the address and the password.

    >>> password_reply(535, "5.7.8 Username and Password not accepted").reason[:54]
    'Gmail refused the login: create an app password (https'
    >>> password_reply(535, "5.7.8 no", "mail.example.com").reason
    'mail.example.com refused the login: correct EMAIL_USERNAME or EMAIL_PASSWORD (it says: 535 5.7.8 no)'
    """
    server, said = _name(host), f" (it says: {code} {words(text)})"
    if code in {534, 535}:
        username, password = names
        google = f"create an app password ({APP_PASSWORDS}), and put it where {password} is"
        act = google if is_google(host) else f"correct {username} or {password}"
        return DestinationDead(f"{server} refused the login: {act}{said}")
    if code in {502, 503, 504}:
        return Rejected(f"{server} takes no login by password (AUTH PLAIN) on this port: name another server or port{said}")
    return _login_reply(code, text, host)


def login_reply(code: int, text: str, host: str = "smtp.gmail.com") -> DeliveryError:
    """Classify a mail server's refusal of a login with an access token.

    >>> login_reply(535, "5.7.8 Username and Password not accepted").reason[:69]
    'Gmail refused the access token: it must be one of the account that se'
    """
    if code in {534, 535}:
        act = f"it must be one of the account that sends, with the scope {SCOPE}"
        return DestinationDead(f"{_name(host)} refused the access token: {act} (it says: {code} {words(text)})")
    return _login_reply(code, text, host)


def _login_reply(code: int, text: str, host: str) -> DeliveryError:
    """Classify a refusal of a login that does not concern what it was made with."""
    server, reply = _name(host), f"{code} {words(text)}"
    if code == 454 and is_google(host):
        return Retryable(f"{server} has had too many logins (this is not a bad password): {reply}", timedelta(minutes=10))
    if code == 454:
        return Retryable(f"{server} cannot check the login now (this is not a bad password): {reply}", timedelta(minutes=10))
    if 400 <= code < 500:
        return smtp_reply(code, text, host)
    return Rejected(f"{server} refused the login: {_OTHER_REFUSAL} (it says: {reply})")


def _name(host: str) -> str:
    return "Gmail" if is_google(host) else host
