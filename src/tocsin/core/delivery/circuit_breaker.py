"""A circuit breaker for each destination: while a destination is dead or too slow, no message to it is tried.

- The circuit of a dead destination, which a person must fix, opens for five minutes.
- A destination that fails slowly costs its callers time. Once failures in a row have cost ``max_lost`` seconds, its circuit opens for a
  minute, and again after each failed try from then on. So a caller loses less than ``max_lost`` and one try in any minute.
- Once the time of an open circuit is over, a message is tried again. If that fails, the circuit opens again.
- A delivery closes the circuit and forgets all failures. So does a minute without failures, unless ``max_lost`` was reached.
- A message that was rejected, shown, queued or withheld says nothing about its destination.
"""

from datetime import timedelta
from typing import assert_never

import attrs

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
from tocsin.core.text import span
from tocsin.core.values import Value

DEAD_SECONDS = 300.0
"""For how many seconds the circuit of a dead destination opens."""
SLOW_SECONDS = 60.0
"""For how many seconds the circuit of a slow destination opens. A pause of this length also ends a row of failures."""
MAX_LOST_SECONDS = 10.0
"""The seconds that callers may lose on failures in a row before the circuit opens."""


@attrs.frozen(eq=False, repr=False)
class Circuit(Value):
    """The state of a destination's circuit. A new circuit is closed.

    Args:
        lost: the seconds that callers lost on failures in a row.
        at: the moment of the last failure, in seconds of the clock.
        until: the moment until which the circuit is open.
        error: the outcome of a message while the circuit is open; None if the circuit is closed.
    """

    lost: float = 0.0
    at: float = 0.0
    until: float = 0.0
    error: Retryable | DestinationDead | None = None


def error_if_open(circuit: Circuit, now: float) -> DeliveryError | None:
    """Return the outcome of a message that is not tried because the circuit is open; None if the message is to be tried.

    ``now`` is in seconds of the clock. If the clock jumped back, the result is None too: one try too many is better than an hour
    without any.
    """
    if not circuit.at <= now < circuit.until:
        return None
    if isinstance(circuit.error, Retryable):
        return attrs.evolve(circuit.error, after=timedelta(seconds=circuit.until - now))
    return circuit.error


def record(circuit: Circuit, outcome: Outcome, now: float, spent: float, max_lost: float = MAX_LOST_SECONDS) -> Circuit:
    """Return the circuit after a message was tried.

    Args:
        circuit: the circuit before.
        outcome: the outcome of the message.
        now: the moment of the outcome, in seconds of the clock.
        spent: the seconds that a caller waited for the outcome; 0 if none waited.
        max_lost: the seconds that callers may lose on failures in a row: the caller's timeout, if it has one.

    >>> circuit = record(Circuit(), DestinationDead("the webhook was revoked"), now=0.0, spent=0.2)
    >>> error_if_open(circuit, now=299.0), error_if_open(circuit, now=300.0)
    (DestinationDead(reason='the webhook was revoked'), None)
    """
    match outcome:
        case Delivered():
            return Circuit()
        case DestinationDead():
            return Circuit(circuit.lost, now, now + DEAD_SECONDS, outcome)
        case Retryable() | Ambiguous():
            return _failed(circuit, outcome, now, spent, max_lost)
        case Rejected() | Queued() | Withheld() | Shown():
            return circuit
        case _:
            assert_never(outcome)


def _failed(circuit: Circuit, error: Retryable | Ambiguous, now: float, spent: float, max_lost: float) -> Circuit:
    if error_if_open(circuit, now) is not None:  # the message was under way when another one opened the circuit
        return circuit
    spent = max(spent, 0.0)
    in_a_row = circuit.lost >= max_lost or now - spent - circuit.at <= SLOW_SECONDS
    lost = spent + (circuit.lost if in_a_row else 0.0)
    if lost < max_lost:
        return Circuit(lost, now)
    reason = f"{span(timedelta(seconds=lost))} were lost on tries that failed, so none is made for a minute; the last: {error.reason}"
    return Circuit(lost, now, now + SLOW_SECONDS, Retryable(reason))
