"""A command that was run: what its end means to the machine.

- Exit status 0 is a success, any other a failure, and so is a death by a signal that nobody here sent.
- Who stopped it from outside (Ctrl-C, a supervisor) did so on purpose: it was aborted, and is not tried again. One that was asked to
  end and ended with status 0 did as it was asked: a success.
- What cannot be started will not start the next time either: it is not tried again.

How a watched body ended, as an event: what it raised, or that it raised nothing.

- A signal means its state, as in a task. ``SystemExit`` with the status 0 is how a program says that it went well.
- ``GeneratorExit`` says that nobody wanted more: its consumer closed a generator early, which is no failure.
- ``TimeoutError`` is a time-out, whoever's. Any other exception is a failure. What no ``except Exception`` would catch
  (``KeyboardInterrupt``, a cancellation, ``SystemExit`` with another status) stopped the body from outside: it was aborted.
- What the body returned is in no event: nobody asked for it.
"""

from datetime import datetime

import attrs

from tocsin.core import events as e
from tocsin.core.events import UNKNOWN, Event, Facts
from tocsin.core.messages.text import describe
from tocsin.core.signals import ENDRUN, Signal
from tocsin.core.states import Failed
from tocsin.core.supervisor import Ended, describe_end
from tocsin.core.values import Value

KILLED = "tocsin itself was killed while this ran: how it ended is not known"
"""What is said of a run that nobody saw the end of."""

STOPPED = "stopped before another attempt"
"""What is said of a run that was asked to end while it waited."""


@attrs.frozen(eq=False, repr=False)
class Command(Value):
    """A command under watch, by the name that people know it by."""

    name: str


def outcome(ended: Ended, at: datetime, attempt: int = 1, facts: Facts = UNKNOWN) -> Event:
    """What the end of the ``attempt``-th attempt (from 1) means.

    >>> from datetime import UTC
    >>> event = outcome(Ended(status=3, started=0.0, ended=1.0), datetime(2026, 1, 1, tzinfo=UTC))
    >>> event.state
    Failed("exit status 3")
    """
    if ended.timed_out:
        return e.TimedOutAt(at, describe_end(ended), facts=facts)
    if ended.fault is not None:
        return e.Signalled(at, state=Failed(describe_end(ended)), ends=True, attempt=attempt, facts=facts)
    if ended.status == 0:
        return e.Succeeded(at, message=None, facts=facts)
    if ended.stopped_by is not None:
        return e.Interrupted(at, message=describe_end(ended), facts=facts)
    return e.Signalled(at, state=Failed(describe_end(ended)), attempt=attempt, facts=facts)


CLOSED = "closed before its end"

Failure = e.Raised | e.TimedOutAt | e.Interrupted
"""What an exception that nobody caught can mean."""

Ending = e.Succeeded | e.Signalled | Failure
"""What an exception that left a body can mean, or the lack of one."""


def ending(error: BaseException | None, at: datetime, facts: Facts = UNKNOWN) -> Ending:
    """How a body ended that raised ``error``, or None, at ``at``, an aware datetime.

    >>> from datetime import UTC
    >>> now = datetime(2026, 1, 1, tzinfo=UTC)
    >>> type(ending(None, now)).__name__, type(ending(SystemExit(2), now)).__name__
    ('Succeeded', 'Interrupted')
    """
    if error is None or (isinstance(error, SystemExit) and _went_well(error.code)):
        return e.Succeeded(at, None, None, facts=facts)
    if isinstance(error, Signal):
        return e.Signalled(at, state=error.state, ends=isinstance(error, ENDRUN), facts=facts)
    if isinstance(error, GeneratorExit):
        return e.Succeeded(at, None, CLOSED, facts=facts)
    return failure(error, at, facts)


def failure(error: BaseException, at: datetime, facts: Facts = UNKNOWN) -> Failure:
    """What an exception means that nobody caught."""
    if isinstance(error, TimeoutError):
        return e.TimedOutAt(at, describe(error), error, facts=facts)
    if isinstance(error, Exception):
        return e.Raised(at, error=error, facts=facts)
    return e.Interrupted(at, error, facts=facts)


def _went_well(code: object) -> bool:
    """Whether the interpreter would exit with the status 0."""
    return code is None or (isinstance(code, int) and code == 0)
