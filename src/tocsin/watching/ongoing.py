"""What is told of a run while its body runs: how far it is, and that it goes on. The thread of the timers tells it, not the body.

- The progress is shown in the run's first message, where a Slack app posted that. Elsewhere it is no message of its own.
- The body only stores its count. Once a second the rate is computed from it.
"""

from collections.abc import Callable
from contextvars import copy_context
from time import monotonic

from tocsin.core.events import UNKNOWN, Said
from tocsin.core.progress import MIN_INTERVAL, Count, Progress, count, next_reminder, still_running, worded
from tocsin.core.text import cut, quote
from tocsin.shell import log
from tocsin.shell.adapters.clock import CLOCK
from tocsin.shell.timers import Timer, call_at

_SAMPLE_INTERVAL = 1.0  # seconds
_LONGEST_INTERVAL = 900.0  # seconds between two edits while the body makes no step
_LONGEST_SHOWN = 100  # characters of a wrong count
_NEVER = float("-inf")

Tell = Callable[[Said], object]
"""Announces an event of the run. It raises nothing, and does nothing once the run is over."""


def _nothing(_: Said) -> None:
    """Do nothing: the run is over."""


class Steps:
    """The steps of a body. A count may come from any thread; the last one holds."""

    __slots__ = ("_due", "_known", "_latest", "_name")

    def __init__(self, name: str) -> None:
        self._name = name
        self._latest: tuple[Count, Count | None, float] | None = None
        self._known: Progress | None = None
        self._due = _NEVER

    def count(self, done: object, total: object) -> None:
        """Store a count. What is no count is a line in the log. It may raise what the value raises."""
        now = monotonic()
        if type(done) is int and (total is None or type(total) is int) and now < self._due:
            self._latest = done, total, now
            return
        exact, whole = count(done), None if total is None else count(total)
        if exact is None or (total is not None and whole is None):
            self._refuse(done if exact is None else total)
            return
        self._latest = exact, whole or None, now
        self.progress()
        self._due = now + _SAMPLE_INTERVAL

    def progress(self) -> Progress | None:
        """Return the progress up to the last count; None if there is none."""
        latest, known = self._latest, self._known
        if latest is None:
            return None
        done, total, at = latest
        if known is not None and (known.at, known.done) == (at, done):
            return known
        exact, whole = count(done), None if total is None else count(total)
        if exact is None or (total is not None and whole is None):
            self._refuse(done if exact is None else total)
            return known
        self._known = known = Progress(exact, whole or None, at) if known is None else known.advanced(exact, whole or None, at)
        return known

    def _refuse(self, value: object) -> None:
        log.surely(f"{cut(quote(value), _LONGEST_SHOWN)} is no count of the steps of {quote(self._name)}, and is in no message")


class Ongoing:
    """A run that goes on.

    Args:
        name: the name of the run.
        began: its start, a reading of ``time.monotonic``.
        tell: announces an event of the run.
    """

    __slots__ = ("_began", "_edit", "_interval", "_reminder", "_shown", "_tell", "is_shown", "steps")

    def __init__(self, name: str, began: float, tell: Tell) -> None:
        self.steps: Steps = Steps(name)
        self.is_shown: bool = False
        self._began = began
        self._tell = tell
        self._edit: Timer | None = None
        self._reminder: Timer | None = None
        self._interval = MIN_INTERVAL
        self._shown: Progress | None = None

    def remind(self, period: float) -> None:
        """Tell that the run goes on, ``period`` seconds after its start, and after twice, four times ... as long."""
        due, context = period, copy_context()

        def call() -> float:
            nonlocal due
            progress = self.steps.progress()
            words = None if progress is None else worded(progress, monotonic())
            context.run(self._tell, still_running(CLOCK.now(), due, words, UNKNOWN))
            due = next_reminder(period, monotonic() - self._began)
            return self._began + due

        self._reminder = call_at(self._began + period, call)

    def show_progress(self, *, may_edit: bool) -> None:
        """Show the progress in the run's first message, if that may be edited: ``MIN_INTERVAL`` seconds apart at least."""
        self.is_shown = True
        if may_edit:
            context = copy_context()
            self._edit = call_at(monotonic() + self._interval, lambda: context.run(self._show))

    def _show(self) -> float:
        progress = self.steps.progress()
        if progress is not None:
            moved = progress != self._shown
            self._interval = MIN_INTERVAL if moved else min(2 * self._interval, _LONGEST_INTERVAL)
            self._shown = progress
            self._tell(Said(CLOCK.now(), text=worded(progress, monotonic()), edits=True))
        return monotonic() + self._interval

    def close(self) -> None:
        """Tell nothing more, and refer to the run no longer."""
        for timer in (self._edit, self._reminder):
            if timer is not None:
                timer.cancel()
        self._edit = self._reminder = None
        self._tell = _nothing
