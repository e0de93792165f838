"""What a value out of a file is made of."""

from collections.abc import Mapping, Sequence
from typing import TypeGuard


def is_list(value: object) -> TypeGuard[Sequence[object]]:
    """Whether the value is a list, or a tuple."""
    return isinstance(value, list | tuple)


def is_table(value: object) -> TypeGuard[Mapping[str, object]]:
    """Whether the value is a table, as TOML has them: with texts for keys."""
    return isinstance(value, dict)
