"""Connections that keep to the deadline of the thread's current attempt, and record in it what went wrong.

- A library's read time-out limits one ``recv``: a server that sends a byte now and then blocks it for ever. Here every wait is
  limited to the time that the attempt has left. A TLS handshake is one call.
- A library collects the lines of an answer as long as they come: a server that never stops fills the memory. Here an attempt limits
  the number of bytes received.
- gevent, eventlet and truststore replace the classes of ``socket`` and ``ssl`` while the program runs, and their sockets have other
  methods and other time-outs. So a connection holds a socket, of the class in force when it is opened. It asks the socket for four
  things only: to connect, to send, to receive, and to wait no longer than so many seconds. TLS runs in memory, beside the socket.
"""

import io
import math
import os
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from typing_extensions import Buffer, override

from tocsin.core.outcomes import Retryable
from tocsin.core.services import connection
from tocsin.shell import fork_safety, redaction
from tocsin.shell.adapters.time_limits import Attempt, current_attempt

_T = TypeVar("_T")

_PIECE = 1 << 14  # bytes; what one TLS record holds at most
_LONGEST_LINE = 512  # bytes of a first line in plain text; a reply of SMTP has no longer ones
_LINE_WAIT = 1.0  # seconds to wait for the rest of it


class Connection:
    """A TCP connection whose waits end at the attempt's deadline. Its own time-out, in seconds, limits each single call.

    It has the methods of a socket that http.client, smtplib and urllib3 call.
    """

    def __init__(self, sock: socket.socket, timeout: float | None = None) -> None:
        self._sock = sock
        self._timeout = timeout
        self._closed = False
        self._io_refs = 0  # the files that read from it; urllib3's TLS within TLS counts them here, too

    def settimeout(self, value: float | None) -> None:
        """Limit each later call to ``value`` seconds."""
        self._timeout = value

    def fileno(self) -> int:
        """Return the socket's descriptor; -1 once it is closed."""
        return self._sock.fileno()

    def recv(self, size: int) -> bytes:
        """Return what comes first, at most ``size`` bytes; nothing at the end."""
        try:
            data = self._read(size, self._call_ends())
        except OSError as error:
            self._note(error)
            raise
        attempt = current_attempt()
        if attempt is not None:
            attempt.add_received(len(data))
        return data

    def recv_into(self, buffer: Buffer) -> int:
        """Receive into ``buffer``, and return the number of bytes."""
        with memoryview(buffer) as view:
            data = self.recv(view.nbytes)
            view[: len(data)] = data
        return len(data)

    def sendall(self, data: Buffer) -> None:
        """Send the bytes, in pieces of one call each."""
        try:
            with memoryview(data) as items, items.cast("B") as view:
                for start in range(0, view.nbytes, _PIECE):
                    self._write(view[start : start + _PIECE], self._call_ends())
        except OSError as error:
            self._note(error)
            if (attempt := current_attempt()) is not None:
                attempt.broken = True
            raise

    def makefile(self, mode: str) -> io.BufferedReader:
        """Return a file to read from. The socket stays open until the connection and each such file are closed."""
        assert mode == "rb"
        self._io_refs += 1
        return io.BufferedReader(_Reader(self))

    def close(self) -> None:
        """Close the connection; its socket once no file reads from it."""
        self._closed = True
        if self._io_refs <= 0:
            self._sock.close()

    def forget_file(self) -> None:
        """Close the socket if the file that ends was the last one, and the connection is closed."""
        self._io_refs -= 1
        if self._closed:
            self.close()

    _decref_socketios = forget_file  # its name in urllib3's TLS within TLS

    def _read(self, size: int, ends: float) -> bytes:
        self._limit_wait(ends)
        return self._sock.recv(size)

    def _write(self, data: Buffer, ends: float) -> None:
        with memoryview(data) as view:
            sent = 0
            while sent < view.nbytes:
                self._limit_wait(ends)
                sent += self._sock.send(view[sent:])

    def _limit_wait(self, ends: float) -> None:
        """Let the socket's next wait end with the attempt, or at ``ends``, a ``time.monotonic`` time. Raises TimeoutError after it."""
        left = None if ends == math.inf else ends - time.monotonic()
        attempt = current_attempt()
        if attempt is not None:
            left = attempt.left(left)
        if left is not None and left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)

    def _call_ends(self) -> float:
        """Return when a call that begins now must end: a ``time.monotonic`` time, or infinity."""
        return math.inf if self._timeout is None else time.monotonic() + self._timeout

    @staticmethod
    def _note(error: OSError) -> None:
        """Record in the attempt how a call failed."""
        attempt = current_attempt()
        if attempt is not None:
            timed_out = isinstance(error, TimeoutError)
            attempt.trouble = connection.silent(attempt.peer) if timed_out else _interrupted(error, attempt.peer)


