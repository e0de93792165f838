"""Reads the rows of a table: of a list, or of a DataFrame, which is known by its methods. No library of DataFrames is imported here.

- Only as many rows and cells are read as a mail can show. The rest is counted.
- Secrets are replaced in whole cells, before any is cut.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from itertools import islice
from typing import Protocol, TypeAlias

from tocsin.core.screen import CONTROL
from tocsin.core.tables import aligned
from tocsin.core.text import is_a, plain, printable, quote, type_name, worded
from tocsin.core.validation import invoke, is_iterable, is_list, is_mapping
from tocsin.shell.redaction import redact

_MOST_COLUMNS = 30
_MOST_COUNTED = 1_000  # columns of a row that are counted
_MOST_ROWS = 1_000
_MOST_CELLS = 5_000
_MOST_READ = 1_000_000  # characters of all cells


class DataFrame(Protocol):
    """What pandas and polars call a DataFrame."""

    @property
    def columns(self) -> Iterable[object]:
        """The titles of its columns."""
        ...

    @property
    def shape(self) -> tuple[int, int]:
        """How many rows and columns it has."""
        ...

    def head(self, n: int = 5) -> object:
        """Return its first rows."""
        ...


Rows: TypeAlias = Sequence[Mapping[str, object] | Sequence[object]] | DataFrame
"""What ``table`` takes: a list of dicts, a list of lists, or a DataFrame."""


def table_of(rows: object) -> str:
    """Return the rows as text.

    Raises:
        BaseException: of any class, from the code of a user's object; a TypeError for what is no table.
    """
    if _attribute(rows, "columns") is not None and _attribute(rows, "head") is not None:
        return _of_frame(rows)
    to_frame = _attribute(rows, "to_frame")  # of a Series
    if to_frame is not None:
        return _of_frame(invoke(to_frame))
    if is_mapping(rows) or is_a(rows, str) or is_a(rows, bytes) or not is_iterable(rows):
        raise TypeError(f"a table is a list of dicts, a list of lists or a DataFrame, not {type_name(rows)}")
    if not isinstance(rows, Sized):
        raise TypeError(f"a table is a list of rows, and a {type_name(rows)} may never end: write list(...)")
    return _of_rows(list(islice(iter(rows), _MOST_ROWS)), _length(rows))


def _of_rows(rows: list[object], count: int) -> str:
    if rows and all(is_mapping(row) for row in rows):
        return _of_mappings([row for row in rows if is_mapping(row)], count)
    cells = [_cells_of(row) for row in rows]
    columns = max(map(len, cells), default=0)
    return _table([], cells, count, columns)


def _of_mappings(rows: Sequence[Mapping[object, object]], count: int) -> str:
    keys: dict[object, None] = {}
    for row in rows:
        if len(keys) < _MOST_COUNTED:
            keys.update(dict.fromkeys(islice(row, _MOST_COUNTED)))
    shown = list(keys)[:_MOST_COLUMNS]
    return _table(shown, ([row.get(key, "") for key in shown] for row in rows), count, len(keys))


def _cells_of(row: object) -> list[object]:
    """Return the cells of a row: the items of a sequence, the values of a mapping, or the one value that it is."""
    if is_mapping(row):
        return list(islice(row.values(), _MOST_COUNTED))
    if is_a(row, str) or is_a(row, bytes) or not is_iterable(row):
        return [row]
    return list(islice(iter(row), _MOST_COUNTED))


def _of_frame(frame: object) -> str:
    labels = _listed(_attribute(frame, "columns"))
    count, columns = _length(frame), _length(_attribute(frame, "columns"))
    most = _rows_of(columns)
    iter_rows = _attribute(frame, "iter_rows")
    if iter_rows is not None:  # of polars
        top = invoke(_attribute(frame, "head"), most)
        return _table(labels, map(_listed, _iterated(invoke(_attribute(top, "iter_rows")))), count, columns)
    part = invoke(_attribute(_attribute(frame, "iloc"), "__getitem__"), (slice(most), slice(_MOST_COLUMNS)))
    rows = map(_listed, _iterated(invoke(_attribute(part, "itertuples"), index=False, name=None)))
    index = _attribute(part, "index")
    if type_name(index) == "RangeIndex":  # it only counts the rows
        return _table(labels, rows, count, columns)
    names = ["" if name is None else name for name in _listed(_attribute(index, "names"))]
    indexed = ([*_keys(key), *row] for key, row in zip(_iterated(index), rows, strict=False))
    return _table([*names, *labels], indexed, count, len(names) + columns)


def _keys(key: object) -> list[object]:
    return list(key) if is_list(key) else [key]


def _table(header: list[object], rows: Iterable[Iterable[object]], count: int, columns: int) -> str:
    """Return the table of at most as many rows as are read, out of ``count`` rows and ``columns`` columns."""
    titles = _texts(header[:_MOST_COLUMNS])
    read = [titles]
    size = 0
    for row in islice(rows, _rows_of(columns)):
        cells = _texts(islice(row, _MOST_COLUMNS))
        read.append(cells)
        size += sum(map(len, cells))
        if size > _MOST_READ:
            break
    hidden = _redacted(read)
    return aligned(hidden[0], hidden[1:], max(count - len(read) + 1, 0), max(columns - _MOST_COLUMNS, 0))


def _rows_of(columns: int) -> int:
    return min(_MOST_ROWS, _MOST_CELLS // max(min(columns, _MOST_COLUMNS), 1))


def _texts(cells: Iterable[object]) -> list[str]:
    return [printable(_text(cell)) for cell in cells]


def _text(cell: object) -> str:
    if is_a(cell, str):
        return plain(cell)
    if is_a(cell, float):
        return _rounded(cell)
    return quote(cell) if is_a(cell, bytes) else worded(cell)


def _rounded(number: float) -> str:
    """Return a number in at most six decimal places; a tiny one in six digits."""
    exact = float.__float__(number)
    if exact and abs(exact) < 0.001:
        return format(exact, ".6g")
    return repr(round(exact, 6))


def _redacted(rows: list[list[str]]) -> list[list[str]]:
    whole = "\n".join([cell for row in rows for cell in row])
    if CONTROL.search(whole) is None and redact(whole) == whole:  # all cells are searched at once
        return rows
    return [[redact(cell) for cell in row] for row in rows]


def _attribute(value: object, name: str) -> object:
    found: object = getattr(value, name, None)
    return found


def _listed(value: object) -> list[object]:
    return list(islice(_iterated(value), _MOST_COUNTED))


def _iterated(value: object) -> Iterator[object]:
    if not is_iterable(value):
        raise TypeError(f"{type_name(value)} cannot be iterated over")
    return iter(value)


def _length(value: object) -> int:
    if not isinstance(value, Sized):
        raise TypeError(f"{type_name(value)} has no length")
    return len(value)
