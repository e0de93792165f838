"""The state machine of an outbox row: which event may happen to a row, and the row after it.

- ``TABLE`` is authoritative: an event that it does not name is refused, as a value. The diagram in the docs is drawn from it.
- A worker that claims a row leases it. Any worker may claim a row whose lease has ended, since its holder was killed or is too slow.
  That holder may have sent the message already, so it is then sent as a possible repetition.
- An answer counts only under the lease that it was received under. A delivery always counts: it is true under any lease.
- Before a message is sent, the key that it is sent under is written to the row: its own, or that of a digest. So a claimed row without
  that key is known not to have arrived. A message that may have arrived is sent again under the same key, so that a reader of both
  messages can see that they are one.
- A moment is by a clock that may be set. ``rewound`` repairs a row that a clock had set ahead, by the length of its pause or its lease.
- No row leaves the table: a message that cannot be sent is dead, and stays until a person has it tried again or removes it.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import assert_never

import attrs

from tocsin.core.delivery.retry import RetryPolicy
from tocsin.core.outbox.model import WAITING, Row, Status, reason_of_done
from tocsin.core.outcomes import (
    Ambiguous,
    Delivered,
    DeliveryError,
    DestinationDead,
    Outcome,
    Queued,
    Rejected,
    Retryable,
    Shown,
    Withheld,
)
from tocsin.core.values import Value

POLICY = RetryPolicy(attempts=500, initial_delay=10.0, max_delay=600.0, deadline=86_400.0)
"""The retry policy of the outbox: a message is tried for a day."""

FAR = 172_800.0
"""Two days. No event sets ``due`` further ahead, so a row beyond that is due: a clock was set back."""

TOLERATED = 1.0
"""Seconds by which two readings of a server's clock may differ."""

_LONGEST = 86_400.0  # seconds: the longest pause of a row
_APART = 30.0  # seconds between a first try without an answer and the next one; doubled each time, since each may be one too many
_FARTHEST_APART = 3600.0
_DOUBLINGS = 1000  # 2.0 ** 1024 overflows a float
_SURE = 5  # tries that are made even after the deadline: the machine may have slept for days


@attrs.frozen(eq=False, repr=False)
class Claimed(Value):
    """A worker is about to send the message, under a lease named ``claim``, until ``until``. It is given up after ``most`` tries."""

    at: float
    claim: str
    until: float
    most: int = POLICY.attempts


@attrs.frozen(eq=False, repr=False)
class Grouped(Value):
    """The message is about to be sent under the key ``digest``: that of a digest, or its own if it goes alone."""

    at: float
    claim: str
    digest: str


@attrs.frozen(eq=False, repr=False)
class OutcomeKnown(Value):
    """A try ended with ``outcome``.

    Args:
        at: when.
        claim: the lease under which the message was sent.
        outcome: the outcome.
        draw: a random number from 0 up to, but not including, 1.
        policy: how often a message is tried, and for how long.
        alarming: whether the message reports a failure, so that two of it are better than none.
        rest: version and body of the message to those recipients of a delivered mail that were refused for now; None if there are none.
    """

    at: float
    claim: str
    outcome: Outcome
    draw: float
    policy: RetryPolicy = POLICY
    alarming: bool = False
    rest: tuple[int, str] | None = None


@attrs.frozen(eq=False, repr=False)
class Released(Value):
    """The message was not tried after all. The row may be claimed again at ``due``."""

    at: float
    claim: str
    due: float


@attrs.frozen(eq=False, repr=False)
class Unreadable(Value):
    """The stored row cannot be read as a message. ``reason`` says why, and what to do."""

    at: float
    claim: str
    reason: str


@attrs.frozen(eq=False, repr=False)
class RetryAsked(Value):
    """A person wants the message tried again, now."""

    at: float


@attrs.frozen(eq=False, repr=False)
class Buried(Value):
    """A person does not want the message sent any more."""

    at: float
    reason: str = "buried by hand"


RowEvent = Claimed | Grouped | OutcomeKnown | Released | Unreadable | RetryAsked | Buried
"""All events of a row."""


@attrs.frozen(eq=False, repr=False)
class RefusedEvent(Value):
    """The event cannot happen to the row, which stays unchanged. ``reason`` is for people."""

    reason: str


_ANSWERS = frozenset({Status.DELIVERED, Status.DELAYED, Status.DEAD, Status.UNKNOWN})
_LATE = frozenset({Status.DELIVERED})
_CLAIMS = frozenset({Status.LEASED, Status.DEAD})

