"""Untrusted text, made fit for a message, a mail's header or the end of a program's output.

- Every name, message and exception is hostile until it passes through here.
- The order matters: first ``printable``, then the search for secrets, which a control character between their letters would hide,
  then ``cut``, and only then the escaping of the channel, so that no entity is ever cut in two.
- A user's object may raise or lie wherever its own code runs, its class included. ``type_name``, ``is_a`` and ``own`` run none of it;
  ``quote``, ``describe`` and ``worded`` run its ``repr`` or ``str``, and survive that. A KeyboardInterrupt passes: it is the person's.
- What they return has at most ``LONGEST`` characters, so that no later step walks over a text of any length.
- A mail's header ends at a line break, and a reader decodes ``=?...?=`` in it, even into a line break and another header. So line
  breaks become spaces there, and ``=?`` is broken up.
"""

import re
from datetime import timedelta
from types import GetSetDescriptorType, MemberDescriptorType, TracebackType
from typing import TypeGuard, TypeVar

from tocsin.core.screen import CONTROL, shown, without_controls

_K = TypeVar("_K")
_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # can make a line read backwards
_UNPRINTABLE = re.compile(f"[{_BIDI}\\ud800-\\udfff\\ufffe\\uffff]")
_BREAKS = re.compile(r"\s+")
_QUOTATION_MARKS = {"''", '""', "\u201c\u201d", "\u2018\u2019"}  # the latter from pages on which they are set
_LONGEST_ENDING = len("… (1,000,000,000,000 more characters)")
_LONGEST_HEADER = 200  # characters
OUTPUT_LIMIT = 800  # characters of a program's last lines: the limit of Slack's field "Last lines"
_QUOTED_SEQUENCE = re.compile(  # as a repr or JSON has it
    r"(?<!\\)((?:\\\\)*+)\\(?:(?:(?:x|u00)1b\[|(?:x|u00)9b)[0-?]*+[ -/]*+[@-~]|(?:x|u00)1b[(-/][0-~])"
)
_ELLIPSIS = "… "
_MIDDLE = " … "  # the mark of a cut in a short text
_SHARE_FOR_LINE = 4  # a quarter of the room may be given up, so that no line is cut in two
_LONGEST_WORD = 20  # characters that may be given up, so that no word is cut in two
_ROOM_FOR_COUNT = 250  # characters of a text that leaves room for the number of what is missing
_BLANKS = re.compile(r"\s{40,}")
_WINDOW = 1_000_000  # characters at each end of a text that are read
_RULER = re.compile("([!-/:-@\\[-`{-~\u2010-\u2015\u2022\u2026\u2500-\u259f])\\1{3,}")  # box drawing too
LONGEST = 100_000  # characters of a text of the user's: ten times what a mail shows of it, so that half a secret at its end is cut off
_LONGEST_TYPE = 200  # characters
_TYPE_NAME: GetSetDescriptorType = vars(type)["__name__"]
_TRACEBACK: GetSetDescriptorType = vars(BaseException)["__traceback__"]


def printable(text: str) -> str:
    """Return the text without terminal controls, with lone surrogates and bidi overrides replaced by U+FFFD. New lines and tabs stay.

    >>> printable("one\\x00two\\r\\nthr\\x1b[1mee\\x1b[0m\\u202e")
    'onetwo\\nthree\ufffd'
    """
    if text.isprintable():  # the usual case
        return text
    return _UNPRINTABLE.sub("\ufffd", without_controls(text) if CONTROL.search(text) else text)


def one_line(text: str) -> str:
    """Replace each run of white space by one space."""
    if text.isprintable() and "  " not in text:  # the usual case: a space is the only white space that is printable
        return text.strip()
    return _BREAKS.sub(" ", printable(text)).strip()


def without_rulers(text: str) -> str:
    """Replace each run of four or more of the same punctuation sign, such as a ruler, by a space.

    >>> without_rulers("PapermillExecutionError: ---------- In [3]")
    'PapermillExecutionError:   In [3]'
    """
    return _RULER.sub(" ", text)


def is_quoted(text: str) -> bool:
    """Return whether a text begins and ends with quotation marks, single or double ones.

    >>> is_quoted('"https://example.com"'), is_quoted("it's")
    (True, False)
    """
    return len(text) > 1 and text[0] + text[-1] in _QUOTATION_MARKS


def cut(text: str, limit: int) -> str:
    """Return at most ``limit`` characters of the text; the end says how many are missing. ``limit`` is 40 or more.

    >>> cut("na" * 1000, 40)
    'nan… (1,997 more characters)'
    """
    if len(text) <= limit:
        return text
    kept = text[: limit - _LONGEST_ENDING]
    return f"{kept}… ({len(text) - len(kept):,} more characters)"


