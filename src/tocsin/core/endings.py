"""The event that the end of a command, or of a watched body, means.

A command (``outcome``):

- Exit status 0 is a success, unless other statuses are expected: then each of these is. Any other status is a failure, and so is a
  death by a signal that the supervisor did not pass on. A death by signal N has the status 128+N.
- A command that was stopped from outside (Ctrl-C, a service manager) was stopped on purpose: it is aborted and not retried. If it was
  asked to end and ended with an expected status, it is a success.
- A command that cannot be started is not retried, since it would not start the next time either.

A watched body (``ending``):

- A tocsin signal means its state, as in a task. ``SystemExit`` with status 0 is a success.
- ``GeneratorExit`` is a success: the consumer closed the generator early.
- ``TimeoutError`` is a time-out, wherever it comes from. Any other ``Exception`` is a failure.
- What ``except Exception`` does not catch (``KeyboardInterrupt``, a cancellation, ``SystemExit`` with another status) stopped the body
  from outside: the body is aborted.
- No event holds the body's return value.

A group of exceptions, as of an ``asyncio.TaskGroup``, ends as the gravest of the exceptions in it, at any depth (``deciding``); among
equals, the first one. From the gravest on: a ``KeyboardInterrupt``, an error, a signal of a failure, a time-out, a cancellation or an
exit, a signal of an unfinished state such as ``RETRY``, a skip, a success. So an error and the cancellations it caused are a failure.
A sentence names the gravest one before the group (``described``).
"""

from collections.abc import Container, Iterator, Mapping
from datetime import datetime, timedelta
from types import MemberDescriptorType, new_class
from typing import TypeGuard

import attrs

from tocsin.core import events as e
from tocsin.core.command_end import kind_of_end
from tocsin.core.events import UNKNOWN, Facts
from tocsin.core.expected import NOTHING_EXPECTED, ExpectedKinds, expected_state
from tocsin.core.signals import ENDRUN, Signal
from tocsin.core.states import KINDS, Aborted, Failed, Finished, Looped, Skipped, State, TimedOut
from tocsin.core.supervisor import Ended, describe_end
from tocsin.core.text import describe, is_a, own, traceback_of, type_name
from tocsin.core.values import Value

_CODE: MemberDescriptorType = vars(SystemExit)["code"]
_EXCEPTIONS: MemberDescriptorType = vars(BaseExceptionGroup)["exceptions"]

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


SUCCESS: frozenset[int] = frozenset({0})
"""The exit statuses that count as success unless others are expected."""


def outcome(ended: Ended, at: datetime, attempt: int = 1, facts: Facts = UNKNOWN, expected: Container[int] = SUCCESS) -> Ending:
    """Return the event for the end of the attempt with the 1-based number ``attempt``; ``expected`` are the statuses of a success.

    >>> from datetime import UTC
    >>> event = outcome(Ended(status=3, began=0.0, started=0.0, ended=1.0), datetime(2026, 1, 1, tzinfo=UTC))
    >>> event.state
    Failed("exit status 3")
    """
    took = timedelta(seconds=max(ended.ended - ended.started, 0.0))
    is_fault, is_stopped = ended.fault is not None, ended.stopped_by is not None
    kind = kind_of_end(ended.status, timed_out=ended.timed_out, is_fault=is_fault, is_stopped=is_stopped, expected=expected)
    if kind == "TimedOut":
        return e.TimedOutAt(at, describe_end(ended), facts=facts, took=took)
    if kind == "Success":
        message = None if ended.status == 0 else f"{describe_end(ended)}, which was expected"
        return e.Succeeded(at, message=message, facts=facts, took=took)
    if kind == "Aborted":
        return e.Interrupted(at, message=describe_end(ended), facts=facts, took=took)
    unexpected = ", which was not expected" if ended.status == 0 and not is_fault else ""
    failed = Failed(f"{describe_end(ended)}{unexpected}")
    return e.Signalled(at, state=failed, ends=is_fault, attempt=attempt, facts=facts, took=took)


