"""Batches: claimed rows become messages, each row alone or many as one digest, annotated and with their keys.

- A digest that may have arrived is sent again with the same rows, under the same key, and with nothing else in it.
- A message that may have arrived is marked as a possible repetition, whether it reports a failure or not: a killed process leaves no
  trace of how far it came.
- A message older than an hour says so.
- Each message carries its key, so that people can tell a repetition from a new message.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta

import attrs

from tocsin.core.delivery.digest import fold, portions
from tocsin.core.delivery.rendering import MARK, Annotation, annotate, with_footer, with_postscript
from tocsin.core.effects import Message, PostToSlack
from tocsin.core.messages.content import Content, Line
from tocsin.core.outbox.model import Row, row_name
from tocsin.core.text import span
from tocsin.core.values import Value

LATE = timedelta(hours=1)
"""The age from which a message says that it is delayed."""

_REPEATED = Annotation(MARK, "An earlier try ended without a known answer, so this may be the second time.")


@attrs.frozen(eq=False, repr=False)
class Batch(Value):
    """Rows that are sent as one message.

    Args:
        rows: the rows, in order.
        message: the message to send.
        digest: the key of the digest; None if the row goes under its own key.
    """

    rows: tuple[Row, ...]
    message: Message
    digest: str | None = None


def make_batches(claimed: Sequence[tuple[Row, Message]], at: float, threshold: int) -> tuple[Batch, ...]:
    """Divide claimed rows into batches, in order.

    Args:
        claimed: the rows of one lease, each with its message.
        at: the current time, in seconds since 1970.
        threshold: up to how many messages to one audience go alone. If more were claimed, all of them are folded.
    """
    messages = [message_of_row(row, message, at) for row, message in claimed]
    resent = any(row.digest is not None for row, _ in claimed)
    shares = portions(messages, 1 if resent else threshold)
    return tuple(batch for share in shares for batch in _batches([(claimed[place][0], messages[place]) for place in share]))


def message_of_row(row: Row, message: Message, at: float) -> Message:
    """Annotate the message of a row: whether it is delayed, and whether it may be a repetition."""
    age = timedelta(seconds=max(at - row.made, 0.0))
    if age >= LATE:
        delay = span(age)
        message = annotate(message, Annotation(f"Delayed by {delay}:", f"This waited in the outbox for {delay}."))
    return annotate(message, _REPEATED) if row.repeated else message


def _batches(share: Sequence[tuple[Row, Message]]) -> Iterator[Batch]:
    rows = tuple(row for row, _ in share)
    if len(share) == 1:  # perhaps the last row of a digest
        name = rows[0].digest or rows[0].key
        yield Batch(rows, signed(share[0][1], name), None if name == rows[0].key else name)
        return
    try:
        digest = fold([message for _, message in share])
    except Exception:  # a user-defined time zone may raise, for example
        yield from (Batch((row,), signed(message, row.key)) for row, message in share)
        return
    if all(row.repeated for row in rows):
        digest = annotate(digest, _REPEATED)
    name = rows[0].digest or row_name(digest.key)
    yield Batch(rows, signed(digest, name), name)


def signed(message: Message, key: str) -> Message:
    """Add the key to the footer of a message, and to its content, so that a new layout on its way shows it too."""
    name, content = _without_markup(key), message.content
    if isinstance(content, Content):
        content = attrs.evolve(content, lines=(*content.lines, Line("Key", name)))
    if isinstance(message, PostToSlack):
        return attrs.evolve(message, payload=with_footer(message.payload, f"key {name}"), content=content)
    return attrs.evolve(message, mail=with_postscript(message.mail, f"key {name}"), content=content)


def _without_markup(key: str) -> str:
    """Replace the characters that Slack or a browser interprets: a key may hold a name of the user's."""
    return key.translate({ord(char): "_" for char in "&<>@*`|\"'"})
