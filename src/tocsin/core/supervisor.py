"""The decisions of a process supervisor, as a pure state machine; ``cli.exec`` executes its acts and has the clock.

- ``supervise`` is total: each happening, in any order, gives a state and acts.
- Each signal that is to be passed on is passed on once. No signal is sent to a process that has ended.
- A time-out asks the process to end first, and kills it later. A process is killed at most once.
- If the process had to be killed or timed out, the rest of its process group is killed too. A process that ended by itself may leave
  others behind.
- A process in a group of its own that waits for the terminal gets it, if the supervisor has it. If not, the supervisor stops as the
  process has, so that the shell knows.
- Signals are numbers here. The rules define their meaning.
"""

from datetime import timedelta
from typing import Literal, assert_never

import attrs

from tocsin.core.text import span
from tocsin.core.values import Value

TIMED_OUT = 124
"""The exit status of a time-out, as in ``timeout`` and ``env``."""
_BY_SIGNAL = 128
_KILL = 9  # on every system
_FROM_KEYBOARD = frozenset({2, 3})  # SIGINT and SIGQUIT, on every system
_NAMES = {
    1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 8: "SIGFPE", 9: "SIGKILL",
    11: "SIGSEGV", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM",
}  # fmt: skip


@attrs.frozen(eq=False, repr=False)
class SupervisorRules(Value):
    """The rules for one process, from its start to its end.

    Args:
        passed_on: the signals that the supervisor passes on to the process.
        stopping: the signals that ask the process to end, whether they are passed on or reach it directly.
        own_group: whether the process is in a process group of its own, which then receives all signals.
        for_terminal: the signals that stop a process in the background when it uses the terminal.
        timeout: seconds after which the process is asked to end; None for never.
        kill_after: seconds from then until it is killed.
    """

    passed_on: frozenset[int] = frozenset()
    stopping: frozenset[int] = frozenset()
    own_group: bool = True
    for_terminal: frozenset[int] = frozenset()
    timeout: float | None = None
    kill_after: float = 10.0


Foreground = Literal["supervisor", "process", "other", "none"]
"""Whose process group is in the foreground of the controlling terminal; ``none`` without a terminal."""
Phase = Literal["running", "asked to end", "killed", "over"]


@attrs.frozen(eq=False, repr=False)
class Supervision(Value):
    """The state of a supervised process.

    ``stopped_by`` is the first signal that asked it to end, ``raw`` its wait status. ``has_terminal`` says whether it was given the
    terminal.
    """

    rules: SupervisorRules
    phase: Phase = "running"
    timed_out: bool = False
    killed: bool = False
    stopped_by: int | None = None
    raw: int | None = None
    has_terminal: bool = False

    @property
    def phase_timeout(self) -> float | None:
        """The seconds in this phase until the deadline; None without a deadline."""
        if self.phase == "running":
            return self.rules.timeout
        return self.rules.kill_after if self.phase == "asked to end" else None


@attrs.frozen(eq=False, repr=False)
class SignalCame(Value):
    """The supervisor received a signal. ``missed``: a terminal sent it, and the process has left the group that got it."""

    number: int
    missed: bool = False


@attrs.frozen(eq=False, repr=False)
class Resumed(Value):
    """The supervisor received SIGCONT: a shell has put its job into the foreground or the background."""

    foreground: Foreground


@attrs.frozen(eq=False, repr=False)
class ChildStopped(Value):
    """A signal has stopped the process. It has not ended."""

    number: int
    foreground: Foreground


class DeadlinePassed(Value):
    """The phase has lasted ``phase_timeout`` seconds."""

    __slots__ = ()


@attrs.frozen(eq=False, repr=False)
class ChildEnded(Value):
    """The process has ended; ``raw`` is the wait status from the operating system."""

    raw: int


Happening = SignalCame | Resumed | ChildStopped | DeadlinePassed | ChildEnded


@attrs.frozen(eq=False, repr=False)
class Forward(Value):
    """Send the signal to the process."""

    number: int


class Continue(Value):
    """Continue the process, if it is stopped."""

    __slots__ = ()


class GiveTerminal(Value):
    """Put the process's group into the foreground of the terminal."""

    __slots__ = ()


class TakeTerminal(Value):
    """Put the supervisor's group back into the foreground of the terminal."""

    __slots__ = ()


@attrs.frozen(eq=False, repr=False)
class Suspend(Value):
    """Stop the supervisor's own group by the signal that has stopped the process."""

    number: int


class Terminate(Value):
    """Ask the process to end, and continue it if it is stopped, so that it can."""

    __slots__ = ()


class Kill(Value):
    """Kill the process."""

    __slots__ = ()


class KillRest(Value):
    """Kill the rest of the group that the process led."""

    __slots__ = ()


Act = Forward | Continue | GiveTerminal | TakeTerminal | Suspend | Terminate | Kill | KillRest


