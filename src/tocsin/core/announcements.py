"""The announcements of a run with many objects, kept compactly.

A report is seldom looked at. A flow of many tasks holds many announcements, and the garbage collector walks all their objects.
So an announcement is kept as its event and its new state, from which it is made again when somebody looks at it.
"""

from collections.abc import Iterator

from tocsin.core import events as e
from tocsin.core.events import Event
from tocsin.core.machine import Announcement, Run, Subject, moved
from tocsin.core.states import State


class Announcements:
    """What ``propose`` and ``announce`` made of events, in order.

    Most announcements follow the one before: the run before this event is the run after that one, or it is at its beginning.
    Of these only the event and the new state are kept, and the subject at the beginning.
    An announcement with answers of handlers is kept whole.
    """

    __slots__ = ("_after", "_kept", "_states")

    def __init__(self) -> None:
        self._kept: list[Announcement | Run | Subject | Event] = []
        self._states: list[State] = []  # for each subject the state at its beginning, and for each event the state after it
        self._after: Run | None = None  # the run after the last announcement

    def append(self, announcement: Announcement) -> None:
        """Keep an announcement, which is complete."""
        before, event = announcement.before, announcement.event
        if announcement.replies or announcement.position != len(before.subject.handlers) or isinstance(event, e.Said):
            self._kept.append(announcement)
        else:
            if before is not self._after:
                self._begin(before)
            self._kept.append(event)
            self._states.append(announcement.after.state)
        self._after = announcement.after

    def _begin(self, run: Run) -> None:
        if run.ordinal or run.attempt > 1 or run.ended or run.started_at or run.asking or run.took or run.run_took:
            self._kept.append(run)
        else:
            self._kept.append(run.subject)
            self._states.append(run.state)

    def __iter__(self) -> Iterator[Announcement]:
        states, run = iter(self._states), None
        for kept in self._kept:
            if isinstance(kept, Subject):
                run = Run(kept, next(states))
            elif isinstance(kept, Run):
                run = kept
            elif isinstance(kept, Announcement):
                yield kept
                run = kept.after
            else:
                assert run is not None  # the run before the first event was kept
                after = moved(run, kept, next(states), run.ordinal + 1)
                yield Announcement(run, after, kept, len(run.subject.handlers))
                run = after
