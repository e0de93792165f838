"""How a row is called: its key as one line of text, no two alike, short enough to type and to index."""

from hashlib import sha256

from tocsin.core.keys import Key
from tocsin.core.messages.text import one_line

_LONGEST = 200  # characters
_KEPT = 120


def row_name(key: Key) -> str:
    """The key as text. Two keys have the same only if they are the same.

    A dot inside of a part is written ``%2E``. What is too long, or cannot be printed, is cut, and ends in its hash.

    >>> row_name(Key("run", "load", None, 0, 1)), row_name(Key("run", "load.py", 3, 0, 1))
    ('run.load..0.1', 'run.load%2Epy.3.0.1')
    """
    index = "" if key.map_index is None else str(key.map_index)
    whole = ".".join((_part(key.run_id), _part(key.slug), index, str(key.ordinal), str(key.position)))
    if len(whole) <= _LONGEST and whole.isprintable() and " " not in whole:
        return whole
    digest = sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    shown = "".join(char if char.isprintable() and char != " " else "_" for char in one_line(whole)[:_KEPT])
    return f"{shown.rstrip('.')}~{digest}"


def _part(text: str) -> str:
    return text.replace("%", "%25").replace(".", "%2E")
