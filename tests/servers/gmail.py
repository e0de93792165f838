"""A stand-in for Gmail's SMTP server, with TLS from the first byte on."""

import socket
import ssl
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import BinaryIO, Final

import attrs
from typing_extensions import override

from tests.servers.loopback import Loopback, shut

DROP: Final = "drop"
SILENT: Final = "silent"
DRIP: Final = "drip"


@attrs.frozen
class Received:
    """A mail that was accepted: its envelope, and its content with dots un-stuffed."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes


class GmailServer(Loopback):
    """Records ``mails``, ``logins`` and ``commands``, and answers by a script. It accepts one password, and the access ``tokens``.

    ``script`` and ``once`` map a stage to the answer there instead of acceptance: a reply such as ``"452 4.2.2 full"``, or DROP,
    SILENT or DRIP. An entry of ``once`` is used once. The stages are GREETING, EHLO, AUTH, MAIL, RCPT, ``RCPT name@example.com``
    for one recipient, DATA, BODY (while the mail's text comes in: no reply, only the faults), DATA-END, RSET, NOOP and QUIT.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self.username = "ops@example.com"
        self.password = "canaryapppasswrd"
        self.tokens: list[str] = []
        self.mails: list[Received] = []
        self.commands: list[str] = []
        self.logins = 0
        self.script: dict[str, str] = {}
        self.once: dict[str, str] = {}
        super().__init__(context)

    @override
    def serve(self, sock: socket.socket, lines: BinaryIO) -> None:
        _Session(self, sock, lines).run()


class _Session:
    def __init__(self, server: GmailServer, sock: socket.socket, lines: BinaryIO) -> None:
        self._server = server
        self._sock = sock
        self._lines = lines
        self._sender = ""
        self._recipients: list[str] = []

    def run(self) -> None:
        self._say("GREETING", "220 ready")
        while line := self._lines.readline().decode().strip():
            verb, _, argument = line.partition(" ")
            self._server.commands.append(verb.upper())
            self._obey(verb.upper(), argument)

    def _obey(self, verb: str, argument: str) -> None:
        match verb:
            case "EHLO":
                self._say(verb, "250-ready\r\n250-AUTH PLAIN XOAUTH2\r\n250 SIZE 35882577")
            case "AUTH":
                self._log_in(argument)
            case "MAIL":
                self._recipients, self._sender = [], _address(argument)
                self._say(verb, "250 go on")
            case "RCPT":
                self._receive(_address(argument))
            case "DATA":
                self._read()
            case _:
                self._say(verb, {"QUIT": "221 bye", "RSET": "250 forgotten", "NOOP": "250 yes"}.get(verb, "500 what"))

    def _log_in(self, argument: str) -> None:
        self._server.logins += 1
        mechanism, _, response = argument.partition(" ")
        given = b64decode(response).decode()
        if mechanism == "XOAUTH2":
            right = given in {f"user={self._server.username}\1auth=Bearer {token}\1\1" for token in self._server.tokens}
        else:
            right = given == f"\0{self._server.username}\0{self._server.password}"
        if mechanism == "XOAUTH2" and not right:
            self._challenge()
        self._say("AUTH", "235 welcome" if right else "535 5.7.8 Username and Password not accepted")

    def _challenge(self) -> None:
        """Send why a token is refused, as XOAUTH2 demands; the client answers with an empty line."""
        self._sock.sendall(b"334 " + b64encode(b'{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}') + b"\r\n")
        assert self._lines.readline() == b"\r\n"

    def _receive(self, recipient: str) -> None:
        stage = f"RCPT {recipient}"
        if self._say(stage if stage in {*self._server.script, *self._server.once} else "RCPT", "250 go on"):
            self._recipients.append(recipient)

    def _read(self) -> None:
        if not self._say("DATA", "354 go on") or self._misbehaves(self._server.script.get("BODY", "")):
            return
        content: list[bytes] = []
        while (line := self._lines.readline()) != b".\r\n":
            if not line:
                return  # the client closed the connection
            content.append(line.removeprefix(b"."))
        mail = Received(self._sender, tuple(self._recipients), b"".join(content))
        self._say("DATA-END", "250 2.0.0 OK", lambda: self._server.mails.append(mail))

    def _say(self, stage: str, usual: str, first: Callable[[], None] = lambda: None) -> bool:
        """Send the answer; return whether it was the usual one. ``first`` is called before the usual answer."""
        server = self._server
        reply = server.once.pop(stage, "") or server.script.get(stage, usual)
        if reply == usual:
            first()  # before the answer is sent: the client may check then
        if not self._misbehaves(reply):
            self._sock.sendall(f"{reply}\r\n".encode())
        return reply == usual

    def _misbehaves(self, reply: str) -> bool:
        match reply:
            case "drop":
                shut(self._sock)
            case "silent":
                self._server.be_silent()
            case "drip":
                self._server.drip(self._sock, b"250-" + b"x" * 400)
            case _:
                return False
        return True


def _address(argument: str) -> str:
    return argument.partition("<")[2].partition(">")[0]
