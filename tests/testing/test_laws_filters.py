"""``assert_filter_laws`` passes filters, and names the law that another object breaks."""

import re
from collections.abc import Iterator
from itertools import count
from typing import Self

import attrs
import pytest

from tocsin import Change, Failed, State, filters
from tocsin.core.filters.algebra import Filter, Verdict
from tocsin.core.filters.predicates import entered
from tocsin.testing import assert_filter_laws, strategies


@attrs.frozen
class LongNamed(Filter):
    """A correct filter: it passes changes of objects with long names."""

    length: int = 10

    def __call__(self, change: Change) -> bool:
        return len(change.tracked_obj.name) > self.length


class Truthy(LongNamed):
    """Returns a number as its verdict."""

    def __call__(self, change: Change) -> bool:
        return len(change.tracked_obj.name)  # type: ignore[return-value]  # the error under test


@attrs.frozen
class Fickle(Filter):
    """Passes every second call."""

    turns: Iterator[int] = attrs.field(factory=count, eq=False)

    def __call__(self, change: Change) -> bool:
        return next(self.turns) % 2 == 0


class Hasty(LongNamed):
    """Settles changes that it would not pass."""

    def settles(self, kind: type[State]) -> bool | None:
        return True


class Secretive(LongNamed):
    """Explains the opposite of its verdict."""

    def explain(self, change: Change) -> Verdict:
        return Verdict(not self(change), "no reason")


class Unequal(Filter):
    """Compares by identity."""

    def __call__(self, change: Change) -> bool:
        return True


class Fragile(LongNamed):
    """Raises for a state without a message."""

    def __call__(self, change: Change) -> bool:
        return change.new.message.isprintable()  # type: ignore[union-attr]  # the error under test


class Backwards(LongNamed):
    """Has a wrong ``&``."""

    def __and__(self, other: Filter) -> Filter:
        return self | other


class Unpicklable(LongNamed):
    """Can be copied, but not pickled."""

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> str:
        raise TypeError("it has an open file")


@pytest.mark.parametrize("good", [LongNamed(), entered(Failed) & ~LongNamed(3), filters.where(lambda change: change.final)])
def test_a_filter_passes(good: Filter) -> None:
    assert_filter_laws(good, examples=20)


@pytest.mark.parametrize(
    ("bad", "law"),
    [
        (Truthy(), "its verdict is a bool, and stays the same"),
        (Fickle(), "its verdict is a bool, and stays the same"),
        (Hasty(), "settles() agrees with it, or is None"),
        (Secretive(), "explain() agrees with it, and gives a reason"),
        (Unequal(), "a copy of it is equal, and hashes alike"),
        (Backwards(), "a & b is what `and` says"),
        (Unpicklable(), "it survives pickle, or cloudpickle"),
        (Fragile(), "'NoneType' object has no attribute 'isprintable'"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_broken_law_is_named(bad: Filter, law: str) -> None:
    with pytest.raises(AssertionError, match=re.escape(law)) as raised:
        assert_filter_laws(bad)
    assert repr(bad) in str(raised.value)


def test_changes_can_be_chosen() -> None:
    assert_filter_laws(
        Fragile(),
        changes=strategies.changes(new=strategies.states(Failed).filter(lambda state: state.message is not None)),
        examples=20,
    )
