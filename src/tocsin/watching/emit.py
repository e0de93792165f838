"""Which failures people were told of already, so that one failure makes one message.

A failure is an exception, and the same one is the same object. That it was told is written on the exception itself: nothing else lives
as long as it does and no longer, and a list of exceptions would keep their frames alive, with all that is in them. It says inside of
which runs it was told, since a program may raise one object again, much later; and a copy, or one that was pickled, was never told.

Feeds events about what is watched, and says so where that fails: a body is not to notice that it is watched.
"""

import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from contextvars import ContextVar
from pathlib import PurePath
from typing import TypeGuard

from tocsin.core.effects import CallBack
from tocsin.core.events import Event
from tocsin.core.machine import Run
from tocsin.core.messages.text import describe, quote
from tocsin.core.outcomes import Receipt
from tocsin.shell import log
from tocsin.shell.adapters import SystemClock
from tocsin.shell.announce import Announcer
from tocsin.shell.current import current_of_runs, here
from tocsin.shell.history.streaks import announced
from tocsin.shell.report import DeliveryLog

ANYWHERE = ""
"""Stands for the whole process, in the place of the id of a run."""

_MARK = "__tocsin_told__"
_MOST = 8  # runs; an exception that is raised again and again is not to grow


class _Told(dict[str, str]):
    """By the id of a run, the name of what told of the exception inside it."""

    __slots__ = ("owner",)

    def __init__(self, owner: int) -> None:
        super().__init__()
        self.owner = owner

    def __reduce__(self) -> tuple[type[dict[str, str]], tuple[()]]:
        return dict, ()


def mark(error: BaseException, by: str, inside: Iterable[str]) -> None:
    """Write down that ``by`` told of the exception, inside of these runs."""
    told = _marks(error)
    if told is None:
        told = _Told(id(error))
        BaseException.__setattr__(error, _MARK, told)
    for run_id in inside:
        told.pop(run_id, None)
        told[run_id] = by
    for oldest in list(told)[:-_MOST]:
        del told[oldest]


def told_by(error: BaseException, inside: str) -> str | None:
    """Who told of the exception inside of this run; None where nobody did. A group was told of where each one in it was."""
    told = _marks(error)
    if told is not None and inside in told:
        return told[inside]
    if not _is_group(error):
        return None
    names = list(dict.fromkeys(told_by(leaf, inside) for leaf in _leaves(error)))
    known = [name for name in names if name is not None]
    return ", ".join(known) if len(known) == len(names) else None


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for each in group.exceptions:
        if _is_group(each):
            yield from _leaves(each)
        else:
            yield each


def _marks(error: BaseException) -> _Told | None:
    try:
        found: object = BaseException.__getattribute__(error, _MARK)
    except AttributeError:
        return None
    return found if isinstance(found, _Told) and found.owner == id(error) else None


def _is_group(error: BaseException) -> TypeGuard[BaseExceptionGroup[BaseException]]:
    return isinstance(error, BaseExceptionGroup)


CLOCK = SystemClock()

_telling: ContextVar[bool] = ContextVar("tocsin_telling", default=False)


def is_telling() -> bool:
    """Whether people are being told of something, here and now."""
    return _telling.get()


def feed(announcer: Announcer, run: Run, event: Event, label: str) -> DeliveryLog:
    """Announce an event by the interpreter in force, and say what was delivered. The run after it is the last that was announced."""
    token = _telling.set(True)
    logbook = DeliveryLog(current_of_runs())
    try:
        with here(logbook):
            announced(announcer, run, event, label)
    finally:
        _telling.reset(token)
    return logbook


def reached(logbook: DeliveryLog) -> bool:
    """Whether one of the messages got through, in so far as that is known; that a function was called tells nobody anything."""
    return any(isinstance(each.outcome, Receipt) and not isinstance(each.effect, CallBack) for each in logbook.deliveries)


def survived(error: BaseException, name: str) -> None:
    """Say that watching failed. Raises nothing, not even where there is no stack or memory left."""
    with suppress(Exception):
        log.once(f"{quote(name)} goes on, but nobody is told: {describe(error)}")


def script() -> str:
    """What this program is called: the base name of its script, or ``python``."""
    said = sys.argv[0] if sys.argv else ""
    return "python" if said in {"", "-c", "-m"} else PurePath(said).name
