"""What a handler raises that stands alone and could not notify.

ValueError
└── NotificationFailed     refused, unreachable, timed out, a callback that raised
    └── SecretNotFound     a secret that it needs is not set anywhere
"""

from tocsin.core.effects import Effect
from tocsin.core.outcomes import DeliveryError, Rejected
from tocsin.shell.log import failure


class NotificationFailed(ValueError):
    """A notification failed; the message says which and why, in one line, and holds no secret.

    ``error`` is the delivery error: whether another try may help is its kind.
    """

    def __init__(self, message: str, error: DeliveryError) -> None:
        super().__init__(message)
        self.error = error

    def __reduce__(self) -> "tuple[type[NotificationFailed], tuple[str, DeliveryError]]":
        return type(self), (str(self), self.error)


class SecretNotFound(NotificationFailed):
    """A secret that the notification needs is not set in any of the places where it is looked for."""


def failed(effect: Effect, error: DeliveryError) -> NotificationFailed:
    """The exception for a delivery that failed, its cause set where a callback raised one."""
    missing = isinstance(error, Rejected) and error.secret is not None
    raised = (SecretNotFound if missing else NotificationFailed)(failure(effect, error), error)
    raised.__cause__ = error.cause if isinstance(error, Rejected) else None
    return raised
