"""Sends a mail over SMTP command by command, so that a failure tells how far the mail came.

- An account logs in by its password (PLAIN) or by an access token (XOAUTH2). A cached token that is refused is replaced by a new
  one, once.
- Until the last byte of the text is sent, the server has accepted nothing, and the mail may be retried. After that, no answer is
  ambiguous.
- A refusal leaves the connection usable (RSET); anything unexpected ends it.
- A kept connection that turns out to be closed is opened again, once, before any command of the mail.
- Gmail closes a connection after 70 to 90 messages, so a session ends after 50.
"""

import re
import smtplib
from base64 import b64encode
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial

import attrs

from tocsin.core.outcomes import Delivered, DeliveryError, Receipt, Rejected, Retryable
from tocsin.core.services.connection import no_smtp_reply
from tocsin.core.services.google import is_grant, login_reply, password_reply, smtp_reply
from tocsin.shell import redaction
from tocsin.shell.adapters import tls
from tocsin.shell.adapters.google_tokens import TokenCache, TokenRoute
from tocsin.shell.adapters.secrets import Secret
from tocsin.shell.adapters.settings import SmtpSettings
from tocsin.shell.adapters.sockets import Secured, dial
from tocsin.shell.adapters.time_limits import Attempt, attempting, current_attempt
from tocsin.shell.fork_safety import PerProcess

_MAX_MAILS = 50  # per connection
_CUT_OFF = "…"  # stands for the first four characters, which smtplib takes for a code that is none
_LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)

Interpret = Callable[[int, str], DeliveryError]
"""Turns the code and the text of a refusal into an error."""


@attrs.frozen
class Login:
    """The argument of the AUTH command, and how to interpret a refusal of it."""

    argument: str = attrs.field(repr=False)
    interpret: Interpret


def by_password(username: Secret, password: Secret, host: str) -> Login:
    """Log in to ``host`` by a password."""
    interpret = partial(password_reply, host=host, names=(username.name, password.name))
    return Login(f"PLAIN {_base64('', username.reveal(), password.reveal(), between=chr(0))}", interpret)


def by_token(username: Secret, token: Secret, host: str) -> Login:
    """Log in to ``host`` by an access token."""
    fields = (f"user={username.reveal()}", f"auth=Bearer {token.reveal()}", "", "")
    return Login(f"XOAUTH2 {_base64(*fields, between=chr(1))}", partial(login_reply, host=host))


def _base64(*fields: str, between: str) -> str:
    return b64encode(between.join(fields).encode()).decode()


@attrs.frozen
class Credentials:
    """The account that sends: its address, and its password or JSON credentials."""

    username: Secret
    password: Secret


@attrs.frozen
class OutgoingMail:
    """A formatted mail with its envelope recipients."""

    recipients: tuple[str, ...]
    content: bytes


class SmtpRefusal(Exception):
    """The server refused a command. ``code`` is its reply code; None if no access token was available to log in with."""

    def __init__(self, error: DeliveryError, code: int | None = None) -> None:
        super().__init__()
        self.error = error
        self.code = code


class _Channel(smtplib.SMTP):
    debuglevel = 0  # smtplib prints the login if it is set, and a program may set it globally


class SmtpSession:
    """An SMTP connection of ``account`` to ``host``."""

    def __init__(self, account: Credentials, host: str) -> None:
        self.account = account
        self._interpret = partial(smtp_reply, host=host)
        self._mail_begun = False
        self._count = 0
        self._smtp = _Channel(local_hostname="localhost")

    def open(self, route: TokenRoute, login: Login) -> None:
        """Connect and log in. Raises Refused and OSError."""
        sock = dial(route.settings.host, route.settings.port, route.attempt)
        secured = Secured(sock, route.context, route.settings.host)
        secured.settimeout(route.settings.read_timeout)
        self._smtp.sock = secured  # type: ignore[assignment]  # it has what smtplib calls
        self._expect(self._smtp.getreply(), 220)
        self._command("EHLO", "localhost")
        reply = self._smtp.docmd("AUTH", login.argument)
        if reply[0] == 334:  # the text says why the token is refused; the refusal itself follows after an empty line
            reply = self._smtp.docmd("")
        self._expect(reply, 235, login.interpret)

    def resumes(self, account: Credentials) -> bool:
        """Begin another mail of ``account`` and return True; if that is impossible, close the connection and return False."""
        if account != self.account or self._count >= _MAX_MAILS:
            self.close()
            return False
        try:
            self._begin()
        except SmtpRefusal as refusal:
            if refusal.code != 421:
                return True  # the connection is alive; ``finish`` will get the refusal again
        except OSError:
            pass
        else:
            return True
        self.hang_up()
        return False

    def finish(self, mail: OutgoingMail, attempt: Attempt) -> Delivered:
        """Send the mail; begin it first unless ``resumes`` did."""
        if not self._mail_begun:
            self._begin()
        self._mail_begun = False
        replies = {recipient: self._smtp.docmd("RCPT", f"TO:<{recipient}>") for recipient in mail.recipients}
        refused = {recipient: reply for recipient, reply in replies.items() if reply[0] not in {250, 251}}
        errors = tuple(self._interpret(code, _text(words)) for code, words in refused.values())
        if len(refused) == len(replies):
            for_now = (reply for reply, error in zip(refused.values(), errors, strict=True) if isinstance(error, Retryable))
            self._expect(next(for_now, replies[mail.recipients[-1]]))
        self._command("DATA", "", 354)
        self._smtp.send(_LEADING_DOT.sub(b"..", mail.content) + b".\r\n")
        attempt.sent = True
        self._expect(self._smtp.getreply())
        self._count += 1
        return Delivered(tuple(refused), errors=errors)

    def reset(self) -> bool:
        """Send RSET; return whether the connection can take another mail after a refusal."""
        try:
            return self._smtp.rset()[0] == 250
        except OSError:
            return False

    def close(self) -> None:
        """Send QUIT without waiting for the reply, and close the connection."""
        with suppress(OSError):
            self._smtp.putcmd("QUIT")
        self.hang_up()

    def hang_up(self) -> None:
        """Close the connection without QUIT."""
        self._smtp.close()

    def __del__(self) -> None:
        self.hang_up()

    def _begin(self) -> None:
        self._command("MAIL", f"FROM:<{self.account.username.reveal()}>")
        self._mail_begun = True

    def _command(self, command: str, argument: str, code: int = 250) -> None:
        self._expect(self._smtp.docmd(command, argument), code)

    def _expect(self, reply: tuple[int, bytes], code: int = 250, interpret: Interpret | None = None) -> None:
        if reply[0] == code:
            return
        if not 400 <= reply[0] < 600:
            _note_no_reply(reply)
            raise smtplib.SMTPServerDisconnected
        raise SmtpRefusal((interpret or self._interpret)(reply[0], _text(reply[1])), reply[0])


