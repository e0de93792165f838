"""Names made unique: two tasks may share a name, and must not share a key."""

from collections.abc import Iterable


def slugs(names: Iterable[str]) -> list[str]:
    """Each name, with a number behind it where it, or what would be made of it, was there before.

    >>> slugs(["load", "load", "load-2", "load"])
    ['load', 'load-2', 'load-2-2', 'load-3']
    """
    taken: dict[str, int] = {}
    return [_slug(name, taken) for name in names]


def _slug(name: str, taken: dict[str, int]) -> str:
    count = taken.get(name, 0) + 1
    slug = name if count == 1 else f"{name}-{count}"
    while slug in taken:
        count += 1
        slug = f"{name}-{count}"
    taken[name] = count
    taken.setdefault(slug, 1)
    return slug
