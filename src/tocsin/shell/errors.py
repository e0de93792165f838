"""The exceptions of notifications and of the outbox. Importing them loads no database.

ValueError
├── NotificationFailed     refused, unreachable, timed out, a callback that raised
│   └── SecretNotFound     a secret that the notification needs is not set anywhere
└── OutboxError            the outbox cannot be used
    └── OutboxBusy         the thread that asks is already using it
"""

from tocsin.core.effects import Effect
from tocsin.core.outcomes import DeliveryError, Rejected
from tocsin.shell.log import failure


class NotificationFailed(ValueError):
    """A notification failed. The message names it and the reason in one line, without a secret.

    ``error`` is the delivery error; its class tells whether a retry may help.
    """

    __module__ = "tocsin.errors"  # where users find it

    def __init__(self, message: str, error: DeliveryError) -> None:
        super().__init__(message)
        self.error = error

    def __reduce__(self) -> "tuple[type[NotificationFailed], tuple[str, DeliveryError]]":
        return type(self), (str(self), self.error)


class SecretNotFound(NotificationFailed):
    """A secret that the notification needs is set in none of the places searched."""

    __module__ = "tocsin.errors"  # where users find it


class OutboxError(ValueError):
    """The outbox cannot be used. The message says in one line why and what to do, and holds no password."""

    __module__ = "tocsin.errors"  # where users find it


class OutboxBusy(OutboxError):
    """The outbox cannot be used from this thread at this moment, since the thread is already using it."""

    __module__ = "tocsin.errors"  # where users find it


def failed(effect: Effect, error: DeliveryError) -> NotificationFailed:
    """Return the exception for a failed delivery; its cause is the exception that a callback raised, if any."""
    missing = isinstance(error, Rejected) and error.secret is not None
    raised = (SecretNotFound if missing else NotificationFailed)(failure(effect, error), error)
    raised.__cause__ = error.cause if isinstance(error, Rejected) else None
    return raised
