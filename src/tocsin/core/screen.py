"""The text that a terminal shows for a program's output: its control characters and escape sequences are carried out on a screen.

- A carriage return, a backspace and a movement of the cursor let what follows overwrite what stands there. So of a progress bar only
  its last state stays, also of one that is redrawn above other lines.
- Colours, titles, character sets and other settings show nothing. What is drawn on the alternate screen, as editors do, is gone once
  the program leaves it. A status line that is drawn aside, between a saved and a restored cursor, is not part of the output.
- An escape sequence or a string that has no end ends with its line, so that it hides no other line.
- A line is as long as its text, since the width of the terminal is not known. A terminal has ``_HEIGHT`` rows, and the rows above the
  first one are blank: a program may have written there before.
- The work is linear in the length of the text, whatever the text is. What a sequence may add or erase is bounded.
"""

import re
from unicodedata import category, east_asian_width

CONTROL: re.Pattern[str] = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""A control character, except a new line and a tab."""

_HEIGHT = 100  # rows: more than most terminals have
_WIDTH = 200  # columns: the most that a movement may skip
_TAB = 8  # columns
_WITHOUT_WIDTH = ("Mn", "Me", "Cf")
_LONGEST_CELL = 32  # characters: one with its combining ones
_CSI = r"\x1b\[[0-?]*+[ -/]*+[@-~]"
_TOKEN = re.compile(
    r"(?P<text>[^\x00-\x1f\x7f-\x9f]+)"
    rf"|\x1b7(?P<aside>(?:[^\n\x1b]|{_CSI})*+)\x1b8"
    r"|(?:\x1b\[|\x9b)(?P<arguments>[0-?]*+)(?P<others>[ -/]*+)(?P<final>[@-~])?"
    r"|(?:\x1b[P\]X^_]|[\x90\x98\x9d-\x9f])[^\x07\x18\x1a\x1b\x80-\x9f]*+(?:\x1b\\|[\x07\x9c])"  # a string with its end
    r"|\x1b[P\]X^_][^\n\x07\x18\x1a\x1b\x80-\x9f]*+"
    r"|\x1b(?P<escape>[0-~])"
    r"|\x1b[ -/]*+[0-~]?"
    r"|(?P<control>.)",
    re.DOTALL,
)
_STEPS = {"A": (-1, 0), "B": (1, 0), "C": (0, 1), "D": (0, -1), "E": (1, 0), "F": (-1, 0), "a": (0, 1), "e": (1, 0)}  # down, right
_ABSOLUTE = re.compile(r"\x1b\[[0-9;]*[Hfd]")
_ALTERNATE = re.compile(r"\?(?:47|1047|1049)")


_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*+[ -/]*+[@-~]?"
    r"|(?:\x1b[P\]X^_]|[\x90\x98\x9d-\x9f])[^\n\x07\x18\x1a\x1b\x80-\x9f]*+(?:\x1b\\|[\x07\x9c])?"  # a string, on one line
    r"|\x1b(?:[ -/]*+[0-~])?"
)
_LINE_BREAK = re.compile(r"\r\n?|[\x0b\x0c\x85]")


def without_controls(text: str) -> str:
    """Return the text without control characters and escape sequences. A carriage return, which goes back, is a new line.

    Nothing is overwritten. So a secret is there whole, or not at all, and what a text said before it went back is still there.

    >>> without_controls("10 %\\r\\x1b[32m20 %\\x1b[0m\\ndon\\x08ne")
    '10 %\\n20 %\\ndonne'
    """
    return CONTROL.sub("", _LINE_BREAK.sub("\n", _SEQUENCE.sub("", text)))


def shown(text: str) -> str:
    """Return the text as a terminal shows it. A text without control characters is unchanged; new lines and tabs are none.

    Blanks at the end of a line are dropped where anything was carried out, since a terminal does not tell them from nothing.

    >>> shown("10 %\\r\\x1b[32m100 %\\x1b[0m\\ndon\\x08ne")
    '100 %\\ndone'
    >>> shown("layer 1: waiting\\nlayer 2: waiting\\n\\x1b[2A\\x1b[2Klayer 1: done\\r\\x1b[2B")
    'layer 1: done\\nlayer 2: waiting\\n'
    """
    text = text.replace("\r\n", "\n")
    if CONTROL.search(text) is None:
        return text
    screen = _Screen()
    screen.feed(text)
    return str(screen)


class _Screen:
    """Rows of cells, and a cursor. A cell is a character with its combining ones; the further columns of a wide one are empty."""

    __slots__ = ("_column", "_first", "_main", "_row", "_rows", "_saved")

    def __init__(self) -> None:
        self._main: tuple[list[list[str]], int, int, int] | None = None
        self._saved: tuple[int, int] | None = None
        self._clear()

    def _clear(self) -> None:
        self._rows: list[list[str]] = [[] for _ in range(_HEIGHT)]
        self._row = self._first = _HEIGHT - 1  # the first row that the text has reached
        self._column = 0

    def __str__(self) -> str:
        return "\n".join(["".join(row).rstrip(" ") for row in self._rows[self._first :]])

    def feed(self, text: str) -> None:
        for token in _TOKEN.finditer(text):
            written, aside, final, escape, control = token.group("text", "aside", "final", "escape", "control")
            if written is not None:
                self._write(list(written) if written.isascii() else _cells(written))
            elif control is not None:
                self._control(control)
            elif final is not None:
                if not token["others"]:
                    self._sequence(final, token["arguments"])
            elif escape is not None:
                self._escape(escape)
            elif aside is not None and _ABSOLUTE.search(aside) is None:
                self._escape("7")
                self.feed(aside)
                self._escape("8")

    # --- what the cursor points to ------------------------------------------------------------------------------------------------

    @property
    def _top(self) -> int:
        """The first row that the cursor can be sent to by its number."""
        return max(self._first, len(self._rows) - _HEIGHT)

    def _go(self, row: int, column: int) -> None:
        """Move the cursor, as far as the screen reaches."""
        self._row = min(max(row, len(self._rows) - _HEIGHT), self._top + _HEIGHT - 1)
        self._rows += [[] for _ in range(self._row + 1 - len(self._rows))]
        self._first = min(self._first, self._row)
        self._column = max(0, min(column, max(_WIDTH - 1, self._column, len(self._rows[self._row]))))

    def _write(self, cells: list[str]) -> None:
        row = self._rows[self._row]
        self._column = min(self._column, len(row) + _WIDTH)
        row += " " * (self._column - len(row))
        end = self._column + len(cells)
        self._part(row, self._column)
        self._part(row, end)
        row[self._column : end] = cells
        self._column = end

    def _part(self, row: list[str], column: int) -> None:
        """Blank a wide character whose columns are partly before this one, and partly not."""
        if column < len(row) and not row[column]:
            start = column
            while not row[start]:
                start -= 1
            end = column
            while end < len(row) and not row[end]:
                end += 1
            row[start:end] = " " * (end - start)

    def _blank(self, start: int, end: int) -> None:
        """Erase these columns of the row."""
        row = self._rows[self._row]
        end = min(end, len(row))
        if start < end:
            self._part(row, start)
            self._part(row, end)
            row[start:end] = " " * (end - start)

    # --- what is carried out ------------------------------------------------------------------------------------------------------

    def _control(self, control: str) -> None:
        if control in "\n\v\f":
            self._row += 1
            self._column = 0
            if self._row == len(self._rows):
                self._rows.append([])
        elif control == "\r":
            self._column = 0
        elif control == "\b":
            self._column = max(0, self._column - 1)
        elif control == "\t":
            self._tab()
        elif control >= "\x80":
            self._write(["\ufffd"])

    def _tab(self) -> None:
        end, row = (self._column // _TAB + 1) * _TAB, self._rows[self._row]
        if self._column < len(row):
            self._column = end
        else:
            self._write(["\t", *[""] * (end - self._column - 1)])

    def _escape(self, escape: str) -> None:
        if escape == "7":
            self._saved = self._row, self._column
        elif escape == "8" and self._saved is not None:
            self._go(*self._saved)
        elif escape == "c":
            self._go(self._top, 0)
            self._erase_rows(self._top, len(self._rows))
        elif escape in "DE":
            self._control("\n")
        elif escape == "M":
            self._go(self._row - 1, self._column)

    def _sequence(self, final: str, arguments: str) -> None:
        """Carry out ``CSI arguments final``. What shows nothing, or what no progress bar needs, is left out."""
        numbers = [int(number[:4]) if number.isdecimal() else 0 for number in arguments.split(";", 2)]
        if final in _STEPS:
            down, right = _STEPS[final]
            count = max(numbers[0], 1)
            self._go(self._row + down * count, 0 if final in "EF" else self._column + right * count)
        elif final in "GHdf`":
            self._address(final, [max(number, 1) - 1 for number in (*numbers, 0)])
        elif final == "J":
            self._erase_screen(numbers[0])
        elif final == "K":
            self._erase_line(numbers[0])
        elif final == "X":
            self._blank(self._column, self._column + min(max(numbers[0], 1), _WIDTH))
        elif final in "su" and not arguments:
            self._escape("7" if final == "s" else "8")
        elif final in "hl" and _ALTERNATE.fullmatch(arguments):
            self._switch(alternate=final == "h")

    def _address(self, final: str, places: list[int]) -> None:
        """Move the cursor to a column, a row, or both, which count from 0."""
        if final in "G`":
            self._go(self._row, places[0])
        else:
            self._go(self._top + places[0], self._column if final == "d" else places[1])

    def _erase_line(self, which: int) -> None:
        if which != 1:
            end = self._column if which == 0 else 0
            self._part(self._rows[self._row], end)
            del self._rows[self._row][end:]
        else:
            self._blank(max(0, self._column - _WIDTH), self._column + 1)

    def _erase_screen(self, which: int) -> None:
        if which in {0, 1}:
            self._erase_line(which)
        if which != 1:
            self._erase_rows(self._row + 1, len(self._rows))
        if which != 0:
            self._erase_rows(max(0, len(self._rows) - _HEIGHT), self._row)
        if which > 1:
            self._rows[self._row].clear()
        if which == 3:  # also what has left the screen
            self._first = self._top

    def _erase_rows(self, start: int, end: int) -> None:
        for row in self._rows[start:end]:
            row.clear()

    def _switch(self, *, alternate: bool) -> None:
        """Switch to the alternate screen, which is blank then, or back."""
        if alternate and self._main is None:
            self._main = self._rows, self._row, self._column, self._first
            self._clear()
        elif not alternate and self._main is not None:
            self._rows, self._row, self._column, self._first = self._main
            self._main = None


def _cells(text: str) -> list[str]:
    """Return the cells of a text. A character without a width of its own joins the cell before it, as far as that is not too long."""
    cells: list[str] = []
    last = -1
    for character in text:
        if last >= 0 and category(character) in _WITHOUT_WIDTH:
            if len(cells[last]) < _LONGEST_CELL:
                cells[last] += character
            continue
        last = len(cells)
        cells.append(character)
        if east_asian_width(character) in "WF":
            cells.append("")
    return cells
