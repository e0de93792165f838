"""A command that was run: what its end means to the machine.

- Exit status 0 is a success, any other a failure, and so is a death by a signal that nobody here sent.
- Who stopped it from outside (Ctrl-C, a supervisor) did so on purpose: it was aborted, and is not tried again. One that was asked to
  end and ended with status 0 did as it was asked: a success.
- What cannot be started will not start the next time either: it is not tried again.
"""

from datetime import datetime

import attrs

from tocsin.core import events as e
from tocsin.core.events import UNKNOWN, Event, Facts
from tocsin.core.states import Failed
from tocsin.core.supervision import Ended, how
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
        return e.TimedOutAt(at, how(ended), facts=facts)
    if ended.fault is not None:
        return e.Signalled(at, state=Failed(how(ended)), ends=True, attempt=attempt, facts=facts)
    if ended.status == 0:
        return e.Succeeded(at, message=None, facts=facts)
    if ended.stopped_by is not None:
        return e.Interrupted(at, message=how(ended), facts=facts)
    return e.Signalled(at, state=Failed(how(ended)), attempt=attempt, facts=facts)
