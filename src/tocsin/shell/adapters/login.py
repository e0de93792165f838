"""How an account logs in: by its password (PLAIN), or by an access token (XOAUTH2)."""

from base64 import b64encode
from collections.abc import Callable

import attrs

from tocsin.core.oauth import login_reply
from tocsin.core.outcomes import DeliveryError
from tocsin.core.replies import smtp_reply
from tocsin.shell.adapters.secrets import Secret

Meaning = Callable[[int, str], DeliveryError]
"""What a refusal means, by its code and its text."""


@attrs.frozen
class Login:
    """A login, and what it means that it is refused. ``argument`` is what follows AUTH."""

    argument: str = attrs.field(repr=False)
    meaning: Meaning


def by_password(username: Secret, password: Secret) -> Login:
    """With an app password."""
    return Login(f"PLAIN {_base64('', username.reveal(), password.reveal(), between=chr(0))}", smtp_reply)


def by_token(username: Secret, token: Secret) -> Login:
    """With an access token."""
    fields = (f"user={username.reveal()}", f"auth=Bearer {token.reveal()}", "", "")
    return Login(f"XOAUTH2 {_base64(*fields, between=chr(1))}", login_reply)


def _base64(*fields: str, between: str) -> str:
    return b64encode(between.join(fields).encode()).decode()
