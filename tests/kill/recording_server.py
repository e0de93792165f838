"""A Slack that lets somebody know of each message: once it has it, before it says so; and once it has said so."""

import socket
import ssl
from collections.abc import Callable

from typing_extensions import override

from tests.servers.slack import Reply, SlackServer


def nobody() -> None:
    """Wants to know nothing."""


class Witness(SlackServer):
    """Calls ``accepted`` between a message and its answer, and ``answered`` after that."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.accepted: Callable[[], None] = nobody
        self.answered: Callable[[], None] = nobody
        super().__init__(context)

    @override
    def _answer(self, sock: socket.socket, reply: Reply) -> None:
        self.accepted()
        super()._answer(sock, reply)
        self.answered()
