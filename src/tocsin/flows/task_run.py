"""``TaskRun``: an attempt of a task of a flow, as the body of the task sees it."""

from collections.abc import Callable

import attrs
from typing_extensions import override

from tocsin.core.events import UNKNOWN, Facts, Said
from tocsin.core.text import label, quote
from tocsin.shell.additions.levels import Level, current
from tocsin.shell.additions.open_run import OpenRun
from tocsin.shell.fork_safety import ForkSafeLock

_making = ForkSafeLock()  # for the runs of all attempts


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


class _AttemptRun(TaskRun):
    """The run of an attempt. ``announce`` announces what the body says, with these facts."""

    __slots__ = ("_announce_said",)

    def __init__(self, name: str, run_id: str, announce: Callable[[Said], object]) -> None:
        super().__init__(name, run_id)
        self._announce_said = announce

    @override
    def _announce(self, said: Said) -> None:
        self._announce_said(attrs.evolve(said, facts=attrs.evolve(said.facts, link=self._added().link)))

    def end(self, known: Facts) -> Facts:
        """End the run. Return these facts with what the body added."""
        self._over = True
        if self._said is not None:
            self._close_said(self._said)
        added = self._added()
        return known if added is UNKNOWN else attrs.evolve(added, host=known.host, environment=known.environment)


class Attempt(Level):
    """An attempt, from its begin to its end, as the innermost level of the context. Its run is made when the body asks for it.

    Most bodies never do.

    Args:
        named: the task.
        run_id: the id of the flow's run.
        announce: announces what the body says.
    """

    __slots__ = ("_make", "_run", "_token")

    def __init__(self, named: object, run_id: str, announce: Callable[[Said], object]) -> None:
        super().__init__(current.get())
        self._run: _AttemptRun | None = None
        self._make: tuple[object, str, Callable[[Said], object]] | None = (named, run_id, announce)
        self._token = current.set(self)

    @override
    def run(self) -> OpenRun | None:
        make = self._make
        if make is not None and self._run is None:
            named, run_id, announce = make
            made = _AttemptRun(label(named), run_id, announce)
            with _making.lock:
                if self.is_open and self._run is None:
                    self._run = made
        return self._run

    def end(self, known: Facts) -> Facts:
        """End the attempt, in the context in which it began. Return these facts with what the body added."""
        current.reset(self._token)  # whatever the body left open
        run = self._drop()
        return known if run is None else run.end(known)

    def _drop(self) -> _AttemptRun | None:
        """Refer to the run, the task and the flow no longer, since a context may outlive them. Return the run, if there is one."""
        with _making.lock:
            self.is_open = False
            run, self._run, self._make = self._run, None, None
        return run
