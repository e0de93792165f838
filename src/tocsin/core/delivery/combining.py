"""The combined outcome of several outcomes, and the outcomes of messages in a digest or at exit.

- A combined outcome is never better than the truth. It is ``Delivered`` only if an interpreter delivered the message; if several had to
  deliver it, only if all of them did.
- If no interpreter took the message, the combined outcome is the error that settles the least. Its reason names each error:

      Ambiguous         an interpreter may have delivered it, so it cannot be called undelivered
      Retryable         no interpreter delivered it, and one of them may do so later
      Rejected          no interpreter will deliver this message, but another message may get through
      DestinationDead   no message gets through to any interpreter

- If some interpreters took the message and others failed, the combined outcome is ``Ambiguous``. Another try would tell some people
  twice, so the message is never tried again unless it is marked as a possible repetition.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta

import attrs

from tocsin.core.delivery.rendering import marked_as_repeat, tells_of_failure
from tocsin.core.effects import Effect, Message, Rest, SendEmail
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

_LEAST_SETTLED_FIRST: tuple[type[object], ...] = (Ambiguous, Retryable, Rejected, DestinationDead)
"""The kinds of errors, from the one that settles the least to the one that settles the most."""
_NO_WAIT = timedelta(0)


def narrowed(effect: Effect, outcome: Outcome) -> SendEmail | None:
    """Return the mail for the recipients that were refused for now; None if there are none, or if they are none of this mail's."""
    if not isinstance(effect, SendEmail) or not isinstance(outcome, Delivered) or not outcome.later:
        return None
    to, cc = effect.mail.recipients, effect.mail.cc
    if to is not None and not {*outcome.later} <= {*to, *cc}:  # an interpreter inside sent it to others
        return None
    pairs = zip(outcome.refused, outcome.errors, strict=False)
    refused = tuple((address, error.reason) for address, error in pairs if not isinstance(error, Retryable))
    return attrs.evolve(effect, rest=Rest(outcome.later, refused))


def with_earlier_refusals(effect: Effect, outcome: Outcome) -> Outcome:
    """Return the outcome of a mail to the rest of its recipients, with those that earlier tries found refused for good."""
    if not isinstance(effect, SendEmail) or effect.rest is None or not isinstance(outcome, Delivered):
        return outcome
    before = effect.rest.refused
    errors = (*(Rejected(reason) for _, reason in before), *outcome.errors)
    return attrs.evolve(outcome, refused=(*(address for address, _ in before), *outcome.refused), errors=errors)


def after_a_part(effect: Effect, outcome: Outcome) -> Outcome:
    """Return the outcome of a mail from that of its last try: if only its rest failed, it is delivered, and refused for the rest.

    A dead destination, and a secret that is not found, stay errors: a person repairs them, and the rest is sent then.
    """
    if not isinstance(effect, SendEmail) or effect.rest is None or not isinstance(outcome, Retryable | Ambiguous | Rejected):
        return outcome
    if isinstance(outcome, Rejected) and outcome.secret is not None:
        return outcome
    left = effect.rest.recipients
    return with_earlier_refusals(effect, Delivered(left, errors=(outcome,) * len(left)))


def message_for_fallback(message: Message, error: DeliveryError) -> Message | None:
    """Return the message as it goes to the fallback after this error; None if it does not go there.

    A message that may have arrived goes there only if it reports a failure, and is marked as a possible repetition: two messages about
    a failure are better than none.
    """
    if not isinstance(error, Ambiguous):
        return message
    return marked_as_repeat(message) if tells_of_failure(message) else None


def after_fallback(first: DeliveryError, second: Outcome) -> Outcome:
    """Return the outcome of a message whose first route failed with ``first`` and whose fallback ended in ``second``.

    If the fallback withheld the message, no person got it, so the first error stays the outcome. If both errors are ``Retryable``, the
    shorter wait counts.

    >>> after_fallback(DestinationDead("Slack: no_service"), Delivered())
    Delivered(refused=(), in_digest=None)
    >>> after_fallback(DestinationDead("Slack: no_service"), Retryable("Gmail: try later"))
    Retryable(reason='Slack: no_service; and the fallback: Gmail: try later', after=None)
    """
    if isinstance(second, Withheld):
        return attrs.evolve(first, reason=f"{first.reason}; and the fallback withheld it: {second.reason}")
    if isinstance(second, Receipt):
        return second
    return _least_settled((first, second), min, f"{first.reason}; and the fallback: {second.reason}")


