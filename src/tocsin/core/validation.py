"""Run-time checks of users' values, which need not have the types that they promise, and of values from files.

``invoke`` calls a user's function whose first parameter may be any class of tracked object. Its type ``Callable[[Never, ...], object]``
accepts every such function, but allows no call with an argument. The user's own types prove, where the handler is attached, that the
argument fits.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TypeGuard


def at_least(value: object, least: int) -> bool:
    """Return whether the value is an int (no bool) and at least ``least``.

    >>> at_least(3, 1), at_least("3", 1), at_least(True, 1)
    (True, False, False)
    """
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def is_text(value: object) -> TypeGuard[str]:
    """Return whether the value is a str that is not empty."""
    return issubclass(type(value), str) and value != ""  # unlike isinstance, no code of the value's class


def is_span(value: object) -> bool:
    """Return whether the value is a timedelta that is not negative."""
    return isinstance(value, timedelta) and value >= timedelta(0)


def is_seconds(value: object) -> bool:
    """Return whether the value is a number of seconds above 0 and at most 10**9, within what a thread can wait."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 10**9


def is_list(value: object) -> TypeGuard[Sequence[object]]:
    """Return whether the value is a list or a tuple."""
    return isinstance(value, list | tuple)


def is_iterable(value: object) -> TypeGuard[Iterable[object]]:
    """Return whether the value can be iterated over."""
    return isinstance(value, Iterable)


def is_table(value: object) -> TypeGuard[Mapping[str, object]]:
    """Return whether the value is a dict, like a TOML table, whose keys are texts."""
    return isinstance(value, dict)


def is_mapping(value: object) -> TypeGuard[Mapping[object, object]]:
    """Return whether the value is a mapping, such as a dict."""
    return isinstance(value, Mapping)


def invoke(function: object, /, *arguments: object, **named: object) -> object:
    """Return ``function(*arguments, **named)``; raise a TypeError if it cannot be called.

    >>> invoke(max, 1, 2)
    2
    """
    if callable(function):
        result: object = function(*arguments, **named)
        return result
    raise TypeError(f"a {type(function).__name__} cannot be called")
