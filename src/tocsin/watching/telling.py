"""Feeds events about what is watched, and says so where that fails: a body is not to notice that it is watched."""

import sys
from contextlib import suppress
from contextvars import ContextVar
from pathlib import PurePath

from tocsin.core.effects import CallBack
from tocsin.core.events import Event
from tocsin.core.machine import Run
from tocsin.core.messages.text import describe, quote
from tocsin.core.outcomes import Receipt
from tocsin.shell import log
from tocsin.shell.adapters import SystemClock
from tocsin.shell.ambient import current_of_runs, here
from tocsin.shell.announcer import Announcer
from tocsin.shell.interpreters.logbook import Logbook
from tocsin.shell.memory import announced

CLOCK = SystemClock()

_telling: ContextVar[bool] = ContextVar("tocsin_telling", default=False)


def is_telling() -> bool:
    """Whether people are being told of something, here and now."""
    return _telling.get()


def feed(announcer: Announcer, run: Run, event: Event, label: str) -> Logbook:
    """Announce an event by the interpreter in force, and say what was delivered. The run after it is the last that was announced."""
    token = _telling.set(True)
    logbook = Logbook(current_of_runs())
    try:
        with here(logbook):
            announced(announcer, run, event, label)
    finally:
        _telling.reset(token)
    return logbook


def reached(logbook: Logbook) -> bool:
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
