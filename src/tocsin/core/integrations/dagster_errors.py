"""The errors of Dagster's event log, as exceptions.

- The error of an event is a chain, from what Dagster raised to what the body raised. The first that is not Dagster's own is told.
- The log has the name of its class and its text, so an exception is made of them.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from types import new_class

from tocsin.core import events as e
from tocsin.core import states as s
from tocsin.core.endings import failure
from tocsin.core.text import is_a, type_name

Link = tuple[str, str]
"""One error of a chain: the name of its class, and its text."""

CRASHED = "ChildProcessCrashException"
"""What Dagster raises where the process of a step is gone. Its text is empty."""

_STOPPED = frozenset({"KeyboardInterrupt", "DagsterExecutionInterruptedError"})
_OURS = ("Dagster", "RetryRequested")  # the beginnings of the names of Dagster's own errors


def failed(
    at: datetime, error: BaseException | None, reason: str | None, took: timedelta | None
) -> e.Signalled | e.Raised | e.TimedOutAt | e.Interrupted:
    """Return the event for an error; where there is none, for what Dagster says."""
    if error is None:
        return e.Signalled(at, state=s.Failed(reason), took=took)
    if type_name(error) in _STOPPED:
        return e.Interrupted(at, error, took=took)
    return failure(error, at, took=took)


def original(chain: Sequence[Link]) -> Link | None:
    """Return the first error of a chain that is not Dagster's own; the last one if all are.

    >>> original([("RetryRequestedFromPolicy", "Exceeded max_retries of 2"), ("OSError", "OSError: disk full")])
    ('OSError', 'OSError: disk full')
    """
    return next((link for link in chain if not link[0].startswith(_OURS)), chain[-1] if chain else None)


def rebuilt(chain: Sequence[Link]) -> BaseException | None:
    """Return an exception with the class name and the text that the log has of one."""
    found = original(chain)
    if found is None:
        return None
    kind, text = (found[0] if found[0].isidentifier() else "Error"), found[1].strip()
    _, colon, rest = text.partition(": ")  # "package.ClassName: text", or the class alone
    head = text.partition(":")[0].rpartition(".")[2]
    worded = (rest if colon else "") if head == kind else text
    base = TimeoutError if kind == "TimeoutError" else Exception
    made: object = new_class(kind, (base,))(*([worded] if worded else []))
    assert is_a(made, BaseException)
    return made
