"""The loop that supervises a running command, through all its attempts, up to the exit status.

``core.supervisor`` makes the decisions, and this loop carries them out. It waits for signals, for the end of the command, for a
deadline, and for wake-ups of the other threads.
"""

import math
import os
import signal
import time
from collections.abc import Iterator
from typing import assert_never

from tocsin.cli.exec.context import ExecContext, send
from tocsin.cli.exec.job_control import Terminal, foreground, group_of, suspend
from tocsin.cli.exec.notifier_protocol import MakeNotifier
from tocsin.cli.exec.notifier_thread import NotifierThread
from tocsin.cli.exec.signal_pipe import FORWARDED_SIGNALS, STOP_SIGNALS, TERMINAL_SIGNALS
from tocsin.cli.exec.spawn import INIT_PID, Child, StartFailure
from tocsin.cli.stderr import complain
from tocsin.core.supervisor import (
    Act,
    ChildEnded,
    ChildStopped,
    Continue,
    DeadlinePassed,
    Ended,
    Forward,
    GiveTerminal,
    Happening,
    Kill,
    KillRest,
    Resumed,
    SignalCame,
    Supervision,
    SupervisorRules,
    Suspend,
    TakeTerminal,
    Terminate,
    ending,
    named,
    status_of,
    supervise,
)

_LOOK = 0.2  # seconds between two looks at the size of a terminal that the command was given


def supervise_attempts(context: ExecContext, make: MakeNotifier | None) -> int:
    """Supervise the current attempt and those that follow, wait for the notifications, and return the exit status."""
    notifier = NotifierThread(context, make)
    status, failed = _attempts(context, notifier)
    context.release_output(failed=failed)
    notifier.close()
    while not notifier.finished:
        if _stop_signal(context, math.inf) is not None:
            complain("interrupted while sending notifications: some may not have been sent")
            from tocsin.shell.queues import finish  # the command was started long ago

            finish(0.0)  # else the end of the process waits for queued messages
            break
    return status


def _attempts(context: ExecContext, notifier: NotifierThread) -> tuple[int, bool]:
    """Make the attempts. Return the exit status, and whether the run failed: a time-out always does, whatever status is expected."""
    while True:
        notifier.started()
        ended, stop = _wait_for_attempt(context)
        notifier.ended(ended)
        failed = ended.timed_out or ended.fault is not None or ended.status not in context.options.expect
        if not context.options.retries or ended.stopped_by is not None:
            return ended.status, failed
        while stop is None and not notifier.answered:
            stop = _stop_signal(context, math.inf)
        if stop is None and notifier.answer is None:
            return ended.status, failed
        due = time.monotonic() + (notifier.answer or 0)
        while stop is None and time.monotonic() < due:
            stop = _stop_signal(context, due)
        if stop is not None:
            complain(f"no further attempt: {named(stop)} was received")
            return status_of(stop), True
        context.start_attempt()


def _stop_signal(context: ExecContext, until: float) -> int | None:
    """Wait for signals or a wake-up, and return the first signal that asks tocsin to end, if one arrived."""
    return next((number for number in context.signals.wait(until) if number in STOP_SIGNALS), None)


def _wait_for_attempt(context: ExecContext) -> tuple[Ended, int | None]:
    """Wait for the current attempt. Return how it ended, and the stop signal that arrived after that, if any."""
    child = context.child
    if isinstance(child, StartFailure):
        began, started, ended = _times(context, (time.time(), time.monotonic()))
        return Ended(status=child.status, fault=child.fault, began=began, started=started, ended=ended), None
    over = _supervise_child(context, child)
    began, started, ended = _times(context, end_time(context.signals.child_changed, context.started))
    child.close()
    stop = None if context.tee is None else context.tee.finish(context.signals, wait_for_reader=not over.timed_out)
    tail = b"" if context.tee is None else context.tee.tail()
    return ending(over, tail=tail, began=began, started=started, ended=ended), stop


def end_time(noted: tuple[float, float], started: float) -> tuple[float, float]:
    """Return when an ended process ended, by both clocks: the noted time, or now if that is older than the process."""
    return noted if noted[1] >= started else (time.time(), time.monotonic())


