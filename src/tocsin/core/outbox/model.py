"""A row of the outbox: a message with its status, its name, its outcome, and its times in words.

- All moments are seconds since 1970, by the clock of the database.
- A row's name is its key as one line of text: unique, and short enough to type and to index.
- A row's content is hostile. A number that is no valid moment counts as the nearest valid one.
"""

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import assert_never

import attrs

from tocsin.core.changes import Key
from tocsin.core.outcomes import STORED, Ambiguous, Delivered, Outcome, Rejected, Shown, Withheld
from tocsin.core.text import one_line, span
from tocsin.core.values import Value

_LONGEST_NAME = 200  # characters
_KEPT_OF_NAME = 120  # characters before the hash
_REFUSED, _WITHHELD, _SHOWN = "refused for ", "withheld: ", "shown instead of sent"  # the reasons of rows that are done
_WHY = ": "  # no address holds it
_ADDRESS = re.compile(r"[^\s@\[\]…]+@[^\s@\[\]…]+")  # of a long list the end is cut off, and an address may be redacted
_LATEST = 253_402_214_400.0  # the last day of the year 9999


class Status(StrEnum):
    """The status of a message."""

    PENDING = "pending"
    """The message waits to be sent."""
    LEASED = "leased"
    """A worker is sending the message, until the lease ends."""
    DELIVERED = "delivered"
    """The service accepted the message; or it was withheld on purpose, as its reason says."""
    DELAYED = "delayed"
    """The message was not accepted, and waits for its next try."""
    DEAD = "dead"
    """The message is given up, and kept. A person may have it tried again."""
    UNKNOWN = "unknown"
    """The message was sent and no answer came: it may have arrived."""


WAITING = (Status.PENDING, Status.DELAYED, Status.LEASED)
"""The statuses in which a row may be claimed once it is due. A leased row is due at the end of its lease."""


