"""``assert_filter_laws``: checks a user's filter against the laws of a Boolean algebra, which are data here."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import partial

from hypothesis import given
from hypothesis.strategies import SearchStrategy

from tocsin.core.changes import Change
from tocsin.core.filters.algebra import Filter, everything, nothing
from tocsin.core.text import quote
from tocsin.testing.laws_common import attempt, limited, pickled, uphold
from tocsin.testing.strategies import changes as any_changes
from tocsin.testing.strategies import filters

Law = Callable[[Filter, Filter, Filter, Change], bool]

ALGEBRA: Mapping[str, Law] = {
    "a & b is what `and` says": lambda a, b, _, x: (a & b)(x) is (a(x) and b(x)),
    "a | b is what `or` says": lambda a, b, _, x: (a | b)(x) is (a(x) or b(x)),
    "~a is what `not` says": lambda a, _, __, x: (~a)(x) is (not a(x)),
    "a & b = b & a": lambda a, b, _, x: (a & b)(x) is (b & a)(x),
    "a | b = b | a": lambda a, b, _, x: (a | b)(x) is (b | a)(x),
    "(a & b) & c = a & (b & c)": lambda a, b, c, x: ((a & b) & c)(x) is (a & (b & c))(x),
    "(a | b) | c = a | (b | c)": lambda a, b, c, x: ((a | b) | c)(x) is (a | (b | c))(x),
    "a & a = a": lambda a, _, __, x: (a & a)(x) is a(x),
    "a | a = a": lambda a, _, __, x: (a | a)(x) is a(x),
    "a & (a | b) = a": lambda a, b, _, x: (a & (a | b))(x) is a(x),
    "a | (a & b) = a": lambda a, b, _, x: (a | (a & b))(x) is a(x),
    "a & (b | c) = (a & b) | (a & c)": lambda a, b, c, x: (a & (b | c))(x) is ((a & b) | (a & c))(x),
    "a | (b & c) = (a | b) & (a | c)": lambda a, b, c, x: (a | (b & c))(x) is ((a | b) & (a | c))(x),
    "~(a & b) = ~a | ~b": lambda a, b, _, x: (~(a & b))(x) is (~a | ~b)(x),
    "~(a | b) = ~a & ~b": lambda a, b, _, x: (~(a | b))(x) is (~a & ~b)(x),
    "a & everything = a": lambda a, _, __, x: (a & everything)(x) is a(x),
    "a | nothing = a": lambda a, _, __, x: (a | nothing)(x) is a(x),
    "a & nothing = nothing": lambda a, _, __, x: (a & nothing)(x) is False,
    "a | everything = everything": lambda a, _, __, x: (a | everything)(x) is True,
    "a & ~a = nothing": lambda a, _, __, x: (a & ~a)(x) is False,
    "a | ~a = everything": lambda a, _, __, x: (a | ~a)(x) is True,
    "~~a = a": lambda a, _, __, x: (~~a)(x) is a(x),
}
"""The laws of a Boolean algebra by their formula. Each takes any three filters and any change."""


LAWS: Mapping[str, Law] = {
    "its verdict is a bool, and stays the same": lambda a, _, __, x: _is_bool(a(x)) and a(x) is a(x),
    "explain() agrees with it, and gives a reason": lambda a, _, __, x: a.explain(x).passed is a(x) and a.explain(x).reason != "",
    "settles() agrees with it, or is None": lambda a, _, __, x: a.settles(type(x.new)) in {None, a(x)},
    "a copy of it is equal, and hashes alike": lambda a, _, __, ___: deepcopy(a) == a and hash(deepcopy(a)) == hash(a),
    "it survives pickle, or cloudpickle": lambda a, _, __, x: pickled(a)(x) is a(x),
    **ALGEBRA,
}
"""The laws that hold for every filter ``a``, any two others and any change. The key states the law in words."""


def assert_filter_laws(filter_: Filter, *, changes: SearchStrategy[Change] | None = None, examples: int = 100) -> None:
    """Check that a filter is a value, that its verdict is stable, and that ``&``, ``|`` and ``~`` combine it as their names say.

    Args:
        filter_: the filter; ``a`` in the laws.
        changes: draws the changes to pass to the filter; by default any change.
        examples: how many changes, each with two other filters to combine it with.

    Raises:
        AssertionError: a law does not hold. The message names the law and the example.

    >>> from tocsin.filters import entered, where
    >>> from tocsin import Failed
    >>> assert_filter_laws(entered(Failed) & where(lambda change: change.tracked_obj.name.startswith("etl")), examples=10)
    """

    @limited(examples)
    @given(any_changes() if changes is None else changes, filters(), filters())
    def check(change: Change, second: Filter, third: Filter) -> None:
        for name, law in LAWS.items():
            uphold(partial(law, filter_, second, third, change), partial(_broken, name, filter_, (second, third), change))

    attempt(check)


def _is_bool(verdict: object) -> bool:
    return isinstance(verdict, bool)


def _broken(name: str, filter_: Filter, others: tuple[Filter, Filter], change: Change) -> str:
    return f"the filter a = {quote(filter_)} breaks a law: {name}; with b = {others[0]!r}, c = {others[1]!r}, of {change!r}"
