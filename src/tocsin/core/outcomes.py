"""How it went: two closed unions. A receipt says what became of an effect, a delivery error why nothing did.

    Receipt                                 DeliveryError
    ├── Delivered   the other side has it   ├── Retryable        not now; again after a while
    ├── Queued      waits, not delivered    ├── Rejected         not this one; again is no use
    ├── Withheld    not sent, on purpose    ├── DestinationDead  none will ever arrive there
    └── Shown       printed, not sent       └── Ambiguous        it may have arrived, or not

Reasons are for people, and redacted: no secret's value is in one.
"""

from datetime import timedelta

import attrs
from returns.io import IOResult

from tocsin.core.changes import Key
from tocsin.core.messages.text import describe
from tocsin.core.values import Value


@attrs.frozen(eq=False, repr=False)
class Delivered(Value):
    """Accepted by the other side.

    Args:
        refused: the recipients that it did not accept.
        in_digest: the key of the digest that it was a part of; None where it went out as a message of its own.
    """

    refused: tuple[str, ...] = ()
    in_digest: Key | None = None


@attrs.frozen(eq=False, repr=False)
class Queued(Value):
    """Waits in ``where`` to be sent; not delivered yet."""

    where: str


@attrs.frozen(eq=False, repr=False)
class Withheld(Value):
    """Not sent, on purpose."""

    reason: str


class Shown(Value):
    """Printed instead of sent."""

    __slots__ = ()


@attrs.frozen(eq=False, repr=False)
class Retryable(Value):
    """Not accepted now, and not acted on: another try may succeed, at the earliest ``after`` (None: soon)."""

    reason: str
    after: timedelta | None = None


@attrs.frozen(eq=False, repr=False)
class Rejected(Value):
    """Not accepted, and another try of the same would not be either.

    ``secret`` names the secret that was not found, where that is why. ``cause`` is what a callback of the user's raised.
    """

    reason: str
    secret: str | None = None
    cause: Exception | None = attrs.field(default=None, repr=False)


@attrs.frozen(eq=False, repr=False)
class DestinationDead(Value):
    """Nothing will arrive there until a person mends something: a revoked webhook, a wrong password."""

    reason: str


@attrs.frozen(eq=False, repr=False)
class Ambiguous(Value):
    """It went out, and no answer came: it may have arrived."""

    reason: str


Receipt = Delivered | Queued | Withheld | Shown
DeliveryError = Retryable | Rejected | DestinationDead | Ambiguous
Outcome = Receipt | DeliveryError


def received(receipt: Receipt) -> IOResult[Receipt, DeliveryError]:
    """A receipt as an interpreter returns it."""
    return IOResult.from_value(receipt)


def refused(error: DeliveryError) -> IOResult[Receipt, DeliveryError]:
    """A delivery error as an interpreter returns it."""
    return IOResult.from_failure(error)


@attrs.frozen(eq=False, repr=False)
class Fault(Value):
    """A piece of the user's code that raised, and was survived: a predicate, a check, a formatter, a handler, a trigger."""

    where: str
    error: BaseException

    def __str__(self) -> str:
        return f"{self.where} raised {describe(self.error)}"
