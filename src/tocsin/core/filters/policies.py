"""Streaks in words.

What all policies have in common.

- A policy judges ends: a change into a finished state after which nothing follows. Of anything else it tells nothing, and its memory
  stays as it is.
- What it remembers is a function of the changes alone. What was told is not remembered: it follows from the same changes. So the
  policies of all notifiers share one memory, and one that is changed or added needs no past of its own.
- As a filter, a policy judges a change with the past that it carries, so it combines with ``&``, ``|`` and ``~`` as all do.

``after``: not for each failure, but once it is clear that something is wrong.

``on_change``: failed, still failing, recovered.

``recovered``: it is over.
"""

from abc import abstractmethod

import attrs

from tocsin.core.changes import Change, Streak
from tocsin.core.filters.algebra import Filter, Verdict
from tocsin.core.messages.text import quote
from tocsin.core.states import Failed, State, Success
from tocsin.core.validation import at_least


def ordinal(number: int) -> str:
    """A number that says which: ``1st``, ``2nd``, ``3rd``, ``11th``.

    >>> ordinal(1), ordinal(12), ordinal(23), ordinal(1112)
    ('1st', '12th', '23rd', '1,112th')
    """
    ending = "th" if number % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"


def counted(streak: Streak) -> str:
    """The end of a run, and which it is of its kind: ``the 3rd failure in a row``."""
    noun = "failure" if streak.failed else "success"
    return f"a {noun}" if streak.length == 1 else f"the {ordinal(streak.length)} {noun} in a row"


def end(before: Streak, now: Streak) -> str:
    """The end of a run, and what came before it: ``a failure after 2 successes in a row``, ``the 3rd failure in a row``."""
    return f"{counted(now)} {since(before)}" if now.length == 1 else counted(now)


def since(streak: Streak) -> str:
    """What came before: ``after 3 failures in a row``, ``after a success``, ``with nothing known of earlier runs``."""
    if streak.failed is None:
        return "with nothing known of earlier runs"
    if streak.length == 1:
        return "after a failure" if streak.failed else "after a success"
    return f"after {streak.length:,} {'failures' if streak.failed else 'successes'} in a row"


class Policy(Filter):
    """A filter that judges the end of a run by how earlier runs ended. Subclass it, and write ``tells`` and ``why``."""

    __slots__ = ()

    @abstractmethod
    def tells(self, before: Streak, now: Streak) -> bool:
        """Whether an end is told that made the streak ``before`` the streak ``now``."""

    @abstractmethod
    def why(self, before: Streak, now: Streak) -> str:
        """Why it is, or is not, in words."""

    def step(self, memory: Streak, change: Change) -> tuple[Streak, Verdict]:
        """The memory once the change has happened, and the verdict on it. What the change itself says of its past is not asked."""
        now = memory.after(change.new, final=change.final)
        if now is memory:
            return memory, Verdict(False, _unfinished(change))
        return now, Verdict(self.tells(memory, now), self.why(memory, now))

    def __call__(self, change: Change) -> bool:
        return self.step(change.past, change)[1].passed

    def reason(self, change: Change, *, passed: bool) -> str:  # noqa: ARG002 - the same past gives the same verdict
        return self.step(change.past, change)[1].reason

    def settles(self, kind: type[State]) -> bool | None:
        return None if issubclass(kind, Failed | Success) else False

    def remembers(self) -> bool:
        return True

    def remark(self, change: Change) -> str | None:
        now = change.past.after(change.new, final=change.final)
        return None if now is change.past else self.said(change.past, now)

    def said(self, before: Streak, now: Streak) -> str | None:
        """What a message about such an end should add; None for nothing, as for a first failure."""
        if now.failed:
            return counted(now) if now.length > 1 else None
        return f"recovered {since(before)}" if before.failed else None


def count(value: object, called: str, written: str) -> None:
    """Refuse what is no count from 1 on: a TypeError, or a ValueError where it is a whole number."""
    if at_least(value, 1):
        return
    wrong = f"{called} is a whole number from 1 on, not {quote(value)}: write {written}"
    raise (ValueError if isinstance(value, int) and not isinstance(value, bool) else TypeError)(wrong)


