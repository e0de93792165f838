"""How long whoever waits for a message is willing to wait: for all that this thread does on its behalf, tries and pauses together.

It is the thread's: what another thread does for somebody costs nobody's time. A thread that sends for others has a deadline that they
may set while it is at work: when the program ends.

One attempt to send: how long it may take, how far it came, and what that means if it fails.

An attempt is the thread's current one while its ``with`` block runs; the sockets of this package ask it how much time is left
before each wait, and tell it what came in and what went wrong. So the time allowed is for all waits together, however slowly the
other side drips, and what is heard is bounded, however much it says. Only looking up a host's name is out of reach: the system's
resolver keeps to a time-out of its own.
"""

import math
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager

from tocsin.core.outcomes import Ambiguous, DeliveryError, Rejected, Retryable

_budget_local = threading.local()


class Deadline:
    """A moment of ``time.monotonic`` by which all is to be done; at first there is none."""

    def __init__(self) -> None:
        self.moment: float = math.inf


def seconds_left(now: float | None = None) -> float:
    """The seconds left, never below 0, infinitely many where nobody is in a hurry; ``now`` is of ``time.monotonic``."""
    until, deadline = _until(), _deadline()
    moment = until if deadline is None else min(until, deadline.moment)
    return moment if moment == math.inf else max(moment - (time.monotonic() if now is None else now), 0.0)


@contextmanager
def with_deadline(moment: float) -> Generator[None]:
    """All inside is to be done by ``moment``, of ``time.monotonic``, or by the moment that was set already, if that is earlier."""
    before = _until()
    _budget_local.until = min(moment, before)
    try:
        yield
    finally:
        _budget_local.until = before


@contextmanager
def with_shared_deadline(deadline: Deadline) -> Generator[None]:
    """All inside is to be done by the deadline, whenever it is set."""
    _budget_local.deadline = deadline
    try:
        yield
    finally:
        _budget_local.deadline = None


def _until() -> float:
    until: object = getattr(_budget_local, "until", None)
    return until if isinstance(until, float) else math.inf


def _deadline() -> Deadline | None:
    deadline: object = getattr(_budget_local, "deadline", None)
    return deadline if isinstance(deadline, Deadline) else None


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
        self._ends = now + min(seconds, max(seconds_left(now), _LEAST))

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


_attempt_local = threading.local()


def current_attempt() -> Attempt | None:
    """The attempt of this thread, while there is one."""
    attempt = getattr(_attempt_local, "attempt", None)
    return attempt if isinstance(attempt, Attempt) else None


@contextmanager
def attempting(attempt: Attempt) -> Generator[Attempt]:
    """Make ``attempt`` the thread's current one."""
    before = current_attempt()
    _attempt_local.attempt = attempt
    try:
        yield attempt
    finally:
        _attempt_local.attempt = before
