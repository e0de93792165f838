"""A stand-in for Google's token endpoint, and credentials files that lead to it."""

import json
import secrets
import socket
import ssl
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import BinaryIO
from urllib.parse import parse_qsl

from typing_extensions import override

from tests.servers.loopback import Loopback
from tests.servers.slack import Reply


class TokenServer(Loopback):
    """Records in ``asked`` the received forms and their "path"; answers with ``replies`` in turn, then with a new token.

    ``issued`` holds the tokens; each is valid for ``expires_in``. ``canaries`` are the values that must not appear in any output.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self.asked: list[Mapping[str, str]] = []
        self.issued: list[str] = []
        self.replies: list[Reply] = []
        self.expires_in: object = 3599
        self.client_secret = f"GOCSPX-CANARY{secrets.token_hex(9)}"
        self.refresh_token = f"1//0CANARY{secrets.token_hex(20)}"
        super().__init__(context)
        self.uri = f"https://127.0.0.1:{self.port}/token"

    @property
    def canaries(self) -> tuple[str, ...]:
        """Return the values that must not appear in any output."""
        return (self.client_secret, self.refresh_token, *self.issued)

    def user(self, **others: object) -> str:
        """Return the JSON of a user as Google's tools write it, with some values replaced or removed."""
        known = {
            "type": "authorized_user",
            "client_id": "1234.apps.googleusercontent.com",
            "client_secret": self.client_secret,
            "refresh_token": self.refresh_token,
            "token_uri": self.uri,
        }
        return json.dumps({**known, **others}, indent=2)

    def service(self, private_key: str, **others: object) -> str:
        """Return the JSON of a service account."""
        known = {
            "type": "service_account",
            "client_email": "robot@project.iam.gserviceaccount.com",
            "private_key": private_key,
            "private_key_id": "the-key-id",
            "token_uri": self.uri,
        }
        return json.dumps({**known, **others}, indent=2)

    @override
    def serve(self, sock: socket.socket, lines: BinaryIO) -> None:
        _, path, _ = lines.readline().decode().split()
        headers: dict[str, str] = {}
        while line := lines.readline().decode().strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = lines.read(int(headers["content-length"])).decode()
        self.asked.append({"path": path, **dict(parse_qsl(body))})
        reply = self.replies.pop(0) if self.replies else Reply(200, self._token())
        if reply.manner == "silent":
            self.be_silent()
        extra = "".join(f"{name}: {value}\r\n" for name, value in reply.headers.items())
        sock.sendall(f"HTTP/1.1 {reply.status} Said\r\nContent-Length: {len(reply.body)}\r\n{extra}\r\n{reply.body}".encode())

    def _token(self) -> str:
        self.issued.append(f"ya29.CANARY{secrets.token_hex(30)}")
        return json.dumps({"access_token": self.issued[-1], "expires_in": self.expires_in, "token_type": "Bearer"})


def refusal(error: str, description: str = "", status: int = 400) -> Reply:
    """Return a response of the endpoint without a token."""
    return Reply(status, json.dumps({"error": error, "error_description": description}))


def claims(assertion: str) -> object:
    """Return the claims of a service account's JSON web token."""
    payload = assertion.split(".")[1]
    return json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
