"""A file that goes with a message: its name, its bytes and its media type.

A mail holds the file, a Slack app uploads it, and a webhook, which cannot carry files, names it. No secret is searched in its bytes.
"""

import attrs

from tocsin.core.values import Value

ATTACHED_LIMIT = 10_000_000
"""The most bytes of all attachments of one message. What does not fit is named with its size."""


@attrs.frozen(eq=False, repr=False)
class Attachment(Value):
    """A file that goes with a message.

    Args:
        name: the name shown to people, without a folder.
        content: its bytes.
        media_type: its type, such as ``image/png``.
    """

    name: str
    content: bytes = attrs.field(repr=False)
    media_type: str = "application/octet-stream"


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
