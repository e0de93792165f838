"""On which line of a TOML text a key stands. ``tomllib`` reads the text, and does not say.

The text is cut into statements, which is all that this must know of TOML: a statement ends with its line, unless a bracket or a text
in three quotes is open there. Of each, what is before the first equals sign is read by ``tomllib`` itself, alone.
"""

import re
import tomllib
from collections.abc import Iterator

from tocsin.core.shapes import is_list, is_table

_PIECE = re.compile(
    r'"""(?:\\[\s\S]|[^\\])*?"{3,5}'  # texts, the longer quotes first
    r"|'''[\s\S]*?'{3,5}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|#[^\n]*"
    r"|[^\"'#\n\[\]{}=]+"
    r"|[\s\S]"
)


def line_of(text: str, path: tuple[str, ...]) -> int:
    """The line, from 1, of the first statement that sets the key, or a part of it; 1 where there is none.

    >>> line_of('[slack]\\n# soon\\ndeadline = 3', ("slack", "deadline"))
    3
    """
    table: tuple[str, ...] = ()
    for line, head in _statements(text.replace("\r\n", "\n")):
        is_header = head.startswith("[")
        here = _path(head) if is_header else (*table, *_path(f"{head}= 0"))
        if here[: len(path)] == path or (not is_header and path[: len(here)] == here):
            return line
        table = here if is_header else table
    return 1


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """The line on which each statement begins, and the statement as far as its equals sign."""
    line, start, head, depth, is_named = 1, 1, "", 0, False
    for piece in _PIECE.findall(f"{text}\n"):
        if piece == "\n" and depth == 0:
            if head.strip():
                yield start, head.strip()
            head, is_named = "", False
        depth += (piece in {"[", "{"}) - (piece in {"]", "}"})
        is_named = is_named or (piece == "=" and depth == 0)
        if not is_named and not piece.startswith("#"):
            start = start if head.strip() else line
            head += piece
        line += piece.count("\n")


def _path(statement: str) -> tuple[str, ...]:
    """The keys of a header, or of an assignment, from the outside in."""
    found: list[str] = []
    inner: object = tomllib.loads(statement)
    while (inner := inner[0] if is_list(inner) else inner) and is_table(inner):
        key, inner = next(iter(inner.items()))
        found.append(key)
    return tuple(found)
