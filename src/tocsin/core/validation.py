"""What values of users are, whatever their types promise: users need not be typed.

What a value out of a file is made of.

Calls a function of the user's, whose first parameter may be any class of tracked object.

``Callable[[Never, ...], object]`` is the type that takes every such function; none can be called through it with what we hold. That
the argument fits is known where the handler was attached, by the types of the user's own code.
"""

from collections.abc import Mapping, Sequence
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


def is_list(value: object) -> TypeGuard[Sequence[object]]:
    """Whether the value is a list, or a tuple."""
    return isinstance(value, list | tuple)


def is_table(value: object) -> TypeGuard[Mapping[str, object]]:
    """Whether the value is a table, as TOML has them: with texts for keys."""
    return isinstance(value, dict)


def invoke(function: object, /, *arguments: object, **named: object) -> object:
    """``function(*arguments, **named)``; a TypeError where it cannot be called.

    >>> invoke(max, 1, 2)
    2
    """
    if callable(function):
        answer: object = function(*arguments, **named)
        return answer
    raise TypeError(f"a {type(function).__name__} cannot be called")
