"""Tells that no end was heard of a run of another engine, where a hook has ``no_end_after``.

- Some ends are told by nobody: of a killed worker, of a body that left by ``os._exit``. So a run is open until its end is heard. Once
  nothing was heard of it for the given time, people are told that.
- Any process of tocsin's may tell: the one that heard of the run, its parent, a daemon ``tocsin outbox drain --watch``. Where none is
  alive, nobody does.
- A process that has the hook tells its own handlers. The daemon tells whom the configuration names, and waits a minute longer.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256

import attrs

from tocsin.core.events import Facts
from tocsin.core.integrations.foreign import ForeignRun, end_unheard
from tocsin.core.machine import Announcement, propose
from tocsin.core.text import describe
from tocsin.core.transitions import later
from tocsin.shell import log
from tocsin.shell.adapters.clock import CLOCK
from tocsin.shell.announce import Announcer, facts
from tocsin.shell.config.defaults import usual_handlers
from tocsin.shell.config.load import configuration
from tocsin.shell.current import current_of_runs, mode_of
from tocsin.shell.environment import Notify
from tocsin.shell.fork_safety import forget_in_child
from tocsin.shell.history.foreign_runs import ForeignRunStore, OpenRun, has_foreign_runs
from tocsin.shell.history.journal import HistoryError
from tocsin.shell.history.run_locks import RunLock
from tocsin.shell.history.streaks import Fate, Remember, Remembered, remembering
from tocsin.shell.interpreter import Interpreter
from tocsin.shell.report import DeliveryLog
from tocsin.shell.threads import WorkerThread
from tocsin.watching.recipients import Handlers

DAEMON_WAITS = timedelta(minutes=1)
"""How much longer a daemon waits than a process that has the hook."""

_AFTER_FAILURE = timedelta(minutes=5)
_PAUSE_AFTER_ERROR = 60.0  # seconds
_SHORTEST, _LONGEST = 0.2, 30.0  # seconds between two checks
_UNUSABLE = "nobody is told of runs of other engines whose end is not heard of"


class NoEnd:
    """The deadlines of the runs that a hook hears of.

    Args:
        engine: the name of the engine.
        after: how long after the last event the end of a run is waited for.
        handlers: returns the handlers to notify.
        whose: what tells these handlers from others, in every process that has the hook.
    """

    def __init__(self, engine: str, after: timedelta, handlers: Callable[[], Handlers], whose: str) -> None:
        self._engine = engine
        self._after = after
        self._handlers = handlers
        self._owner = f"{engine} {sha256(whose.encode(errors='replace')).hexdigest()[:16]}"
        self._paused_until = 0.0
        self._thread: WorkerThread | None = None
        forget_in_child(self)

    def __repr__(self) -> str:
        return f"<ends of {self._engine} are waited for {self._after}>"

    def forget(self) -> None:
        """Start without a thread in a forked child."""
        self._thread = None

    def note(self, foreign: ForeignRun, *, is_open: bool, due: datetime | None = None) -> None:
        """Keep an open run, or note that one ended. An error of the file is logged once, and the file is left alone for a minute.

        Args:
            foreign: the run.
            is_open: whether its end is waited for.
            due: when it is to run, an aware datetime; None for now. The wait begins then.
        """
        if time.monotonic() < self._paused_until:
            return
        try:
            store, now = ForeignRunStore.usual(), CLOCK.now()
            if is_open:
                begins = now if due is None else max(now, due)
                store.put(OpenRun(foreign, self._owner, now, later(begins, self._after)))
            else:
                store.end(foreign, now)
        except HistoryError as error:
            self._paused_until = time.monotonic() + _PAUSE_AFTER_ERROR
            log.once(f"{error}; {_UNUSABLE}")
        self.watch()

    def watch(self) -> None:
        """Have a thread of this process check for overdue runs. It does not keep the process alive."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = WorkerThread("tocsin_no_end", self._check_for_ever)
            self._thread.try_start()

    def _check_for_ever(self) -> None:
        pause = min(max(self._after.total_seconds() / 4, _SHORTEST), _LONGEST)
        while True:
            time.sleep(pause)
            tell_overdue(current_of_runs, lambda _: self._handlers(), owner=self._owner)


def tell_overdue(
    make_interpreter: Callable[[], Interpreter],
    handlers: Callable[[Notify], Handlers],
    *,
    owner: str | None = None,
    grace: timedelta = timedelta(0),
) -> None:
    """Tell of the runs whose end is overdue. Raise nothing; an error is logged once.

    Args:
        make_interpreter: returns the interpreter; called only if there is something to tell.
        handlers: returns the handlers to notify, where notifications are sent or printed.
        owner: whose runs are meant; None for those of every hook.
        grace: how much longer to wait.
    """
    if not has_foreign_runs():
        return
    try:
        store = ForeignRunStore.usual()
        found = [each for each in store.due(CLOCK.now() - grace) if owner in {None, each.owner}]
        interpreter = make_interpreter() if found else None
        if interpreter is None or mode_of(interpreter) != "live":
            return
        to = handlers("live")
        for each in found if to else ():
            lock = store.claim(each)
            if lock is not None:
                _tell(store, each, lock, interpreter, to)
    except HistoryError as error:
        log.once(f"{error}; {_UNUSABLE}")
    except Exception as error:
        log.surely(f"{_UNUSABLE}: {describe(error)}")


def tell_overdue_by_configuration(make_interpreter: Callable[[], Interpreter]) -> None:
    """Tell whom the configuration names, as a daemon does."""
    tell_overdue(make_interpreter, lambda mode: usual_handlers(configuration(), mode), grace=DAEMON_WAITS)


def _tell(store: ForeignRunStore, due: OpenRun, lock: RunLock, interpreter: Interpreter, handlers: Handlers) -> None:
    known: Facts = due.foreign.facts(facts())
    now = CLOCK.now()
    proposed = propose(*end_unheard(due.foreign, handlers, now, now - due.heard, known))
    assert isinstance(proposed, Announcement)  # the event is legal in Running
    announcer = Announcer(DeliveryLog(interpreter), CLOCK, known, _remembering(handlers, partial(_settle, store, due, lock)))
    try:
        announcer.announce(proposed, ends=True)
    except BaseException:
        lock.close()
        raise


def _remembering(handlers: Handlers, settle: Callable[[Fate], None]) -> Remember:
    """Return what remembers the end as the handlers ask for it, and then settles the claim."""
    inner = remembering(handlers)

    def remember(proposed: Announcement, mode: Notify) -> Remembered:
        remembered = Remembered(proposed.before.subject.past) if inner is None else inner(proposed, mode)
        before = remembered.settle

        def settle_both(fate: Fate) -> None:
            if before is not None:
                before(fate)
            settle(fate)

        return attrs.evolve(remembered, settle=settle_both)

    return remember


def _settle(store: ForeignRunStore, due: OpenRun, lock: RunLock, fate: Fate) -> None:
    """Forget the run once a message is safe, tell it again later if all failed, and release the claim."""
    try:
        if fate == "safe":
            store.told(due)
        elif fate == "given up":
            store.postpone(due, CLOCK.now() + _AFTER_FAILURE)
    except HistoryError as error:
        log.surely(f"{error}; people may be told again of {due.foreign.name!r}")
    finally:
        lock.close()
