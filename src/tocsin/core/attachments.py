"""A file that goes with a message: its name, its bytes and its media type.

A mail holds the file, a Slack app uploads it, and a webhook, which cannot carry files, names it. No secret is searched in its bytes.
"""

import re
from collections.abc import Callable, Iterable

import attrs

from tocsin.core.text import one_line
from tocsin.core.values import Value

ATTACHED_LIMIT = 10_000_000
"""The most bytes of all attachments of one message. What does not fit is named with its size."""
WAITING_LIMIT = 5 * ATTACHED_LIMIT
"""The most bytes of attachments that wait in memory for one destination. Beyond that, a message goes without its files."""
INLINE_TYPES = ("image/png", "image/jpeg", "image/gif")
"""The media types that a mail shows in its text. SVG is not among them, since it may hold scripts."""

_UNKNOWN_TYPE = "application/octet-stream"
_TYPE_PART = r"[a-z0-9][a-z0-9!#$&^_.+-]{0,60}"  # of RFC 6838
_MEDIA_TYPE = re.compile(rf"(?!multipart/|message/){_TYPE_PART}/{_TYPE_PART}")  # a reader would look for parts inside those two
_SEPARATORS = re.compile(r"[/\\]")
_ENCLOSED = re.compile(r'(?s)"(.*)"|<(.*)>')  # Python's own parser takes a name out of such marks once too often
_SHOWN = 60  # characters of a name in a list
_ENDING = 15  # characters of its end, where a person looks for the kind of file
_LENGTH = 8  # bytes of the length of a packed file
_ROOM = len(" and 1,000,000 more (10 MB)")


def _media_type(name: str) -> str:
    lower = name.lower()
    return lower if _MEDIA_TYPE.fullmatch(lower) else _UNKNOWN_TYPE


@attrs.frozen(eq=False, repr=False)
class Attachment(Value):
    """A file that goes with a message.

    Args:
        name: the name shown to people. It becomes one printable line.
        content: its bytes.
        media_type: its type, such as ``image/png``. What is no type, or is one of several parts, becomes ``application/octet-stream``.
        size: the number of its bytes. It is more than that of ``content`` if the bytes are not here: in an outbox until the message is
            sent, or nowhere, since there was no room for them.

    >>> plot = Attachment("../loss\\n.png", b"abc", "image/png")
    >>> plot.name, plot.file_name, str(plot)
    ('../loss .png', '.._loss .png', '.._loss .png (3 bytes)')
    """

    name: str = attrs.field(converter=one_line)
    content: bytes = attrs.field(repr=False)
    media_type: str = attrs.field(default=_UNKNOWN_TYPE, converter=_media_type)
    size: int = attrs.field(default=attrs.Factory(lambda attachment: len(attachment.content), takes_self=True))

    @property
    def file_name(self) -> str:
        """The name as it is sent: it leads into no folder. A secret in ``name`` is searched before, since it may hold a slash."""
        name = _SEPARATORS.sub("_", self.name)
        name = name if _ENCLOSED.fullmatch(name) is None else f"'{name[1:-1]}'"
        return "file" if name in {"", ".", ".."} else name

    @property
    def is_here(self) -> bool:
        """Whether ``content`` is the whole file."""
        return len(self.content) == self.size

    @property
    def detached(self) -> "Attachment":
        """The attachment without its bytes."""
        return attrs.evolve(self, content=b"")

    def redacted(self, redact: Callable[[str], str]) -> "Attachment":
        """Return the attachment with its name as ``redact`` returns it. The bytes are not searched."""
        return attrs.evolve(self, name=redact(self.name))

    def __str__(self) -> str:
        name = self.file_name
        shown = name if len(name) <= _SHOWN else f"{name[: _SHOWN - _ENDING - 1]}…{name[-_ENDING:]}"
        return f"{shown} ({size_text(self.size)})"


def size_text(size: int) -> str:
    """Return a number of bytes as people read it.

    >>> [size_text(size) for size in (0, 1, 834, 1_234, 12_345, 999_999, 10_000_000)]
    ['empty', '1 byte', '834 bytes', '1.2 kB', '12 kB', '1 MB', '10 MB']
    """
    if size < 1000:
        return "empty" if size == 0 else "1 byte" if size == 1 else f"{size} bytes"
    value, units = size / 1000, ["kB", "MB", "GB", "TB"]
    while round(value) >= 1000 and len(units) > 1:
        value /= 1000
        del units[0]
    return f"{value:,.0f} {units[0]}" if value >= 9.95 else f"{value:.1f}".removesuffix(".0") + f" {units[0]}"


def listed(attachments: Iterable[Attachment], limit: int) -> str:
    """Return the names and sizes in at most ``limit`` characters, which is 120 or more. What is left out is counted.

    >>> listed([Attachment("loss.png", bytes(12_345)), Attachment("rows.csv", bytes(1_234_567))], 300)
    'loss.png (12 kB), rows.csv (1.2 MB)'
    >>> listed([Attachment(f"{number}.csv", bytes(1_000)) for number in range(50)], 120)
    '0.csv (1 kB), 1.csv (1 kB), 2.csv (1 kB), 3.csv (1 kB), 4.csv (1 kB), 5.csv (1 kB) and 44 more (44 kB)'
    """
    files = tuple(attachments)
    words = [str(each) for each in files]
    whole = ", ".join(words)
    if len(whole) <= limit:
        return whole
    counts = range(len(words) - 1, 0, -1)
    shown = next(words[:count] for count in counts if count == 1 or len(", ".join(words[:count])) <= limit - _ROOM)
    left = files[len(shown) :]
    return f"{', '.join(shown)} and {len(left):,} more ({size_text(sum(each.size for each in left))})"


def packed(attachments: Iterable[Attachment]) -> bytes | None:
    """Return the bytes of the attachments as one value, each after its length; None if there are none.

    >>> unpacked(packed([Attachment("a", b"one"), Attachment("b", b"")]) or b"")
    (b'one', b'')
    """
    contents = [each.content for each in attachments]
    if not any(contents):
        return None
    return b"".join([part for content in contents for part in (len(content).to_bytes(_LENGTH), content)])


def unpacked(files: bytes) -> tuple[bytes, ...]:
    """Return the contents in a value of ``packed``.

    Raises:
        ValueError: it is damaged.
    """
    contents, start = list[bytes](), 0
    while start < len(files):
        begin = start + _LENGTH
        start = begin + int.from_bytes(files[start:begin])
        contents.append(files[begin:start])
    if start > len(files):
        raise ValueError(f"the bytes of its attachments end too early, after {len(files):,}")
    return tuple(contents)
