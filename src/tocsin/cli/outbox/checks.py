"""What a service that sends from an outbox checks beside that: expected runs, and runs of other engines.

Its messages go into the outbox, from which it sends them.
"""

from typing_extensions import override

from tocsin.core.effects import CallBack, Effect
from tocsin.core.outcomes import STORED, Outcome, Retryable
from tocsin.integrations.no_end import tell_overdue_by_configuration
from tocsin.shell.absence import check_quietly
from tocsin.shell.errors import OutboxError
from tocsin.shell.history.foreign_runs import has_foreign_runs
from tocsin.shell.history.paths import has_expectations
from tocsin.shell.interpreter import OnSettled, Queueing
from tocsin.shell.outbox.codec import new_row
from tocsin.shell.outbox.store import Store
from tocsin.shell.threads import PeriodicCheck


class _Into(Queueing):
    """An interpreter that puts messages into an outbox, from which others send them."""

    notify = "live"

    def __init__(self, store: Store) -> None:
        self._store = store

    @override
    def submit(self, effect: Effect, on_settled: OnSettled, /) -> Outcome:
        """Store the message."""
        assert not isinstance(effect, CallBack)  # configured notifiers make messages alone
        try:
            self._store.put([new_row(effect, self._store.now())])
        except OutboxError as error:
            outcome = Retryable(str(error))
            on_settled(outcome)
            return outcome
        return STORED


def periodic_checks(store: Store) -> tuple[PeriodicCheck, ...]:
    """Return the checks of a service that sends from an outbox, whose messages go into that outbox.

    They are for runs that were expected and did not start, and for those of other engines of which no end was heard.
    """
    return (
        PeriodicCheck("tocsin_expect", lambda: check_quietly(lambda: _Into(store)), has_expectations),
        PeriodicCheck("tocsin_no_end", lambda: tell_overdue_by_configuration(lambda: _Into(store)), has_foreign_runs),
    )
