"""What all values of the core have in common: equal by their fields, and printed as they are written.

attrs would write these methods anew for each class. There are some ninety classes, and that would be half of the time that
``import tocsin`` takes; so they stand here once, and the classes say ``@attrs.frozen(eq=False, repr=False)``.

An immutable mapping that pickles (``types.MappingProxyType`` does not).
"""

from collections.abc import Iterator, Mapping

import attrs


@attrs.frozen(eq=False, repr=False)
class Value:
    """A frozen value: equal to another of its class with equal fields, but for those with ``eq=False``."""

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self._compared())

    def __hash__(self) -> int:
        return hash((type(self), *(getattr(self, name) for name in self._compared())))

    def __repr__(self) -> str:
        shown = (f"{field.name}={getattr(self, field.name)!r}" for field in attrs.fields(type(self)) if field.repr)
        return f"{type(self).__name__}({', '.join(shown)})"

    @classmethod
    def _compared(cls) -> tuple[str, ...]:
        return tuple(field.name for field in attrs.fields(cls) if field.eq)


def _copied(items: Mapping[str, object]) -> Mapping[str, object]:
    return dict(items)


@attrs.frozen(eq=False, repr=False)
class FrozenMap(Mapping[str, object]):
    """A read-only copy of a mapping with text keys; equal to any mapping with the same items.

    >>> FrozenMap({"rows": 3})["rows"]
    3
    """

    _items: Mapping[str, object] = attrs.field(factory=dict[str, object], converter=_copied)

    def __getitem__(self, key: str) -> object:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return repr(self._items)


EMPTY = FrozenMap()


def freeze(items: Mapping[str, object]) -> FrozenMap:
    """The mapping itself where it is frozen already, else a frozen copy."""
    return items if isinstance(items, FrozenMap) else FrozenMap(items)
