"""Outcomes of effects: two closed unions. A receipt says what was done with an effect, a delivery error why it failed.

    Receipt                                 DeliveryError
    ├── Delivered   accepted by the service ├── Retryable        not accepted now; retry later
    ├── Queued      waits, not delivered    ├── Rejected         not accepted; a retry is useless
    ├── Withheld    not sent, on purpose    ├── DestinationDead  nothing can arrive there
    └── Shown       printed, not sent       └── Ambiguous        may have arrived, or not

Reasons are for people. They are redacted: none holds the value of a secret.
"""

from collections.abc import Sequence
from datetime import timedelta
from types import UnionType
from typing import Literal

import attrs

from tocsin.core.changes import Key
from tocsin.core.text import describe
from tocsin.core.values import Value


@attrs.frozen(eq=False, repr=False)
class Delivered(Value):
    """The service accepted the message.

    Args:
        refused: the recipients that the service did not accept.
        in_digest: the key of the digest that contained the message; None if it was sent on its own.
        errors: for each of the refused recipients, why it was not accepted; empty if nobody says. They take no part in equality.
    """

    refused: tuple[str, ...] = ()
    in_digest: Key | None = None
    errors: "tuple[DeliveryError, ...]" = attrs.field(default=(), eq=False, repr=False)

    @property
    def later(self) -> tuple[str, ...]:
        """Return the recipients that were refused for now: for them alone, a retry may succeed."""
        return tuple(address for address, error in zip(self.refused, self.errors, strict=False) if isinstance(error, Retryable))

    @property
    def after(self) -> timedelta | None:
        """Return the longest wait that the service asks for before a retry; None means soon."""
        return max((error.after for error in self.errors if isinstance(error, Retryable) and error.after is not None), default=None)

    @property
    def refusals(self) -> str:
        """Return who was refused and why, in words.

        >>> Delivered(("a@b.c", "d@b.c"), errors=(Rejected("Gmail refused the mail: 550 no such user"),)).refusals
        'a@b.c (Gmail refused the mail: 550 no such user), d@b.c'
        """
        reasons = (*(f" ({error.reason})" for error in self.errors), *("" for _ in self.refused))
        return ", ".join(f"{address}{reason}" for address, reason in zip(self.refused, reasons, strict=False))


@attrs.frozen(eq=False, repr=False)
class Queued(Value):
    """The message waits in ``where`` to be sent; it is not delivered yet."""

    where: str


@attrs.frozen(eq=False, repr=False)
class Withheld(Value):
    """The message was not sent, on purpose."""

    reason: str


@attrs.frozen(eq=False, repr=False)
class Silenced(Withheld):
    """The message was not sent, since its label is silent: nobody got it."""


class Shown(Value):
    """The message was printed instead of sent."""

    __slots__ = ()


@attrs.frozen(eq=False, repr=False)
class Retryable(Value):
    """The service did not accept the message and did nothing: a retry may succeed, at the earliest ``after`` (None: soon)."""

    reason: str
    after: timedelta | None = None


@attrs.frozen(eq=False, repr=False)
class Rejected(Value):
    """The message was not accepted, and a retry would not be either.

    ``secret`` names the secret that was not found, if that is the reason. ``cause`` is the exception of a user's callback.
    """

    reason: str
    secret: str | None = None
    cause: Exception | None = attrs.field(default=None, repr=False)


@attrs.frozen(eq=False, repr=False)
class DestinationDead(Value):
    """No message can arrive at the destination until a person repairs it: a revoked webhook, a wrong password."""

    reason: str


@attrs.frozen(eq=False, repr=False)
class Ambiguous(Value):
    """The message was sent and no answer came: it may have arrived."""

    reason: str


STORED = Queued("the outbox")
"""The message is committed to the outbox, which sends it even if this process is killed now."""

Receipt = Delivered | Queued | Withheld | Shown
DeliveryError = Retryable | Rejected | DestinationDead | Ambiguous
Outcome = Receipt | DeliveryError

Told = Literal["told", "queued", "silenced", "withheld", "unknown", "failed", "unwanted"]
"""Whether anybody was told of something.

- ``told``: a service accepted a message.
- ``queued``: a message waits to be sent.
- ``silenced``: its label is silent.
- ``withheld``: messages were printed or dropped, as a run without notifications asks.
- ``unknown``: a message may have arrived.
- ``failed``: no message was accepted.
- ``unwanted``: no handler has a message about it.
"""

_TOLD: tuple[tuple[Told, type[Value] | UnionType], ...] = (
    ("told", Delivered),
    ("queued", Queued),
    ("silenced", Silenced),
    ("unknown", Ambiguous),
    ("failed", DeliveryError),
    ("withheld", Receipt),
)
"""In this order: the first that holds of one message holds of all of them."""


def told(outcomes: Sequence[Outcome]) -> Told:
    """Return whether anybody was told, by the outcomes of all messages so far.

    >>> told([Rejected("gone"), Delivered()]), told([Rejected("gone"), Withheld("off")]), told([])
    ('told', 'failed', 'unwanted')
    """
    for word, kind in _TOLD:
        if any(isinstance(outcome, kind) for outcome in outcomes):
            return word
    return "unwanted"


@attrs.frozen(eq=False, repr=False)
class Fault(Value):
    """A caught exception of a user's code: a predicate, a check, a formatter, a handler, a trigger."""

    where: str
    error: BaseException

    def __str__(self) -> str:
        return f"{self.where} raised {describe(self.error)}"