_UNCLAIMED: Mapping[type[RowEvent], frozenset[Status]] = {
    Claimed: _CLAIMS,
    OutcomeKnown: _LATE,
    RetryAsked: frozenset({Status.PENDING}),
    Buried: frozenset({Status.DEAD}),
}
TABLE: Mapping[Status, Mapping[type[RowEvent], frozenset[Status]]] = {
    Status.PENDING: _UNCLAIMED,
    Status.LEASED: {
        Claimed: _CLAIMS,
        Grouped: frozenset({Status.LEASED}),
        OutcomeKnown: _ANSWERS,
        Released: frozenset({Status.PENDING, Status.DELAYED}),
        Unreadable: frozenset({Status.DEAD}),
        RetryAsked: frozenset({Status.PENDING}),
        Buried: frozenset({Status.DEAD}),
    },
    Status.DELIVERED: {},
    Status.DELAYED: _UNCLAIMED,
    Status.DEAD: {OutcomeKnown: _LATE, RetryAsked: frozenset({Status.PENDING})},
    Status.UNKNOWN: {OutcomeKnown: _LATE, RetryAsked: frozenset({Status.PENDING}), Buried: frozenset({Status.DEAD})},
}
"""For each status: the possible events, and the possible statuses after each."""


def claimable(row: Row, at: float) -> bool:
    """Return whether the row may be claimed: it waits, and is due."""
    return Claimed in TABLE[row.status] and (row.due <= at or row.due > at + FAR)


def rewound(row: Row, at: float) -> Row:
    """Return a waiting row as it is once the clock was set back to ``at``; the same row if its wait did not begin after ``at``.

    A pending row is due at once, whatever its ``due`` says. A pause or a lease begins anew. So a row waits at most as long as it was
    put off or leased for, and no worker loses the rest of its lease. As much of the time for retries is left as before.

    >>> row = Row.new(key="run.load..0.0", destination="slack:TEAM", kind="PostToSlack", version=1, body="{}", at=9000.0)
    >>> leased = next_row(row, Claimed(9000.0, "worker-1", until=9060.0))
    >>> rewound(row, 5.0).due, rewound(leased, 5.0).due, rewound(leased, 9001.0).due
    (5.0, 65.0, 9060.0)
    """
    pause = 0.0 if row.status is Status.PENDING else row.pause
    if pause is None or row.status not in WAITING or row.due - pause <= at + TOLERATED:
        return row
    return attrs.evolve(row, due=at + pause, since=row.since - (row.due - pause - at))


def next_row(row: Row, event: RowEvent) -> Row | RefusedEvent:
    """Return the row after an event.

    >>> row = Row.new(key="run.load..0.0", destination="slack:TEAM", kind="PostToSlack", version=1, body="{}", at=0.0)
    >>> leased = next_row(row, Claimed(1.0, "worker-1", until=61.0))
    >>> leased.status, leased.due, next_row(leased, Claimed(2.0, "worker-2", until=62.0))
    (<Status.LEASED: 'leased'>, 61.0, RefusedEvent(reason='run.load..0.0 is being sent by another worker'))
    """
    if type(event) not in TABLE[row.status]:
        return RefusedEvent(f"{row.key} is {row.status.value}")
    match event:
        case Claimed():
            return _claimed(row, event)
        case OutcomeKnown():
            return _answered(row, event)
        case Grouped() | Released() | Unreadable():
            return _held(row, event)
        case RetryAsked() | Buried():
            return _by_hand(row, event)
        case _:
            assert_never(event)


def _claimed(row: Row, event: Claimed) -> Row | RefusedEvent:
    if not claimable(row, event.at):
        return RefusedEvent(f"{row.key} is being sent by another worker" if row.claim else f"{row.key} is not due yet")
    unsent = row.status is Status.LEASED and row.digest is None  # its worker never began to send it
    attempts, repeated = row.attempts - unsent, _may_have_arrived(row)
    if attempts >= event.most:
        reason = f"given up after {attempts} {'try' if attempts == 1 else 'tries'}, the last of which never ended"
        return _ended(attrs.evolve(row, repeated=repeated), Status.DEAD, event.at, reason if row.claim else row.reason or reason)
    return attrs.evolve(
        row,
        status=Status.LEASED,
        claim=event.claim,
        since=row.since + max(event.at - row.due, 0.0),
        due=(due := min(event.until, event.at + _LONGEST)),
        pause=due - event.at,
        attempts=attempts + 1,
        repeated=repeated,
    )


def _may_have_arrived(row: Row) -> bool:
    return row.repeated or row.status is Status.UNKNOWN or (row.status is Status.LEASED and row.digest is not None)


def _held(row: Row, event: Grouped | Released | Unreadable) -> Row | RefusedEvent:
    if row.claim != event.claim:
        return RefusedEvent(f"the lease of {row.key} has ended")
    match event:
        case Grouped(digest=digest):
            return attrs.evolve(row, digest=digest)
        case Released(at=at, due=due):
            status = Status.PENDING if due <= at else Status.DELAYED
            due = min(due, at + _LONGEST)
            return _waiting(attrs.evolve(row, status=status, due=due, pause=max(due - at, 0.0), attempts=row.attempts - 1))
        case Unreadable(at=at, reason=reason):
            return _ended(row, Status.DEAD, at, reason)
        case _:
            assert_never(event)


