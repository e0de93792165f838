"""The base class of frozen values, and an immutable mapping.

- ``Value`` compares by fields and prints as source code. Its subclasses say ``@attrs.frozen(eq=False, repr=False)``: attrs would
  generate these methods for each of some ninety classes, which is half of the time of ``import tocsin``.
- ``FrozenMap`` can be pickled (``types.MappingProxyType`` cannot).
"""

from collections.abc import Iterator, Mapping

import attrs


@attrs.frozen(eq=False, repr=False, weakref_slot=False)  # a slot here is one in each subclass
class Value:
    """A frozen value: equal to another of the same class with equal fields, except fields with ``eq=False``."""

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
    """Return the mapping itself if it is frozen, else a frozen copy."""
    return items if isinstance(items, FrozenMap) else FrozenMap(items)
