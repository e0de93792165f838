"""The filter algebra: predicates over changes, as values, joined by ``&``, ``|`` and ``~``.

- The atoms are in ``predicates``. A filter can be compared, hashed and pickled, and its repr is the formula.
- ``explain`` returns the verdict with its reason.
- Two filters are equal if their formulas are, up to the order, the grouping and the repetition of the terms under one ``&`` or ``|``.
- ``settles`` decides by the kind of the new state alone if that suffices, so that most changes cost one class check.
- A filter with users' code (``where``) may raise. ``judge`` turns the exception into a fault and a pass: one message too many is
  better than one too few.

>>> from tocsin.core.filters.predicates import attempt, entered, named
>>> from tocsin.core.states import Failed
>>> entered(Failed) & ~(named("tmp-*") | attempt(1))
entered(Failed) & ~(named('tmp-*') | attempt(1))
"""

from abc import ABC, abstractmethod
from typing import NoReturn

import attrs

from tocsin.core.changes import Change
from tocsin.core.outcomes import Fault
from tocsin.core.states import State
from tocsin.core.text import quote
from tocsin.core.values import Value


@attrs.frozen(eq=False, repr=False)
class Verdict(Value):
    """Whether a filter passed, and why; ``fault`` is the exception of a user's code, if any."""

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
        """Return whether the change passes."""

    def settles(self, kind: type[State]) -> bool | None:  # noqa: ARG002 - the base has no shortcut
        """Return the verdict on every change into a state of this kind, or None if it depends on more than the kind."""
        return None

    def reason(self, change: Change, *, passed: bool) -> str:  # noqa: ARG002 - the base knows no more than the verdict
        """Return why the change passed, or did not, in words."""
        return f"{self!r} {'passes' if passed else 'does not pass'}"

    def remembers(self) -> bool:
        """Return whether the verdict may depend on how earlier runs ended (``change.past``), so that the streak must be recorded."""
        return False

    def remark(self, change: Change) -> str | None:  # noqa: ARG002 - most filters have nothing to add
        """Return an annotation for the message about the change, such as "the 3rd failure in a row", or None."""
        return None

    def explain(self, change: Change) -> Verdict:
        """Return the verdict on the change, with its reason in words. Raise nothing."""
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
    """Return the terms for comparison: in any order, unless a user's filter cannot be hashed."""
    try:
        return frozenset(terms)
    except TypeError:
        return terms


def judge(filter_: Filter, change: Change) -> Verdict:
    """Return the verdict of a filter; one that raises counts as a pass, with a fault."""
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
    """Passes every change, or none."""

    passes: bool

    def __call__(self, change: Change) -> bool:  # noqa: ARG002 - a constant needs no change
        return self.passes

    def settles(self, kind: type[State]) -> bool | None:  # noqa: ARG002 - a constant needs no kind
        return self.passes

    def reason(self, change: Change, *, passed: bool) -> str:  # noqa: ARG002 - it is the same for every change
        return self.explain(change).reason

    def explain(self, change: Change) -> Verdict:  # noqa: ARG002 - a constant needs no change
        """Return the verdict, which is the same for every change."""
        return _EVERYTHING if self.passes else _NOTHING

    def __repr__(self) -> str:
        return "everything" if self.passes else "nothing"


_EVERYTHING = Verdict(True, "everything lets every change pass")
_NOTHING = Verdict(False, "nothing lets no change pass")


everything: Filter = Constant(True)
"""Passes every change."""

nothing: Filter = Constant(False)
"""Passes no change."""


@attrs.frozen(repr=False)
class Not(Filter):
    """Passes a change that ``other`` does not pass."""

    other: Filter

    def __call__(self, change: Change) -> bool:
        return not self.other(change)

    def settles(self, kind: type[State]) -> bool | None:
        settled = self.other.settles(kind)
        return None if settled is None else not settled

    def remembers(self) -> bool:
        return self.other.remembers()

    def reason(self, change: Change, *, passed: bool) -> str:
        return self.other.reason(change, passed=not passed)

    def __invert__(self) -> Filter:
        return self.other

    def __repr__(self) -> str:
        return f"~({self.other!r})" if isinstance(self.other, Joined) else f"~{self.other!r}"


@attrs.frozen(repr=False)
class Joined(Filter):
    """The common base of ``And`` and ``Or``, which differ in the verdict of a term that decides for all."""

    terms: tuple[Filter, ...] = attrs.field(eq=unordered)

    @classmethod
    @abstractmethod
    def decisive(cls) -> bool:
        """Return the verdict of one term that decides for all: False for ``&``, True for ``|``."""

    @classmethod
    def of(cls, *filters: Filter) -> Filter:
        """Join filters in the given order: flatten, and drop repeated and neutral terms."""
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

    def remembers(self) -> bool:
        return any(term.remembers() for term in self.terms)

    def remark(self, change: Change) -> str | None:
        return next((remark for term in self.terms if (remark := term.remark(change)) is not None), None)

    def reason(self, change: Change, *, passed: bool) -> str:
        if passed is not self.decisive():
            return "; ".join(term.reason(change, passed=passed) for term in self.terms)
        return next(term.reason(change, passed=passed) for term in self.terms if bool(term(change)) is passed)


class And(Joined):
    """Passes a change that all terms pass."""

    __slots__ = ()

    @classmethod
    def decisive(cls) -> bool:
        return False

    def __repr__(self) -> str:
        return " & ".join(f"({term!r})" if isinstance(term, Or) else repr(term) for term in self.terms)


class Or(Joined):
    """Passes a change that at least one term passes."""

    __slots__ = ()

    @classmethod
    def decisive(cls) -> bool:
        return True

    def __repr__(self) -> str:
        return " | ".join(repr(term) for term in self.terms)
