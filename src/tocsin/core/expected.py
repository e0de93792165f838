"""Exceptions by which a library, or a program, controls what runs, and the states that they mean.

Many engines end a body by an exception that is no error: Celery's ``Retry`` and ``Ignore``, Dramatiq's ``Retry``, an ``EarlyStop`` of
one's own. ``expected={Retry: Retrying, Ignore: Skipped}`` says so.
"""

from collections.abc import Mapping
from typing import TypeGuard

from tocsin.core.states import Failed, Finished, Scheduled, State
from tocsin.core.text import describe, is_a, quote
from tocsin.core.validation import is_mapping

ExpectedKinds = Mapping[type[BaseException], type[State]]
"""For each class of exceptions the kind of the state that it, and each subclass of it, means."""

NOTHING_EXPECTED: ExpectedKinds = {}

_HOW = "write expected={Retry: Retrying, Ignore: Skipped}"


def expected_kinds(given: object) -> ExpectedKinds:
    """Check a mapping from classes of exceptions to the kinds of their states; empty by default.

    >>> expected_kinds({KeyError: Finished})
    {<class 'KeyError'>: <class 'tocsin.core.states.Finished'>}
    """
    if given is None:
        return NOTHING_EXPECTED
    if not is_mapping(given):
        raise TypeError(f"expected takes a mapping from exceptions to State classes, not {quote(given)}: {_HOW}")
    found: dict[type[BaseException], type[State]] = {}
    for error, kind in given.items():
        if not _is_exception(error):
            raise TypeError(f"expected takes classes of exceptions as keys, not {quote(error)}: {_HOW}")
        if issubclass(error, BaseExceptionGroup):
            raise TypeError(f"expected takes the exceptions of a group, not the class {error.__name__}: {_HOW}")
        if not _is_end(kind):
            raise TypeError(f"expected takes State classes of an end, or Scheduled ones, as values, not {quote(kind)}: {_HOW}")
        _check_made(kind)
        found[error] = kind
    return found


def expected_state(expected: ExpectedKinds, error: BaseException) -> State | None:
    """Return the state that an exception is expected to mean, by the nearest of its classes; None if it is not expected.

    A failure keeps the exception as its result. Elsewhere the exception is no error, and its text is the message.

    >>> from tocsin.core.states import Skipped
    >>> expected_state({LookupError: Skipped}, KeyError("no rows today"))
    Skipped("KeyError: 'no rows today'")
    """
    kind = next((expected[each] for each in type(error).__mro__ if each in expected), None) if expected else None
    if kind is None:
        return None
    return kind(describe(error), error if issubclass(kind, Failed) else None)


def _check_made(kind: type[State]) -> None:
    """Check that a State class of a user's own can be made as those of tocsin are, before an exception needs it."""
    try:
        kind("", None)
    except Exception as error:
        why = "is made of a message and a result"
        raise TypeError(f"expected takes State classes, each of which {why}, and {kind.__name__} is not: {describe(error)}") from None


def _is_exception(value: object) -> TypeGuard[type[BaseException]]:
    return is_a(value, type) and issubclass(value, BaseException)


def _is_end(value: object) -> TypeGuard[type[State]]:
    return is_a(value, type) and issubclass(value, Finished | Scheduled)
