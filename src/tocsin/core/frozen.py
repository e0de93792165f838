"""An immutable mapping that pickles (``types.MappingProxyType`` does not)."""

from collections.abc import Iterator, Mapping

import attrs


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