def _note_no_reply(reply: tuple[int, bytes]) -> None:
    """Record in the attempt that an answer is neither acceptance nor refusal."""
    code, text = reply
    attempt = current_attempt()
    assert attempt is not None  # ``send`` makes one
    attempt.trouble = no_smtp_reply(attempt.peer, f"{f'{code} ' if code > 0 else _CUT_OFF}{_text(text)}")


def _text(words: bytes) -> str:
    """Return the text of a reply. A server may repeat what it was sent."""
    return redaction.redact(words.decode(errors="replace"))


def connect(route: TokenRoute, tokens: TokenCache, account: Credentials) -> SmtpSession:
    """Open a session of ``account``, logged in by its password or by an access token. Raises Refused and OSError."""
    if not is_grant(account.password.reveal()):
        return _open(route, account, by_password(account.username, account.password, route.settings.host))
    known = tokens.known(account.username, account.password)
    token = known or tokens.fetch(account.username, account.password, route)
    if isinstance(token, DeliveryError):
        raise SmtpRefusal(token)
    try:
        return _open(route, account, by_token(account.username, token, route.settings.host))
    except SmtpRefusal as refusal:
        if refusal.code not in {534, 535}:
            raise
        tokens.drop(account.username, account.password)
        if known is None:
            raise
    return connect(route, tokens, account)  # the token was revoked before it expired; a new one may be accepted


def _open(route: TokenRoute, account: Credentials, login: Login) -> SmtpSession:
    session = SmtpSession(account, route.settings.host)
    try:
        session.open(route, login)
    except BaseException:
        session.hang_up()
        raise
    return session


def send(
    settings: SmtpSettings,
    sessions: PerProcess[SmtpSession],
    tokens: PerProcess[TokenCache],
    account: Credentials,
    mail: OutgoingMail,
) -> Receipt | DeliveryError:
    """Send ``mail`` over the open session, or over a new one."""
    context = tls.context(settings.ca_bundle)
    if isinstance(context, Rejected):
        return context

    def new_session() -> SmtpSession:
        return connect(TokenRoute(settings, context, attempt), tokens.get(TokenCache), account)

    attempt = Attempt(settings.host, settings.deadline, settings.connect_timeout, tls.trust(settings.ca_bundle, settings.ca_variable))
    lock = sessions.lock
    if not lock.acquire(timeout=settings.deadline):
        return Retryable(f"other mails kept the connection to {settings.host} busy for {settings.deadline:g} s")
    try:
        with attempting(attempt):
            return _send_over_session(sessions, account, mail, attempt, new_session)
    except SmtpRefusal as refusal:
        return refusal.error
    except (OSError, ValueError) as error:
        return attempt.failure(error)
    finally:
        lock.release()


def _send_over_session(
    sessions: PerProcess[SmtpSession],
    account: Credentials,
    mail: OutgoingMail,
    attempt: Attempt,
    new_session: Callable[[], SmtpSession],
) -> Receipt | DeliveryError:
    session, sessions.thing = sessions.thing, None
    with ExitStack() as undo:
        if session is None or not session.resumes(account):
            session = new_session()
        undo.callback(session.hang_up)
        try:
            outcome: Receipt | DeliveryError = session.finish(mail, attempt)
        except SmtpRefusal as refusal:
            outcome = refusal.error
            if refusal.code == 421 or not session.reset():
                return outcome
        undo.pop_all()
        sessions.thing = session
    return outcome
