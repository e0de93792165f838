"""``TaskRun``: an attempt of a task of a flow, as the body of the task sees it."""

import attrs
from typing_extensions import override

from tocsin.core.events import Facts
from tocsin.core.text import quote
from tocsin.shell.additions.levels import Level, enter, innermost, leave
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

    __slots__ = ("_level",)

    def __init__(self, name: str, run_id: str) -> None:
        super().__init__(name, run_id)
        self._level = Level(innermost(), self)
        enter(self._level)

    def end(self, known: Facts) -> Facts:
        """End the attempt, and return these facts with what the body added."""
        leave(self._level)
        self._over = True
        details, files = self._added()
        if not details and not files and self._link is None:
            return known
        return attrs.evolve(known, details=details, link=self._link, attachments=files)
