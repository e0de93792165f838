"""What a supervisor does about what happens to the process that it looks after; the deeds, and the clock, are somebody else's.

- ``supervise`` is total: whatever happens, in whatever order, is answered with a state and with acts.
- Each signal that is to be passed on is passed on once. Nothing is sent to a process that has ended.
- A time-out asks first and kills later, and a process is killed once at most. What is left of the group of a process that had to be
  killed, or that timed out, is killed with it; what a process leaves behind that ended by itself is its own affair.
- Signals are numbers here: which of them mean what is in the rules.
"""

from datetime import timedelta
from typing import Literal, assert_never

import attrs

from tocsin.core.messages.text import span
from tocsin.core.values import Value

TIMED_OUT = 124
"""The exit status of a time-out, as of ``timeout`` and ``env``."""
_BY_SIGNAL = 128
_KILL = 9  # on every system
_NAMES = {
    1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 8: "SIGFPE", 9: "SIGKILL",
    11: "SIGSEGV", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM",
}  # fmt: skip


@attrs.frozen(eq=False, repr=False)
class SupervisorRules(Value):
    """What holds for one process from its start to its end.

    Args:
        passed_on: the signals that it is to get when the supervisor gets them.
        stopping: the signals that ask it to end, whether they are passed on or reach it by themselves.
        own_group: it leads a process group, to which all that is sent goes.
        timeout: seconds after which it is asked to end; None for never.
        kill_after: seconds after that, when it is killed.
    """

    passed_on: frozenset[int] = frozenset()
    stopping: frozenset[int] = frozenset()
    own_group: bool = True
    timeout: float | None = None
    kill_after: float = 10.0


Phase = Literal["running", "asked to end", "killed", "over"]


@attrs.frozen(eq=False, repr=False)
class Supervision(Value):
    """How things stand with a process. ``stopped_by`` is the first signal that asked it to end, ``raw`` the wait status of its end."""

    rules: SupervisorRules
    phase: Phase = "running"
    timed_out: bool = False
    killed: bool = False
    stopped_by: int | None = None
    raw: int | None = None

    @property
    def patience(self) -> float | None:
        """After how many seconds in this phase the deadline has passed; None where there is none."""
        if self.phase == "running":
            return self.rules.timeout
        return self.rules.kill_after if self.phase == "asked to end" else None


@attrs.frozen(eq=False, repr=False)
class SignalCame(Value):
    """The supervisor got a signal."""

    number: int


class DeadlinePassed(Value):
    """The phase has lasted as long as the supervision is patient."""

    __slots__ = ()


@attrs.frozen(eq=False, repr=False)
class ChildEnded(Value):
    """The process is over; ``raw`` is its wait status, as the system gives it."""

    raw: int


Happening = SignalCame | DeadlinePassed | ChildEnded


@attrs.frozen(eq=False, repr=False)
class Forward(Value):
    """Send the process a signal."""

    number: int


class Terminate(Value):
    """Ask the process to end, and wake it up if it is stopped, so that it can."""

    __slots__ = ()


class Kill(Value):
    """Kill the process."""

    __slots__ = ()


class KillRest(Value):
    """Kill what is left of the group that the process led."""

    __slots__ = ()


Act = Forward | Terminate | Kill | KillRest


def supervise(now: Supervision, happening: Happening) -> tuple[Supervision, tuple[Act, ...]]:
    """How things stand after something has happened, and what to do about it, in order.

    >>> now, acts = supervise(Supervision(SupervisorRules(timeout=60)), DeadlinePassed())
    >>> now.phase, acts, now.patience
    ('asked to end', (Terminate(),), 10.0)
    """
    if now.phase == "over":
        return now, ()
    match happening:
        case SignalCame(number=number):
            return _signalled(now, number)
        case DeadlinePassed():
            return _late(now)
        case ChildEnded(raw=raw):
            rest = now.rules.own_group and (now.timed_out or _signal(raw) == _KILL)
            return attrs.evolve(now, phase="over", raw=raw), (KillRest(),) if rest else ()
        case _:
            assert_never(happening)


