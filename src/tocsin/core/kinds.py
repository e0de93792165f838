"""Lists of State classes as users write them, checked when they are written."""

from collections.abc import Iterable
from typing import TypeGuard

from tocsin.core.messages.text import quote
from tocsin.core.states import State

Kinds = frozenset[type[State]]


def kinds_of(given: object, what: str, write: str) -> Kinds:
    """The State classes given, as a set; else a TypeError that shows how to ``write`` them (``{}`` stands for their names).

    >>> from tocsin.core.states import Failed, Success
    >>> kinds_of(Failed, "only_states", "only_states=[{}]")
    Traceback (most recent call last):
    ...
    TypeError: only_states takes a list of State classes, not Failed: write only_states=[Failed]
    >>> names(kinds_of([Success, Failed], "only_states", "only_states=[{}]"))
    'Failed, Success'
    """
    if _is_kind(given):
        raise TypeError(f"{what} takes a list of State classes, not {given.__name__}: write {write.format(given.__name__)}")
    if isinstance(given, str | State) or not _is_iterable(given):
        example = type(given).__name__ if isinstance(given, State) else "Failed"
        raise TypeError(f"{what} takes a list of State classes, not {quote(given)}: write {write.format(example)}")
    kinds: set[type[State]] = set()
    for kind in given:
        if not _is_kind(kind):
            example = type(kind).__name__ if isinstance(kind, State) else "Failed"
            raise TypeError(f"{what} takes State classes, and {quote(kind)} is none: write {write.format(example)}")
        kinds.add(kind)
    return frozenset(kinds)


def names(kinds: Kinds) -> str:
    """The kinds by name, in alphabetical order."""
    return ", ".join(sorted(kind.__name__ for kind in kinds))


def _is_kind(value: object) -> TypeGuard[type[State]]:
    return isinstance(value, type) and issubclass(value, State)


def _is_iterable(value: object) -> TypeGuard[Iterable[object]]:
    return isinstance(value, Iterable)
