"""A tracked object going from one state to another: all that a filter or a message may look at."""

from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

import attrs

from tocsin.core.events import UNKNOWN, Facts
from tocsin.core.keys import Key
from tocsin.core.states import State, aware
from tocsin.core.streaks import Streak
from tocsin.core.values import Value

UNREMEMBERED = Streak()


@runtime_checkable
class Tracked(Protocol):
    """Anything with a ``name``: a Task, a Flow, a watched function, somebody else's job."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...


@attrs.frozen(eq=False, repr=False)
class Change(Value):
    """A tracked object going from the state ``old`` to the state ``new``.

    Args:
        tracked_obj: what changed.
        old: the state before, the same for all handlers of the change.
        new: the state after.
        at: when, an aware datetime.
        run_id: names the run, unique over all machines.
        slug: names the tracked object, unique in the run.
        map_index: which child of a mapped task, from 0; None where it is not mapped.
        ordinal: how many changes of this object came before, in this run.
        attempt: the attempt that this change belongs to, from 1.
        attempts: how many attempts there may be, 1 or more.
        final: whether no further attempt can follow.
        duration: how long the attempt took, once it is over.
        facts: the host, the environment, and whatever else is known.
        past: how earlier runs ended, for the filters that remember.
    """

    tracked_obj: Tracked
    old: State
    new: State
    at: datetime = attrs.field(validator=aware)
    run_id: str
    slug: str
    map_index: int | None = None
    ordinal: int = 0
    attempt: int = 1
    attempts: int = 1
    final: bool = True
    duration: timedelta | None = None
    facts: Facts = UNKNOWN
    past: Streak = UNREMEMBERED

    def key(self, position: int = 0) -> Key:
        """The key of what the handler at ``position`` announces of this change."""
        return Key(self.run_id, self.slug, self.map_index, self.ordinal, position)
