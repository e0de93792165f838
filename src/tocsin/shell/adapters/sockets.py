"""Sockets that keep to the deadline of the thread's attempt, and tell it what went wrong.

- A library's read time-out is for one ``recv``: a server that sends a byte now and then holds it for ever. Here every wait is
  cut to what the attempt has left. A TLS handshake is one wait.
- A library gathers the lines of an answer as long as they come: a server that never stops fills the memory. Here an attempt hears
  only so much.
"""

import os
import socket
import ssl
from collections.abc import Generator
from contextlib import contextmanager

from typing_extensions import Buffer, override

from tocsin.shell import fork_safety
from tocsin.shell.adapters.time_limits import Attempt, current_attempt


class Limited(socket.socket):
    """A socket whose waits end with the attempt. Its own time-out, in seconds, is for each wait."""

    _own: float | None = None

    @override
    def settimeout(self, value: float | None) -> None:
        self._own = value
        super().settimeout(value)

    @override
    def recv_into(self, buffer: Buffer, nbytes: int | None = None, flags: int = 0) -> int:
        with self._within():
            count = super().recv_into(buffer, nbytes or memoryview(buffer).nbytes, flags)
        _heard(count)
        return count

    @override
    def send(self, data: Buffer, flags: int = 0) -> int:
        try:
            with self._within():
                return super().send(data, flags)
        except OSError:
            if (attempt := current_attempt()) is not None:
                attempt.broken = True
            raise

    @contextmanager
    def _within(self) -> Generator[None]:
        attempt = current_attempt()
        if attempt is None:
            yield
            return
        try:
            super().settimeout(attempt.left(self._own))
            yield
        except TimeoutError:
            attempt.trouble = f"{attempt.host} did not answer in time"
            raise
        except OSError as error:
            attempt.trouble = f"the connection to {attempt.host} broke ({type(error).__name__})"
            raise


class Secured(Limited, ssl.SSLSocket):
    """The same over TLS."""

    @override
    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        with self._within():
            data = super().recv(buflen, flags)
        _heard(len(data))
        return data

    @override
    def do_handshake(self, block: bool = False) -> None:
        own = self._own
        try:
            with self._within():
                super().do_handshake(block)
        except BaseException as error:
            self.close()
            _note(error)
            raise
        self.settimeout(own)
        fork_safety.forget_in_child(self)

    def forget(self) -> None:
        """Close a child's copy: nothing is sent, and the parent's connection lives on."""
        descriptor = self.detach()
        if descriptor >= 0:
            os.close(descriptor)


def _heard(count: int) -> None:
    attempt = current_attempt()
    if attempt is not None:
        attempt.hear(count)


def _note(error: BaseException) -> None:
    attempt = current_attempt()
    if attempt is not None and isinstance(error, ssl.SSLCertVerificationError):
        attempt.untrusted = error.verify_message


def dial(host: str, port: int, attempt: Attempt) -> socket.socket:
    """A connection to ``host``, trying its addresses in turn. Raises OSError where none answers.

    None of them may take more than its share of the time that is left, so that one which hangs leaves time for those after it.
    """
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        attempt.trouble = f"cannot reach {host}: its name does not resolve"
        raise
    for tried, (family, kind, protocol, _, address) in enumerate(addresses):
        try:
            return _connected(Limited(family, kind, protocol), address, attempt, len(addresses) - tried)
        except OSError as error:
            attempt.trouble = f"cannot reach {host}: {_words(error)}"
    raise ConnectionError


def _connected(sock: Limited, address: tuple[object, ...], attempt: Attempt, shares: int) -> Limited:
    try:
        sock.settimeout(min(attempt.left() / shares, attempt.connect_timeout))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else a small request waits for an acknowledgement
        sock.connect(address)
        sock.settimeout(attempt.connect_timeout)  # for the handshake, which is no one address's share
        attempt.trouble, attempt.broken = None, False  # of the addresses and connections before
    except BaseException:
        sock.close()
        raise
    return sock


def _words(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return "the connection was refused" if isinstance(error, ConnectionRefusedError) else str(error.strerror)
