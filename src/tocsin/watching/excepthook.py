"""``install_excepthook``: notifies of uncaught exceptions in any thread, before Python prints them."""

import sys
import threading
from collections.abc import Callable, Iterable
from types import TracebackType

import attrs

from tocsin.core.endings import failure
from tocsin.core.machine import Run, StateHandler, Subject
from tocsin.core.states import Running
from tocsin.flows.task import checked_name
from tocsin.shell.adapters.clock import CLOCK
from tocsin.shell.announce import ended_by, facts
from tocsin.shell.environment import run_id
from tocsin.shell.handlers.attach import attached
from tocsin.shell.queues import exit_as_interrupted
from tocsin.watching.emit import ANYWHERE, feed_alone, log_failure, program_name, told_by
from tocsin.watching.recipients import Handlers, default_recipients

_Hook = Callable[[type[BaseException], BaseException, TracebackType | None], object]
_ThreadHook = Callable[[threading.ExceptHookArgs], object]


@attrs.frozen
class Program:
    """A program or a thread with an uncaught exception. State handlers get it as the tracked object."""

    name: str


class _Hooks:
    """Our two hooks, and the hooks they replaced."""

    def __init__(self, handlers: Handlers | None, name: str | None, before: _Hook, before_in_threads: _ThreadHook) -> None:
        self._handlers = handlers
        self._name = name
        self.before = before
        self.before_in_threads = before_in_threads

    def uncaught(self, kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        """Notify, then call the replaced hook."""
        try:
            self._notify(error, program_name())
        finally:
            exit_as_interrupted(kind)
            self.before(kind, error, traceback)

    def uncaught_in_thread(self, args: threading.ExceptHookArgs) -> None:
        """Notify, then call the replaced hook of threads. A thread that raises SystemExit did not fail."""
        try:
            if args.exc_value is not None and not issubclass(type(args.exc_value), SystemExit):
                self._notify(args.exc_value, "a thread" if args.thread is None else args.thread.name)
        finally:
            self.before_in_threads(args)

    def _notify(self, error: BaseException, name: str) -> None:
        """Notify if these hooks are the installed ones. It raises nothing, so that Python prints the program's traceback."""
        if _installed is not self:
            return
        label = name if self._name is None else self._name
        try:
            now, known = CLOCK.now(), attrs.evolve(facts(), told_by=told_by(error, ANYWHERE))
            handlers = default_recipients().handlers if self._handlers is None else self._handlers
            run = Run(Subject(Program(label), handlers, run_id(), label, shows_run_id=False), Running())
            event, _ = ended_by(error, lambda one: failure(one, now, known))
            feed_alone(run, event)
        except BaseException as own:  # a KeyboardInterrupt too: the user does not want to wait for the notification
            log_failure(own, label)

    def restore(self) -> None:
        """Restore the replaced hooks. Where other code wrapped ours, they stay and only call the replaced ones."""
        global _installed  # noqa: PLW0603 - there is one sys.excepthook
        if _installed is not self:
            return
        _installed = None
        if sys.excepthook == self.uncaught:
            sys.excepthook = self.before
        if threading.excepthook == self.uncaught_in_thread:
            threading.excepthook = self.before_in_threads


_installed: _Hooks | None = None


def install_excepthook(state_handlers: Iterable[StateHandler] | None = None, *, name: str | None = None) -> Callable[[], None]:
    """Notify of each uncaught exception, in the main thread or in another, and print it as before.

    It is Failed, a ``TimeoutError`` TimedOut, a ``KeyboardInterrupt`` Aborted. A failure that a watch already reported is not reported
    again. A second call replaces the hooks of the first.

    Python calls no hook for a ``SystemExit``: ``sys.exit("fatal: no rows")`` prints its text and ends the program with status 1, and no
    notification says so. ``watch`` around the program's main function does: it is Aborted, with that text.

    Args:
        state_handlers: handlers to call, in order; None: those of the configuration.
        name: the name of the program in messages; by default the base name of its script, and in a thread the thread's name.

    Returns:
        A function that restores the replaced hooks.

    Raises:
        TypeError: an option is invalid.

    >>> restore = install_excepthook(state_handlers=[])
    >>> restore()
    """
    global _installed  # noqa: PLW0603 - there is one sys.excepthook
    handlers = None if state_handlers is None else attached(state_handlers)
    checked = None if name is None else checked_name(name)
    if _installed is not None:
        _installed.restore()
    _installed = hooks = _Hooks(handlers, checked, sys.excepthook, threading.excepthook)
    sys.excepthook, threading.excepthook = hooks.uncaught, hooks.uncaught_in_thread
    return hooks.restore
