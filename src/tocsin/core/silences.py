"""Silences: for how long no message about a label is sent, and what people are told once a silence has ended.

- A silence has a begin and an end on the wall clock, and ends by itself. A clock that is set to a time outside of it ends it too: then
  a message too many is sent, and none is lost.
- Silences of one label may overlap. A label is silent while one of them is in force.
- A silence of ``load`` also covers ``load/extract``: the history keeps a task of a flow under the names of both.
- While a label is silent, the end of a run that would have been told is held back. What is told when the silence is over is the last
  of what is still true: a failure that the label has not recovered from, or a recovery from a failure that people know of. A failure
  that came and went in the silence is not told.
"""

from collections.abc import Iterable
from typing import Literal

import attrs

from tocsin.core.values import Value

Held = Literal["failure", "recovery"]
"""What a silence holds back."""


@attrs.frozen(eq=False, repr=False)
class Silence(Value):
    """No message about a label, for a time.

    Args:
        label: the label; parts of what has it are silent too.
        since: the begin, in seconds since 1970.
        until: the end, in seconds since 1970.
        because: the reason, for people; None if none was given.
    """

    label: str
    since: float
    until: float
    because: str | None = None

    def is_in_force(self, now: float) -> bool:
        """Return whether the silence has begun and has not ended.

        >>> [Silence("load", 10.0, 20.0).is_in_force(now) for now in (9.9, 10.0, 19.9, 20.0)]
        [False, True, True, False]
        """
        return self.since <= now < self.until

    def covers(self, label: str) -> bool:
        """Return whether the silence is for this label, or for a part of what has it.

        >>> [Silence("load", 10.0, 20.0).covers(label) for label in ("load", "load/extract", "loads")]
        [True, True, False]
        """
        return label == self.label or label.startswith(f"{self.label}/")


def silence_over(silences: Iterable[Silence], label: str, now: float) -> Silence | None:
    """Return the silence that is in force for a label, the one that ends last; None if the label is not silent.

    >>> silence_over([Silence("load", 0.0, 20.0), Silence("load", 5.0, 90.0)], "load", 10.0).until
    90.0
    """
    found = [each for each in silences if each.is_in_force(now) and each.covers(label)]
    return max(found, key=lambda each: each.until, default=None)


@attrs.frozen(eq=False, repr=False)
class HeldBack(Value):
    """What a silence holds back of one label.

    Args:
        broken_before: whether the last run before the silence failed, so that people wait for a recovery.
        held: what is told once the silence is over; None for nothing.
    """

    broken_before: bool
    held: Held | None = None


@attrs.frozen(eq=False, repr=False)
class RunEnd(Value):
    """The end of a run, as far as silences go.

    Args:
        failed: whether the run failed.
        wanted: whether a handler has a message about it.
        silenced: whether a silence is in force.
        broken_before: whether the run before it failed, as far as that is known.
    """

    failed: bool
    wanted: bool
    silenced: bool
    broken_before: bool = False


def after_end(before: HeldBack | None, end: RunEnd) -> HeldBack | None:
    """Return what is held back after the end of a run; None if there is nothing to remember, as always without a silence before it.

    >>> after_end(None, RunEnd(failed=True, wanted=True, silenced=True))
    HeldBack(broken_before=False, held='failure')
    >>> after_end(HeldBack(False, "failure"), RunEnd(failed=False, wanted=True, silenced=True))
    HeldBack(broken_before=False, held=None)
    """
    if not end.silenced and (before is None or before.held is None or end.wanted):
        return None
    known = HeldBack(end.broken_before) if before is None else before
    if end.failed:
        held: Held | None = "failure" if known.held == "failure" or (end.silenced and end.wanted) else None
    else:
        recovers = known.broken_before and (known.held == "recovery" or (end.silenced and end.wanted))
        held = "recovery" if recovers else None
    return HeldBack(known.broken_before, held) if end.silenced or held else None


def holds(before: HeldBack | None, end: RunEnd, after: HeldBack | None) -> bool:
    """Return whether it is this end that is held back, rather than an earlier one of the same kind."""
    if after is None or after.held is None or not (end.silenced and end.wanted):
        return False
    return after.held == "failure" or before is None or before.held != "recovery"
