"""One attempt to send: how long it may take, how far it came, and what that means if it fails.

An attempt is the thread's current one while its ``with`` block runs; the sockets of this package ask it how much time is left
before each wait, and tell it what came in and what went wrong. So the time allowed is for all waits together, however slowly the
other side drips, and what is heard is bounded, however much it says. Only looking up a host's name is out of reach: the system's
resolver keeps to a time-out of its own.
"""

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager

from tocsin.core.outcomes import Ambiguous, DeliveryError, Rejected, Retryable
from tocsin.shell.adapters import patience

_LEAST = 1.0  # seconds; who has less patience need not try at all
_MOST_HEARD = 1 << 20  # bytes


class Attempt:
    """What is known of one attempt.

    Args:
        host: whom it is to reach.
        seconds: how long it may take, in all.
        connect_timeout: how long connecting to one address may take, in seconds.
    """

    def __init__(self, host: str, seconds: float, connect_timeout: float) -> None:
        self.host = host
        self.connect_timeout = connect_timeout
        self.trouble: str | None = None
        self.untrusted: str | None = None
        self.broken = False
        self.sent = False
        self._heard = 0
        now = time.monotonic()
        self._ends = now + min(seconds, max(patience.left(now), _LEAST))

    def left(self, most: float | None = None) -> float:
        """The seconds left, and ``most`` at most. Raises TimeoutError where none are."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left if most is None else min(left, most)

    def hear(self, count: int) -> None:
        """Note that so many bytes came in. Raises ConnectionAbortedError where all together are more than any answer needs."""
        self._heard += count
        if self._heard > _MOST_HEARD:
            self.trouble = f"{self.host} sent more than {_MOST_HEARD:,} bytes, which is no answer"
            raise ConnectionAbortedError

    def failure(self, error: Exception) -> DeliveryError:
        """What it means that the attempt ended with ``error``. Of the error's own words none is repeated."""
        if self.untrusted is not None:
            return Rejected(
                f"the certificate of {self.host} is not trusted ({self.untrusted}): if a proxy or a company signs it, put the"
                " file of its CA into ca_bundle or SSL_CERT_FILE"
            )
        kind = type(error).__name__
        trouble = self.trouble or f"the connection to {self.host} broke off ({kind})"
        if self.sent:
            return Ambiguous(f"{trouble}, after the message went out: it may have arrived")
        if isinstance(error, ValueError):
            return Rejected(f"no request to {self.host} can be made ({kind}): check the proxy settings and the host's name")
        return Retryable(trouble)


_local = threading.local()


def current() -> Attempt | None:
    """The attempt of this thread, while there is one."""
    attempt = getattr(_local, "attempt", None)
    return attempt if isinstance(attempt, Attempt) else None


@contextmanager
def attempting(attempt: Attempt) -> Generator[Attempt]:
    """Make ``attempt`` the thread's current one."""
    before = current()
    _local.attempt = attempt
    try:
        yield attempt
    finally:
        _local.attempt = before
