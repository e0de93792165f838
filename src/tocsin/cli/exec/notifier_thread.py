"""People are told in a thread of their own: whatever that takes, signals, output and time-outs do not wait for it.

What it raises is one line on standard error, and the command's exit status stays what it is.
"""

from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import TypeVar

from tocsin.cli.exec.context import ExecContext
from tocsin.cli.exec.notifier_protocol import ExecNotifier, MakeNotifier, OpenRun
from tocsin.cli.exec.spawn import Child
from tocsin.cli.exec.stderr import complain
from tocsin.core.messages.text import describe
from tocsin.core.supervisor import Ended

_T = TypeVar("_T")


class NotifierThread:
    """Tells of one run, beside it, in the order of the calls. ``answered`` and ``finished`` are news that come with a ``wake``.

    ``answer`` is that to the latest ``ended``: the seconds until the next attempt.
    """

    def __init__(self, course: ExecContext, make: MakeNotifier | None) -> None:
        self.answered: bool = False
        self.answer: float | None = None
        self.finished: bool = False
        self._course = course
        self._make = make
        self._news: SimpleQueue[str | Ended] = SimpleQueue()
        self._pid = course.child.pid if isinstance(course.child, Child) else None
        Thread(target=self._work, name="tocsin exec", daemon=True).start()

    def started(self) -> None:
        """Tell that an attempt has begun."""
        self._news.put("started")

    def ended(self, ended: Ended) -> None:
        """Tell that it has ended, and ask for another."""
        self.answered, self.answer = False, None
        self._news.put(ended)

    def close(self) -> None:
        """Tell nothing after that."""
        self._news.put("close")

    def _work(self) -> None:
        telling = _guarded(self._telling)
        while (news := self._news.get()) != "close":
            self._tell(telling, news)
        if telling is not None:
            _guarded(telling.close)
        self.finished = True
        self._course.listening.wake()

    def _telling(self) -> ExecNotifier:
        course = self._course
        run = OpenRun(run_id=course.run_id, label=course.options.label, started=course.began, pid=self._pid)
        if self._make is not None:
            return self._make(course.options, run)
        from tocsin.cli.exec.notifier import CommandNotifier as Usual

        return Usual(course.options, run)

    def _tell(self, telling: ExecNotifier | None, news: str | Ended) -> None:
        if not isinstance(news, Ended):
            if telling is not None:
                _guarded(telling.started)
            return
        self.answer = None if telling is None else _guarded(lambda: telling.ended(news))
        self.answered = True
        self._course.listening.wake()


def _guarded(act: Callable[[], _T]) -> _T | None:
    try:
        return act()
    except BaseException as error:  # nothing that it raises is of any use to this thread
        complain(f"could not tell how it went: {describe(error)}")
        return None
