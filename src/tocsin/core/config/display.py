"""A configuration as it may be shown: values in TOML's notation, without the login of a proxy or a link."""

from tocsin.core.config.schema import ConfigKey, Configuration
from tocsin.core.delivery.destinations import without_login
from tocsin.core.filters.predicates import are_kinds, names
from tocsin.core.validation import is_list, is_table

Shown = str | float | bool | list[str] | dict[str, str] | None


def value_of(config: Configuration, key: ConfigKey[object]) -> object:
    """Return the value of a key."""
    found: object = config
    for name in key.path:
        found = getattr(found, name)
    return found


def shown(value: object) -> Shown:
    """Convert a value to JSON types.

    >>> shown({"https": "http://me:my@word@proxy:3128"})
    {'https': 'http://...@proxy:3128'}
    """
    if is_table(value):
        return {name: without_login(str(url)) for name, url in value.items()}
    if is_list(value):
        return [str(item) for item in value]
    if are_kinds(value):
        return names(value).split(", ") if value else []
    if isinstance(value, str):
        return without_login(value)
    return value if isinstance(value, float | int) else None


def written(config: Configuration, key: ConfigKey[object]) -> str:
    """Return the value of a key as a file would set it; in words if it is absent."""
    value = shown(value_of(config, key))
    return f"({key.absent})" if value is None else _toml(value)


def _toml(value: Shown) -> str:
    match value:
        case str():
            return f'"{value}"'
        case bool():
            return str(value).lower()
        case list():
            return f"[{', '.join(_toml(item) for item in value)}]"
        case dict():
            return f"{{ {', '.join(f'{name} = {_toml(item)}' for name, item in value.items())} }}"
        case _:
            return f"{value:g}"
