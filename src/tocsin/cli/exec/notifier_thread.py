"""Runs the notifier in a thread, so that signals, output and time-outs never wait for it.

- An exception of the notifier becomes one line on standard error. It does not change the command's exit status.
- The thread itself waits for the moment at which to report that the command still runs.
"""

from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import TypeVar

from tocsin.cli.exec.context import ExecContext
from tocsin.cli.exec.deferred import DeferredNotifier
from tocsin.cli.exec.notifier_protocol import ExecNotifier, MakeNotifier, OpenRun
from tocsin.cli.exec.options import Options
from tocsin.cli.exec.spawn import Child
from tocsin.cli.stderr import complain
from tocsin.core.supervisor import Ended
from tocsin.core.text import describe

_T = TypeVar("_T")


class NotifierThread:
    """Passes the events of one run to its notifier, in the order of the calls.

    ``answer`` is the answer to the latest ``ended``: the seconds until the next attempt. ``answered`` says whether it is there, and
    ``finished`` whether the thread has ended. Each change of these two wakes the loop that reads ``context.signals``.
    """

    def __init__(self, context: ExecContext, make: MakeNotifier | None) -> None:
        self.answered: bool = False
        self.answer: float | None = None
        self.finished: bool = False
        self._is_running = False
        self._context = context
        self._make = make
        self._calls: SimpleQueue[str | Ended] = SimpleQueue()
        self._reminder: float | None = context.options.still_running
        self._pid = context.child.pid if isinstance(context.child, Child) else None
        Thread(target=self._work, name="tocsin exec", daemon=True).start()

    def started(self) -> None:
        """Report that an attempt has begun."""
        self._calls.put("started")

    def ended(self, ended: Ended) -> None:
        """Report that an attempt has ended, and ask for the next one."""
        self.answered, self.answer = False, None
        self._calls.put(ended)

    def close(self) -> None:
        """Close the notifier after the calls that are queued."""
        self._calls.put("close")

    def _work(self) -> None:
        notifier = _guarded(self._make_notifier)
        while (call := self._next_call(notifier)) != "close":
            self._forward(notifier, call)
        if notifier is not None:
            _guarded(notifier.close)
        self.finished = True
        self._context.signals.wake()

    def _next_call(self, notifier: ExecNotifier | None) -> str | Ended:
        """Wait for the next call. Meanwhile, report at its moments that the attempt still runs."""
        while self._is_running and self._reminder is not None:
            try:
                return self._calls.get(timeout=max(self._reminder - self._elapsed(), 0.0))
            except Empty:
                self._remind(notifier, self._reminder)
        return self._calls.get()

    def _remind(self, notifier: ExecNotifier | None, due: float) -> None:
        if notifier is not None:
            tail = b"" if self._context.tee is None else self._context.tee.tail()
            _guarded(lambda: notifier.still_running(due, tail))
        self._reminder = _guarded(lambda: self._next_reminder(due))

    def _next_reminder(self, due: float) -> float:
        from tocsin.core.progress import next_reminder  # with many modules, which only the notifier needs

        return next_reminder(due, self._elapsed())

    def _elapsed(self) -> float:
        return monotonic() - self._context.began[1]

    def _make_notifier(self) -> ExecNotifier:
        context = self._context
        began, monotonic = context.began
        run = OpenRun(run_id=context.run_id, label=context.options.label, started=began, monotonic=monotonic, pid=self._pid)
        if self._make is not None:
            return self._make(context.options, run)
        return DeferredNotifier(context.options, run, lambda: _command_notifier(context.options, run))

    def _forward(self, notifier: ExecNotifier | None, call: str | Ended) -> None:
        self._is_running = not isinstance(call, Ended)
        if not isinstance(call, Ended):
            if notifier is not None:
                _guarded(notifier.started)
            return
        self.answer = None if notifier is None else _guarded(lambda: notifier.ended(call))
        self.answered = True
        self._context.signals.wake()


def _command_notifier(options: Options, run: OpenRun) -> ExecNotifier:
    from tocsin.cli.exec.notifier import CommandNotifier  # with some 350 modules, which only a run that tells needs

    return CommandNotifier(options, run)


def _guarded(act: Callable[[], _T]) -> _T | None:
    try:
        return act()
    except BaseException as error:  # the thread goes on after every exception, SystemExit and KeyboardInterrupt too
        complain(f"could not send notifications: {describe(error)}")
        return None
