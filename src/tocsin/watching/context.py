"""``WatchedRun``: the run of a watched body, as the body sees it; and ``current_run``."""

from abc import abstractmethod

from typing_extensions import override

from tocsin.core.progress import Countable
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

    @abstractmethod
    def progress(self, done: Countable, total: Countable | None = None) -> None:
        """Count the steps of the body: how many are done, of how many if that is known. It raises nothing.

        Where a Slack app posted the first message of the run, that shows the progress with the rate and the time left: one edit in 15
        seconds at most. Elsewhere it is no message. The message of a failure has the last progress. A smaller count than before, or
        another total, begins anew. What is no count is a line in the log.

        Args:
            done: the number of steps that are done, 0 or more.
            total: the number of all steps; None or 0 if it is not known.

        >>> from tocsin import watch
        >>> rows = range(3000)
        >>> with watch("nightly load", state_handlers=[]) as run:
        ...     for number, row in enumerate(rows, 1):
        ...         run.progress(number, len(rows))
        """

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
        run = level.run()
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
    run = None if level is None else level.run()
    return run if isinstance(run, WatchedRun | TaskRun) else None
