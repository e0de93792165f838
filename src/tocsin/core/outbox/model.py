"""A row of the outbox: a message, and where it stands. All moments are seconds since 1970, by the clock of the database.

How a row is called: its key as one line of text, no two alike, short enough to type and to index.

What became of a message, as its row tells it to those who did not send it themselves.

Moments and ages of rows, in words. What a row holds is hostile: a moment that is none is taken for the nearest one that is.
"""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256

import attrs

from tocsin.core.changes import Key
from tocsin.core.messages.text import one_line, span
from tocsin.core.outcomes import Ambiguous, Delivered, Outcome, Queued, Rejected
from tocsin.core.values import Value


class Status(StrEnum):
    """Where a message stands."""

    PENDING = "pending"
    """It waits to be sent."""
    LEASED = "leased"
    """Somebody is sending it, until the lease ends."""
    DELIVERED = "delivered"
    """The other side has it, or it was withheld on purpose: its reason says so."""
    DELAYED = "delayed"
    """It was not accepted, and waits for its next try."""
    DEAD = "dead"
    """It is given up, and kept: a person may have it tried again."""
    UNKNOWN = "unknown"
    """It went out and no answer came: it may have arrived."""


WAITING = (Status.PENDING, Status.DELAYED, Status.LEASED)
"""What may be claimed once it is due; of what is leased, that is the end of the lease."""


@attrs.frozen(eq=False, repr=False, kw_only=True)
class Row(Value):
    """A message in the outbox.

    Args:
        key: names it, unique in an outbox.
        destination: where it goes; rows of one destination are sent one after another.
        kind: the kind of effect.
        version: of the schema that its body is written in.
        body: the effect as JSON.
        made: when it was taken in.
        since: when its time began to count: when it was taken in, or a person last asked for another try; later by all the time for
            which it was due and nobody claimed it.
        due: when it may be claimed, at the earliest: of a lease, its end.
        status: where it stands.
        attempts: how often it was claimed since then, but for claims under which nobody began to send it.
        claim: names the lease; None where there is none.
        repeated: whether an earlier try may have arrived.
        digest: the key of what it is being sent in, or may have arrived in: of a digest, or its own where it goes alone; else None.
        reason: how the last try ended, redacted; None where none has.
        ended: when it was delivered, given up, or became unknown; None before.
    """

    key: str
    destination: str
    kind: str
    version: int
    body: str = attrs.field(repr=False)
    made: float
    since: float
    due: float
    status: Status = Status.PENDING
    attempts: int = 0
    claim: str | None = None
    repeated: bool = False
    digest: str | None = None
    reason: str | None = None
    ended: float | None = None

    @classmethod
    def new(cls, *, key: str, destination: str, kind: str, version: int, body: str, at: float) -> "Row":
        """A message that was just taken in.

        >>> Row.new(key="run.load..0.0", destination="slack:TEAM", kind="PostToSlack", version=1, body="{}", at=0.0).status
        <Status.PENDING: 'pending'>
        """
        return cls(key=key, destination=destination, kind=kind, version=version, body=body, made=at, since=at, due=at)


_LONGEST = 200  # characters
_KEPT = 120


def row_name(key: Key) -> str:
    """The key as text. Two keys have the same only if they are the same.

    A dot inside of a part is written ``%2E``. What is too long, or cannot be printed, is cut, and ends in its hash.

    >>> row_name(Key("run", "load", None, 0, 1)), row_name(Key("run", "load.py", 3, 0, 1))
    ('run.load..0.1', 'run.load%2Epy.3.0.1')
    """
    index = "" if key.map_index is None else str(key.map_index)
    whole = ".".join((_part(key.run_id), _part(key.slug), index, str(key.ordinal), str(key.position)))
    if len(whole) <= _LONGEST and whole.isprintable() and " " not in whole:
        return whole
    digest = sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    shown = "".join(char if char.isprintable() and char != " " else "_" for char in one_line(whole)[:_KEPT])
    return f"{shown.rstrip('.')}~{digest}"


def _part(text: str) -> str:
    return text.replace("%", "%25").replace(".", "%2E")


GONE = Ambiguous("it is not in the outbox any more: somebody removed it")
"""What became of a message whose row is not there."""


def outcome_of_row(row: Row) -> Outcome:
    """The outcome that a row stands for.

    >>> row = Row.new(key="run.load..0.0", destination="slack:TEAM", kind="PostToSlack", version=1, body="{}", at=0.0)
    >>> outcome_of_row(row)
    Queued(where='the outbox')
    """
    if row.status in WAITING:
        return Queued("the outbox")
    if row.status is Status.DELIVERED:
        return Delivered()
    reason = row.reason or "nobody noted why"
    return Rejected(reason) if row.status is Status.DEAD else Ambiguous(reason)


_LATEST = 253_402_214_400.0  # the last day of the year 9999


def timestamp_text(seconds: float) -> datetime:
    """Seconds since 1970 as a moment, in UTC.

    >>> timestamp_text(0.0).isoformat(), timestamp_text(float("inf")).year, timestamp_text(float("nan")).year
    ('1970-01-01T00:00:00+00:00', 9999, 1970)
    """
    return datetime.fromtimestamp(_bounded(seconds), UTC)


def seconds_between(then: float, at: float) -> float:
    """How many seconds passed from then to a moment: none where a clock was set back.

    >>> seconds_between(10.0, 70.0), seconds_between(70.0, 10.0)
    (60.0, 0.0)
    """
    return max(_bounded(at) - _bounded(then), 0.0)


def age_text(then: float, at: float) -> str:
    """The same, in words.

    >>> age_text(10.0, 262.0)
    '4 m 12 s'
    """
    return duration_text(seconds_between(then, at))


def duration_text(seconds: float) -> str:
    """A number of seconds in words.

    >>> duration_text(252.0), duration_text(0.0)
    ('4 m 12 s', 'less than 1 ms')
    """
    return span(timedelta(seconds=_bounded(seconds)))


def _bounded(seconds: float) -> float:
    return min(max(0.0, seconds), _LATEST)
