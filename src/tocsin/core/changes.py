"""A change of state, the key of its announcement, unique slugs for names, and the streak of earlier outcomes.

- A ``Change`` holds all that a filter or a message may look at.
- A ``Key`` connects an effect, its outcome and its messages. Two tasks may share a name, so a key holds a slug instead.
- A ``Streak`` is all the memory that policies need: how the last run of the same label ended, and how many in a row ended alike.
  Only the end of a run counts: a finished state after which nothing follows. A start, a retried attempt or a turn of a loop leaves
  the streak unchanged. A skipped run counts as a success and an aborted one as a failure, as their states say.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

import attrs

from tocsin.core.events import UNKNOWN, Facts
from tocsin.core.states import State, aware
from tocsin.core.values import Value


def _agrees(streak: "Streak", _: "attrs.Attribute[int]", value: int) -> None:
    if value < 0 or (value == 0) is not (streak.failed is None):
        raise ValueError(f"a streak has length 0 if failed is None, else 1 or more, not {value} with failed={streak.failed}")


@attrs.frozen(eq=False, repr=False)
class Streak(Value):
    """How many of the latest runs in a row ended alike.

    Args:
        failed: how the last run ended: True for a failure, False for a success, None if no run is known.
        length: how many runs in a row ended so: 1 or more, or 0 if no run is known. Anything else is a ValueError.

    >>> from tocsin.core.states import Failed, Success
    >>> Streak().after(Failed(), final=True).after(Failed(), final=True)
    Streak(failed=True, length=2)
    """

    failed: bool | None = None
    length: int = attrs.field(default=0, validator=_agrees)

    @property
    def failures(self) -> int:
        """How many of the latest runs failed in a row: 0 after a success."""
        return self.length if self.failed else 0

    def after(self, state: State, *, final: bool) -> "Streak":
        """Return the streak after a change into ``state``; unchanged unless the run ended, which takes ``final``: nothing follows."""
        if not final or not (state.is_failed() or state.is_successful()):
            return self
        return self.then(failed=state.is_failed())

    def then(self, *, failed: bool) -> "Streak":
        """Return the streak after one more run that ended so."""
        return Streak(failed, self.length + 1 if failed is self.failed else 1)


UNREMEMBERED = Streak()
"""The streak if no earlier run is known."""


def slugs(names: Iterable[str]) -> list[str]:
    """Make names unique: append a number to each name that is taken, by an earlier name or by a slug made of one.

    >>> slugs(["load", "load", "load-2", "load"])
    ['load', 'load-2', 'load-2-2', 'load-3']
    """
    taken: dict[str, int] = {}
    return [_slug(name, taken) for name in names]


def _slug(name: str, taken: dict[str, int]) -> str:
    count = taken.get(name, 0) + 1
    slug = name if count == 1 else f"{name}-{count}"
    while slug in taken:
        count += 1
        slug = f"{name}-{count}"
    taken[name] = count
    taken.setdefault(slug, 1)
    return slug


@attrs.frozen(eq=False, repr=False)
class Key(Value):
    """The unique key of an announcement.

    Names are not unique, one notifier may be attached twice, and a loop repeats a transition. So a key holds the id of the run, the
    object's slug in the run, its map index, the ordinal of the change among the changes of that object in the run (from 0), and the
    position of the handler in its list (from 0).
    """

    run_id: str
    slug: str
    map_index: int | None
    ordinal: int
    position: int

    def __str__(self) -> str:
        parts = (self.run_id, self.slug, "" if self.map_index is None else self.map_index, self.ordinal, self.position)
        return ".".join(str(part) for part in parts)


@runtime_checkable
class Tracked(Protocol):
    """Anything with a ``name``: a Task, a Flow, a watched function, a job of another system."""

    @property
    def name(self) -> str:
        """The name shown to people."""
        ...


@attrs.frozen(eq=False, repr=False)
class Change(Value):
    """A tracked object going from the state ``old`` to the state ``new``.

    Args:
        tracked_obj: what changed.
        old: the state before, the same for all handlers of the change.
        new: the state after.
        at: when, an aware datetime.
        run_id: the id of the run, unique over all machines.
        slug: the name of the tracked object, unique in the run.
        map_index: the 0-based index of a child of a mapped task; None if it is not mapped.
        ordinal: how many earlier changes this object had in this run.
        attempt: the 1-based number of the attempt that this change belongs to.
        attempts: how many attempts there may be, 1 or more.
        final: whether no further attempt can follow.
        duration: how long the attempt took, once it is over; never negative, also if the clock was set meanwhile.
        facts: the host, the environment, and other details.
        past: how earlier runs ended, for policies.
        shows_run_id: whether a message has the id: a reader can look it up in the engine that gave it, or by ``tocsin runs show``.
        run_duration: how long the run took from the start of its first attempt, once it is more than that one; None if it is not known.
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
    shows_run_id: bool = True
    run_duration: timedelta | None = None

    def key(self, position: int = 0) -> Key:
        """Return the key of the announcement that the handler at ``position`` makes of this change."""
        return Key(self.run_id, self.slug, self.map_index, self.ordinal, position)
