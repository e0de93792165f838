"""Tables of text: aligned columns, and a cut between two rows that says how many rows are left out.

- Cells are untrusted. Each becomes one line, and a wide one is cut: secrets must be replaced before.
- The last line of a table may say what is missing. A cut adds to its numbers. No row of a user's can pass for that line.
"""

import re
from collections.abc import Sequence
from itertools import zip_longest
from unicodedata import category, east_asian_width

from tocsin.core.text import one_line

WIDEST = 40
"""The most characters of a cell."""

_ELLIPSIS = "…"
_GAP = "  "
_NO_ROWS = "(no rows)"
_MOST_COUNTED = 10**12  # rows or columns; a length that a program made up may have more digits than there is room for
_NUMBER = re.compile(r"[-+\u2212]?(?:\d[\d,_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)? ?%?|[-+]?(?:inf|nan|NaN)")
_MISSING = {"", "-", "None", "nan", "NaN", "NaT", "<NA>", "null"}  # of any type
_END = re.compile(r"… \((?:(\d[\d,]{0,20}) more rows?)?(?:, )?(?:(\d[\d,]{0,20}) more columns?)?\)")
_WITHOUT_WIDTH = {"Mn", "Me", "Cf"}  # categories of characters that share the place of the one before


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]], more_rows: int = 0, more_columns: int = 0) -> str:
    """Return the rows as lines with aligned columns: numbers at the right, anything else at the left.

    Args:
        header: the titles of the columns; empty for none.
        rows: the cells of each row. A row may be shorter than others.
        more_rows: how many further rows there are.
        more_columns: how many further columns there are.

    >>> print(aligned(["epoch", "note"], [["1", "slow"], ["10", "fine"]], more_rows=2990))
    epoch  note
        1  slow
       10  fine
    … (2,990 more rows)
    """
    cells = [[_shortened(cell) for cell in row] for row in (header, *rows)]
    padded = [_padded(column, is_numeric=_is_numeric(column[1:])) for column in zip_longest(*cells, fillvalue="")]
    written = [_GAP.join(line).rstrip() for line in zip(*padded, strict=True)] or [""] * len(cells)  # rows may have no cells
    del written[: 0 if header else 1]
    if not rows:
        written.append(_NO_ROWS)
    written = [line.replace(_ELLIPSIS, "...") if _END.fullmatch(line) else line for line in written]
    end = _end(min(more_rows, _MOST_COUNTED), min(more_columns, _MOST_COUNTED))
    return "\n".join([*written, end] if end else written)


def cut_rows(text: str, limit: int) -> str:
    """Return at most ``limit`` characters of a table, cut between two rows. The last line counts those left out.

    ``limit`` is 100 or more. Rows so wide that not even two fit are cut at their right.

    >>> table = aligned(["epoch", "loss"], [[str(epoch), "0.5"] for epoch in range(1000)])
    >>> print(cut_rows(table, 100))
    epoch  loss
        0   0.5
        1   0.5
        2   0.5
        3   0.5
        4   0.5
    … (995 more rows)
    """
    if len(text) <= limit:
        return text
    lines, more_rows, more_columns = _parts(text)
    room = limit - len(_end(min(more_rows + len(lines), _MOST_COUNTED), more_columns)) - 1
    widest = max(room // 2 - 1, 1)
    kept: list[str] = []
    for line in lines:
        shown = line if len(line) <= widest else f"{line[: widest - 1]}{_ELLIPSIS}"
        room -= len(shown) + 1
        if room < 0:
            break
        kept.append(shown)
    end = _end(min(more_rows + len(lines) - len(kept), _MOST_COUNTED), more_columns)
    return "\n".join([*kept, end] if end else kept)


def _parts(text: str) -> tuple[list[str], int, int]:
    """Return the rows, and how many more rows and columns the last line counts."""
    lines = text.split("\n")
    found = _END.fullmatch(lines[-1])
    if found is None:
        return lines, 0, 0
    rows, columns = (int((each or "0").replace(",", "")) for each in found.groups())
    return lines[:-1], rows, columns


def _end(rows: int, columns: int) -> str:
    counted = [_counted(rows, "row")] if rows else []
    counted += [_counted(columns, "column")] if columns else []
    return f"{_ELLIPSIS} ({', '.join(counted)})" if counted else ""


def _counted(count: int, what: str) -> str:
    return f"{count:,} more {what}" if count == 1 else f"{count:,} more {what}s"


def _shortened(cell: str) -> str:
    line = one_line(cell)
    return line if len(line) <= WIDEST else f"{line[: WIDEST - 1]}{_ELLIPSIS}"


def _is_numeric(cells: Sequence[str]) -> bool:
    told = [cell for cell in cells if cell not in _MISSING]
    return bool(told) and all(_NUMBER.fullmatch(cell) for cell in told)


def _padded(cells: Sequence[str], *, is_numeric: bool) -> list[str]:
    widths = [_width(cell) for cell in cells]
    widest = max(widths)
    pads = [" " * (widest - width) for width in widths]
    return [pad + cell if is_numeric else cell + pad for cell, pad in zip(cells, pads, strict=True)]


def _width(text: str) -> int:
    """Return how many columns of a fixed font a text takes."""
    if text.isascii():
        return len(text)
    return sum(0 if category(each) in _WITHOUT_WIDTH else 2 if east_asian_width(each) in "WF" else 1 for each in text)