def _times(context: ExecContext, over: tuple[float, float]) -> tuple[float, float, float]:
    """Return the start of the run, that of the attempt, and its end, in seconds since 1970 by the clock as it stood at the end."""
    ended, now = over
    return ended - (now - context.began[1]), ended - (now - context.started), ended


def _supervise_child(context: ExecContext, child: Child) -> Supervision:
    """Supervise a process until it has ended."""
    now, since = Supervision(_rules(context, child)), context.started
    terminal = Terminal()
    if child.group is not None and foreground(child) != "none":
        context.signals.add(signal.SIGTSTP)
    while now.phase != "over":
        deadline = math.inf if now.phase_timeout is None else since + now.phase_timeout
        for happening in _happenings(context, child, deadline, has_terminal=now.has_terminal):
            phase = now.phase
            now, acts = supervise(now, happening)
            since = since if now.phase == phase else time.monotonic()
            for act in acts:
                _do(act, context, child, terminal)
    context.signals.remove(signal.SIGTSTP)
    return now


def _rules(context: ExecContext, child: Child) -> SupervisorRules:
    resized = {signal.SIGWINCH} if any(route.terminal for route in context.routes) else set[int]()
    own_group = child.group is not None
    return SupervisorRules(
        passed_on=FORWARDED_SIGNALS | {signal.SIGTSTP} if own_group else FORWARDED_SIGNALS - TERMINAL_SIGNALS | resized,
        stopping=STOP_SIGNALS,
        own_group=own_group,
        for_terminal=frozenset({signal.SIGTTIN, signal.SIGTTOU}),
        timeout=context.options.timeout,
        kill_after=context.options.kill_after,
    )


def _happenings(context: ExecContext, child: Child, deadline: float, *, has_terminal: bool) -> Iterator[Happening]:
    """Wait for what happens next. Signals that arrived before the end of the process come before it."""
    for number in _signals(context, child, deadline, has_terminal=has_terminal):
        if number == signal.SIGCONT:
            yield Resumed(foreground(child))
        else:
            yield SignalCame(number, missed=number in TERMINAL_SIGNALS and child.group is None and group_of(child) != os.getpgrp())
    if child.reap(all_children=os.getpid() == INIT_PID):
        yield ChildEnded(child.raw or 0)
    elif child.stopped is not None:
        number, child.stopped = child.stopped, None
        yield ChildStopped(number, foreground(child))
    elif time.monotonic() >= deadline:
        yield DeadlinePassed()


def _signals(context: ExecContext, child: Child, deadline: float, *, has_terminal: bool) -> list[int]:
    """Wait for signals, and let the size of tocsin's terminals follow that of a terminal that the command was given.

    A terminal sends SIGWINCH only to the group in its foreground. Tocsin is not in that, so it looks at the size now and then. The
    command got the signal too early, so it gets it again.
    """
    if context.tee is None or not has_terminal or not any(route.terminal for route in context.routes):
        return context.signals.wait(deadline)
    numbers = context.signals.wait(min(deadline, time.monotonic() + _LOOK))
    if context.tee.resize():
        send(child, signal.SIGWINCH)
    return numbers


def _do(act: Act, context: ExecContext, child: Child, terminal: Terminal) -> None:
    match act:
        case Forward(number=signal.SIGWINCH):
            if context.tee is not None:
                context.tee.resize()
            send(child, signal.SIGWINCH)
        case Forward(number=number):
            send(child, number)
        case Continue():
            send(child, signal.SIGCONT)
        case GiveTerminal() | TakeTerminal() | Suspend():
            _do_in_terminal(act, context, child, terminal)
        case Terminate():
            send(child, signal.SIGTERM, signal.SIGCONT)
        case Kill():
            send(child, signal.SIGKILL)
        case KillRest():
            child.kill_rest()
        case _:
            assert_never(act)


def _do_in_terminal(act: GiveTerminal | TakeTerminal | Suspend, context: ExecContext, child: Child, terminal: Terminal) -> None:
    match act:
        case GiveTerminal():
            if context.tee is not None:
                context.tee.resize()  # a job in the background is not told of a new size
            terminal.give(child)
        case TakeTerminal():
            terminal.take()
        case Suspend(number=number):
            suspend(number)
        case _:
            assert_never(act)