def combined(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the outcome of one effect that several interpreters executed. There is at least one outcome.

    If the result is ``Retryable``, the longest wait counts. A queued effect is not delivered yet. An effect that was withheld or shown
    was not meant to be delivered.

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
    reason = "; ".join((f"{taken} of {len(outcomes)} took it, as far as is known", *_failures(outcomes)))
    return Ambiguous(reason) if taken else _least_settled(errors, max, reason)


def _least_settled(errors: Sequence[DeliveryError], pick: Callable[[Iterable[timedelta]], timedelta], reason: str) -> DeliveryError:
    """Return the error that settles the least, with this reason; of several waits, the one that ``pick`` selects."""
    least_settled = next(error for kind in _LEAST_SETTLED_FIRST for error in errors if isinstance(error, kind))
    if not isinstance(least_settled, Retryable):
        return attrs.evolve(least_settled, reason=reason)
    waits = (error.after or _NO_WAIT for error in errors if isinstance(error, Retryable))
    return Retryable(reason, pick(waits) or None)


def _failures(outcomes: Sequence[Outcome]) -> list[str]:
    """Return each failure, and each refusal of a recipient, with the number of its interpreter."""
    failures = ((number, _failure(outcome)) for number, outcome in enumerate(outcomes, 1))
    return [f"number {number}: {failure}" for number, failure in failures if failure is not None]


def _failure(outcome: Outcome) -> str | None:
    if isinstance(outcome, DeliveryError):
        return outcome.reason
    return f"refused for {', '.join(outcome.refused)}" if isinstance(outcome, Delivered) and outcome.refused else None


def _receipt(receipts: Sequence[Receipt]) -> Receipt:
    delivered = [receipt for receipt in receipts if isinstance(receipt, Delivered)]
    places = dict.fromkeys(receipt.where for receipt in receipts if isinstance(receipt, Queued))
    if places:
        return Queued("; ".join((" and ".join(places), *_failures(receipts))))
    if delivered:
        refused = tuple(dict.fromkeys(address for receipt in delivered for address in receipt.refused))
        in_digest = next((receipt.in_digest for receipt in delivered if receipt.in_digest), None)
        return Delivered(refused, in_digest, _errors(delivered, refused))
    if any(isinstance(receipt, Shown) for receipt in receipts):
        return Shown()
    return Withheld("; ".join(dict.fromkeys(receipt.reason for receipt in receipts if isinstance(receipt, Withheld))))


def _errors(delivered: Iterable[Delivered], refused: Sequence[str]) -> tuple[DeliveryError, ...]:
    """Return why each of these was refused, if all are known. None is to be tried again: the others would get the mail twice."""
    known = {address: error for receipt in delivered for address, error in zip(receipt.refused, receipt.errors, strict=False)}
    errors = [known[address] for address in refused if address in known]
    settled = tuple(Rejected(error.reason) if isinstance(error, Retryable) else error for error in errors)
    return settled if len(settled) == len(refused) else ()


def outcome_in_digest(outcome: Outcome, digest: Message) -> Outcome:
    """Return the outcome of a message that was folded into ``digest``, from the outcome of that digest."""
    if isinstance(outcome, Delivered) and outcome.in_digest is None:
        return attrs.evolve(outcome, in_digest=digest.key)
    return outcome


def outcome_at_exit(*, started: bool) -> DeliveryError:
    """Return the outcome of a message that was unfinished when the process ended; ``started``: whether sending had begun.

    >>> outcome_at_exit(started=False)
    Retryable(reason='the process ended before it could be sent', after=None)
    """
    if started:
        return Ambiguous("the process ended while it was sent: it may have arrived")
    return Retryable("the process ended before it could be sent")


def describe_unfinished(destination: str, waiting: int, sending: int) -> str:
    """Return a sentence about the messages that were unfinished when the exit timeout ended.

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
