"""A row's life: which event may happen to it, and what becomes of it then.

- ``TABLE`` is the truth: what it does not name is refused, as a value. The diagram in the docs is drawn from it.
- Whoever claims a row leases it for a while. A lease that has ended may be claimed by anybody: its holder was killed, or is too slow;
  since that one may have sent the row already, it is then sent as possibly repeated.
- An answer counts only by the lease that it was got under. That the message arrived counts always: it is true, whoever says so.
- Before it is sent, it is noted in what: so what was claimed and never begun is known not to have arrived. What may have arrived is
  sent again in the same, alone or in that digest, so that whoever reads both can see that they are one.
- Nothing leaves the table: what cannot be sent is dead, and stays until a person has it tried again, or removes it.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import assert_never

import attrs

from tocsin.core.delivery.retry import RetryPolicy
from tocsin.core.outbox.model import Row, Status
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
"""How often the outbox has a message tried, and for how long: for a day."""

FAR = 172_800.0
"""What is due more than two days from now, nobody asked for: a clock was set back, and the row is due."""

_LONGEST = 86_400.0  # seconds that a row is put off at most
_SURE = 5  # tries that are made whatever the time: the machine may have slept for days


@attrs.frozen(eq=False, repr=False)
class Claimed(Value):
    """Somebody is about to send it, under a lease named ``claim``, until ``until``. After ``most`` tries it is given up."""

    at: float
    claim: str
    until: float
    most: int = POLICY.attempts


@attrs.frozen(eq=False, repr=False)
class Grouped(Value):
    """It is about to be sent: in the digest with this key, or alone, by its own."""

    at: float
    claim: str
    digest: str


@attrs.frozen(eq=False, repr=False)
class Answered(Value):
    """It was tried, and this is how it ended. ``draw`` is a random number from 0 up to, not including, 1."""

    at: float
    claim: str
    outcome: Outcome
    draw: float
    policy: RetryPolicy = POLICY


@attrs.frozen(eq=False, repr=False)
class Released(Value):
    """It was not tried after all; it may be claimed again at ``due``."""

    at: float
    claim: str
    due: float


@attrs.frozen(eq=False, repr=False)
class Unreadable(Value):
    """What is stored makes no message for us; ``reason`` says why, and what to do."""

    at: float
    claim: str
    reason: str


@attrs.frozen(eq=False, repr=False)
class RetryAsked(Value):
    """A person wants it tried again, now."""

    at: float


@attrs.frozen(eq=False, repr=False)
class Buried(Value):
    """A person does not want it sent any more."""

    at: float
    reason: str = "buried by hand"


RowEvent = Claimed | Grouped | Answered | Released | Unreadable | RetryAsked | Buried
"""All that may happen to a row."""


@attrs.frozen(eq=False, repr=False)
class Refused(Value):
    """That cannot happen to the row as it is: it stays so. ``reason`` is for people."""

    reason: str


_ANSWERS = frozenset({Status.DELIVERED, Status.DELAYED, Status.DEAD, Status.UNKNOWN})
_LATE = frozenset({Status.DELIVERED})
_CLAIMS = frozenset({Status.LEASED, Status.DEAD})

TABLE: Mapping[Status, Mapping[type[RowEvent], frozenset[Status]]] = {
    Status.PENDING: {
        Claimed: _CLAIMS,
        Answered: _LATE,
        RetryAsked: frozenset({Status.PENDING}),
        Buried: frozenset({Status.DEAD}),
    },
    Status.LEASED: {
        Claimed: _CLAIMS,
        Grouped: frozenset({Status.LEASED}),
        Answered: _ANSWERS,
        Released: frozenset({Status.PENDING, Status.DELAYED}),
        Unreadable: frozenset({Status.DEAD}),
        RetryAsked: frozenset({Status.PENDING}),
        Buried: frozenset({Status.DEAD}),
    },
    Status.DELIVERED: {},
    Status.DELAYED: {
        Claimed: _CLAIMS,
        Answered: _LATE,
        RetryAsked: frozenset({Status.PENDING}),
        Buried: frozenset({Status.DEAD}),
    },
    Status.DEAD: {Answered: _LATE, RetryAsked: frozenset({Status.PENDING})},
    Status.UNKNOWN: {Answered: _LATE, RetryAsked: frozenset({Status.PENDING}), Buried: frozenset({Status.DEAD})},
}
"""Of each status, what may happen to it, and what it may be then."""


def claimable(row: Row, at: float) -> bool:
    """Whether somebody may claim the row: it waits, and is due."""
    return Claimed in TABLE[row.status] and (row.due <= at or row.due > at + FAR)


def next_row(row: Row, event: RowEvent) -> Row | Refused:
    """The row after an event.

    >>> row = Row.new(key="run.load..0.0", destination="slack:TEAM", kind="PostToSlack", version=1, body="{}", at=0.0)
    >>> leased = next_row(row, Claimed(1.0, "worker-1", until=61.0))
    >>> leased.status, leased.due, next_row(leased, Claimed(2.0, "worker-2", until=62.0))
    (<Status.LEASED: 'leased'>, 61.0, Refused(reason='run.load..0.0 is being sent by somebody else'))
    """
    if type(event) not in TABLE[row.status]:
        return Refused(f"{row.key} is {row.status.value}")
    match event:
        case Claimed():
            return _claimed(row, event)
        case Answered():
            return _answered(row, event)
        case Grouped() | Released() | Unreadable():
            return _held(row, event)
        case RetryAsked() | Buried():
            return _by_hand(row, event)
        case _:
            assert_never(event)


def _claimed(row: Row, event: Claimed) -> Row | Refused:
    if not claimable(row, event.at):
        return Refused(f"{row.key} is being sent by somebody else" if row.claim else f"{row.key} is not due yet")
    unsent = row.status is Status.LEASED and row.digest is None  # somebody claimed it, and came to nothing
    attempts, repeated = row.attempts - unsent, _may_have_arrived(row)
    if attempts >= event.most:
        died = f"given up after {attempts} {'try' if attempts == 1 else 'tries'}, the last of which never ended"
        return _over(attrs.evolve(row, repeated=repeated), Status.DEAD, event.at, died if row.claim else row.reason or died)
    return attrs.evolve(
        row,
        status=Status.LEASED,
        claim=event.claim,
        since=row.since + max(event.at - row.due, 0.0),
        due=min(event.until, event.at + _LONGEST),
        attempts=attempts + 1,
        repeated=repeated,
    )


def _may_have_arrived(row: Row) -> bool:
    return row.repeated or row.status is Status.UNKNOWN or (row.status is Status.LEASED and row.digest is not None)


def _held(row: Row, event: Grouped | Released | Unreadable) -> Row | Refused:
    if row.claim != event.claim:
        return Refused(f"the lease of {row.key} has ended")
    match event:
        case Grouped(digest=digest):
            return attrs.evolve(row, digest=digest)
        case Released(at=at, due=due):
            status = Status.PENDING if due <= at else Status.DELAYED
            return _waiting(attrs.evolve(row, status=status, due=min(due, at + _LONGEST), attempts=row.attempts - 1))
        case Unreadable(at=at, reason=reason):
            return _over(row, Status.DEAD, at, reason)
        case _:
            assert_never(event)


def _by_hand(row: Row, event: RetryAsked | Buried) -> Row | Refused:
    if row.status is Status.LEASED and not claimable(row, event.at):
        return Refused(f"{row.key} is being sent: try again when its lease has ended")
    row = attrs.evolve(row, repeated=_may_have_arrived(row))
    if isinstance(event, Buried):
        return _over(row, Status.DEAD, event.at, event.reason)
    return _waiting(attrs.evolve(row, status=Status.PENDING, since=event.at, due=event.at, attempts=0, ended=None))


def _waiting(row: Row) -> Row:
    """A row that nobody holds. What it was to be sent in does not matter any more, unless it may have arrived in that."""
    return attrs.evolve(row, claim=None, digest=row.digest if row.repeated else None)


def _answered(row: Row, event: Answered) -> Row | Refused:
    outcome, ours = event.outcome, row.status is Status.LEASED and row.claim == event.claim
    if not ours and not isinstance(outcome, Delivered):
        return Refused(f"the lease of {row.key} has ended")
    match outcome:
        case Delivered():
            return _over(row, Status.DELIVERED, event.at, _refusals(outcome))
        case Withheld(reason=reason):
            return _over(row, Status.DELIVERED, event.at, f"withheld: {reason}")
        case Shown():
            return _over(row, Status.DELIVERED, event.at, "shown instead of sent")
        case Queued(where=where):
            return _over(row, Status.UNKNOWN, event.at, f"handed on to {where}: what became of it there is not known")
        case Retryable() | Rejected(secret=str()):  # somebody else may know the secret
            return _put_off(row, outcome, event)
        case Rejected(reason=reason) | DestinationDead(reason=reason):
            return _over(row, Status.DEAD, event.at, reason)
        case Ambiguous(reason=reason):
            return _over(row, Status.UNKNOWN, event.at, reason)
        case _:
            assert_never(outcome)


def _put_off(row: Row, outcome: Retryable | Rejected, event: Answered) -> Row:
    policy, pause = event.policy, pause_after(row.attempts, outcome, event)
    late = event.at + pause - row.since >= policy.deadline and row.attempts >= min(_SURE, policy.attempts)
    if late or row.attempts >= policy.attempts:
        if row.repeated:
            return _over(row, Status.UNKNOWN, event.at, f"{outcome.reason}; an earlier try went without an answer: it may have arrived")
        return _over(row, Status.DEAD, event.at, outcome.reason)
    return _waiting(attrs.evolve(row, status=Status.DELAYED, due=event.at + pause, reason=outcome.reason))


def pause_after(attempts: int, outcome: DeliveryError, event: Answered) -> float:
    """The seconds until the next try: more than the rest that other messages to the destination take, and drawn on top of that.

    >>> busy = Retryable("busy", timedelta(seconds=100))
    >>> pause_after(1, busy, Answered(0.0, "worker-1", busy, 0.5)), pause_after(1, Retryable(""), Answered(0.0, "", busy, 0.5))
    (100.0, 15.0)
    """
    return max(min(event.policy.initial_delay + event.draw * event.policy.bound(attempts), _LONGEST), rest_after(outcome, event.policy))


def rest_after(outcome: DeliveryError, policy: RetryPolicy) -> float:
    """The seconds for which nothing else is sent to a destination that answered so: as long as it asks for."""
    asked = outcome.after if isinstance(outcome, Retryable) and outcome.after is not None else timedelta(0)
    return min(max(policy.initial_delay, asked.total_seconds()), _LONGEST)


def _refusals(outcome: Delivered) -> str | None:
    return f"refused for {', '.join(outcome.refused)}" if outcome.refused else None


def _over(row: Row, status: Status, at: float, reason: str | None) -> Row:
    return attrs.evolve(row, status=status, claim=None, due=at, reason=reason, ended=at)
