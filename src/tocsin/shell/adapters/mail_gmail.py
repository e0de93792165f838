"""Sends mail through Gmail's SMTP server: one connection and one login for many messages.

- A mail is delivered once the server answers 250 to its text, whatever happens afterwards.
- The envelope holds the account and the recipients; nothing is taken from the mail's headers.
- The password is an app password, or a JSON file from Google for a user or a service account. With JSON, the login uses an access
  token.
"""

from typing import TYPE_CHECKING

import attrs

from tocsin.core.changes import Key
from tocsin.core.delivery.destinations import QUOTED, address_fault
from tocsin.core.messages.email import Mail
from tocsin.core.outcomes import DeliveryError, Receipt, Rejected
from tocsin.core.services.google import is_google, is_grant
from tocsin.core.text import is_quoted
from tocsin.shell import redaction
from tocsin.shell.adapters.secrets import Secret
from tocsin.shell.adapters.settings import SmtpSettings, first
from tocsin.shell.fork_safety import PerProcess

if TYPE_CHECKING:
    from tocsin.shell.adapters.google_tokens import TokenCache
    from tocsin.shell.adapters.mail_smtp import SmtpSession


@attrs.frozen(kw_only=True, field_transformer=first("host", "port"))
class Gmail(SmtpSettings):
    """Sends mail from a Gmail account over one connection that stays open. It is thread-safe; threads take turns.

    Args:
        host: the SMTP server; the connection uses TLS from the first byte on.
        port: the server's port.
        ca_bundle: a file with the only CA certificates to trust, in PEM form. None: the file in REQUESTS_CA_BUNDLE or SSL_CERT_FILE,
            else the system's certificates.
        connect_timeout: the limit for connecting to one address, in seconds.
        read_timeout: the limit for each silence of the server, in seconds.
        deadline: the limit for one mail as a whole, in seconds, including the wait for other threads.
        token_hosts: hosts, besides Google's own, that may be asked for an access token, on any port. For tests.

    Raises:
        ValueError: a setting is invalid.
    """

    _kept: "PerProcess[SmtpSession]" = attrs.field(init=False, factory=PerProcess["SmtpSession"], eq=False, repr=False)
    _tokens: "PerProcess[TokenCache]" = attrs.field(init=False, factory=PerProcess["TokenCache"], eq=False, repr=False)

    def send(
        self, username: Secret, password: Secret, mail: Mail, key: Key, only: tuple[str, ...] | None = None
    ) -> Receipt | DeliveryError:
        """Send ``mail``. Return Delivered with the refused recipients, or the error; a failure is never raised.

        Args:
            username: the account that sends.
            password: its password or JSON credentials.
            mail: the mail.
            key: the key of the announcement, from which the mail gets its id.
            only: the addresses that it goes to, whatever its headers say; None means all in its headers.
        """
        return redaction.clean(redaction.contained(lambda: self._send(username, password, mail, key, only)))

    def close(self) -> None:
        """Close the connection and drop the access tokens. The next mail opens a new connection."""
        self._kept.close()
        self._tokens.close()

    def _send(self, username: Secret, password: Secret, mail: Mail, key: Key, only: tuple[str, ...] | None) -> Receipt | DeliveryError:
        recipients = _recipients(mail, username.reveal()) if only is None else only
        problem = _problem(username, password, recipients, self.host)
        if problem is not None:
            return Rejected(problem)
        from tocsin.shell.adapters import mail_smtp
        from tocsin.shell.adapters.mail_mime import mime

        outgoing = mail_smtp.OutgoingMail(recipients, mime(mail, key, username.reveal()))
        return mail_smtp.send(self, self._kept, self._tokens, mail_smtp.Credentials(username, password), outgoing)


def _recipients(mail: Mail, account: str) -> tuple[str, ...]:
    """Return the addresses of all recipients, in order and without duplicates."""
    to = (account,) if mail.recipients is None else mail.recipients
    return tuple(dict.fromkeys((*to, *mail.cc)))


def _problem(username: Secret, password: Secret, recipients: tuple[str, ...], host: str) -> str | None:
    fault = address_fault(username.reveal())
    if fault is not None:
        return f"the user name in the secret {username.name!r} is refused: {fault}"
    if is_google(host) and is_quoted(password.reveal()):
        return f"the password in the secret {password.name!r} is refused: {QUOTED}"
    if not is_grant(password.reveal()) and is_google(host) and not password.reveal().isascii():
        return f"the password in the secret {password.name!r} is not an app password, which is 16 letters"
    if not is_grant(password.reveal()) and not password.reveal().isprintable():
        return f"the password in the secret {password.name!r} holds unprintable characters"
    if not recipients:
        return "the mail names no recipient"
    bad = next((address for address in recipients if address_fault(address) is not None), None)
    return None if bad is None else f"the recipient {bad!r} is refused: {address_fault(bad)}"