def _unfinished(change: Change) -> str:
    kind = type(change.new).__name__
    if not isinstance(change.new, Failed | Success):
        return f"the new state, {kind}, is no end of a run"
    return f"after attempt {change.attempt} of {change.attempts} another may follow"


@attrs.frozen(repr=False)
class After(Policy):
    failures: int

    def tells(self, before: Streak, now: Streak) -> bool:  # noqa: ARG002 - the streak says it all
        return now.failures == self.failures

    def why(self, before: Streak, now: Streak) -> str:
        said = end(before, now)
        return said if self.tells(before, now) else f"{said}; told is the {ordinal(self.failures)} failure in a row"

    def settles(self, kind: type[State]) -> bool | None:
        return None if issubclass(kind, Failed) else False

    def __repr__(self) -> str:
        return f"after({self.failures})"


def after(failures: int) -> Filter:
    """Passes once in a streak of failures: when it comes to this many. A run counts once, however many attempts it had.

    Anything but an int is a TypeError, one below 1 a ValueError.

    >>> after(3) & after(3)
    after(3)
    """
    count(failures, "after(failures)", "after(3)")
    return After(failures)


@attrs.frozen(repr=False)
class OnChange(Policy):
    after: int
    every: int | None

    def tells(self, before: Streak, now: Streak) -> bool:
        if not now.failed:
            return before.failures >= self.after
        return now.length == self.after or self._still(now)

    def why(self, before: Streak, now: Streak) -> str:
        said = end(before, now)
        if not self.tells(before, now):
            return f"{said}; told is {self._told()}" if now.failed else said
        if not now.failed:
            return f"recovered {since(before)}"
        return f"still failing: {said}" if self._still(now) else said

    def said(self, before: Streak, now: Streak) -> str | None:
        said = Policy.said(self, before, now)
        return f"still failing: {said}" if self._still(now) else said

    def _still(self, now: Streak) -> bool:
        further = now.failures - self.after
        return self.every is not None and further > 0 and further % self.every == 0

    def _told(self) -> str:
        first = f"the {ordinal(self.after)}"
        if self.every is None:
            return first
        return f"{first}, then {'each' if self.every == 1 else f'every {ordinal(self.every)}'} further one"

    def __repr__(self) -> str:
        given = {"after": None if self.after == 1 else self.after, "every": self.every}
        return f"on_change({', '.join(f'{name}={value}' for name, value in given.items() if value is not None)})"


def on_change(after: int = 1, every: int | None = None) -> Filter:
    """Passes when the outcome differs from the last one: a first failure, and the recovery from it; a first success ever is no news.

    Args:
        after: how many failures in a row make one worth telling, 1 or more; the recovery from fewer is not told either.
        every: tell of every so many further failures, too; None: of none.

    Raises:
        TypeError: what was given is no int.
        ValueError: it is below 1.

    >>> on_change(), on_change(after=2, every=24)
    (on_change(), on_change(after=2, every=24))
    """
    count(after, "after", "on_change(after=3)")
    if every is not None:
        count(every, "every", "on_change(every=24)")
    return OnChange(after, every)


@attrs.frozen(repr=False)
class Recovered(Policy):
    after: int

    def tells(self, before: Streak, now: Streak) -> bool:
        return not now.failed and before.failures >= self.after

    def why(self, before: Streak, now: Streak) -> str:
        if self.tells(before, now):
            return f"recovered {since(before)}"
        least = "a failure" if self.after == 1 else f"{self.after:,} failures in a row or more"
        return f"{end(before, now)}; told is a success after {least}"

    def settles(self, kind: type[State]) -> bool | None:
        return None if issubclass(kind, Success) else False

    def __repr__(self) -> str:
        return "recovered()" if self.after == 1 else f"recovered(after={self.after})"


def recovered(after: int = 1) -> Filter:
    """Passes a success that comes after at least so many failures in a row.

    Anything but an int is a TypeError, one below 1 a ValueError.

    >>> recovered(), recovered(after=3)
    (recovered(), recovered(after=3))
    """
    count(after, "after", "recovered(after=3)")
    return Recovered(after)