def cut_middle(text: str, limit: int) -> str:
    """Cut the text to ``limit`` characters, 40 or more, in its middle, and mark the cut: an error often has its reason at the end.

    The mark has the number of characters that are missing, unless the text is so short that it leaves no room.

    >>> cut_middle("ab" * 1000, 250)[100:150]
    'ababab… (1,789 more characters) …babababababababab'
    >>> cut_middle("RemoteError: " + "frame " * 100 + "no rows", 40)
    'RemoteError: frame … frame no rows'
    """
    if len(text) <= limit:
        return text
    is_short = limit < _ROOM_FOR_COUNT
    room = limit - (len(_MIDDLE) if is_short else _LONGEST_ENDING + len(_ELLIPSIS))
    tail = room // 2
    end, start = _end_of_word(text, room - tail), _start_of_word(text, len(text) - tail)
    return f"{text[:end].rstrip()}{_MIDDLE}{text[start:].lstrip()}" if is_short else _without_middle(text, end, start)


def _without_middle(text: str, end: int, start: int) -> str:
    return f"{text[:end]}… ({start - end:,} more characters) …{text[start:]}"


def _end_of_word(text: str, end: int) -> int:
    """Return where to cut a text that must end before ``end``: after a line or a word, so that none is cut in two, or at ``end``.

    At most a quarter of the room is given up for a whole line, and 20 characters or a third of it for a whole word.
    """
    if (found := text.rfind("\n", end - end // _SHARE_FOR_LINE, end)) >= 0:
        return found + 1
    found = text.rfind(" ", end - min(end // 3, _LONGEST_WORD), end + 1)
    return end if found < 0 else found


def _start_of_word(text: str, start: int) -> int:
    """Return where to cut a text that must begin at ``start`` or later: before a line or a word, or at ``start``."""
    room = len(text) - start
    if (found := text.find("\n", start, start + room // _SHARE_FOR_LINE)) >= 0:
        return found
    found = text.find(" ", start - 1, start + min(room // 3, _LONGEST_WORD))
    return start if found < 0 else found + 1


def cut_unsearched(text: str, limit: int) -> str:
    """Cut a text in which secrets are not replaced yet to about ``limit`` characters, 1,000 or more, in its middle.

    What stands beside the cut may be half a secret. So the cut must stay farther from the ends than any channel shows.
    Blanks, rulers and controls would let it come near, since they are left out later: so they are condensed before the cut.

    >>> cut_unsearched("head" + " " * 200_000 + "tail", 1_000)
    'head tail'
    """
    if len(text) <= limit:
        return text
    if len(text) <= 2 * _WINDOW:
        whole = _condensed(text)
        kept = (limit - _LONGEST_ENDING - len(_ELLIPSIS)) // 2  # not at a word, which would bring the cut nearer to the ends
        return whole if len(whole) <= limit else _without_middle(whole, kept, len(whole) - kept)
    room = limit // 2
    head, tail = _condensed(text[:_WINDOW]), _condensed(text[-_WINDOW:])
    ends = (head[:room] if len(head) > room else "", tail[-room:] if len(tail) > room else "")  # else the edge would be near
    return f"{ends[0]}… ({len(text) - 2 * room:,} more characters) …{ends[1]}"


def _condensed(text: str) -> str:
    """Return the text as it is printed, with long runs of blanks and of one punctuation sign made short."""
    return _BLANKS.sub(lambda run: "\n" if "\n" in run[0] else " ", _RULER.sub(r"\1\1\1", printable(text)))


def cut_start(text: str, limit: int) -> str:
    """Cut the text to its last ``limit`` characters, 40 or more, and mark the cut.

    >>> cut_start("na" * 1000, 40)
    '(1,997 more characters) …ana'
    """
    if len(text) <= limit:
        return text
    kept = text[_start_of_word(text, len(text) - limit + _LONGEST_ENDING) :]
    return f"({len(text) - len(kept):,} more characters) …{kept}"


def is_a(value: object, kind: type[_K]) -> TypeGuard[_K]:
    """Return whether the value's own class is of this kind. Unlike ``isinstance``, it runs no code of the value's.

    >>> is_a(True, int), is_a("1", int)
    (True, False)
    """
    return issubclass(type(value), kind)


def own(slot: GetSetDescriptorType | MemberDescriptorType, value: object) -> object:
    """Return an attribute that a built-in class keeps, whatever a subclass says that it is. ``slot`` is that of the class."""
    found: object = slot.__get__(value)
    return found


def type_name(value: object) -> str:
    """Return the name of the value's class, whatever its metaclass says."""
    name: object = _TYPE_NAME.__get__(type(value))
    if type(name) is str and len(name) <= _LONGEST_TYPE:  # the usual case, without a call
        return name
    return cut(str.__str__(name), _LONGEST_TYPE) if is_a(name, str) else "object"


def bounded(text: str) -> str:
    """Return the text as a plain ``str`` of at most ``LONGEST`` characters."""
    exact = str.__str__(text)
    return exact if len(exact) <= LONGEST else cut_unsearched(exact, LONGEST)


def quote(value: object) -> str:
    """Return ``repr(value)`` without colours and other escape sequences of terminals. If it raises, return a description instead.

    >>> quote("\\x1b[31mred\\x1b[0m\\n")
    "'red\\\\n'"
    """
    try:
        text = str.__str__(repr(value))
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return f"<{type_name(value)} object whose repr raised {type_name(error)}>"
    if "\\x" in text or "\\u00" in text:
        text = _QUOTED_SEQUENCE.sub(r"\1", text)
    return text if len(text) <= LONGEST else cut_unsearched(text, LONGEST)


def worded(value: object) -> str:
    """Return ``str(value)``. If it raises, return a description instead.

    >>> worded(0.125)
    '0.125'
    """
    try:
        text = str.__str__(str(value))
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return f"<{type_name(value)} object whose str raised {type_name(error)}>"
    return text if len(text) <= LONGEST else cut_unsearched(text, LONGEST)


def name_of(function: object) -> str:
    """Return the qualified name of a function; of anything else, the repr.

    >>> name_of(len), name_of(one_line), name_of(3)
    ('len', 'one_line', '3')
    """
    try:
        name: object = getattr(function, "__qualname__", None)
    except KeyboardInterrupt:
        raise
    except BaseException:
        name = None
    if not is_a(name, str):
        return quote(function)
    exact = bounded(name)
    return exact if exact.isprintable() else one_line(exact)


def label(tracked_obj: object) -> str:
    """Return the name of a tracked object, even if its own code raises."""
    try:
        name: object = getattr(tracked_obj, "name", None)
    except KeyboardInterrupt:
        raise
    except BaseException:
        name = None
    if type(name) is str and len(name) <= LONGEST:  # the usual case, without a call
        return name
    return bounded(name) if is_a(name, str) else f"<{type_name(tracked_obj)} without a name>"


def plain(text: object) -> str:
    """Return the text as a plain ``str``, without the methods of a subclass; of anything else, the repr."""
    if type(text) is str and len(text) <= LONGEST:  # the usual case, without a call
        return text
    return bounded(text) if is_a(text, str) else quote(text)


def describe(error: BaseException) -> str:
    """Return the type and the message of an exception: ``ZeroDivisionError: division by zero``."""
    try:
        message = str.__str__(str(error))
    except KeyboardInterrupt:
        raise
    except BaseException as failure:
        message = f"<its str raised {type_name(failure)}>"
    kind = type_name(error)
    if message.isspace() or not message:
        return kind
    return f"{kind}: {message if len(message) <= LONGEST else cut_unsearched(message, LONGEST)}"


def traceback_of(error: BaseException) -> TracebackType | None:
    """Return the traceback that Python keeps with an exception."""
    found = own(_TRACEBACK, error)
    return found if is_a(found, TracebackType) else None


def frames(error: BaseException, most: int = 10) -> tuple[str, ...]:
    """Return the last ``most`` frames of a traceback, innermost first: file, line and function, never a local variable."""
    lines: list[str] = []
    step = traceback_of(error)
    while step is not None:
        code = step.tb_frame.f_code
        lines.append(f"{code.co_filename}:{step.tb_lineno} in {code.co_qualname}")
        step = step.tb_next
    return tuple(reversed(lines[-most:]))  # innermost first, since the end may be cut off


def span(duration: timedelta) -> str:
    """Return a duration in words.

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
    return " ".join([f"{count} {unit}" for count, unit in parts if count])


def header(text: str) -> str:
    """Return at most 200 characters of the text on one line, safe as the value of a mail's header.

    >>> header("=?utf-8?q?hello=0D=0ABcc:_x?=")
    '= ?utf-8?q?hello=0D=0ABcc:_x?='
    >>> header("load failed\\r\\nBcc: x@y.z")
    'load failed Bcc: x@y.z'
    """
    return cut(one_line(text).replace("=?", "= ?"), _LONGEST_HEADER)


def readable(raw: bytes) -> str:
    """Decode a program's output, as a terminal shows it, without blank lines at its ends.

    >>> readable(b"\\x1b[31mred\\x1b[0m\\r\\n10 %\\r20 %\\r\\n")
    'red\\n20 %'
    """
    text = raw.decode("utf-8", "replace")
    seen = shown(text)
    grown = len(seen) > max(len(text), LONGEST)  # by blanks
    return printable(cut_unsearched(seen, LONGEST) if grown else seen).rstrip().lstrip("\n")


def last_lines(text: str, most: int, limit: int = OUTPUT_LIMIT) -> str:
    """Return the last ``most`` lines of the text, and at most the last ``limit`` characters of these.

    >>> last_lines("one\\ntwo\\nthree", 2)
    'two\\nthree'
    """
    kept = "\n".join(text.split("\n")[-most:]) if most > 0 else ""
    return kept if len(kept) <= limit else _ELLIPSIS + kept[len(kept) - limit + len(_ELLIPSIS) :]
