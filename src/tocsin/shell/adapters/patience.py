"""How long whoever waits for a message is willing to wait: for all that this thread does on its behalf, tries and pauses together.

It is the thread's: what another thread does for somebody costs nobody's time. A thread that sends for others has a deadline that they
may set while it is at work: when the program ends.
"""

import math
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager

_local = threading.local()


class Deadline:
    """A moment of ``time.monotonic`` by which all is to be done; at first there is none."""

    def __init__(self) -> None:
        self.moment: float = math.inf


def left(now: float | None = None) -> float:
    """The seconds left, never below 0, infinitely many where nobody is in a hurry; ``now`` is of ``time.monotonic``."""
    until, deadline = _until(), _deadline()
    moment = until if deadline is None else min(until, deadline.moment)
    return moment if moment == math.inf else max(moment - (time.monotonic() if now is None else now), 0.0)


@contextmanager
def waiting_until(moment: float) -> Generator[None]:
    """All inside is to be done by ``moment``, of ``time.monotonic``, or by the moment that was set already, if that is earlier."""
    before = _until()
    _local.until = min(moment, before)
    try:
        yield
    finally:
        _local.until = before


@contextmanager
def bound_to(deadline: Deadline) -> Generator[None]:
    """All inside is to be done by the deadline, whenever it is set."""
    _local.deadline = deadline
    try:
        yield
    finally:
        _local.deadline = None


def _until() -> float:
    until: object = getattr(_local, "until", None)
    return until if isinstance(until, float) else math.inf


def _deadline() -> Deadline | None:
    deadline: object = getattr(_local, "deadline", None)
    return deadline if isinstance(deadline, Deadline) else None
