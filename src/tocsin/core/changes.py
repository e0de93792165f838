"""What is remembered of earlier runs of the same label: how the last one ended, and how many in a row ended so.

That is all the memory that policies need. Only an end counts: a finished state after which nothing follows. An attempt that is
retried, a turn of a loop, a start: these leave the memory as it is. A skipped run counts as a success, an aborted one as a failure,
as their states say.

Names made unique: two tasks may share a name, and must not share a key.

Which announcement something is: the name by which an effect, its outcome and its messages know each other.

A tracked object going from one state to another: all that a filter or a message may look at.
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
        raise ValueError(f"a streak is of length 0 where nothing is known, else of 1 or more: not {value} of {streak.failed}")


@attrs.frozen(eq=False, repr=False)
class Streak(Value):
    """How many runs in a row ended alike, up to now.

    Args:
        failed: how the last one ended: True for a failure, False for a success, None where nothing is known.
        length: how many in a row ended so: 1 or more, and 0 where nothing is known. Anything else is a ValueError.

    >>> from tocsin.core.states import Failed, Success
    >>> Streak().after(Failed(), final=True).after(Failed(), final=True)
    Streak(failed=True, length=2)
    """

    failed: bool | None = None
    length: int = attrs.field(default=0, validator=_agrees)

    @property
    def failures(self) -> int:
        """How many in a row failed, up to the last: 0 after a success."""
        return self.length if self.failed else 0

    def after(self, state: State, *, final: bool) -> "Streak":
        """The streak once the state was entered; ``final`` says that nothing follows it. What is no end changes nothing."""
        if not final or not (state.is_failed() or state.is_successful()):
            return self
        return self.then(failed=state.is_failed())

    def then(self, *, failed: bool) -> "Streak":
        """The streak once another run has ended so."""
        return Streak(failed, self.length + 1 if failed is self.failed else 1)


def slugs(names: Iterable[str]) -> list[str]:
    """Each name, with a number behind it where it, or what would be made of it, was there before.

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
    """Which announcement this is: no two have the same key.

    Names are not unique, one notifier may be attached twice, and a loop repeats an edge; so the key counts instead: the run,
    the object's slug in it, its map index, the ordinal of the change in the run of that object (from 0), and the position of
    the handler in its list (from 0).
    """

    run_id: str
    slug: str
    map_index: int | None
    ordinal: int
    position: int

    def __str__(self) -> str:
        parts = (self.run_id, self.slug, "" if self.map_index is None else self.map_index, self.ordinal, self.position)
        return ".".join(str(part) for part in parts)


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
