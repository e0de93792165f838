"""What is sent of the rows that were claimed: each alone, or many as one digest; what they say of themselves; and the key in each.

- What may have arrived in a digest is sent in that digest again, by the same key, and nothing else in it.
- What may have arrived already says so, failure or not: a killed process leaves no trace of how far it came.
- What is older than an hour says so.
- Each carries its key, so that people can tell a second message about one thing from a first about another.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta

import attrs

from tocsin.core.delivery.digest import fold, portions
from tocsin.core.delivery.rendering import MARK, Annotation, annotate, with_footer, with_postscript
from tocsin.core.effects import Message, PostToSlack
from tocsin.core.messages.content import Content, Line
from tocsin.core.messages.text import span
from tocsin.core.outbox.model import Row, row_name
from tocsin.core.values import Value

LATE = timedelta(hours=1)
"""From what age on a message says that it is delayed."""

_REPEATED = Annotation(MARK, "The process that first sent this ended before it could note that it had, so this may be the second time.")


@attrs.frozen(eq=False, repr=False)
class Batch(Value):
    """What is sent as one message.

    Args:
        rows: what it stands for, in order.
        message: what is sent.
        digest: its key, where it stands for several.
    """

    rows: tuple[Row, ...]
    message: Message
    digest: str | None = None


def make_batches(claimed: Sequence[tuple[Row, Message]], at: float, threshold: int) -> tuple[Batch, ...]:
    """What is to be sent of the rows that were claimed, in order.

    Args:
        claimed: the rows, and the message in each; all of one lease.
        at: the moment, in seconds since 1970.
        threshold: how many messages to one audience may go alone, where no more of them were claimed.
    """
    messages = [message_of_row(row, message, at) for row, message in claimed]
    lost = any(row.digest is not None for row, _ in claimed)
    shares = portions(messages, 1 if lost else threshold)
    return tuple(parcel for share in shares for parcel in _packed([(claimed[place][0], messages[place]) for place in share]))


def message_of_row(row: Row, message: Message, at: float) -> Message:
    """The message with what is to be said of it."""
    age = timedelta(seconds=max(at - row.made, 0.0))
    if age >= LATE:
        late = span(age)
        message = annotate(message, Annotation(f"Delayed by {late}:", f"This waited in the outbox for {late}."))
    return annotate(message, _REPEATED) if row.repeated else message


def _packed(share: Sequence[tuple[Row, Message]]) -> Iterator[Batch]:
    rows = tuple(row for row, _ in share)
    if len(share) == 1:  # perhaps all that is left of a digest
        name = rows[0].digest or rows[0].key
        yield Batch(rows, signed(share[0][1], name), None if name == rows[0].key else name)
        return
    try:
        digest = fold([message for _, message in share])
    except Exception:  # a time zone of somebody's own, say
        yield from (Batch((row,), signed(message, row.key)) for row, message in share)
        return
    if all(row.repeated for row in rows):
        digest = annotate(digest, _REPEATED)
    name = rows[0].digest or row_name(digest.key)
    yield Batch(rows, signed(digest, name), name)


def signed(message: Message, key: str) -> Message:
    """The message with its key at the foot; and in what it says, so that it has it too where it is laid out anew on its way."""
    name, content = _harmless(key), message.content
    if isinstance(content, Content):
        content = attrs.evolve(content, lines=(*content.lines, Line("Key", name)))
    if isinstance(message, PostToSlack):
        return attrs.evolve(message, payload=with_footer(message.payload, f"key {name}"), content=content)
    return attrs.evolve(message, mail=with_postscript(message.mail, f"key {name}"), content=content)


def _harmless(key: str) -> str:
    """The key, of which a part may be a name of the user's, as text that neither Slack nor a browser reads anything into."""
    return key.translate({ord(char): "_" for char in "&<>@*`|\"'"})
