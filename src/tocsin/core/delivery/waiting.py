"""What becomes of messages that wait: of those that were folded while they did, and of those that were still there at the end."""

import attrs

from tocsin.core.effects import Message
from tocsin.core.outcomes import Ambiguous, Delivered, DeliveryError, Outcome, Retryable


def within(outcome: Outcome, digest: Message) -> Outcome:
    """The outcome of a message that was folded into ``digest``, of which it is the outcome."""
    if isinstance(outcome, Delivered) and outcome.in_digest is None:
        return attrs.evolve(outcome, in_digest=digest.key)
    return outcome


def unsent(*, started: bool) -> DeliveryError:
    """The outcome of a message where nobody could wait for it any longer; ``started``: it was being sent.

    >>> unsent(started=False)
    Retryable(reason='the process ended before it could be sent', after=None)
    """
    if started:
        return Ambiguous("the process ended while it was sent: it may have arrived")
    return Retryable("the process ended before it could be sent")


def unfinished(destination: str, waiting: int, sending: int) -> str:
    """What to say of messages that had not ended when nobody could wait any longer.

    >>> unfinished("Slack (TEAM)", waiting=0, sending=1)
    '1 message to Slack (TEAM) had no answer in time, and may have arrived'
    >>> unfinished("Slack (TEAM)", waiting=1200, sending=0)
    '1,200 messages to Slack (TEAM) could not be sent in time'
    """
    late = f"{_messages(waiting)} to {destination} could not be sent in time"
    unknown = f"{_messages(sending)} to {destination} had no answer in time, and may have arrived"
    return "; ".join([*([late] if waiting else []), *([unknown] if sending else [])])


def _messages(count: int) -> str:
    return "1 message" if count == 1 else f"{count:,} messages"
