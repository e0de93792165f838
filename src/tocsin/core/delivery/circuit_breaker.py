"""What is known of a destination from what became of messages to it, so that a dead one is not tried for each message.

A circuit breaker, of two kinds. Whatever is closed is tried again once its time is over, and stays open if that goes well.

- One that is dead until a person mends something is closed for five minutes.
- One that takes its callers' time and fails: once what they lost on it in a row comes to their patience, it is closed for a minute;
  and again after each try that fails from then on. So in any minute a caller loses less than its patience and one try.
- A delivery opens it and forgets all that. So does a minute without failures, as long as patience was not at its end.
- A message that is rejected says nothing of its destination, and neither does one that was only shown, queued or withheld.
"""

from datetime import timedelta
from typing import assert_never

import attrs

from tocsin.core.messages.text import span
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

DEAD_SECONDS = 300.0
"""The seconds for which one that is dead is not tried."""
SLOW_SECONDS = 60.0
"""The seconds for which one that takes its callers' time is not tried; and how long a pause ends a row of failures."""
MAX_LOST_SECONDS = 10.0
"""The seconds that callers may lose on a destination before it is closed."""


@attrs.frozen(eq=False, repr=False)
class Circuit(Value):
    """What is known of a destination; at first, nothing, and it is trusted.

    Args:
        lost: the seconds that callers lost on failures in a row.
        at: when something was learned last, in seconds of the clock.
        until: until when it is not tried, if it is closed.
        error: what a message to it comes to meanwhile; None where it is not closed.
    """

    lost: float = 0.0
    at: float = 0.0
    until: float = 0.0
    error: Retryable | DestinationDead | None = None


def error_if_open(standing: Circuit, now: float) -> DeliveryError | None:
    """What becomes of a message that is not even tried; None: try it. ``now`` is in seconds of the clock.

    It is None too where the clock has jumped back: better one try too many than an hour without any.
    """
    if not standing.at <= now < standing.until:
        return None
    if isinstance(standing.error, Retryable):
        return attrs.evolve(standing.error, after=timedelta(seconds=standing.until - now))
    return standing.error


def record(standing: Circuit, outcome: Outcome, now: float, spent: float, patience: float = MAX_LOST_SECONDS) -> Circuit:
    """What is known once a message was tried.

    Args:
        standing: what was known.
        outcome: what became of the message.
        now: when that was, in seconds of the clock.
        spent: the seconds that somebody waited for it; 0 where nobody did.
        patience: the seconds that callers may lose in a row.

    >>> standing = record(Circuit(), DestinationDead("the webhook was revoked"), now=0.0, spent=0.2)
    >>> error_if_open(standing, now=299.0), error_if_open(standing, now=300.0)
    (DestinationDead(reason='the webhook was revoked'), None)
    """
    match outcome:
        case Delivered():
            return Circuit()
        case DestinationDead():
            return Circuit(standing.lost, now, now + DEAD_SECONDS, outcome)
        case Retryable() | Ambiguous():
            return _failed(standing, outcome, now, spent, patience)
        case Rejected() | Queued() | Withheld() | Shown():
            return standing
        case _:
            assert_never(outcome)


def _failed(standing: Circuit, error: Retryable | Ambiguous, now: float, spent: float, patience: float) -> Circuit:
    if error_if_open(standing, now) is not None:  # it was under way when another one closed it
        return standing
    spent = max(spent, 0.0)
    in_a_row = standing.lost >= patience or now - spent - standing.at <= SLOW_SECONDS
    lost = spent + (standing.lost if in_a_row else 0.0)
    if lost < patience:
        return Circuit(lost, now)
    said = f"{span(timedelta(seconds=lost))} were lost on tries that failed, so none is made for a minute; the last: {error.reason}"
    return Circuit(lost, now, now + SLOW_SECONDS, Retryable(said))