def ending(
    error: BaseException | None,
    at: datetime,
    facts: Facts = UNKNOWN,
    took: timedelta | None = None,
    expected: ExpectedKinds = NOTHING_EXPECTED,
) -> Ending:
    """Return the event for a body that ended at ``at`` (aware) with the exception ``error``, or None if it raised nothing.

    ``took`` is how long it ran, by a clock that nobody sets. ``expected`` has what exceptions that control the program mean.

    >>> from datetime import UTC
    >>> now = datetime(2026, 1, 1, tzinfo=UTC)
    >>> type(ending(None, now)).__name__, type(ending(SystemExit(2), now)).__name__
    ('Succeeded', 'Interrupted')
    """
    if error is None:
        return e.Succeeded(at, None, None, facts=facts, took=took)
    meant = _expected(error, expected) if expected else None
    if meant is not None:
        return e.Signalled(at, state=meant, facts=facts, took=took)
    one = deciding(error)
    if issubclass(type(one), SystemExit) and _went_well(own(_CODE, one)):
        return e.Succeeded(at, None, None, facts=facts, took=took)
    if issubclass(type(one), GeneratorExit):
        return e.Succeeded(at, None, CLOSED, facts=facts, took=took)
    signal = _signalled(one, at, 1, facts, took) if issubclass(type(one), Signal) else None
    return signal or _failure(error, one, at, facts, took)


def _expected(error: BaseException, expected: ExpectedKinds) -> State | None:
    """Return the state that an exception is expected to mean. A group is expected if each exception in it is."""
    states = [expected_state(expected, leaf) for leaf in leaves(error)]
    found = [state for state in states if state is not None]
    return min(found, key=_gravity_of_state) if found and len(found) == len(states) else None


def _failure(error: BaseException, one: BaseException, at: datetime, facts: Facts, took: timedelta | None) -> Failure:
    """Return the event for an exception that means what ``one`` means."""
    if issubclass(type(one), TimeoutError):
        return e.TimedOutAt(at, described(error), error, facts=facts, took=took)
    if issubclass(type(one), Exception):
        return e.Raised(at, error=error, facts=facts, took=took)
    return e.Interrupted(at, error, facts=facts, took=took)


def failure(error: BaseException, at: datetime, facts: Facts = UNKNOWN, took: timedelta | None = None) -> Failure:
    """Return the event for an uncaught exception, of a body that ``took`` so long if that was measured."""
    return _failure(error, deciding(error), at, facts, took)


def body_ending(
    error: BaseException, at: datetime, attempt: int, facts: Facts = UNKNOWN, took: timedelta | None = None
) -> e.Signalled | Failure:
    """Return the event for an exception that left a task's body in this 1-based attempt. An exit of any status interrupts a flow."""
    one = deciding(error)
    signal = _signalled(one, at, attempt, facts, took) if issubclass(type(one), Signal) else None
    return signal or _failure(error, one, at, facts, took)


def _signalled(error: BaseException, at: datetime, attempt: int, facts: Facts, took: timedelta | None) -> e.Signalled | None:
    """Return the event for a signal; None for one that does not tell its state."""
    state = signalled_state(error)
    if state is None:
        return None
    return e.Signalled(at, state=state, ends=is_a(error, ENDRUN), attempt=attempt, facts=facts, took=took)


def signalled_state(error: BaseException) -> State | None:
    """Return the state of a signal; None for any other exception, and for a subclass of a user's that does not tell its state."""
    try:
        state: object = error.state if is_a(error, Signal) else None
    except KeyboardInterrupt:
        raise
    except BaseException:
        return None
    return state if is_a(state, State) else None


def logged_state(message: str, error: BaseException | None) -> State:
    """Return the state that a log record with this text means. It is Failed, unless its exception means another failure, or a skip.

    Its result is the exception.
    """
    if error is None:
        return Failed(message)
    one = deciding(error)
    known: Mapping[int, type[State]] = {_INTERRUPTED: Aborted, _TIMED_OUT: TimedOut, _ABORTED: Aborted, _SKIPPED: Skipped}
    return known.get(_gravity(one), Failed)(message, error)


def leaves(error: BaseException) -> Iterator[BaseException]:
    """Yield the exceptions in a group, at any depth and in order; of any other exception, itself."""
    waiting = [error]
    while waiting:
        one = waiting.pop()
        inside = own(_EXCEPTIONS, one) if issubclass(type(one), BaseExceptionGroup) else None
        if _are_exceptions(inside):
            waiting += reversed(inside)
        else:
            yield one


