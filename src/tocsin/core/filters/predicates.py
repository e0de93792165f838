"""The atoms of the filter algebra: predicates over a change.

Each atom is a frozen value. The function of its name makes it, and checks the arguments at once.
"""

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import TypeGuard

import attrs

from tocsin.core.changes import Change
from tocsin.core.filters.algebra import Filter
from tocsin.core.states import State
from tocsin.core.text import label, name_of, quote
from tocsin.core.validation import at_least, is_iterable, is_text

Kinds = frozenset[type[State]]


def kinds_of(given: object, what: str, write: str) -> Kinds:
    """Return the given State classes as a set, or raise a TypeError that shows what to ``write`` (``{}``: their names).

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
    if isinstance(given, str | State) or not is_iterable(given):
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
    """Return the names of the kinds, in alphabetical order."""
    return ", ".join(sorted([kind.__name__ for kind in kinds]))


def are_kinds(value: object) -> TypeGuard[Kinds]:
    """Return whether a value of an option is a set of kinds: no other option is a frozenset."""
    return isinstance(value, frozenset)


def _is_kind(value: object) -> TypeGuard[type[State]]:
    return isinstance(value, type) and issubclass(value, State)


@attrs.frozen(repr=False)
class Entered(Filter):
    kinds: Kinds

    def __call__(self, change: Change) -> bool:
        return isinstance(change.new, tuple(self.kinds))

    def settles(self, kind: type[State]) -> bool | None:
        return issubclass(kind, tuple(self.kinds))

    def reason(self, change: Change, *, passed: bool) -> str:
        return f"the new state, {type(change.new).__name__}, is {'one' if passed else 'none'} of {names(self.kinds)}"

    def __repr__(self) -> str:
        return f"entered({names(self.kinds)})"


@attrs.frozen(repr=False)
class CameFrom(Filter):
    kinds: Kinds

    def __call__(self, change: Change) -> bool:
        return isinstance(change.old, tuple(self.kinds))

    def reason(self, change: Change, *, passed: bool) -> str:
        return f"the old state, {type(change.old).__name__}, is {'one' if passed else 'none'} of {names(self.kinds)}"

    def __repr__(self) -> str:
        return f"came_from({names(self.kinds)})"


@attrs.frozen(repr=False)
class Left(Filter):
    kinds: Kinds

    def __call__(self, change: Change) -> bool:
        kinds = tuple(self.kinds)
        return isinstance(change.old, kinds) and not isinstance(change.new, kinds)

    def reason(self, change: Change, *, passed: bool) -> str:
        edge = f"{type(change.old).__name__} to {type(change.new).__name__}"
        return f"{edge} {'leaves' if passed else 'does not leave'} {names(self.kinds)}"

    def __repr__(self) -> str:
        return f"left({names(self.kinds)})"


@attrs.frozen(repr=False)
class AttemptIn(Filter):
    numbers: frozenset[int]

    def __call__(self, change: Change) -> bool:
        return change.attempt in self.numbers

    def reason(self, change: Change, *, passed: bool) -> str:
        return f"this is attempt {change.attempt}, {'one' if passed else 'none'} of {self._listed()}"

    def __repr__(self) -> str:
        return f"attempt({self._listed()})"

    def _listed(self) -> str:
        return ", ".join(str(number) for number in sorted(self.numbers))


@attrs.frozen(repr=False)
class FinalAttempt(Filter):
    def __call__(self, change: Change) -> bool:
        return change.final

    def reason(self, change: Change, *, passed: bool) -> str:
        return f"after attempt {change.attempt} of {change.attempts} {'none follows' if passed else 'another may follow'}"

    def __repr__(self) -> str:
        return "final_attempt"


final_attempt: Filter = FinalAttempt()
"""Passes a change that no further attempt can follow: none is left, or the state ends the run."""


@attrs.frozen(repr=False)
class Named(Filter):
    pattern: str

    def __call__(self, change: Change) -> bool:
        return fnmatchcase(label(change.tracked_obj), self.pattern)

    def reason(self, change: Change, *, passed: bool) -> str:
        return f"the name {quote(label(change.tracked_obj))} {'matches' if passed else 'does not match'} {self.pattern!r}"

    def __repr__(self) -> str:
        return f"named({self.pattern!r})"


@attrs.frozen(repr=False)
class Where(Filter):
    predicate: Callable[[Change], bool]

    def __call__(self, change: Change) -> bool:
        return bool(self.predicate(change))

    def __repr__(self) -> str:
        return f"where({name_of(self.predicate)})"


def entered(*kinds: type[State]) -> Filter:
    """Return a filter that passes a change whose new state is of one of these kinds or their subclasses.

    ``only_states`` means the same, and ``ignore_states`` means ``~entered(...)``. Without kinds, no change passes. Anything but
    State classes is a TypeError.
    """
    return Entered(kinds_of(kinds, "entered", "entered({})"))


def came_from(*kinds: type[State]) -> Filter:
    """Return a filter that passes a change whose old state is of one of these kinds, whatever the new one is."""
    return CameFrom(kinds_of(kinds, "came_from", "came_from({})"))


def left(*kinds: type[State]) -> Filter:
    """Return a filter that passes a change from one of these kinds to none: ``left(Failed)`` passes TimedOut to Retrying."""
    return Left(kinds_of(kinds, "left", "left({})"))


def on_edge(old: type[State], new: type[State]) -> Filter:
    """Return a filter that passes a change from one kind of state to another: ``on_edge(Retrying, Running)``."""
    return came_from(old) & entered(new)


def attempt(*numbers: int) -> Filter:
    """Return a filter that passes a change in one of these attempts, counted from 1. A number below 1 is a ValueError."""
    for number in numbers:
        if not at_least(number, 1):
            raise ValueError(f"attempt takes whole numbers from 1 on, not {quote(number)}")
    return AttemptIn(frozenset(numbers))


def named(pattern: str) -> Filter:
    """Return a filter that passes a change of an object whose name matches a shell pattern, with its case: ``named("etl-*")``."""
    if pattern != "" and not is_text(pattern):
        raise TypeError(f"named takes a pattern as a str, not {quote(pattern)}: write named('etl-*')")
    return Named(pattern)


def where(predicate: Callable[[Change], bool]) -> Filter:
    """Return a filter that passes a change for which the function returns a true value. It should be pure: it may run again."""
    if not callable(predicate):
        raise TypeError(f"where takes a function of a Change, not {quote(predicate)}: write where(lambda change: ...)")
    return Where(predicate)
