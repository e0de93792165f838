"""``install_excepthook``: exceptions that nobody caught, in whatever thread, told before Python prints them."""

import sys
import threading
from collections.abc import Callable, Iterable
from types import TracebackType

import attrs

from tocsin.core.changes import Tracked
from tocsin.core.endings import failure
from tocsin.core.machine import Run, Subject
from tocsin.core.states import Running, State
from tocsin.flows.task import checked_name
from tocsin.shell.announce import Announcer
from tocsin.shell.environment import facts, run_id
from tocsin.shell.handlers.attach import attached
from tocsin.shell.queues import exit_as_interrupted
from tocsin.watching.emit import ANYWHERE, CLOCK, feed, script, survived, told_by
from tocsin.watching.recipients import Handlers, default_recipients

_Hook = Callable[[type[BaseException], BaseException, TracebackType | None], object]
_ThreadHook = Callable[[threading.ExceptHookArgs], object]


@attrs.frozen
class Program:
    """A program or a thread that nobody watched, as state handlers get it."""

    name: str


class _Hooks:
    """Our two hooks, and those that were there before."""

    def __init__(self, given: Handlers | None, name: str | None, before: _Hook, before_in_threads: _ThreadHook) -> None:
        self._given = given
        self._name = name
        self.before = before
        self.before_in_threads = before_in_threads

    def uncaught(self, kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        """Tell, and let the hook before do what it does."""
        try:
            self._tell(error, script())
        finally:
            exit_as_interrupted(kind)
            self.before(kind, error, traceback)

    def uncaught_in_thread(self, args: threading.ExceptHookArgs) -> None:
        """Likewise; a thread that exits on purpose is no failure."""
        try:
            if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
                self._tell(args.exc_value, "a thread" if args.thread is None else args.thread.name)
        finally:
            self.before_in_threads(args)

    def _tell(self, error: BaseException, name: str) -> None:
        """Tell, if these are the hooks that count. Raises nothing: the program's own traceback is what matters."""
        if _installed is not self:
            return
        called = name if self._name is None else self._name
        try:
            self._told(error, called)
        except BaseException as own:  # Ctrl-C too: it says that nobody wants to wait
            survived(own, called)

    def _told(self, error: BaseException, name: str) -> None:
        now, known = CLOCK.now(), attrs.evolve(facts(), told_by=told_by(error, ANYWHERE))
        handlers = default_recipients().handlers if self._given is None else self._given
        event = failure(error, now, known)
        run = Run(Subject(Program(name), handlers, run_id(), name), Running())
        feed(Announcer(CLOCK, known), run, event, name)

    def restore(self) -> None:
        """Put the hooks back that were there before; where somebody else has put theirs around ours, ours do nothing from now on."""
        global _installed  # noqa: PLW0603 - there is one sys.excepthook
        if _installed is not self:
            return
        _installed = None
        if sys.excepthook == self.uncaught:
            sys.excepthook = self.before
        if threading.excepthook == self.uncaught_in_thread:
            threading.excepthook = self.before_in_threads


_installed: _Hooks | None = None


def install_excepthook(
    state_handlers: Iterable[Callable[[Tracked, State, State], State | None]] | None = None, *, name: str | None = None
) -> Callable[[], None]:
    """From now on tell people of each exception that nobody caught, in the main thread or in another, and print it as ever.

    It is Failed, a ``TimeoutError`` TimedOut, a ``KeyboardInterrupt`` Aborted. What a watch told of already is not told again.
    Installed twice, it tells once, as the second says.

    Args:
        state_handlers: handlers to tell, in order; None: those of the configuration.
        name: what people call the program; by default the base name of its script, and in a thread the thread's name.

    Returns:
        A function that puts the hooks back that were there before.

    Raises:
        TypeError: an option makes no sense.

    >>> restore = install_excepthook(state_handlers=[])
    >>> restore()
    """
    global _installed  # noqa: PLW0603 - there is one sys.excepthook
    given = None if state_handlers is None else attached(state_handlers)
    called = None if name is None else checked_name(name)
    if _installed is not None:
        _installed.restore()
    _installed = hooks = _Hooks(given, called, sys.excepthook, threading.excepthook)
    sys.excepthook, threading.excepthook = hooks.uncaught, hooks.uncaught_in_thread
    return hooks.restore
