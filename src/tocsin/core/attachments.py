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