def supervise(now: Supervision, happening: Happening) -> tuple[Supervision, tuple[Act, ...]]:
    """Return the state after a happening, and the acts to do, in order.

    >>> now, acts = supervise(Supervision(SupervisorRules(timeout=60)), DeadlinePassed())
    >>> now.phase, acts, now.phase_timeout
    ('asked to end', (Terminate(),), 10.0)
    """
    if now.phase == "over":
        return now, ()
    match happening:
        case SignalCame(number=number, missed=missed):
            return _signalled(now, number, passes=missed or number in now.rules.passed_on)
        case Resumed(foreground=foreground):
            return _give_terminal(now) if now.rules.own_group and foreground == "supervisor" else (now, (Continue(),))
        case ChildStopped(number=number, foreground=foreground):
            return _stopped(now, number, foreground)
        case DeadlinePassed():
            return _late(now)
        case ChildEnded(raw=raw):
            return _ended(now, raw)
        case _:
            assert_never(happening)


def _signalled(now: Supervision, number: int, *, passes: bool) -> tuple[Supervision, tuple[Act, ...]]:
    acts = (Forward(number),) if passes else ()
    if number in now.rules.stopping and now.stopped_by is None:
        now = attrs.evolve(now, stopped_by=number)
    return now, acts


def _give_terminal(now: Supervision) -> tuple[Supervision, tuple[Act, ...]]:
    return attrs.evolve(now, has_terminal=True), (GiveTerminal(), Continue())


def _stopped(now: Supervision, number: int, foreground: Foreground) -> tuple[Supervision, tuple[Act, ...]]:
    if not now.rules.own_group or foreground == "none":
        return now, ()
    if foreground == "supervisor" and number in now.rules.for_terminal:
        return _give_terminal(now)
    if now.phase != "running":
        return now, ()  # a stopped supervisor could not kill it
    return attrs.evolve(now, has_terminal=False), (*_taken(now), Suspend(number))


def _taken(now: Supervision) -> tuple[Act, ...]:
    return (TakeTerminal(),) if now.has_terminal else ()


def _ended(now: Supervision, raw: int) -> tuple[Supervision, tuple[Act, ...]]:
    signal = _signal(raw)
    rest = now.rules.own_group and (now.timed_out or signal == _KILL)
    stopped_by = now.stopped_by
    if stopped_by is None and now.has_terminal and signal in _FROM_KEYBOARD:
        stopped_by = signal  # the keyboard's signals do not reach a supervisor that has given the terminal away
    over = attrs.evolve(now, phase="over", raw=raw, stopped_by=stopped_by, has_terminal=False)
    return over, (*_taken(now), *((KillRest(),) if rest else ()))


def _late(now: Supervision) -> tuple[Supervision, tuple[Act, ...]]:
    if now.phase_timeout is None:
        return now, ()
    if now.phase == "running":
        return attrs.evolve(now, phase="asked to end", timed_out=True), (Terminate(),)
    return attrs.evolve(now, phase="killed", killed=True), (Kill(),)


@attrs.frozen(eq=False, repr=False, kw_only=True)
class Ended(Value):
    """How an attempt to run a command ended.

    Args:
        status: the exit status of the attempt, from 0 to 255.
        signal: the signal that killed the process.
        timed_out: whether it exceeded its time limit.
        limit: the time limit in seconds, if it was exceeded.
        killed: whether it did not end when asked to, and had to be killed.
        stopped_by: the signal that asked it to end, before it ended.
        fault: why it could not be started, in words.
        tail: the end of its output, 64 KiB at most, unchanged; empty if it was not recorded.
        began: the start of the run, in seconds since 1970, by the system's clock as it stood at the end.
        started: the start of the attempt, by that clock. So the clock may be set meanwhile, and the differences hold.
        ended: the end, by that clock.
    """

    status: int
    signal: int | None = None
    timed_out: bool = False
    limit: float | None = None
    killed: bool = False
    stopped_by: int | None = None
    fault: str | None = None
    tail: bytes = attrs.field(default=b"", repr=False)  # it may be long, and may hold anything
    began: float
    started: float
    ended: float


def ending(over: Supervision, *, tail: bytes, began: float, started: float, ended: float) -> Ended:
    """Return how a process ended, from its final supervision.

    >>> over, _ = supervise(Supervision(SupervisorRules()), ChildEnded(raw=3 << 8))
    >>> ending(over, tail=b"", began=0.0, started=0.0, ended=60.0).status
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
        began=began,
        started=started,
        ended=ended,
    )


def status_of(raw: int) -> int:
    """Return a shell's exit status for a wait status: 128 plus the signal's number if a signal killed the process.

    >>> status_of(3 << 8), status_of(15)
    (3, 143)
    """
    number = _signal(raw)
    return raw >> 8 & 255 if number is None else _BY_SIGNAL + number


def _signal(raw: int) -> int | None:
    return raw & 127 or None


def describe_end(ended: Ended) -> str:
    """Describe how an attempt ended.

    >>> died = Ended(status=139, signal=11, began=0.0, started=0.0, ended=1.0)
    >>> describe_end(died), describe_end(attrs.evolve(died, status=3, signal=None))
    ('killed by SIGSEGV', 'exit status 3')
    >>> describe_end(attrs.evolve(died, timed_out=True, limit=0.3, killed=True))
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
    """Return the name of a signal; only numbers that mean the same on every system have one.

    >>> named(15), named(40)
    ('SIGTERM', 'signal 40')
    """
    return _NAMES.get(number, f"signal {number}")
