"""Which watched bodies are open around the code that runs now: each context has its own, and a task inherits those of its maker.

A level that is closed is skipped when it is met: a ``with`` block in a generator may close before those that were opened inside its
open time, and in another context than it was opened in. Nothing is ever reset to what it was, so nothing comes back that is over.
"""

from contextvars import ContextVar

from tocsin.watching.run import WatchedRun


class Level:
    """The place of one run among those that are open; ``run`` is None once it is over, so that no context keeps it alive."""

    __slots__ = ("parent", "run")

    def __init__(self, parent: "Level | None", run: WatchedRun) -> None:
        self.parent: Level | None = parent
        self.run: WatchedRun | None = run


_innermost: ContextVar[Level | None] = ContextVar("tocsin_watched", default=None)


def opened(level: Level | None) -> Level | None:
    """The level, or the innermost around it, that is open."""
    while level is not None and level.run is None:
        level = level.parent
    return level


def innermost() -> Level | None:
    """The innermost open level, here and now."""
    return opened(_innermost.get())


def enter(level: Level | None) -> Level | None:
    """From now on what opens here is inside this level. The level that it was inside of until now."""
    before = _innermost.get()
    _innermost.set(level)
    return before


def leave(level: Level) -> None:
    """The level is over."""
    level.run = None
    if _innermost.get() is level:
        _innermost.set(opened(level.parent))


def current_run() -> WatchedRun | None:
    """The run of the innermost body that is watched here; None where none is.

    >>> from tocsin import watch
    >>> @watch(state_handlers=[])
    ... def load() -> str:
    ...     run = current_run()
    ...     return "" if run is None else run.name
    >>> load(), current_run()
    ('load', None)
    """
    level = innermost()
    return None if level is None else level.run
