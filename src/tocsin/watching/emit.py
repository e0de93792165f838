"""Announces events about what is watched, and marks exceptions that were reported, so that one failure makes one message.

- A failure is an exception; the same object is the same failure.
- The mark is an attribute of the exception, and so lives exactly as long. A list of exceptions would keep their frames alive.
- A mark holds the ids of the runs inside which the exception was reported, since a program may raise one object again much later.
- A copy and an unpickled exception have no mark.
- A body must not notice that it is watched: an error here is logged.
"""

import sys
from collections.abc import Iterable
from contextlib import suppress
from contextvars import ContextVar

from tocsin.core.effects import CallBack
from tocsin.core.endings import leaves
from tocsin.core.events import Event, Facts
from tocsin.core.machine import ForeignHandler, Run, Subject
from tocsin.core.notifiers import Notifier
from tocsin.core.outcomes import Receipt, Silenced
from tocsin.core.text import describe, quote
from tocsin.shell import log
from tocsin.shell.adapters.clock import CLOCK
from tocsin.shell.announce import Announcer
from tocsin.shell.before_run import tell_before_run
from tocsin.shell.current import current_of_runs, enter_here, leave_here
from tocsin.shell.history.streaks import remembering
from tocsin.shell.report import DeliveryLog, Entry

ANYWHERE = ""
"""Stands for the whole process in place of the id of a run."""

_MARK = "__tocsin_told__"
_MOST = 8  # runs in a mark; the mark of an exception that is raised again and again must not grow

_notifying: ContextVar[bool] = ContextVar("tocsin_notifying", default=False)


# --- events -----------------------------------------------------------------------------------------------------------------------


def new_announcer(handlers: tuple[Notifier | ForeignHandler, ...], known: Facts) -> Announcer:
    """Return an announcer for one run with these handlers, which uses the current interpreter of runs."""
    return Announcer(DeliveryLog(current_of_runs()), CLOCK, known, remembering(handlers))


def feed(announcer: Announcer, run: Run, event: Event) -> list[Entry]:
    """Announce an event, and return its deliveries. ``announcer.announced[-1]`` has the next run."""
    notifying, before = _notifying.set(True), len(announcer.log.entries)
    scope = enter_here(announcer.log)  # a user's code may notify by itself
    try:
        announcer.feed(run, event)
    finally:
        leave_here(scope)
        _notifying.reset(notifying)
    return announcer.log.entries[before:]


def feed_alone(run: Run, event: Event) -> None:
    """Announce the only event of a run. What is logged while the interpreter is built is no cause for another notification."""
    notifying = _notifying.set(True)
    try:
        announcer = new_announcer(run.subject.handlers, event.facts)
        tell_before_run(announcer, (run.subject,))
        feed(announcer, run, event)
    finally:
        _notifying.reset(notifying)


def tell_left(announcer: Announcer, subject: Subject) -> None:
    """Announce the ends that earlier runs of the same label left, and the missed runs of any."""
    notifying = _notifying.set(True)
    try:
        tell_before_run(announcer, (subject,))
    finally:
        _notifying.reset(notifying)


def was_delivered(entries: list[Entry]) -> bool:
    """Return whether at least one message is known to be delivered. A callback is no message, and of a silent label nobody hears."""
    for each in entries:
        outcome = each.outcome
        if isinstance(outcome, Receipt) and not isinstance(outcome, Silenced) and not isinstance(each.effect, CallBack):
            return True
    return False


def is_notifying() -> bool:
    """Return whether the current context is inside ``feed``."""
    return _notifying.get()


def log_failure(error: BaseException, name: str) -> None:
    """Log that watching failed. It raises nothing, not even without stack or memory."""
    with suppress(Exception):  # there may be no stack left to build the text
        log.surely(f"could not notify about {quote(name)}, which goes on: {describe(error)}")


def program_name() -> str:
    """Return the base name of the program's script, of its package if that was run, or ``python``."""
    script = sys.argv[0] if sys.argv else ""
    if script in {"", "-", "-c", "-m"}:
        return "python"
    from pathlib import PurePath  # slow to load, and needed once

    path = PurePath(script)
    return (path.parent.name if path.name == "__main__.py" else "") or path.name


# --- marks ------------------------------------------------------------------------------------------------------------------------


class _Marks(dict[str, str]):
    """Maps the id of a run to the name of the body that reported the exception inside it. ``owner`` is the id of the exception."""

    __slots__ = ("owner",)

    def __init__(self, owner: int) -> None:
        super().__init__()
        self.owner = owner

    def __reduce__(self) -> tuple[type[dict[str, str]], tuple[()]]:
        return dict, ()


def mark(error: BaseException, by: str, inside: Iterable[str]) -> None:
    """Mark the exception as reported by ``by`` inside these runs."""
    marks = _marks(error)
    if marks is None:
        marks = _Marks(id(error))
        BaseException.__setattr__(error, _MARK, marks)
    for run_id in inside:
        marks.pop(run_id, None)
        marks[run_id] = by
    for oldest in list(marks)[:-_MOST]:
        del marks[oldest]


def told_by(error: BaseException, inside: str) -> str | None:
    """Return the name of what reported the exception inside this run, or None. A group is reported if each exception in it is."""
    marks = _marks(error)
    if marks is not None and inside in marks:
        return marks[inside]
    if not issubclass(type(error), BaseExceptionGroup):
        return None
    names = list(dict.fromkeys(told_by(leaf, inside) for leaf in leaves(error)))
    known = [name for name in names if name is not None]
    return ", ".join(known) if len(known) == len(names) else None


def _marks(error: BaseException) -> _Marks | None:
    try:
        found: object = BaseException.__getattribute__(error, _MARK)
    except AttributeError:
        return None
    return found if type(found) is _Marks and found.owner == id(error) else None
