"""Calls a function of the user's, whose first parameter may be any class of tracked object.

``Callable[[Never, ...], object]`` is the type that takes every such function; none can be called through it with what we hold. That
the argument fits is known where the handler was attached, by the types of the user's own code.
"""


def invoke(function: object, /, *arguments: object, **named: object) -> object:
    """``function(*arguments, **named)``; a TypeError where it cannot be called.

    >>> invoke(max, 1, 2)
    2
    """
    if callable(function):
        answer: object = function(*arguments, **named)
        return answer
    raise TypeError(f"a {type(function).__name__} cannot be called")
