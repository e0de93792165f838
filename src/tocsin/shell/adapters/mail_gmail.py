"""Mail through Gmail's SMTP server: one kept connection, one login, many messages.

A mail counts as delivered when the server answers 250 to its text, whatever happens afterwards. The envelope is given
expressly, from the account to the recipients; nothing is read out of the headers.

The password is an app password, or the JSON that Google gives for a user or a service account: then the login is by an access token.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import attrs

from tocsin.core.changes import Key
from tocsin.core.delivery.destinations import address_fault
from tocsin.core.effects import Mail
from tocsin.core.outcomes import DeliveryError, Receipt, Rejected
from tocsin.core.services.google_oauth import is_grant
from tocsin.shell.adapters import redaction, settings
from tocsin.shell.adapters.secrets import Secret
from tocsin.shell.fork_safety import PerProcess

if TYPE_CHECKING:
    from tocsin.shell.adapters.google_tokens import Tokens
    from tocsin.shell.adapters.mail_smtp import SmtpSession


def _kept() -> "PerProcess[SmtpSession]":
    return PerProcess()


def _no_tokens() -> "PerProcess[Tokens]":
    return PerProcess()


def _hosts(names: Iterable[str]) -> tuple[str, ...]:
    """The names as a tuple. One bare name is refused: it would be taken for its letters."""
    if isinstance(names, str):
        raise ValueError(f"token_hosts is a tuple of names: write ({names!r},)")  # noqa: TRY004 - like any other setting
    return tuple(names)


@attrs.frozen(kw_only=True)
class Gmail:
    """Sends mail from a Gmail account, over one connection that it keeps. Any thread may use it; they take turns.

    Args:
        host: the SMTP server, reached over TLS from the first byte on.
        port: its port.
        ca_bundle: a file with the only CA certificates to trust, in PEM form; None: those of the file in REQUESTS_CA_BUNDLE
            or SSL_CERT_FILE, else the system's.
        connect_timeout: how long connecting to one address may take, in seconds.
        read_timeout: how long the server may be silent, in seconds.
        deadline: how long a mail may take in all, in seconds, waiting for its turn included.
        token_hosts: hosts that an access token may be asked of besides Google's own; any port of theirs. For tests.

    Raises:
        ValueError: a setting makes no sense.
    """

    host: str = attrs.field(default="smtp.gmail.com", validator=settings.host)
    port: int = attrs.field(default=465, validator=settings.port)
    ca_bundle: str | None = attrs.field(default=None, converter=settings.path, validator=settings.bundle)
    connect_timeout: float = attrs.field(default=5.0, validator=settings.seconds)
    read_timeout: float = attrs.field(default=10.0, validator=settings.seconds)
    deadline: float = attrs.field(default=30.0, validator=settings.seconds)
    token_hosts: tuple[str, ...] = attrs.field(default=(), converter=_hosts)
    _kept: "PerProcess[SmtpSession]" = attrs.field(init=False, factory=_kept, eq=False, repr=False)
    _tokens: "PerProcess[Tokens]" = attrs.field(init=False, factory=_no_tokens, eq=False, repr=False)

    def send(self, username: Secret, password: Secret, mail: Mail, key: Key) -> Receipt | DeliveryError:
        """Send ``mail``: Delivered, with the recipients that were refused, or why not. Raises nothing if it was not."""
        return redaction.clean(redaction.contained(lambda: self._send(username, password, mail, key)))

    def close(self) -> None:
        """Close the connection, and forget access tokens. The next mail opens a new one."""
        self._kept.close()
        self._tokens.close()

    def _send(self, username: Secret, password: Secret, mail: Mail, key: Key) -> Receipt | DeliveryError:
        fault = _fault(username, password, mail)
        if fault is not None:
            return Rejected(fault)
        from tocsin.shell.adapters import mail_smtp
        from tocsin.shell.adapters.mail_mime import mime

        letter = mail_smtp.Letter(_recipients(mail, username.reveal()), mime(_redacted(mail), key, username.reveal()))
        return mail_smtp.send(self, self._kept, self._tokens, mail_smtp.Credentials(username, password), letter)


def _redacted(mail: Mail) -> Mail:
    """The mail without any secret that we know: an exception may well quote one."""
    hidden = redaction.redact
    return attrs.evolve(mail, subject=hidden(mail.subject), plain=hidden(mail.plain), html=hidden(mail.html))


def _recipients(mail: Mail, account: str) -> tuple[str, ...]:
    """Whom the mail is for, each once, in order."""
    to = (account,) if mail.recipients is None else mail.recipients
    return tuple(dict.fromkeys((*to, *mail.cc)))


def _fault(username: Secret, password: Secret, mail: Mail) -> str | None:
    fault = address_fault(username.reveal())
    if fault is not None:
        return f"the user name in the secret {username.name!r} is refused: {fault}"
    if not (is_grant(password.reveal()) or (password.reveal().isascii() and password.reveal().isprintable())):
        return f"the password in the secret {password.name!r} is no app password, which is 16 letters"
    recipients = _recipients(mail, username.reveal())
    if not recipients:
        return "the mail names no recipient"
    bad = next((address for address in recipients if address_fault(address) is not None), None)
    return None if bad is None else f"the recipient {bad!r} is refused: {address_fault(bad)}"
