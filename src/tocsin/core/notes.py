"""The notes of a run: of many, the first and the last are kept, and the number left out is said.

- A run may note something in each of a million rounds. ``Notes`` keeps what a mail has room for, at either end.
- Notes are the lines of a text. If one of them has several lines, each note begins with a bullet, and its further lines are indented.
- The line between the two ends counts the notes left out, and a cut adds to it. No note can pass for that line.
"""

import re
from collections import deque
from collections.abc import Sequence

from tocsin.core.text import cut, printable

_ROOM = 10_000  # characters of the first notes, and of the last: each is all that a mail shows
_SHORTEST = 40  # what ``cut`` takes
_BULLET = "• "
_INDENT = "  "
_LEFT_OUT = re.compile(r"… \((\d[\d,]{0,20}) notes? left out\)")
_LONGEST_LEFT_OUT = len("\n… (1,000,000,000,000 notes left out)\n")


class Notes:
    """Collects notes in their order, in bounded memory: the first ones and the last ones. It is not thread-safe."""

    __slots__ = ("_first", "_last", "_left_out", "_room_of_first", "_room_of_last")

    def __init__(self) -> None:
        self._first: list[str] = []
        self._last: deque[str] = deque()
        self._left_out = 0
        self._room_of_first = self._room_of_last = _ROOM

    def add(self, note: str) -> None:
        """Add a note after all others."""
        size = len(note) + 1
        if not self._first or (not self._last and size <= self._room_of_first):
            self._first.append(note)
            self._room_of_first -= size
            return
        self._last.append(note)
        self._room_of_last -= size
        while self._room_of_last < 0 and len(self._last) > 1:
            self._room_of_last += len(self._last.popleft()) + 1
            self._left_out += 1

    def kept(self) -> tuple[list[str], list[str], int]:
        """Return the first notes, the last notes, and how many between them are left out."""
        return list(self._first), list(self._last), self._left_out


def listed(first: Sequence[str], last: Sequence[str], left_out: int = 0) -> str:
    """Return the notes as one text, with the number left out between the first and the last.

    >>> print(listed(["epoch 0"], ["epoch 2999"], 2998))
    epoch 0
    … (2,998 notes left out)
    epoch 2999
    >>> print(listed(["two\\nlines"], ["one"]))
    • two
      lines
    • one
    """
    firsts, lasts = [printable(note) for note in first], [printable(note) for note in last]
    if len(firsts) + len(lasts) + left_out > 1 and any(map(_needs_bullet, firsts + lasts)):
        firsts, lasts = [_with_bullet(note) for note in firsts], [_with_bullet(note) for note in lasts]
    between = [_left_out_words(left_out)] if left_out else []
    return "\n".join([*firsts, *between, *lasts])


def cut_notes(text: str, limit: int, most: int = 1_000_000) -> str:
    """Return at most ``limit`` characters, and ``most`` notes, of listed notes, cut between two notes in the middle.

    ``limit`` is 40 or more, ``most`` 2 or more.

    The first and the last note stay, cut at their ends where they are too long. A limit under 120 leaves room for the first alone.

    >>> print(cut_notes("\\n".join(f"epoch {number}: loss 0.{number}" for number in range(3000)), 200))
    epoch 0: loss 0.0
    epoch 1: loss 0.1
    epoch 2: loss 0.2
    epoch 3: loss 0.3
    … (2,993 notes left out)
    epoch 2997: loss 0.2997
    epoch 2998: loss 0.2998
    epoch 2999: loss 0.2999
    """
    if len(text) <= limit and text.count("\n") < most:  # each note has a line at least
        return text
    first, last, left_out = _parts(text)
    if len(text) <= limit and len(first) + len(last) <= most:
        return text
    if not last:
        first, last = first[: len(first) // 2], first[len(first) // 2 :]
    room = limit - _LONGEST_LEFT_OUT
    if not first or room // 2 < _SHORTEST:
        return cut(text, limit)
    ends = cut(first[0], room // 2), cut(last[-1], room // 2)
    room -= len(ends[0]) + len(ends[1]) + 1
    kept, kept_last = [ends[0]], deque([ends[1]])
    waiting, waiting_last = deque(first[1:]), deque(last[:-1])
    while (waiting or waiting_last) and len(kept) + len(kept_last) < most:  # in turns from both ends, towards what is left out
        if waiting and (len(kept) <= len(kept_last) or not waiting_last):
            room -= len(waiting[0]) + 1
            if room < 0:
                break
            kept.append(waiting.popleft())
        else:
            room -= len(waiting_last[-1]) + 1
            if room < 0:
                break
            kept_last.appendleft(waiting_last.pop())
    left_out += len(waiting) + len(waiting_last)
    return "\n".join([*kept, *([_left_out_words(left_out)] if left_out else []), *kept_last])


def _needs_bullet(note: str) -> bool:
    return "\n" in note or note.startswith(_BULLET) or _LEFT_OUT.fullmatch(note) is not None


def _with_bullet(note: str) -> str:
    return _BULLET + note.replace("\n", f"\n{_INDENT}")


def _left_out_words(count: int) -> str:
    return f"… ({count:,} {'note' if count == 1 else 'notes'} left out)"


def _parts(text: str) -> tuple[list[str], list[str], int]:
    """Return the notes before and after those left out, and the number of these."""
    lines, bulleted = text.split("\n"), text.startswith(_BULLET)
    notes: list[str] = []
    first: list[str] | None = None
    left_out = 0
    for line in lines:
        if first is None and (found := _LEFT_OUT.fullmatch(line)):
            first, notes, left_out = notes, [], int(found[1].replace(",", ""))
        elif bulleted and notes and not line.startswith(_BULLET):
            notes[-1] += f"\n{line}"
        else:
            notes.append(line)
    return (notes, [], 0) if first is None else (first, notes, left_out)
