"""``tocsin outbox show``: all of one message, and how people see it; also the texts and JSON that other commands show of a row.

- The beginning of a key is enough, if no other key has it; so it is for the commands that change messages.
- The content of a row is untrusted, and may not be a message at all. Then a text says so.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tocsin.cli.outbox.opening import no_outbox_yet
from tocsin.cli.render import WIDTH, drawing
from tocsin.cli.stdout import write
from tocsin.cli.terminal import color_style, complain, console, json_line, plain_text, say
from tocsin.core.delivery.digest import digest_content
from tocsin.core.delivery.rendering import content_of
from tocsin.core.effects import Message
from tocsin.core.messages.digest_summary import DigestSummary
from tocsin.core.outbox.model import WAITING, Row, Status, age_text, moment_of
from tocsin.core.states import Failed, Pending, Retrying, Running, Scheduled, Success
from tocsin.core.text import cut, describe, one_line

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
"""The colour of each status: that of the most similar state."""

SEARCHED = 10_000
"""The number of newest messages in which the beginning of a key is searched."""

_LONGEST_KEY_LIST = 3  # keys named if several match
_LONGEST_BODY = 10_000  # characters of a body that is not a message


def message_in(row: Row) -> Message | str:
    """Return the message in a row, or a text that says why it cannot be read and what to do."""
    from tocsin.shell.outbox.codec import decode  # imports cattrs

    return decode(row)


def message_text(message: Message | str) -> str:
    """Return the message as one sentence."""
    if isinstance(message, str):
        return "(it cannot be read: see why with tocsin outbox show)"
    content = content_of(message)
    return (digest_content(content) if isinstance(content, DigestSummary) else content).sentence


def as_json(row: Row) -> dict[str, object]:
    """Return a row for programs. Times are ISO 8601 in UTC, and unknown values are null."""
    return {
        "key": row.key,
        "destination": row.destination,
        "status": row.status.value,
        "says": message_text(message_in(row)),
        "attempts": row.attempts,
        "reason": row.reason,
        "made": moment_of(row.made).isoformat(),
        "since": moment_of(row.since).isoformat(),
        "due": moment_of(row.due).isoformat(),
        "ended": None if row.ended is None else moment_of(row.ended).isoformat(),
        "repeated": row.repeated,
        "digest": row.digest,
        "kind": row.kind,
        "version": row.version,
    }


def show_message(store: "Store", key: str, *, as_json: bool) -> int:
    """Show the message and return the exit status: 1 if no message has this key."""
    if not store.exists:
        complain(no_outbox_yet(store))
        return 1
    names, refused = complete_keys(store, [key])
    for reason in refused:
        complain(reason)
    for row in store.find(names):
        if as_json:
            write(f"{json_line(_json(row))}\n")
        else:
            say(console(WIDTH, widest=WIDTH), _facts(row, store.now()), "", *_message(row))
    return 1 if refused else 0


def complete_keys(store: "Store", named: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the keys of the messages that are named, each once, and the reasons why others are not found.

    A name is a key, or the beginning of one key among those of the newest 10,000 messages.
    """
    names = tuple(dict.fromkeys(named))
    known = {row.key for row in store.find(names)}
    newest = tuple(row.key for row in store.rows(limit=SEARCHED)) if len(known) < len(names) else ()
    keys, refused = dict[str, None](), list[str]()
    for name in names:
        found = (name,) if name in known else tuple(key for key in newest if name and key.startswith(name))
        if len(found) == 1:
            keys[found[0]] = None
        else:
            refused.append(_ambiguous(name, found) if found else _unknown(name))
    return tuple(keys), tuple(refused)


def _unknown(name: str) -> str:
    return f"there is no {name} in the outbox: tocsin outbox list shows the keys"


def _ambiguous(name: str, found: Sequence[str]) -> str:
    keys = ", ".join(found[:_LONGEST_KEY_LIST])
    more = ", ..." if len(found) > _LONGEST_KEY_LIST else ""
    return f"{len(found):,} messages have a key that begins with {name}: write more of it ({keys}{more})"


def _json(row: Row) -> dict[str, object]:
    message = message_in(row)
    return {**as_json(row), "claim": row.claim, "unreadable": message if isinstance(message, str) else None, "body": row.body}


def _facts(row: Row, at: float) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_row(plain_text("status", "dim"), plain_text(f"● {row.status.value}", color_style(COLORS[row.status])))
    for name, text in _fact_rows(row, at):
        table.add_row(plain_text(name, "dim"), plain_text(one_line(text)))
    return table


def _fact_rows(row: Row, at: float) -> Iterator[tuple[str, str]]:
    yield "key", row.key
    yield "destination", row.destination
    yield "added", f"{_when(row.made)} ({age_text(row.made, at)} ago)"
    if row.status in WAITING:
        yield ("lease ends" if row.claim else "due"), _when(row.due)
    if row.ended is not None:
        yield "ended", _when(row.ended)
    yield "attempts", f"{row.attempts}{' (an earlier one may have arrived)' if row.repeated else ''}"
    if row.digest is not None:
        yield "in the digest", row.digest
    if row.claim is not None:
        yield "leased by", row.claim
    if row.reason is not None:
        yield "reason", row.reason
    yield "stored as", f"{row.kind}, version {row.version}"


def _when(seconds: float) -> str:
    return moment_of(seconds).strftime("%Y-%m-%d %H:%M:%S UTC")


def _message(row: Row) -> Iterator[RenderableType]:
    message = message_in(row)
    if isinstance(message, str):
        yield plain_text(one_line(message))
        yield _raw(row)
    else:
        yield _drawing(row, message)


def _drawing(row: Row, message: Message) -> RenderableType:
    try:
        return drawing(message)
    except Exception as error:  # a message written by another program may hold anything
        return plain_text(f"it cannot be displayed ({one_line(describe(error))}):\n").append(_raw(row))


def _raw(row: Row) -> Text:
    return plain_text(cut(row.body, _LONGEST_BODY))