class _Reader(io.RawIOBase):
    """Reads from a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @override
    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        return self._connection.recv_into(buffer)

    @override
    def close(self) -> None:
        if not self.closed:
            super().close()
            self._connection.forget_file()


class Secured(Connection):
    """TLS over the socket of ``plain``, as a client of ``server_hostname``. Raises OSError and ValueError."""

    def __init__(self, plain: Connection, context: ssl.SSLContext, server_hostname: str | None) -> None:
        super().__init__(plain._sock, plain._timeout)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._first = b""  # the first bytes received
        try:
            self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_hostname)
            self._run(self._tls.do_handshake, self._call_ends())
        except BaseException as error:
            if isinstance(error, OSError):
                self._note(error)
            if (attempt := current_attempt()) is not None:
                self._explain(error, attempt)
            self.close()
            raise
        fork_safety.forget_in_child(self)

    @property
    def pending(self) -> bool:
        """Whether bytes were received that nobody has read."""
        return self._incoming.pending > 0 or self._tls.pending() > 0

    def forget(self) -> None:
        """Close the copy of a forked child without sending anything; the parent's connection stays open."""
        descriptor = self._sock.detach()
        if descriptor >= 0:
            os.close(descriptor)

    @override
    def _read(self, size: int, ends: float) -> bytes:
        try:
            return self._run(lambda: self._tls.read(size), ends)
        except ssl.SSLEOFError:  # the server closed the connection without saying so in TLS
            return b""

    @override
    def _write(self, data: Buffer, ends: float) -> None:
        self._run(lambda: self._tls.write(data), ends)

    def _run(self, step: Callable[[], _T], ends: float) -> _T:
        """Run a step of TLS, and carry bytes between it and the socket, until it is done."""
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                self._flush(ends)
                data = super()._read(_PIECE, ends)
                if data:
                    self._first = (self._first + data)[:_LONGEST_LINE]
                    self._incoming.write(data)
                else:
                    self._incoming.write_eof()
            except ssl.SSLError:
                with suppress(OSError):
                    self._flush(ends)  # the alert tells the server why
                raise
            else:
                self._flush(ends)
                return result

    def _explain(self, error: BaseException, attempt: Attempt) -> None:
        """Record in the attempt why the handshake failed."""
        if note_untrusted(error, attempt) or not isinstance(error, ssl.SSLError):
            return
        if self._first and not connection.is_tls(self._first):
            self._complete_line()
        said = redaction.redact(self._first.decode(errors="replace"))
        attempt.trouble = connection.handshake_failure(attempt.peer, self._first, said, error.reason)

    def _complete_line(self) -> None:
        """Receive the rest of the first line, which is in plain text."""
        ends = time.monotonic() + _LINE_WAIT
        with suppress(OSError):
            while b"\n" not in self._first and len(self._first) < _LONGEST_LINE and (data := super()._read(_LONGEST_LINE, ends)):
                self._first += data

    def _flush(self, ends: float) -> None:
        if data := self._outgoing.read():
            super()._write(data, ends)


def _interrupted(error: OSError, peer: connection.Peer) -> Retryable:
    """Return the outcome of an open connection that failed."""
    if isinstance(error, ConnectionError):
        return connection.closed(peer)
    reason = error.reason if isinstance(error, ssl.SSLError) else error.strerror
    return connection.broken(peer, reason or type(error).__name__)


def note_untrusted(error: BaseException, attempt: Attempt) -> bool:
    """Record in the attempt that a certificate is not trusted, if ``error`` says that; return whether it does."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        return False
    attempt.untrusted = error.verify_message
    attempt.trouble = connection.untrusted(attempt.peer, error.verify_message, attempt.trust)
    return True


def dial(host: str, port: int, attempt: Attempt, *, is_proxy: bool = False) -> Connection:
    """Connect to ``host``, trying its addresses in turn. Raises OSError if none answers.

    Each address gets an equal share of the time left, so that one that does not answer leaves time for the others.
    """
    attempt.peer = connection.Peer(host, port, is_proxy)
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        attempt.trouble = connection.unresolved(attempt.peer)
        raise
    for tried, (family, kind, protocol, _, address) in enumerate(addresses):
        try:
            return _connect(socket.socket(family, kind, protocol), address, attempt, len(addresses) - tried)
        except OSError as error:
            attempt.trouble = connection.unreachable(attempt.peer, _describe(error))
    raise ConnectionError


def _connect(sock: socket.socket, address: tuple[object, ...], attempt: Attempt, shares: int) -> Connection:
    try:
        sock.settimeout(min(attempt.left() / shares, attempt.connect_timeout))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else a small request waits for an acknowledgement
        sock.connect(address)
        attempt.trouble, attempt.broken, attempt.ended = None, False, False  # left by earlier addresses and connections
    except BaseException:
        sock.close()
        raise
    return Connection(sock, attempt.connect_timeout)  # for the handshake, which is not limited to the address's share


def _describe(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return "the connection was refused" if isinstance(error, ConnectionRefusedError) else str(error.strerror)
