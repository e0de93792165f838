"""The event that the end of a command, or of a watched body, means.

A command (``outcome``):

- Exit status 0 is a success. Any other status is a failure, and so is a death by a signal that the supervisor did not pass on.
- A command that was stopped from outside (Ctrl-C, a service manager) was stopped on purpose: it is aborted and not retried. If it was
  asked to end and ended with status 0, it is a success.
- A command that cannot be started is not retried, since it would not start the next time either.

A watched body (``ending``):

- A tocsin signal means its state, as in a task. ``SystemExit`` with status 0 is a success.
- ``GeneratorExit`` is a success: the consumer closed the generator early.
- ``TimeoutError`` is a time-out, wherever it comes from. Any other ``Exception`` is a failure.
- What ``except Exception`` does not catch (``KeyboardInterrupt``, a cancellation, ``SystemExit`` with another status) stopped the body
  from outside: the body is aborted.
- No event holds the body's return value.
"""

from datetime import datetime, timedelta

import attrs

from tocsin.core import events as e
from tocsin.core.events import UNKNOWN, Event, Facts
from tocsin.core.signals import ENDRUN, Signal
from tocsin.core.states import Failed
from tocsin.core.supervisor import Ended, describe_end
from tocsin.core.text import describe
from tocsin.core.values import Value

KILLED = "tocsin itself was killed while this ran: how it ended is not known"
"""The message of a run whose end was not observed."""

STOPPED = "stopped before another attempt"
"""The message of a run that was asked to end while it waited for its next attempt."""

CLOSED = "closed before its end"
"""The message of a generator that its consumer closed early."""

Failure = e.Raised | e.TimedOutAt | e.Interrupted
"""The events that an uncaught exception can mean."""

Ending = e.Succeeded | e.Signalled | Failure
"""The events that the end of a watched body can mean."""


@attrs.frozen(eq=False, repr=False)
class Command(Value):
    """A watched command, by the name shown to people."""

    name: str


def outcome(ended: Ended, at: datetime, attempt: int = 1, facts: Facts = UNKNOWN) -> Event:
    """Return the event for the end of the attempt with the 1-based number ``attempt``.

    >>> from datetime import UTC
    >>> event = outcome(Ended(status=3, began=0.0, started=0.0, ended=1.0), datetime(2026, 1, 1, tzinfo=UTC))
    >>> event.state
    Failed("exit status 3")
    """
    took = timedelta(seconds=max(ended.ended - ended.started, 0.0))
    if ended.timed_out:
        return e.TimedOutAt(at, describe_end(ended), facts=facts, took=took)
    if ended.fault is not None:
        return e.Signalled(at, state=Failed(describe_end(ended)), ends=True, attempt=attempt, facts=facts, took=took)
    if ended.status == 0:
        return e.Succeeded(at, message=None, facts=facts, took=took)
    if ended.stopped_by is not None:
        return e.Interrupted(at, message=describe_end(ended), facts=facts, took=took)
    return e.Signalled(at, state=Failed(describe_end(ended)), attempt=attempt, facts=facts, took=took)


def ending(error: BaseException | None, at: datetime, facts: Facts = UNKNOWN, took: timedelta | None = None) -> Ending:
    """Return the event for a body that ended at ``at`` (aware) with the exception ``error``, or None if it raised nothing.

    ``took`` is how long it ran, by a clock that nobody sets.

    >>> from datetime import UTC
    >>> now = datetime(2026, 1, 1, tzinfo=UTC)
    >>> type(ending(None, now)).__name__, type(ending(SystemExit(2), now)).__name__
    ('Succeeded', 'Interrupted')
    """
    if error is None or (isinstance(error, SystemExit) and _went_well(error.code)):
        return e.Succeeded(at, None, None, facts=facts, took=took)
    if isinstance(error, Signal):
        return e.Signalled(at, state=error.state, ends=isinstance(error, ENDRUN), facts=facts, took=took)
    if isinstance(error, GeneratorExit):
        return e.Succeeded(at, None, CLOSED, facts=facts, took=took)
    return failure(error, at, facts, took)


def failure(error: BaseException, at: datetime, facts: Facts = UNKNOWN, took: timedelta | None = None) -> Failure:
    """Return the event for an uncaught exception, of a body that ``took`` so long if that was measured."""
    if isinstance(error, TimeoutError):
        return e.TimedOutAt(at, describe(error), error, facts=facts, took=took)
    if isinstance(error, Exception):
        return e.Raised(at, error=error, facts=facts, took=took)
    return e.Interrupted(at, error, facts=facts, took=took)


def _went_well(code: object) -> bool:
    """Return whether the Python interpreter would exit with status 0."""
    return code is None or (isinstance(code, int) and code == 0)
