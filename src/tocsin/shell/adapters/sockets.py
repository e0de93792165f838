"""Sockets that keep to the deadline of the thread's current attempt, and record in it what went wrong.

- A library's read time-out limits one ``recv``: a server that sends a byte now and then blocks it for ever. Here every wait is
  limited to the time that the attempt has left. A TLS handshake is one wait.
- A library collects the lines of an answer as long as they come: a server that never stops fills the memory. Here an attempt limits
  the number of bytes received.
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
    """A socket whose waits end at the attempt's deadline. The socket's own time-out, in seconds, limits each single wait."""

    _own: float | None = None

    @override
    def settimeout(self, value: float | None) -> None:
        self._own = value
        super().settimeout(value)

    @override
    def recv_into(self, buffer: Buffer, nbytes: int | None = None, flags: int = 0) -> int:
        with self._within():
            count = super().recv_into(buffer, nbytes or memoryview(buffer).nbytes, flags)
        _count_received(count)
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
    """A ``Limited`` socket over TLS."""

    @override
    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        with self._within():
            data = super().recv(buflen, flags)
        _count_received(len(data))
        return data

    @override
    def do_handshake(self, block: bool = False) -> None:
        own = self._own
        try:
            with self._within():
                super().do_handshake(block)
        except BaseException as error:
            self.close()
            _note_untrusted(error)
            raise
        self.settimeout(own)
        fork_safety.forget_in_child(self)

    def forget(self) -> None:
        """Close the copy of a forked child without sending anything; the parent's connection stays open."""
        descriptor = self.detach()
        if descriptor >= 0:
            os.close(descriptor)


def _count_received(count: int) -> None:
    attempt = current_attempt()
    if attempt is not None:
        attempt.add_received(count)


def _note_untrusted(error: BaseException) -> None:
    attempt = current_attempt()
    if attempt is not None and isinstance(error, ssl.SSLCertVerificationError):
        attempt.untrusted = error.verify_message


def dial(host: str, port: int, attempt: Attempt) -> socket.socket:
    """Connect to ``host``, trying its addresses in turn. Raises OSError if none answers.

    Each address gets an equal share of the time left, so that one that does not answer leaves time for the others.
    """
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        attempt.trouble = f"cannot reach {host}: its name does not resolve"
        raise
    for tried, (family, kind, protocol, _, address) in enumerate(addresses):
        try:
            return _connect(Limited(family, kind, protocol), address, attempt, len(addresses) - tried)
        except OSError as error:
            attempt.trouble = f"cannot reach {host}: {_describe(error)}"
    raise ConnectionError


def _connect(sock: Limited, address: tuple[object, ...], attempt: Attempt, shares: int) -> Limited:
    try:
        sock.settimeout(min(attempt.left() / shares, attempt.connect_timeout))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else a small request waits for an acknowledgement
        sock.connect(address)
        sock.settimeout(attempt.connect_timeout)  # for the handshake, which is not limited to the address's share
        attempt.trouble, attempt.broken = None, False  # left by earlier addresses and connections
    except BaseException:
        sock.close()
        raise
    return sock


def _describe(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return "the connection was refused" if isinstance(error, ConnectionRefusedError) else str(error.strerror)
