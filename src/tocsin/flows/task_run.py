"""``TaskRun``: an attempt of a task of a flow, as the body of the task sees it."""

import attrs
from typing_extensions import override

from tocsin.core.events import UNKNOWN, Facts
from tocsin.core.text import quote
from tocsin.shell.additions.levels import Level, current
from tocsin.shell.additions.open_run import OpenRun


class TaskRun(OpenRun):
    """One attempt of a task. ``tocsin.current_run()`` returns it in the body. What is added is in the message that ends the attempt.

    Each attempt has additions of its own. ``run_id`` is the id of the flow's run.

    >>> from tocsin import Flow, current_run, task
    >>> @task
    ... def load() -> None:
    ...     run = current_run()
    ...     if run is not None:
    ...         run.note("7 rows were skipped")
    ...         print(run)
    >>> report = Flow("nightly", tasks=[load]).run()
    <TaskRun 'load'>
    """

    __slots__ = ()

    @override
    def __repr__(self) -> str:
        return f"<TaskRun {quote(self._name)}>"


class Attempt(TaskRun):
    """An attempt, from its begin to its end. It is the innermost open run of the context from when it is made."""

    __slots__ = ("_level", "_token")

    def __init__(self, name: str, run_id: str) -> None:
        super().__init__(name, run_id)
        self._level = Level(current.get(), self)
        self._token = current.set(self._level)

    def end(self, known: Facts) -> Facts:
        """End the attempt, in the context in which it began. Return these facts with what the body added."""
        self._level.run = None
        current.reset(self._token)  # whatever the body left open
        self._over = True
        added = self._added()
        return known if added is UNKNOWN else attrs.evolve(added, host=known.host, environment=known.environment)
