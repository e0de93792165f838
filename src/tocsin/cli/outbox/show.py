"""A row as people read it, and as programs do. What it holds is hostile, and may be no message at all: that is said in words.

``tocsin outbox show``: all of one message, and what people see of it; the beginning of its key is enough, where no other has it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tocsin.cli.outbox.opening import absent
from tocsin.cli.render import WIDTH, drawing
from tocsin.cli.terminal import color_style, complain, console, plain_text, say, write
from tocsin.core.delivery.digest import digest_content
from tocsin.core.delivery.digest_summary import DigestSummary
from tocsin.core.delivery.rendering import content_of
from tocsin.core.effects import Message
from tocsin.core.messages.text import cut, describe, one_line
from tocsin.core.outbox.model import WAITING, Row, Status, age_text, timestamp_text
from tocsin.core.states import Failed, Pending, Retrying, Running, Scheduled, Success
from tocsin.shell.adapters.redaction import redact

if TYPE_CHECKING:
    from tocsin.shell.outbox.store import Store

COLORS: Mapping[Status, str] = {
    Status.PENDING: Pending.color,
    Status.LEASED: Running.color,
    Status.DELIVERED: Success.color,
    Status.DELAYED: Retrying.color,
    Status.DEAD: Failed.color,
    Status.UNKNOWN: Scheduled.color,
}
"""The colour of each status: that of the state that is most like it."""


def message_in(row: Row) -> Message | str:
    """The message in a row; a text where there is none for us, which says why, and what to do."""
    from tocsin.shell.outbox.codec import decode  # with it comes cattrs

    return decode(row)


def sentence(message: Message | str) -> str:
    """What a message says, in a sentence."""
    if isinstance(message, str):
        return "(it cannot be read: see why with tocsin outbox show)"
    content = content_of(message)
    return (digest_content(content) if isinstance(content, DigestSummary) else content).sentence


def as_json(row: Row) -> dict[str, object]:
    """A row for programs: times are ISO 8601 in UTC, and what is not known is null."""
    return {
        "key": row.key,
        "destination": row.destination,
        "status": row.status.value,
        "says": sentence(message_in(row)),
        "attempts": row.attempts,
        "reason": row.reason,
        "made": timestamp_text(row.made).isoformat(),
        "since": timestamp_text(row.since).isoformat(),
        "due": timestamp_text(row.due).isoformat(),
        "ended": None if row.ended is None else timestamp_text(row.ended).isoformat(),
        "repeated": row.repeated,
        "digest": row.digest,
        "kind": row.kind,
        "version": row.version,
    }


LOOKED_AT = 10_000
"""Among so many of the newest messages the beginning of a key is looked for."""

_NAMED = 3  # keys, where several begin so
_LONGEST = 10_000  # characters of what is no message


def show_message(store: "Store", key: str, *, as_json: bool) -> int:
    """Show the message; the exit status: 1 where there is none of this key."""
    if not store.exists:
        complain(absent(store))
        return 1
    rows = store.find([key]) or tuple(row for row in store.rows(limit=LOOKED_AT) if key and row.key.startswith(key))
    if len(rows) != 1:
        complain(_unclear(key, rows) if rows else f"there is no {key} in the outbox: see what there is with tocsin outbox list")
        return 1
    if as_json:
        write(f"{redact(json.dumps(_json(rows[0])))}\n")
    else:
        say(console(WIDTH, widest=WIDTH), _facts(rows[0], store.now()), "", *_message(rows[0]))
    return 0


def _unclear(key: str, rows: Sequence[Row]) -> str:
    named = ", ".join(row.key for row in rows[:_NAMED])
    return (
        f"{len(rows):,} messages have a key that begins with {key}: write more of it ({named}{', ...' if len(rows) > _NAMED else ''})"
    )


def _json(row: Row) -> dict[str, object]:
    message = message_in(row)
    return {**as_json(row), "claim": row.claim, "unreadable": message if isinstance(message, str) else None, "body": row.body}


def _facts(row: Row, at: float) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_row(plain_text("status", "dim"), plain_text(f"● {row.status.value}", color_style(COLORS[row.status])))
    for name, text in _known(row, at):
        table.add_row(plain_text(name, "dim"), plain_text(one_line(text)))
    return table


def _known(row: Row, at: float) -> Iterator[tuple[str, str]]:
    yield "key", row.key
    yield "destination", row.destination
    yield "taken in", f"{_when(row.made)} ({age_text(row.made, at)} ago)"
    if row.status in WAITING:
        yield ("lease ends" if row.claim else "due"), _when(row.due)
    if row.ended is not None:
        yield "ended", _when(row.ended)
    yield "tries", f"{row.attempts}{' (an earlier one may have arrived)' if row.repeated else ''}"
    if row.digest is not None:
        yield "in the digest", row.digest
    if row.claim is not None:
        yield "leased by", row.claim
    if row.reason is not None:
        yield "reason", row.reason
    yield "kept as", f"{row.kind}, version {row.version}"


def _when(seconds: float) -> str:
    return timestamp_text(seconds).strftime("%Y-%m-%d %H:%M:%S UTC")


def _message(row: Row) -> Iterator[RenderableType]:
    message = message_in(row)
    if isinstance(message, str):
        yield plain_text(one_line(message))
        yield _raw(row)
    else:
        yield _drawn(row, message)


def _drawn(row: Row, message: Message) -> RenderableType:
    try:
        return drawing(message)
    except Exception as error:  # what somebody else wrote may hold anything
        return plain_text(f"it cannot be drawn ({one_line(describe(error))}):\n").append(_raw(row))


def _raw(row: Row) -> Text:
    return plain_text(cut(row.body, _LONGEST))
