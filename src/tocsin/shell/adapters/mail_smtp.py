"""How an account logs in: by its password (PLAIN), or by an access token (XOAUTH2).

A mail over SMTP, command by command, so that it is known how far it came.

- Before the text is out to its last byte nothing was accepted: the mail may be tried again. After that, silence is ambiguous.
- A refusal leaves the connection in order (RSET); anything unexpected ends it. A kept connection that turns out to be gone is
  opened anew, once, before anything of the mail was said.
- A login is by the password, or by an access token. A token that was kept, and is refused, is given up for a new one, once.
- Gmail drops a connection after some 70 to 90 messages, so ours ends after 50.
"""

import re
import smtplib
from base64 import b64encode
from collections.abc import Callable
from contextlib import ExitStack, suppress

import attrs

from tocsin.core.outcomes import Delivered, DeliveryError, Receipt, Rejected, Retryable
from tocsin.core.services.google_oauth import is_grant, login_reply
from tocsin.core.services.smtp import smtp_reply
from tocsin.shell.adapters import redaction, tls
from tocsin.shell.adapters.google_tokens import TokenRoute, Tokens
from tocsin.shell.adapters.mail_gmail import Gmail
from tocsin.shell.adapters.secrets import Secret
from tocsin.shell.adapters.sockets import dial
from tocsin.shell.adapters.time_limits import Attempt, attempting
from tocsin.shell.fork_safety import PerProcess

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


_MOST = 50  # messages over one connection
_DOT = re.compile(rb"^\.", re.MULTILINE)


@attrs.frozen
class Credentials:
    """Who sends."""

    username: Secret
    password: Secret


@attrs.frozen
class Letter:
    """What is sent, and to whom."""

    recipients: tuple[str, ...]
    content: bytes


class Refused(Exception):
    """The answer was no. ``code`` is the server's; None where it was not even asked, for want of an access token."""

    def __init__(self, error: DeliveryError, code: int | None = None) -> None:
        super().__init__()
        self.error = error
        self.code = code


class _Channel(smtplib.SMTP):
    debuglevel = 0  # smtplib prints the login where it is set, and it may be set for all of a program


class SmtpSession:
    """A connection on which ``account`` is logged in."""

    def __init__(self, account: Credentials) -> None:
        self.account = account
        self._begun = False
        self._count = 0
        self._smtp = _Channel(local_hostname="localhost")

    def open(self, way: TokenRoute, login: Login) -> None:
        """Connect and log in."""
        sock = dial(way.gmail.host, way.gmail.port, way.attempt)
        self._smtp.sock = way.context.wrap_socket(sock, server_hostname=way.gmail.host)
        self._smtp.sock.settimeout(way.gmail.read_timeout)
        self._expect(self._smtp.getreply(), 220)
        self._ask("EHLO", "localhost")
        reply = self._smtp.docmd("AUTH", login.argument)
        if reply[0] == 334:  # why the token is no good; the refusal itself comes after an empty line
            reply = self._smtp.docmd("")
        self._expect(reply, 235, login.meaning)

    def resumes(self, account: Credentials) -> bool:
        """Whether it can carry one more mail of ``account``, which is begun then; else it is closed."""
        if account != self.account or self._count >= _MOST:
            self.close()
            return False
        try:
            self._begin()
        except Refused as refusal:
            if refusal.code != 421:
                return True  # it is there, and will refuse again
        except OSError:
            pass
        else:
            return True
        self.hang_up()
        return False

    def finish(self, letter: Letter, attempt: Attempt) -> Delivered:
        """Send the mail, beginning it if that was not done."""
        if not self._begun:
            self._begin()
        self._begun = False
        replies = {recipient: self._smtp.docmd("RCPT", f"TO:<{recipient}>") for recipient in letter.recipients}
        refused = tuple(recipient for recipient, (code, _) in replies.items() if code not in {250, 251})
        if len(refused) == len(replies):
            self._expect(replies[refused[-1]])
        self._ask("DATA", "", 354)
        self._smtp.send(_DOT.sub(b"..", letter.content) + b".\r\n")
        attempt.sent = True
        self._expect(self._smtp.getreply())
        self._count += 1
        return Delivered(refused)

    def in_order(self) -> bool:
        """Whether the connection is good for another mail after a refusal."""
        try:
            return self._smtp.rset()[0] == 250
        except OSError:
            return False

    def close(self) -> None:
        """Say goodbye, and do not wait for the answer."""
        with suppress(OSError):
            self._smtp.putcmd("QUIT")
        self.hang_up()

    def hang_up(self) -> None:
        """Close the connection."""
        self._smtp.close()

    def __del__(self) -> None:
        self.hang_up()

    def _begin(self) -> None:
        self._ask("MAIL", f"FROM:<{self.account.username.reveal()}>")
        self._begun = True

    def _ask(self, command: str, argument: str, code: int = 250) -> None:
        self._expect(self._smtp.docmd(command, argument), code)

    @staticmethod
    def _expect(reply: tuple[int, bytes], code: int = 250, meaning: Meaning = smtp_reply) -> None:
        if reply[0] == code:
            return
        if not 400 <= reply[0] < 600:
            raise smtplib.SMTPServerDisconnected  # neither yes nor no: it does not speak SMTP
        raise Refused(meaning(reply[0], redaction.redact(reply[1].decode(errors="replace"))), reply[0])