def _signalled(now: Supervision, number: int) -> tuple[Supervision, tuple[Act, ...]]:
    acts = (Forward(number),) if number in now.rules.passed_on else ()
    if number in now.rules.stopping and now.stopped_by is None:
        now = attrs.evolve(now, stopped_by=number)
    return now, acts


def _late(now: Supervision) -> tuple[Supervision, tuple[Act, ...]]:
    if now.patience is None:
        return now, ()
    if now.phase == "running":
        return attrs.evolve(now, phase="asked to end", timed_out=True), (Terminate(),)
    return attrs.evolve(now, phase="killed", killed=True), (Kill(),)


@attrs.frozen(eq=False, repr=False, kw_only=True)
class Ended(Value):
    """How an attempt to run a command ended.

    Args:
        status: the exit status that tells of it, from 0 to 255.
        signal: the signal that it died of.
        timed_out: it took longer than it may.
        limit: how long it may take, in seconds, where it took longer.
        killed: it went on after being asked to end, and had to be killed.
        stopped_by: the signal that asked it to end, before it did.
        fault: why it could not be started, in words.
        tail: the end of its output, as it was written; empty where nobody asked for it.
        started: when, in seconds since 1970, by the system's clock.
        ended: when, by the same clock.
    """

    status: int
    signal: int | None = None
    timed_out: bool = False
    limit: float | None = None
    killed: bool = False
    stopped_by: int | None = None
    fault: str | None = None
    tail: bytes = attrs.field(default=b"", repr=False)  # it may be long, and anything may be in it
    started: float
    ended: float


def ending(over: Supervision, *, tail: bytes, started: float, ended: float) -> Ended:
    """How a process ended that was supervised to its end.

    >>> over, _ = supervise(Supervision(SupervisorRules()), ChildEnded(raw=3 << 8))
    >>> ending(over, tail=b"", started=0.0, ended=60.0).status
    3
    """
    return Ended(
        status=TIMED_OUT if over.timed_out else status_of(over.raw or 0),
        signal=_signal(over.raw or 0),
        timed_out=over.timed_out,
        limit=over.rules.timeout if over.timed_out else None,
        killed=over.killed,
        stopped_by=over.stopped_by,
        tail=tail,
        started=started,
        ended=ended,
    )


def status_of(raw: int) -> int:
    """The exit status that a shell has for a wait status: 128 and the number of the signal, for a process that died of one.

    >>> status_of(3 << 8), status_of(15)
    (3, 143)
    """
    number = _signal(raw)
    return raw >> 8 & 255 if number is None else _BY_SIGNAL + number


def _signal(raw: int) -> int | None:
    return raw & 127 or None


def describe_end(ended: Ended) -> str:
    """How it ended, in words.

    >>> describe_end(Ended(status=3, started=0.0, ended=1.0)), describe_end(Ended(status=139, signal=11, started=0.0, ended=1.0))
    ('exit status 3', 'killed by SIGSEGV')
    >>> describe_end(Ended(status=124, timed_out=True, limit=0.3, killed=True, started=0.0, ended=1.0))
    'it may take 300 ms, and had to be killed'
    """
    if ended.fault is not None:
        return f"could not be started: {ended.fault}"
    if ended.timed_out:
        late = "timed out" if ended.limit is None else f"it may take {span(timedelta(seconds=ended.limit))}"
        return f"{late}, and had to be killed" if ended.killed else late
    died = "exit status " + str(ended.status) if ended.signal is None else f"killed by {named(ended.signal)}"
    stopped = "" if ended.stopped_by in {None, ended.signal} else f", after {named(ended.stopped_by or 0)}"
    return died + stopped


def named(number: int) -> str:
    """What a signal is called, where that is the same on every system.

    >>> named(15), named(40)
    ('SIGTERM', 'signal 40')
    """
    return _NAMES.get(number, f"signal {number}")
