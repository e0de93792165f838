"""What several outcomes come to, where more than one interpreter had a hand in it: never better than the truth.

- It is ``Delivered`` only where one of them delivered, and of several that were all to deliver, only where all of them did.
- Where nobody took the message, the error is the one from which the least must be concluded, and its reason tells of each of them:

      Ambiguous         one of them may have told it: nobody may say that nobody was told
      Retryable         none has told it, and one of them may do so later
      Rejected          none ever will, but another message may get through
      DestinationDead   no message gets through to any of them

- Where some took it, and others failed, it is ``Ambiguous``: whoever tried it again would tell some people twice, as after an outcome
  that is unknown; so it is never tried again unless it says of itself that it may be a repetition.

What becomes of messages that wait: of those that were folded while they did, and of those that were still there at the end.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta

import attrs

from tocsin.core.delivery.rendering import marked_as_repeat, tells_of_failure
from tocsin.core.effects import Message
from tocsin.core.outcomes import (
    Ambiguous,
    Delivered,
    DeliveryError,
    DestinationDead,
    Outcome,
    Queued,
    Receipt,
    Rejected,
    Retryable,
    Shown,
    Withheld,
)

_BY_OPENNESS: tuple[type[object], ...] = (Ambiguous, Retryable, Rejected, DestinationDead)
"""From what is not even known to what is settled for ever."""
_AT_ONCE = timedelta(0)


def message_for_fallback(message: Message, error: DeliveryError) -> Message | None:
    """The message as it goes to the fallback after this error; None where it does not.

    One that may have arrived goes there only if it tells of a failure, and says that it may be a repetition: better to be told of that
    twice than not at all.
    """
    if not isinstance(error, Ambiguous):
        return message
    return marked_as_repeat(message) if tells_of_failure(message) else None


def after_fallback(first: DeliveryError, second: Outcome) -> Outcome:
    """What it comes to that ``first`` went wrong, and that the fallback then ended in ``second``.

    A fallback that withheld the message has told nobody, so that what went wrong is still to be said. If both may be tried again, then
    as soon as one of them may.

    >>> after_fallback(DestinationDead("Slack: no_service"), Delivered())
    Delivered(refused=(), in_digest=None)
    >>> after_fallback(DestinationDead("Slack: no_service"), Retryable("Gmail: try later"))
    Retryable(reason='Slack: no_service; and the fallback: Gmail: try later', after=None)
    """
    if isinstance(second, Withheld):
        return attrs.evolve(first, reason=f"{first.reason}; and the fallback withheld it: {second.reason}")
    if isinstance(second, Receipt):
        return second
    return _openmost((first, second), min, f"{first.reason}; and the fallback: {second.reason}")


def combined(outcomes: Sequence[Outcome]) -> Outcome:
    """What one effect came to that several interpreters were given, each to act on it; there is at least one.

    If it may be tried again, then only when it may be everywhere. What waits somewhere is not delivered yet; what was withheld or
    shown was not to be delivered.

    >>> combined([Delivered(("a@example.com",)), Delivered()])
    Delivered(refused=('a@example.com',), in_digest=None)
    >>> combined([Delivered(), Retryable("Gmail: try later")])
    Ambiguous(reason='1 of 2 took it, as far as is known; number 2: Gmail: try later')
    """
    if len(outcomes) == 1:
        return outcomes[0]
    errors = tuple(outcome for outcome in outcomes if isinstance(outcome, DeliveryError))
    if not errors:
        return _receipt(tuple(outcome for outcome in outcomes if isinstance(outcome, Receipt)))
    taken = sum(isinstance(outcome, Delivered | Queued) for outcome in outcomes)
    reason = "; ".join((f"{taken} of {len(outcomes)} took it, as far as is known", *_troubles(outcomes)))
    return Ambiguous(reason) if taken else _openmost(errors, max, reason)


def _openmost(errors: Sequence[DeliveryError], pick: Callable[[Iterable[timedelta]], timedelta], reason: str) -> DeliveryError:
    """The error from which the least must be concluded, for this reason; of several waits, the one to ``pick``."""
    openmost = next(error for kind in _BY_OPENNESS for error in errors if isinstance(error, kind))
    if not isinstance(openmost, Retryable):
        return attrs.evolve(openmost, reason=reason)
    waits = (error.after or _AT_ONCE for error in errors if isinstance(error, Retryable))
    return Retryable(reason, pick(waits) or None)


def _troubles(outcomes: Sequence[Outcome]) -> list[str]:
    """Each failure, and each refusal of a recipient, by the number of the interpreter that met with it."""
    troubles = ((number, _trouble(outcome)) for number, outcome in enumerate(outcomes, 1))
    return [f"number {number}: {trouble}" for number, trouble in troubles if trouble is not None]


def _trouble(outcome: Outcome) -> str | None:
    if isinstance(outcome, DeliveryError):
        return outcome.reason
    return f"refused for {', '.join(outcome.refused)}" if isinstance(outcome, Delivered) and outcome.refused else None


def _receipt(receipts: Sequence[Receipt]) -> Receipt:
    delivered = [receipt for receipt in receipts if isinstance(receipt, Delivered)]
    places = dict.fromkeys(receipt.where for receipt in receipts if isinstance(receipt, Queued))
    if places:
        return Queued("; ".join((" and ".join(places), *_troubles(receipts))))
    if delivered:
        refused = dict.fromkeys(address for receipt in delivered for address in receipt.refused)
        return Delivered(tuple(refused), next((receipt.in_digest for receipt in delivered if receipt.in_digest), None))
    if any(isinstance(receipt, Shown) for receipt in receipts):
        return Shown()
    return Withheld("; ".join(dict.fromkeys(receipt.reason for receipt in receipts if isinstance(receipt, Withheld))))


def outcome_in_digest(outcome: Outcome, digest: Message) -> Outcome:
    """The outcome of a message that was folded into ``digest``, of which it is the outcome."""
    if isinstance(outcome, Delivered) and outcome.in_digest is None:
        return attrs.evolve(outcome, in_digest=digest.key)
    return outcome


def outcome_at_exit(*, started: bool) -> DeliveryError:
    """The outcome of a message where nobody could wait for it any longer; ``started``: it was being sent.

    >>> outcome_at_exit(started=False)
    Retryable(reason='the process ended before it could be sent', after=None)
    """
    if started:
        return Ambiguous("the process ended while it was sent: it may have arrived")
    return Retryable("the process ended before it could be sent")


def describe_unfinished(destination: str, waiting: int, sending: int) -> str:
    """What to say of messages that had not ended when nobody could wait any longer.

    >>> describe_unfinished("Slack (TEAM)", waiting=0, sending=1)
    '1 message to Slack (TEAM) had no answer in time, and may have arrived'
    >>> describe_unfinished("Slack (TEAM)", waiting=1200, sending=0)
    '1,200 messages to Slack (TEAM) could not be sent in time'
    """
    late = f"{_messages(waiting)} to {destination} could not be sent in time"
    unknown = f"{_messages(sending)} to {destination} had no answer in time, and may have arrived"
    return "; ".join([*([late] if waiting else []), *([unknown] if sending else [])])


def _messages(count: int) -> str:
    return "1 message" if count == 1 else f"{count:,} messages"
