"""Which changes are worth a message: predicates over a change, as values.

A filter is built from the atoms below with ``&``, ``|`` and ``~``. It can be compared, hashed, pickled and read: its repr is the
formula. ``explain`` says why it passed or not.

- Equality is that of the formula, up to the order, the grouping and the repetition of what stands under one ``&`` or ``|``.
- ``settles`` answers from the kind of the new state alone where that suffices, so that most changes cost one look at a class.
- A filter that runs code of yours (``where``) may raise; ``judge`` makes of that a fault and a pass: rather one message too many.

>>> from tocsin.core.states import Failed
>>> entered(Failed) & ~(named("tmp-*") | attempt(1))
entered(Failed) & ~(named('tmp-*') | attempt(1))
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import NoReturn

import attrs

from tocsin.core.changes import Change
from tocsin.core.checks import at_least, is_text
from tocsin.core.kinds import Kinds, kinds_of, names
from tocsin.core.messages.text import label, name_of, quote
from tocsin.core.outcomes import Fault
from tocsin.core.states import State
from tocsin.core.values import Value


@attrs.frozen(eq=False, repr=False)
class Verdict(Value):
    """Whether a filter passed, and why; ``fault`` is what the user's code raised, where it did."""

    passed: bool
    reason: str
    fault: Fault | None = None

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        return self.reason


class Filter(ABC):
    """A predicate over a change. Subclass it to write your own: ``__call__`` is all that is needed."""

    __slots__ = ()

    @abstractmethod
    def __call__(self, change: Change) -> bool:
        """Whether the change passes."""

    def settles(self, kind: type[State]) -> bool | None:  # noqa: ARG002 - the base knows of no shortcut
        """The verdict on any change into a state of this kind, or None where it depends on more than that."""
        return None

    def reason(self, change: Change, *, passed: bool) -> str:  # noqa: ARG002 - the base knows no more than the verdict
        """Why the change passed, or did not, in words."""
        return f"{self!r} {'passes' if passed else 'does not pass'}"

    def explain(self, change: Change) -> Verdict:
        """The verdict on the change, with its reason in words; raises nothing."""
        return judge(self, change)

    def __and__(self, other: "Filter") -> "Filter":
        return And.of(self, _filter(other))

    def __or__(self, other: "Filter") -> "Filter":
        return Or.of(self, _filter(other))

    def __invert__(self) -> "Filter":
        return Not(self)

    def __bool__(self) -> NoReturn:
        raise TypeError(f"a filter is true of a change, not by itself: write &, |, ~ in place of and, or, not, around {quote(self)}")


def _filter(given: object) -> Filter:
    if isinstance(given, Filter):
        return given
    raise TypeError(f"& and | join filters, and {quote(given)} is none: write filters.entered(Failed), or filters.where(function)")


def unordered(terms: tuple[Filter, ...]) -> object:
    """The terms as they are compared: in any order, unless one of the user's own filters cannot be hashed."""
    try:
        return frozenset(terms)
    except TypeError:
        return terms


def judge(filter_: Filter, change: Change) -> Verdict:
    """The verdict of a filter, whatever code of the user's runs in it: one that raises passes, and is a fault."""
    try:
        passed = bool(filter_(change))
    except Exception as error:
        fault = Fault(f"the filter {quote(filter_)}", error)
        return Verdict(True, f"{fault}, which counts as a pass", fault)
    try:
        return Verdict(passed, filter_.reason(change, passed=passed))
    except Exception as error:
        return Verdict(passed, f"its reason raised {type(error).__name__}")


@attrs.frozen(repr=False)
class Constant(Filter):
    """Passes always, or never."""

    passes: bool

    def __call__(self, change: Change) -> bool:  # noqa: ARG002 - that is the point of a constant
        return self.passes

    def settles(self, kind: type[State]) -> bool | None:  # noqa: ARG002 - likewise
        return self.passes

    def reason(self, change: Change, *, passed: bool) -> str:  # noqa: ARG002 - likewise
        return f"{self!r} {'lets every change pass' if self.passes else 'lets no change pass'}"

    def __repr__(self) -> str:
        return "everything" if self.passes else "nothing"


everything: Filter = Constant(True)
"""Passes every change."""

nothing: Filter = Constant(False)
"""Passes no change."""


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
class Attempt(Filter):
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
"""Passes where no further attempt can follow, be it that none is left or that the state ends the run."""


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