def connected(way: TokenRoute, tokens: Tokens, account: Credentials) -> SmtpSession:
    """A connection on which ``account`` is logged in, by its password or by an access token. Raises Refused, and OSError."""
    if not is_grant(account.password.reveal()):
        return _opened(way, account, by_password(account.username, account.password))
    known = tokens.known(account.username, account.password)
    token = known or tokens.fetch(account.username, account.password, way)
    if isinstance(token, DeliveryError):
        raise Refused(token)
    try:
        return _opened(way, account, by_token(account.username, token))
    except Refused as refusal:
        if refusal.code not in {534, 535}:
            raise
        tokens.drop(account.username, account.password)
        if known is None:
            raise
    return connected(way, tokens, account)  # the token was withdrawn before its time; a new one may be good


def _opened(way: TokenRoute, account: Credentials, login: Login) -> SmtpSession:
    line = SmtpSession(account)
    try:
        line.open(way, login)
    except BaseException:
        line.hang_up()
        raise
    return line


def send(
    gmail: Gmail, kept: PerProcess[SmtpSession], tokens: PerProcess[Tokens], account: Credentials, letter: Letter
) -> Receipt | DeliveryError:
    """Send ``letter`` over the kept connection, or over a new one."""
    context = tls.context(gmail.ca_bundle)
    if isinstance(context, Rejected):
        return context

    def connect() -> SmtpSession:
        return connected(TokenRoute(gmail, context, attempt), tokens.get(Tokens), account)

    attempt = Attempt(gmail.host, gmail.deadline, gmail.connect_timeout)
    lock = kept.lock
    if not lock.acquire(timeout=gmail.deadline):
        return Retryable(f"other mails kept the connection to {gmail.host} busy for {gmail.deadline:g} s")
    try:
        with attempting(attempt):
            return _sent(kept, account, letter, attempt, connect)
    except Refused as refusal:
        return refusal.error
    except (OSError, ValueError) as error:
        return attempt.failure(error)
    finally:
        lock.release()


def _sent(
    kept: PerProcess[SmtpSession], account: Credentials, letter: Letter, attempt: Attempt, connect: Callable[[], SmtpSession]
) -> Receipt | DeliveryError:
    line, kept.thing = kept.thing, None
    with ExitStack() as undo:
        if line is None or not line.resumes(account):
            line = connect()
        undo.callback(line.hang_up)
        try:
            outcome: Receipt | DeliveryError = line.finish(letter, attempt)
        except Refused as refusal:
            outcome = refusal.error
            if refusal.code == 421 or not line.in_order():
                return outcome
        undo.pop_all()
        kept.thing = line
    return outcome