def _by_hand(row: Row, event: RetryAsked | Buried) -> Row | RefusedEvent:
    if row.status is Status.LEASED and not claimable(row, event.at):
        return RefusedEvent(f"{row.key} is being sent: try again when its lease has ended")
    row = attrs.evolve(row, repeated=_may_have_arrived(row))
    if isinstance(event, Buried):
        return _ended(row, Status.DEAD, event.at, event.reason)
    return _waiting(attrs.evolve(row, status=Status.PENDING, since=event.at, due=event.at, pause=0.0, attempts=0, ended=None))


def _waiting(row: Row) -> Row:
    """Remove the lease of a row. Its ``digest`` is kept only if the message may have arrived under that key."""
    return attrs.evolve(row, claim=None, digest=row.digest if row.repeated else None)


def _answered(row: Row, event: OutcomeKnown) -> Row | RefusedEvent:
    outcome, holds_lease = event.outcome, row.status is Status.LEASED and row.claim == event.claim
    if not holds_lease and not isinstance(outcome, Delivered):
        return RefusedEvent(f"the lease of {row.key} has ended")
    match outcome:
        case Delivered():
            return _delivered(row, outcome, event, event.rest if holds_lease else None)
        case Withheld() | Shown():
            return _ended(row, Status.DELIVERED, event.at, reason_of_done(outcome))
        case Queued(where=where):
            return _ended(row, Status.UNKNOWN, event.at, f"handed on to {where}: what became of it there is not known")
        case Retryable() | Rejected(secret=str()):  # another worker may have the secret
            return _put_off(row, outcome, event)
        case Rejected(reason=reason) | DestinationDead(reason=reason):
            return _ended(row, Status.DEAD, event.at, reason)
        case Ambiguous(reason=reason):
            return _repeated(row, reason, event) if event.alarming else _ended(row, Status.UNKNOWN, event.at, reason)
        case _:
            assert_never(outcome)


def _delivered(row: Row, outcome: Delivered, event: OutcomeKnown, rest: tuple[int, str] | None) -> Row:
    """Return the row of a delivered message; it goes on to those recipients that were refused for now while there is time for that."""
    reason = reason_of_done(outcome)
    pause = pause_after(row.attempts, outcome, event)
    if rest is None or _is_over(row, event, pause):
        return _ended(row, Status.DELIVERED, event.at, reason)
    version, body = rest
    return _waiting(
        attrs.evolve(row, status=Status.DELAYED, due=event.at + pause, pause=pause, reason=reason, version=version, body=body)
    )


def _repeated(row: Row, reason: str, event: OutcomeKnown) -> Row:
    """Return the row of a message that may have arrived and is sent again, marked, after a pause that doubles each time."""
    pause = min(_APART * 2.0 ** min(row.attempts - 1, _DOUBLINGS), _FARTHEST_APART)
    repeated = attrs.evolve(row, repeated=True, reason=reason)
    if _is_over(row, event, pause):
        return _ended(repeated, Status.UNKNOWN, event.at, reason)
    return _waiting(attrs.evolve(repeated, status=Status.DELAYED, due=event.at + pause, pause=pause))


def _is_over(row: Row, event: OutcomeKnown, pause: float) -> bool:
    """Return whether a row is given up, and not tried again after this pause."""
    policy = event.policy
    late = event.at + pause - row.since >= policy.deadline and row.attempts >= min(_SURE, policy.attempts)
    return late or row.attempts >= policy.attempts


def _put_off(row: Row, outcome: Retryable | Rejected, event: OutcomeKnown) -> Row:
    pause = pause_after(row.attempts, outcome, event)
    if _is_over(row, event, pause):
        if row.repeated:
            return _ended(
                row, Status.UNKNOWN, event.at, f"{outcome.reason}; an earlier try went without an answer: it may have arrived"
            )
        return _ended(row, Status.DEAD, event.at, outcome.reason)
    return _waiting(attrs.evolve(row, status=Status.DELAYED, due=event.at + pause, pause=pause, reason=outcome.reason))


def pause_after(attempts: int, outcome: DeliveryError | Delivered, event: OutcomeKnown) -> float:
    """Return the seconds until the next try.

    The pause is the policy's first delay plus a random part, and no shorter than ``rest_after``.

    >>> busy = Retryable("busy", timedelta(seconds=100))
    >>> pause_after(1, busy, OutcomeKnown(0.0, "worker-1", busy, 0.5)), pause_after(1, Retryable(""), OutcomeKnown(0.0, "", busy, 0.5))
    (100.0, 15.0)
    """
    return max(min(event.policy.initial_delay + event.draw * event.policy.bound(attempts), _LONGEST), rest_after(outcome, event.policy))


def rest_after(outcome: DeliveryError | Delivered, policy: RetryPolicy) -> float:
    """Return the seconds for which no message is sent to a destination after this outcome: as long as the service asks for."""
    asked = outcome.after if isinstance(outcome, Retryable | Delivered) and outcome.after is not None else timedelta(0)
    return min(max(policy.initial_delay, asked.total_seconds()), _LONGEST)


def _ended(row: Row, status: Status, at: float, reason: str | None) -> Row:
    return attrs.evolve(row, status=status, claim=None, due=at, pause=0.0, reason=reason, ended=at)
