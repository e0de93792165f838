"""The end of what a program wrote, made fit to be read in a message."""

import re

from tocsin.core.messages.text import printable

LIMIT = 800  # characters: as much as Slack's field of that name takes

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[ -/]*[0-~])")
_ELLIPSIS = "… "


def readable(raw: bytes) -> str:
    """The text without colours and other codes for terminals; of a line that was drawn over itself, what was seen last.

    >>> readable(b"\\x1b[31mred\\x1b[0m\\r\\n10 %\\r20 %\\r\\n")
    'red\\n20 %'
    """
    text = _ESCAPES.sub("", raw.decode("utf-8", "replace"))
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    return printable("\n".join(lines)).strip("\n")


def last_lines(text: str, most: int, limit: int = LIMIT) -> str:
    """The last ``most`` lines of the text, and at most ``limit`` characters: what comes last matters most.

    >>> last_lines("one\\ntwo\\nthree", 2)
    'two\\nthree'
    """
    kept = "\n".join(text.split("\n")[-most:]) if most > 0 else ""
    return kept if len(kept) <= limit else _ELLIPSIS + kept[len(kept) - limit + len(_ELLIPSIS) :]
