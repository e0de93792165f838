"""The runs that are open around the current code: those of watched bodies and of the tasks of a flow.

- Each context (``contextvars``) has its own open runs. An asyncio task inherits those of its creator.
- A lookup skips a level that is closed. A ``with`` block in a generator may close before blocks that were opened later, and in another
  context.
- A run that is over never becomes current again: the level that was innermost before may be closed by now, and is skipped.
"""

from abc import abstractmethod
from contextvars import ContextVar

from typing_extensions import override

from tocsin.shell.additions.open_run import OpenRun


class Level:
    """The place of a run among the open ones. It refers to its run until that is over, so that no context keeps the run alive."""

    __slots__ = ("is_open", "parent")

    def __init__(self, parent: "Level | None") -> None:
        self.parent: Level | None = parent
        self.is_open: bool = True

    @abstractmethod
    def run(self) -> OpenRun | None:
        """Return the run, or None if it is over."""


class RunLevel(Level):
    """The place of a run that is there from the beginning."""

    __slots__ = ("_run",)

    def __init__(self, parent: Level | None, run: OpenRun) -> None:
        super().__init__(parent)
        self._run: OpenRun | None = run

    @override
    def run(self) -> OpenRun | None:
        return self._run

    def close(self) -> None:
        """Note that the run is over."""
        self.is_open = False
        self._run = None


current: ContextVar[Level | None] = ContextVar("tocsin_open_runs", default=None)
"""The innermost level of a context, which may be closed."""


def first_open(level: Level | None) -> Level | None:
    """Return the level itself if it is open, else the innermost open level around it."""
    while level is not None and not level.is_open:
        level = level.parent
    return level


def innermost() -> Level | None:
    """Return the innermost open level of the current context."""
    return first_open(current.get())


def enter(level: Level | None) -> Level | None:
    """Make this level the innermost one of the current context, and return the one before."""
    before = current.get()
    current.set(level)
    return before


def leave(level: RunLevel) -> None:
    """Close the level."""
    level.close()
    if current.get() is level:
        current.set(first_open(level.parent))
