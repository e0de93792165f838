"""Waits for what another thread or process does."""

import time
from collections.abc import Callable

LONGEST = 60.0  # seconds; a busy machine takes long


def eventually(is_so: Callable[[], bool]) -> None:
    """Return once it is so; an AssertionError after a minute."""
    until = time.monotonic() + LONGEST
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.01)
