"""The laws of a Boolean algebra, as data: each over any three filters, and on any change."""

from collections.abc import Callable, Mapping

from tocsin.core.changes import Change
from tocsin.core.filters import Filter, everything, nothing

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
"""By the law as it is written."""
