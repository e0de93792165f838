"""A row of the outbox: a message, and where it stands. All moments are seconds since 1970, by the clock of the database."""

from enum import StrEnum

import attrs

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