def _are_exceptions(inside: object) -> TypeGuard[tuple[BaseException, ...]]:
    return type(inside) is tuple


def deciding(error: BaseException) -> BaseException:
    """Return the exception that decides what ``error`` means: of a group the gravest one in it, the first among equals.

    >>> deciding(ExceptionGroup("two tasks", [TimeoutError("late"), ValueError("no rows")]))
    ValueError('no rows')
    """
    return min(leaves(error), key=_gravity) if issubclass(type(error), BaseExceptionGroup) else error


def around(error: BaseException) -> Mapping[int, BaseException]:
    """Return, for each exception in a group at any depth, the group that directly holds it, by the id of the exception.

    One that several groups hold is said to be in one of them.
    """
    found: dict[int, BaseException] = {}
    waiting = [error]
    while waiting:
        group = waiting.pop()
        inside = own(_EXCEPTIONS, group) if issubclass(type(group), BaseExceptionGroup) else None
        for each in reversed(inside) if _are_exceptions(inside) else ():  # so that the first is looked into first
            if id(each) not in found:
                found[id(each)] = group
                waiting.append(each)
    return found


def described(error: BaseException) -> str:
    """Return the type and the message of an exception. Of a group, those of the exception that decides stand first.

    >>> described(ValueError("no rows"))
    'ValueError: no rows'
    >>> described(ExceptionGroup("two tasks", [TimeoutError("late"), ValueError("no rows")]))
    'ValueError: no rows, in ExceptionGroup: two tasks (2 sub-exceptions)'
    """
    return f"{describe(deciding(error))}, in {describe(error)}" if issubclass(type(error), BaseExceptionGroup) else describe(error)


def stand_in(error: BaseException) -> BaseException:
    """Return an exception with the same meaning and name, whose text runs no code of the user's.

    It stands for one whose own text raised a KeyboardInterrupt, so that people are told of the end all the same.

    >>> stand_in(TimeoutError("late"))
    TimeoutError('<its text was interrupted>')
    """
    one = min(leaves(error), key=_gravity_of_kind)
    base = next((base for base in (TimeoutError, SystemExit, KeyboardInterrupt, Exception) if is_a(one, base)), BaseException)
    made: object = new_class(type_name(one), (base,))("<its text was interrupted>")
    assert is_a(made, BaseException)  # it derives from one
    return made.with_traceback(traceback_of(one))


def spoken(state: State) -> State:
    """Return the state with a ``stand_in`` for an exception as its result."""
    result = state.result
    if not is_a(result, BaseException):
        return state
    try:
        return attrs.evolve(state, result=stand_in(result))
    except Exception:  # a user's own kind may take other arguments
        return next(kind for kind in type(state).__mro__ if kind in KINDS)(state.message, stand_in(result))


_INTERRUPTED, _ERROR, _FAILED, _TIMED_OUT, _ABORTED, _UNFINISHED, _SKIPPED, _SUCCEEDED = range(8)


def _gravity(error: BaseException) -> int:
    """Return how grave an exception is among those of a group: 0 is the gravest."""
    state = signalled_state(error)
    return _gravity_of_kind(error) if state is None else _gravity_of_state(state)


def _gravity_of_kind(error: BaseException) -> int:
    kind = type(error)
    if issubclass(kind, TimeoutError):
        return _TIMED_OUT
    if issubclass(kind, Exception):
        return _ERROR
    if issubclass(kind, GeneratorExit) or (issubclass(kind, SystemExit) and _went_well(own(_CODE, error))):
        return _SUCCEEDED
    return _INTERRUPTED if issubclass(kind, KeyboardInterrupt) else _ABORTED


def _gravity_of_state(state: State) -> int:
    match state:
        case TimedOut():
            return _TIMED_OUT
        case Aborted():
            return _ABORTED
        case Failed():
            return _FAILED
        case Skipped():
            return _SKIPPED
        case _:
            return _SUCCEEDED if isinstance(state, Finished) and not isinstance(state, Looped) else _UNFINISHED


def _went_well(code: object) -> bool:
    """Return whether the Python interpreter would exit with status 0."""
    return code is None or (is_a(code, int) and int.__eq__(code, 0))
