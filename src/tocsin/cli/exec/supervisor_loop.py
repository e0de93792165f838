"""Looks after a command that is under way, through all its attempts, to the exit status.

What is decided is decided in ``core.supervision``. Here is the one loop that acts on it: it waits for signals, for the end of the
command, for a deadline, and for what the other threads have to say.
"""

import math
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import assert_never

from tocsin.cli.exec.context import ExecContext, send
from tocsin.cli.exec.notifier_protocol import MakeNotifier
from tocsin.cli.exec.notifier_thread import NotifierThread
from tocsin.cli.exec.signal_pipe import PASSED_ON, STOPPING, TERMINALS
from tocsin.cli.exec.spawn import FIRST, Child, Unstarted
from tocsin.cli.exec.stderr import complain
from tocsin.core.supervisor import (
    Act,
    ChildEnded,
    DeadlinePassed,
    Ended,
    Forward,
    Happening,
    Kill,
    KillRest,
    SignalCame,
    Supervision,
    SupervisorRules,
    Terminate,
    ending,
    named,
    status_of,
    supervise,
)


def supervise_to_the_end(course: ExecContext, make: MakeNotifier | None) -> int:
    """Look after the attempt that is under way, and those that follow; the exit status."""
    background = NotifierThread(course, make)
    status = _attempts(course, background)
    background.close()
    while not background.finished:
        if _stopping(course, math.inf) is not None:
            complain("interrupted while telling how it went; it may be that nobody was told")
            _hurry()
            break
    return status


def _hurry() -> None:
    """Let nothing that is still to be sent hold us up."""
    from tocsin.shell.queues import finish  # the command was started long ago

    finish(0.0)


def _attempts(course: ExecContext, background: NotifierThread) -> int:
    while True:
        background.started()
        ended, stop = attempt(course)
        background.ended(ended)
        if not course.options.retries or ended.stopped_by is not None:
            return ended.status
        while stop is None and not background.answered:
            stop = _stopping(course, math.inf)
        if stop is None and background.answer is None:
            return ended.status
        due = time.monotonic() + (background.answer or 0)
        while stop is None and time.monotonic() < due:
            stop = _stopping(course, due)
        if stop is not None:
            complain(f"no further attempt, since {named(stop)} came")
            return status_of(stop)
        course.begin()


def _stopping(course: ExecContext, until: float) -> int | None:
    """The signal that asks us to end, if one came."""
    return next((number for number in course.listening.wait(until) if number in STOPPING), None)


def attempt(course: ExecContext) -> tuple[Ended, int | None]:
    """How the attempt under way ended, and the signal that asked us to end after that, if one did."""
    child = course.child
    if isinstance(child, Unstarted):
        return Ended(status=child.status, fault=child.fault, started=course.started, ended=time.time()), None
    over = _supervised(course, child)
    ended = moment(course.listening.child_changed, course.started)
    stop = None if course.pumps is None else course.pumps.settle(course.listening, patient=not over.timed_out)
    tail = b"" if course.pumps is None else course.pumps.tail(course.options.tail)
    return ending(over, tail=tail, started=course.started, ended=ended), stop


def moment(noted: float, started: float) -> float:
    """When a process ended that is over now, in seconds since 1970: as was noted, unless that is older than the process."""
    return noted if noted >= started else time.time()


def _supervised(course: ExecContext, child: Child) -> Supervision:
    """Watch over a process until it is over."""
    now, since = Supervision(_rules(course, child)), course.since
    while now.phase != "over":
        deadline = math.inf if now.phase_timeout is None else since + now.phase_timeout
        for happening in _happenings(course, child, deadline):
            phase = now.phase
            now, acts = supervise(now, happening)
            since = since if now.phase == phase else time.monotonic()
            for act in acts:
                _do(act, course, child)
    return now


def _rules(course: ExecContext, child: Child) -> SupervisorRules:
    resized = {signal.SIGWINCH} if any(route.terminal for route in course.routes) else set[int]()
    return SupervisorRules(
        passed_on=PASSED_ON if child.own_group else PASSED_ON - TERMINALS | resized,
        stopping=STOPPING,
        own_group=child.own_group,
        timeout=course.options.timeout,
        kill_after=course.options.kill_after,
    )


def _happenings(course: ExecContext, child: Child, deadline: float) -> Iterator[Happening]:
    """What happens next. Signals that came before the end of the process are told before it."""
    for number in course.listening.wait(deadline):
        yield SignalCame(number)
    if child.reap(everyone=os.getpid() == FIRST):
        yield ChildEnded(child.raw or 0)
    elif time.monotonic() >= deadline:
        yield DeadlinePassed()


def _do(act: Act, course: ExecContext, child: Child) -> None:
    match act:
        case Forward(number=signal.SIGWINCH):
            if course.pumps is not None:
                course.pumps.resize()
            send(child, signal.SIGWINCH)
        case Forward(number=number):
            send(child, number)
        case Terminate():
            send(child, signal.SIGTERM, signal.SIGCONT)
        case Kill():
            send(child, signal.SIGKILL)
        case KillRest():
            with suppress(OSError):  # nobody is left, or nobody who minds us
                child.send(signal.SIGKILL)
        case _:
            assert_never(act)
