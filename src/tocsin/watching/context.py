"""``WatchedRun``: the run of a watched body, as the body sees it; and ``current_run``."""

from abc import abstractmethod

from typing_extensions import override

from tocsin.core.text import quote
from tocsin.flows.task_run import TaskRun
from tocsin.shell.additions.levels import Level, first_open, innermost
from tocsin.shell.additions.open_run import OpenRun
from tocsin.shell.report import RunReport


class WatchedRun(OpenRun):
    """One run of a watched body. State handlers get it as the tracked object.

    >>> from tocsin import watch
    >>> with watch("nightly load", state_handlers=[]) as run:
    ...     run.note("7 rows were skipped")
    >>> run
    <WatchedRun 'nightly load'>
    >>> run.report.state
    Success()
    """

    __slots__ = ()

    @property
    @abstractmethod
    def report(self) -> RunReport | None:
        """How the run went, and which notifications were sent. It is None until the end, and for a decorated function that failed."""

    @override
    def __repr__(self) -> str:
        return f"<WatchedRun {quote(self._name)}>"


def watched_around(level: Level | None) -> WatchedRun | None:
    """Return the innermost open watched body at this level or around it. What is between, such as a task of a flow, is skipped."""
    level = first_open(level)
    while level is not None:
        run = level.run
        if isinstance(run, WatchedRun):
            return run
        level = first_open(level.parent)
    return None


def current_run() -> WatchedRun | TaskRun | None:
    """Return the run of the innermost watched body or task of a flow around the caller, or None.

    >>> from tocsin import watch
    >>> @watch(state_handlers=[])
    ... def load() -> str:
    ...     run = current_run()
    ...     return "" if run is None else run.name
    >>> load(), current_run()
    ('load', None)
    """
    level = innermost()
    run = None if level is None else level.run
    return run if isinstance(run, WatchedRun | TaskRun) else None