@attrs.frozen(eq=False, repr=False, kw_only=True)
class Row(Value):
    """A message in the outbox.

    Args:
        key: the name of the row, unique in an outbox.
        destination: where the message goes. Rows of one destination are sent one after another.
        kind: the kind of effect.
        version: the version of the schema of ``body``.
        body: the effect as JSON. That of a mail which some recipients have is replaced by that of the mail to the others.
        made: when the row was written.
        since: when the time for retries began: when the row was written or a person last asked for another try, plus all the time for
            which the row was due and unclaimed.
        due: the earliest moment at which the row may be claimed; of a leased row, the end of its lease.
        pause: the seconds from when ``due`` was set to ``due``; of a leased row, the length of its lease. None in a row that was last
            changed under version 1 of the schema.
        status: the status of the message.
        attempts: the number of claims since ``since`` was set, without claims under which sending never began.
        claim: the name of the lease; None without one.
        repeated: whether an earlier try may have arrived.
        digest: the key under which the message is being sent or may have arrived: that of a digest, or its own if it goes alone; else
            None.
        reason: how the last try ended, redacted; None if none has ended.
        ended: when the message was delivered, given up, or became unknown; None before.
        files: the bytes of its attachments, packed; None without any, and in a row that was read: they are read apart, when the message
            is sent.
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
    pause: float | None = None
    files: bytes | None = attrs.field(default=None, repr=False)

    @classmethod
    def new(cls, *, key: str, destination: str, kind: str, version: int, body: str, at: float, files: bytes | None = None) -> "Row":
        """Return the row of a new message.

        >>> Row.new(key="run.load..0.0", destination="slack:TEAM", kind="PostToSlack", version=1, body="{}", at=0.0).status
        <Status.PENDING: 'pending'>
        """
        return cls(
            key=key, destination=destination, kind=kind, version=version, body=body, made=at, since=at, due=at, pause=0.0, files=files
        )


def row_name(key: Key) -> str:
    """Return a key as text. Different keys have different texts.

    A dot inside a part is written as ``%2E``. A text that is too long or not printable is cut, and ends with its hash.

    >>> row_name(Key("run", "load", None, 0, 1)), row_name(Key("run", "load.py", 3, 0, 1))
    ('run.load..0.1', 'run.load%2Epy.3.0.1')
    """
    index = "" if key.map_index is None else str(key.map_index)
    whole = ".".join((_part(key.run_id), _part(key.slug), index, str(key.ordinal), str(key.position)))
    if len(whole) <= _LONGEST_NAME and whole.isprintable() and " " not in whole:
        return whole
    from hashlib import sha256  # seldom needed, and slow to load

    hashed = sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    shown = "".join(char if char.isprintable() and char != " " else "_" for char in one_line(whole)[:_KEPT_OF_NAME])
    return f"{shown.rstrip('.')}~{hashed}"


def _part(text: str) -> str:
    return text.replace("%", "%25").replace(".", "%2E")


GONE = Ambiguous("its row is no longer in the outbox: it was removed, or the file was moved or replaced")
"""The outcome of a message whose row no longer exists."""


def reason_of_done(outcome: Delivered | Withheld | Shown) -> str | None:
    """Return the reason that a delivered row keeps, so that other processes learn the outcome from it.

    >>> reason_of_done(Withheld("TOCSIN_NOTIFY is none")), reason_of_done(Delivered())
    ('withheld: TOCSIN_NOTIFY is none', None)
    """
    match outcome:
        case Delivered(refused=refused, errors=errors):
            whom = f"{_REFUSED}{', '.join(refused)}" if refused else None
            return f"{whom}{_WHY}{'; '.join(error.reason for error in errors)}" if errors else whom
        case Withheld(reason=reason):
            return f"{_WITHHELD}{reason}"
        case Shown():
            return _SHOWN
        case _:
            assert_never(outcome)


def outcome_of_row(row: Row) -> Outcome:
    """Return the outcome of a message from its row.

    >>> row = Row.new(key="run.load..0.0", destination="slack:TEAM", kind="PostToSlack", version=1, body="{}", at=0.0)
    >>> outcome_of_row(row)
    Queued(where='the outbox')
    """
    if row.status in WAITING:
        return STORED
    if row.status is Status.DELIVERED:
        return _outcome_of_done(row.reason or "")
    reason = row.reason or "no reason was recorded"
    return Rejected(reason) if row.status is Status.DEAD else Ambiguous(reason)


def _outcome_of_done(reason: str) -> Outcome:
    if reason.startswith(_WITHHELD):
        return Withheld(reason.removeprefix(_WITHHELD))
    if reason == _SHOWN:
        return Shown()
    refused = reason.removeprefix(_REFUSED).partition(_WHY)[0].split(", ") if reason.startswith(_REFUSED) else ()
    return Delivered(tuple(address for address in refused if _ADDRESS.fullmatch(address)))


def moment_of(seconds: float) -> datetime:
    """Convert seconds since 1970 to a moment in UTC.

    >>> moment_of(0.0).isoformat(), moment_of(float("inf")).year, moment_of(float("nan")).year
    ('1970-01-01T00:00:00+00:00', 9999, 1970)
    """
    return datetime.fromtimestamp(_bounded(seconds), UTC)


def seconds_between(then: float, at: float) -> float:
    """Return the seconds from ``then`` to ``at``: 0 if the clock was set back.

    >>> seconds_between(10.0, 70.0), seconds_between(70.0, 10.0)
    (60.0, 0.0)
    """
    return max(_bounded(at) - _bounded(then), 0.0)


def age_text(then: float, at: float) -> str:
    """Return the time from ``then`` to ``at`` in words.

    >>> age_text(10.0, 262.0)
    '4 m 12 s'
    """
    return duration_text(seconds_between(then, at))


def duration_text(seconds: float) -> str:
    """Return a number of seconds in words.

    >>> duration_text(252.0), duration_text(0.0)
    ('4 m 12 s', 'less than 1 ms')
    """
    return span(timedelta(seconds=_bounded(seconds)))


def _bounded(seconds: float) -> float:
    return min(max(0.0, seconds), _LATEST)