@attrs.frozen(repr=False)
class Not(Filter):
    """Passes what the other does not."""

    other: Filter

    def __call__(self, change: Change) -> bool:
        return not self.other(change)

    def settles(self, kind: type[State]) -> bool | None:
        settled = self.other.settles(kind)
        return None if settled is None else not settled

    def reason(self, change: Change, *, passed: bool) -> str:
        return self.other.reason(change, passed=not passed)

    def __invert__(self) -> Filter:
        return self.other

    def __repr__(self) -> str:
        return f"~({self.other!r})" if isinstance(self.other, Joined) else f"~{self.other!r}"


@attrs.frozen(repr=False)
class Joined(Filter):
    """The common half of ``And`` and ``Or``: they differ in which verdict of one term decides for all."""

    terms: tuple[Filter, ...] = attrs.field(eq=unordered)

    @classmethod
    @abstractmethod
    def decisive(cls) -> bool:
        """The verdict that decides for all where one term has it: False for ``&``, True for ``|``."""

    @classmethod
    def of(cls, *filters: Filter) -> Filter:
        """The filters joined, as flat and as short as can be, in the order given."""
        terms: tuple[Filter, ...] = ()
        for term in (term for given in filters for term in (given.terms if isinstance(given, cls) else (given,))):
            if isinstance(term, Constant):
                if term.passes is cls.decisive():
                    return term
            elif term not in terms:
                terms = (*terms, term)
        return cls(terms) if len(terms) > 1 else next(iter(terms), Constant(not cls.decisive()))

    def __call__(self, change: Change) -> bool:
        decisive = self.decisive()
        return decisive if any(bool(term(change)) is decisive for term in self.terms) else not decisive

    def settles(self, kind: type[State]) -> bool | None:
        settled = {term.settles(kind) for term in self.terms}
        if self.decisive() in settled:
            return self.decisive()
        return None if None in settled else not self.decisive()

    def reason(self, change: Change, *, passed: bool) -> str:
        if passed is not self.decisive():
            return "; ".join(term.reason(change, passed=passed) for term in self.terms)
        return next(term.reason(change, passed=passed) for term in self.terms if bool(term(change)) is passed)


class And(Joined):
    """Passes what all its terms pass."""

    __slots__ = ()

    @classmethod
    def decisive(cls) -> bool:
        return False

    def __repr__(self) -> str:
        return " & ".join(f"({term!r})" if isinstance(term, Or) else repr(term) for term in self.terms)


class Or(Joined):
    """Passes what one of its terms passes."""

    __slots__ = ()

    @classmethod
    def decisive(cls) -> bool:
        return True

    def __repr__(self) -> str:
        return " | ".join(repr(term) for term in self.terms)


def entered(*kinds: type[State]) -> Filter:
    """Passes a change whose new state is one of these kinds, or of a kind under them.

    This is what ``only_states`` means, and ``~entered(...)`` what ``ignore_states`` means. No kinds pass nothing. Anything
    but State classes is a TypeError.
    """
    return Entered(kinds_of(kinds, "entered", "entered({})"))


def came_from(*kinds: type[State]) -> Filter:
    """Passes a change whose old state is one of these kinds, whatever the new one is."""
    return CameFrom(kinds_of(kinds, "came_from", "came_from({})"))


def left(*kinds: type[State]) -> Filter:
    """Passes a change from one of these kinds to none of them: ``left(Failed)`` passes TimedOut to Retrying."""
    return Left(kinds_of(kinds, "left", "left({})"))


def on_edge(old: type[State], new: type[State]) -> Filter:
    """Passes a change from a state of the one kind to a state of the other: ``on_edge(Retrying, Running)``."""
    return came_from(old) & entered(new)


def attempt(*numbers: int) -> Filter:
    """Passes a change of one of these attempts, counted from 1. A number below 1 is a ValueError."""
    for number in numbers:
        if not at_least(number, 1):
            raise ValueError(f"attempt takes whole numbers from 1 on, not {quote(number)}")
    return Attempt(frozenset(numbers))


def named(pattern: str) -> Filter:
    """Passes a change of an object whose name matches a shell pattern, case and all: ``named("etl-*")``."""
    if pattern != "" and not is_text(pattern):
        raise TypeError(f"named takes a pattern as a str, not {quote(pattern)}: write named('etl-*')")
    return Named(pattern)


def where(predicate: Callable[[Change], bool]) -> Filter:
    """Passes a change for which your function returns a true value. It should be pure: it may be asked more than once."""
    if not callable(predicate):
        raise TypeError(f"where takes a function of a Change, not {quote(predicate)}: write where(lambda change: ...)")
    return Where(predicate)
