"""All exceptions of tocsin, and ``Fault``, the record of one that your code raised. Signals are in ``tocsin.signals``.

The classes::

    ValueError
    ├── NotificationFailed     a handler that was called by hand could not notify
    │   └── SecretNotFound     a secret that the notification needs is not set anywhere
    └── OutboxError            the outbox cannot be used
        └── OutboxBusy         the thread that asks is already using it
    RuntimeError
    └── TaskFailed             a task failed without an exception, for example by the state that a handler returned
    Exception
    ├── RetriesExhausted       a body asked for more attempts than are allowed
    ├── HistoryError           the history of runs cannot be used
    └── PingFailed             a health-check service could not be pinged
"""

from tocsin.core.outcomes import Fault
from tocsin.core.planning import RetriesExhausted
from tocsin.flows.report import TaskFailed
from tocsin.shell.adapters.healthchecks import PingFailed
from tocsin.shell.errors import NotificationFailed, OutboxBusy, OutboxError, SecretNotFound
from tocsin.shell.history.journal import HistoryError

__all__ = [
    "Fault",
    "HistoryError",
    "NotificationFailed",
    "OutboxBusy",
    "OutboxError",
    "PingFailed",
    "RetriesExhausted",
    "SecretNotFound",
    "TaskFailed",
]
