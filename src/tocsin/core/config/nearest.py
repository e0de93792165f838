"""The known word that is nearest to one that nobody knows."""

from collections.abc import Iterable

_LONGEST = 60  # characters looked at: the comparison takes time with the square of them


def nearest(word: str, known: Iterable[str], alike: float = 0.5) -> str | None:
    """The known word most like ``word``, whatever its case; None where none is alike enough, from 0, not at all, to 1, the same.

    >>> nearest("faild", ["Failed", "Finished"]), nearest("x", ["Failed"])
    ('Failed', None)
    """
    from difflib import get_close_matches  # needed for mistakes alone, and slow to load

    by_fold = {each.casefold(): each for each in known}
    near = get_close_matches(word[:_LONGEST].casefold(), by_fold, 1, alike)
    return by_fold[near[0]] if near else None


def hint(word: str, known: Iterable[str]) -> str:
    """What to write in place of ``word``: the nearest, or one of all.

    >>> hint("slak", ["slack", "gmail"]), hint("x", ["slack", "gmail"])
    ('did you mean slack?', 'write one of slack, gmail')
    """
    words = tuple(known)
    near = nearest(word, words)
    return f"write one of {', '.join(words)}" if near is None else f"did you mean {near}?"
