"""Text from anywhere, made fit for a message.

Every name, message and exception is hostile until it went through here. The order matters: ``printable`` first, then ``cut``,
and only then the escaping of the channel, so that no entity is ever cut in two.

Text from anywhere, made fit for a mail's header.

A header ends at a line break, and ``=?...?=`` in it is decoded by whoever reads it, even into a line break and a header of its
own. So neither may be left: control characters become spaces, and ``=?`` is broken up.

The end of what a program wrote, made fit to be read in a message.
"""

import re
from datetime import timedelta

_CONTROLS = r"\x00-\x08\x0b-\x1f\x7f-\x9f"
_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # can make a line read backwards
_UNPRINTABLE = re.compile(f"[{_CONTROLS}{_BIDI}\\ud800-\\udfff\\ufffe\\uffff]")
_BREAKS = re.compile(r"\s+")
_LONGEST_ENDING = len("… (1,000,000,000,000 more characters)")


def printable(text: str) -> str:
    """The text with control characters, lone surrogates and bidi overrides replaced by U+FFFD; new lines and tabs stay.

    >>> printable("one\\x00two\\r\\nthree")
    'one\ufffdtwo\\nthree'
    """
    return _UNPRINTABLE.sub("\ufffd", text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """The text with each run of white space made one space."""
    return _BREAKS.sub(" ", printable(text)).strip()


def cut(text: str, limit: int) -> str:
    """At most ``limit`` characters (40 or more) of the text; where some are missing, the end says how many.

    >>> cut("na" * 1000, 40)
    'nan… (1,997 more characters)'
    """
    if len(text) <= limit:
        return text
    kept = text[: limit - _LONGEST_ENDING]
    return f"{kept}… ({len(text) - len(kept):,} more characters)"


def quote(value: object) -> str:
    """``repr(value)``, whatever the value's own code does: one that raises is described instead."""
    try:
        return str.__str__(repr(value))
    except Exception as error:
        return f"<{type(value).__name__} object whose repr raised {type(error).__name__}>"


def name_of(function: object) -> str:
    """What a function is called in its source; of anything else, the repr.

    >>> name_of(len), name_of(one_line), name_of(3)
    ('len', 'one_line', '3')
    """
    try:
        name: object = getattr(function, "__qualname__", None)
    except Exception:
        name = None
    return name if isinstance(name, str) else quote(function)


def label(tracked_obj: object) -> str:
    """What a tracked object is called, whatever its own code does."""
    try:
        name: object = getattr(tracked_obj, "name", None)
    except Exception:
        name = None
    return str.__str__(name) if isinstance(name, str) else f"<{type(tracked_obj).__name__} without a name>"


def plain(text: object) -> str:
    """The text itself, without what a subclass of str may do to it; of anything else, the repr."""
    return str.__str__(text) if isinstance(text, str) else quote(text)


def describe(error: BaseException) -> str:
    """The type and the message of an exception: ``ZeroDivisionError: division by zero``."""
    try:
        said = str.__str__(str(error))
    except Exception as failure:
        said = f"<its str raised {type(failure).__name__}>"
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def frames(error: BaseException, most: int = 10) -> tuple[str, ...]:
    """The last ``most`` frames of an exception's traceback, innermost first: file, line and function, never a local."""
    lines: list[str] = []
    step = error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        lines.append(f"{code.co_filename}:{step.tb_lineno} in {code.co_qualname}")
        step = step.tb_next
    return tuple(reversed(lines[-most:]))  # what is cut off in the end is what matters least


def span(duration: timedelta) -> str:
    """A duration in words.

    >>> span(timedelta(seconds=252)), span(timedelta(seconds=1.25)), span(timedelta(milliseconds=3))
    ('4 m 12 s', '1.2 s', '3 ms')
    """
    seconds = duration.total_seconds()
    if seconds < 0.001:
        return "less than 1 ms"
    if seconds < 1:
        return f"{round(seconds * 1000)} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "d"), (hours, "h"), (minutes, "m"), (rest, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count)


_HEADER_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_LONGEST = 200


def header(text: str) -> str:
    """At most 200 characters of the text, on one line, that mean nothing but themselves.

    >>> header("=?utf-8?q?hello=0D=0ABcc:_x?=")
    '= ?utf-8?q?hello=0D=0ABcc:_x?='
    >>> header("load failed\\r\\nBcc: x@y.z")
    'load failed Bcc: x@y.z'
    """
    return cut(one_line(_HEADER_CONTROLS.sub(" ", text)).replace("=?", "= ?"), _LONGEST)


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
