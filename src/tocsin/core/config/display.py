"""A configuration as it may be shown: values as TOML has them, and no login, of a proxy or in a link."""

from typing import TypeGuard

from tocsin.core.config.schema import ConfigKey, Configuration
from tocsin.core.delivery.destinations import without_login
from tocsin.core.options import Kinds, names
from tocsin.core.validation import is_list, is_table

Shown = str | float | bool | list[str] | dict[str, str] | None


def value_of(config: Configuration, key: ConfigKey[object]) -> object:
    """The value of a key."""
    found: object = config
    for name in key.path:
        found = getattr(found, name)
    return found


def shown(value: object) -> Shown:
    """A value as JSON has it.

    >>> shown({"https": "http://me:my@word@proxy:3128"})
    {'https': 'http://...@proxy:3128'}
    """
    if is_table(value):
        return {name: without_login(str(url)) for name, url in value.items()}
    if is_list(value):
        return [str(item) for item in value]
    if _are_kinds(value):
        return names(value).split(", ") if value else []
    if isinstance(value, str):
        return without_login(value)
    return value if isinstance(value, float | int) else None


def written(config: Configuration, key: ConfigKey[object]) -> str:
    """The value of a key in words, or as a file would set it."""
    value = shown(value_of(config, key))
    return f"({key.absent})" if value is None else _written(value)


def _written(value: Shown) -> str:
    match value:
        case str():
            return f'"{value}"'
        case bool():
            return str(value).lower()
        case list():
            return f"[{', '.join(_written(item) for item in value)}]"
        case dict():
            return f"{{ {', '.join(f'{name} = {_written(item)}' for name, item in value.items())} }}"
        case _:
            return f"{value:g}"


def _are_kinds(value: object) -> TypeGuard[Kinds]:
    return isinstance(value, frozenset)
