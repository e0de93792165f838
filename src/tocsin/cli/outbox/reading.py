"""A row as people read it, and as programs do. What it holds is hostile, and may be no message at all: that is said in words."""

from collections.abc import Mapping

from tocsin.core.delivery.digest import digest_content
from tocsin.core.delivery.render import said
from tocsin.core.delivery.tally import Tally
from tocsin.core.effects import Message
from tocsin.core.outbox.moments import moment
from tocsin.core.outbox.rows import Row, Status
from tocsin.core.states import Failed, Pending, Retrying, Running, Scheduled, Success

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
    content = said(message)
    return (digest_content(content) if isinstance(content, Tally) else content).sentence


def as_json(row: Row) -> dict[str, object]:
    """A row for programs: times are ISO 8601 in UTC, and what is not known is null."""
    return {
        "key": row.key,
        "destination": row.destination,
        "status": row.status.value,
        "says": sentence(message_in(row)),
        "attempts": row.attempts,
        "reason": row.reason,
        "made": moment(row.made).isoformat(),
        "since": moment(row.since).isoformat(),
        "due": moment(row.due).isoformat(),
        "ended": None if row.ended is None else moment(row.ended).isoformat(),
        "repeated": row.repeated,
        "digest": row.digest,
        "kind": row.kind,
        "version": row.version,
    }
