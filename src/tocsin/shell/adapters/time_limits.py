"""Time limits of a thread: a deadline for all that it does for a message, and the limits of a single attempt to send.

- A deadline covers all attempts and pauses of a message together. It belongs to the thread: work of another thread does not count.
- A thread that sends for others has a ``Deadline`` that may be set while the thread works: at the end of the program.
- An ``Attempt`` is the thread's current one while its ``with`` block runs. Before each wait, the sockets of this package ask it for the
  time left; afterwards they report bytes received and errors. So an attempt limits the total of all waits, however slowly the other
  side sends, and the total of bytes received.
- The lookup of a host name is not limited: the system's resolver has a time-out of its own.
"""

import math
import time
from collections.abc import Generator
from contextlib import contextmanager

from tocsin.core.outcomes import DeliveryError, Rejected, Retryable
from tocsin.core.services.connection import Peer, Trust, after_sending, closed, flooded, no_request, unreadable
from tocsin.shell.fork_safety import PerThread

_MIN_ATTEMPT = 1.0  # seconds; an attempt gets at least this much, even past the thread's deadline
_MAX_RECEIVED = 1 << 20  # bytes
_SYSTEM = Trust()

_thread = PerThread()


class Deadline:
    """A deadline as a ``time.monotonic`` time; infinite until it is set."""

    def __init__(self) -> None:
        self.moment: float = math.inf


def seconds_left(now: float | None = None) -> float:
    """Return the seconds until the thread's deadline: at least 0, infinite without a deadline. ``now`` is a ``time.monotonic`` time."""
    until, deadline = _until(), _shared_deadline()
    moment = until if deadline is None else min(until, deadline.moment)
    return moment if moment == math.inf else max(moment - (time.monotonic() if now is None else now), 0.0)


@contextmanager
def with_deadline(moment: float) -> Generator[None]:
    """Set the thread's deadline to ``moment``, a ``time.monotonic`` time, while the block runs. An earlier deadline stays in force."""
    before = _until()
    _thread.local.until = min(moment, before)
    try:
        yield
    finally:
        _thread.local.until = before


@contextmanager
def with_shared_deadline(deadline: Deadline) -> Generator[None]:
    """Apply ``deadline``, which may be set later, to the thread while the block runs."""
    _thread.local.deadline = deadline
    try:
        yield
    finally:
        _thread.local.deadline = None


def _until() -> float:
    until: object = getattr(_thread.local, "until", None)
    return until if isinstance(until, float) else math.inf


def _shared_deadline() -> Deadline | None:
    deadline: object = getattr(_thread.local, "deadline", None)
    return deadline if isinstance(deadline, Deadline) else None


class Attempt:
    """One attempt to send: its deadline, how far it came, and what went wrong.

    Args:
        host: the host to reach.
        seconds: the limit for the whole attempt.
        connect_timeout: the limit for connecting to one address, in seconds.
        trust: the CA certificates that are trusted.

    Attributes:
        peer: whom the connection leads to at present: the host, or a proxy before it.
        trouble: the outcome of what went wrong, if anything did.
        untrusted: what is wrong with a certificate, in OpenSSL's words.
        broken: whether sending failed.
        ended: whether the other side has closed the connection.
        sent: whether the whole message was sent.
    """

    def __init__(self, host: str, seconds: float, connect_timeout: float, trust: Trust = _SYSTEM) -> None:
        self.host = host
        self.connect_timeout = connect_timeout
        self.trust = trust
        self.peer: Peer = Peer(host)
        self.trouble: Retryable | Rejected | None = None
        self.untrusted: str | None = None
        self.broken: bool = False
        self.ended: bool = False
        self.sent: bool = False
        self._received = 0
        now = time.monotonic()
        self._ends = now + min(seconds, max(seconds_left(now), _MIN_ATTEMPT))

    def left(self, most: float | None = None) -> float:
        """Return the seconds left, at most ``most``. Raises TimeoutError if none are left."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left if most is None else min(left, most)

    def add_received(self, count: int) -> None:
        """Count bytes received; 0 if the other side closed the connection.

        Raises ConnectionAbortedError if their total is more than any answer needs.
        """
        self._received += count
        self.ended = count == 0
        if self._received > _MAX_RECEIVED:
            self.trouble = flooded(self.peer, _MAX_RECEIVED)
            raise ConnectionAbortedError

    def failure(self, error: Exception) -> DeliveryError:
        """Turn the ``error`` that ended the attempt into a delivery error. The reason does not quote the error's own text."""
        trouble = self.trouble or (closed(self.peer) if self.ended else unreadable(self.peer))
        if self.untrusted is not None:
            return trouble
        if self.sent:
            return after_sending(trouble)
        return no_request(self.host, type(error).__name__) if self.trouble is None and isinstance(error, ValueError) else trouble


def current_attempt() -> Attempt | None:
    """Return the current attempt of this thread, if there is one."""
    attempt = getattr(_thread.local, "attempt", None)
    return attempt if isinstance(attempt, Attempt) else None


@contextmanager
def attempting(attempt: Attempt) -> Generator[Attempt]:
    """Make ``attempt`` the thread's current one while the block runs."""
    before = current_attempt()
    _thread.local.attempt = attempt
    try:
        yield attempt
    finally:
        _thread.local.attempt = before
