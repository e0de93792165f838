"""``TaskRun``: an attempt of a task of a flow, as the body of the task sees it."""

from abc import abstractmethod
from collections.abc import Callable

import attrs
from typing_extensions import override

from tocsin.core.events import UNKNOWN, Facts, Said
from tocsin.core.text import describe, quote
from tocsin.shell import log
from tocsin.shell.additions.levels import Level, current
from tocsin.shell.additions.open_run import OpenRun
from tocsin.shell.fork_safety import ForkSafeLock
from tocsin.shell.said_queue import SaidQueue

_making = ForkSafeLock()  # for the queues of all attempts


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

    @abstractmethod
    def say(self, text: object) -> None:
        """Send a text, or the ``str`` of any other value, now. It raises nothing.

        Each notifier of the task that sends messages sends one, whatever its ``only_states``, ``ignore_states`` and ``when``. Other
        handlers are not called. A blank text sends nothing. What is said after the end of the attempt is a line in the log.
        """

    @override
    def __repr__(self) -> str:
        return f"<TaskRun {quote(self._name)}>"


class Attempt(TaskRun):
    """An attempt, from its begin to its end. It is the innermost open run of the context from when it is made.

    ``announce`` announces what the body says, with these facts.
    """

    __slots__ = ("_announce", "_level", "_said", "_token")

    def __init__(self, name: str, run_id: str, announce: Callable[[Said], object]) -> None:
        super().__init__(name, run_id)
        self._announce = announce
        self._said: SaidQueue | None = None  # most attempts say nothing
        self._level = Level(current.get(), self)
        self._token = current.set(self._level)

    @override
    def say(self, text: object) -> None:
        try:
            with _making.lock:
                self._said = said = self._said or SaidQueue(self._name, self._announce_linked)
            if self._over:  # else its end closes the queue
                said.close()
                self._said = None
            said.put(text)
            said.announce_waiting()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            log.surely(f"could not say a text about {quote(self._name)}, which goes on: {describe(error)}")

    def _announce_linked(self, said: Said) -> None:
        self._announce(attrs.evolve(said, facts=attrs.evolve(said.facts, link=self._added().link)))

    def end(self, known: Facts) -> Facts:
        """End the attempt, in the context in which it began. Return these facts with what the body added."""
        self._level.run = None
        current.reset(self._token)  # whatever the body left open
        self._over = True
        if self._said is not None:
            self._said.close()
            self._said = None  # it refers to this attempt
        added = self._added()
        return known if added is UNKNOWN else attrs.evolve(added, host=known.host, environment=known.environment)
