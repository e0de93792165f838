"""What values of users are, whatever their types promise: users need not be typed."""

from datetime import timedelta
from typing import TypeGuard


def at_least(value: object, least: int) -> bool:
    """Whether the value is a whole number, and not less than that.

    >>> at_least(3, 1), at_least("3", 1), at_least(True, 1)
    (True, False, False)
    """
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def is_text(value: object) -> TypeGuard[str]:
    """Whether the value is a str that is not empty."""
    return isinstance(value, str) and value != ""


def is_span(value: object) -> bool:
    """Whether the value is a timedelta that is not negative."""
    return isinstance(value, timedelta) and value >= timedelta(0)


def is_seconds(value: object) -> bool:
    """Whether the value is a number of seconds above 0, and within what a thread can wait."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 10**9
