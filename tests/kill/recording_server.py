"""A Slack server that calls functions at each message: before it answers, and after it has answered."""

import socket
import ssl
from collections.abc import Callable

from typing_extensions import override

from tests.servers.slack import Reply, SlackServer


def ignore() -> None:
    """Do nothing."""


class RecordingServer(SlackServer):
    """Calls ``accepted`` between a message and its answer, and ``answered`` after the answer."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.accepted: Callable[[], None] = ignore
        self.answered: Callable[[], None] = ignore
        super().__init__(context)

    @override
    def _answer(self, sock: socket.socket, reply: Reply) -> None:
        self.accepted()
        super()._answer(sock, reply)
        self.answered()
