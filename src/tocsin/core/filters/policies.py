"""Policies: filters that judge the end of a run by how earlier runs ended, and the wording of streaks.

- A policy judges the end of a run: a change into a finished state that nothing follows. It passes no other change, and its memory
  then stays unchanged.
- The memory is a function of the changes alone. Which changes were announced follows from the same changes, so it is not stored. All
  notifiers share one memory, and a new or changed policy needs no history of its own.
- A policy is a filter: it judges a change by the ``past`` in the change, so it combines with ``&``, ``|`` and ``~``.
"""

from abc import abstractmethod

import attrs

from tocsin.core.changes import Change, Streak
from tocsin.core.filters.algebra import Filter, Verdict
from tocsin.core.states import Failed, State, Success
from tocsin.core.text import quote
from tocsin.core.validation import at_least


def ordinal(number: int) -> str:
    """Return the English ordinal of a number: ``1st``, ``2nd``, ``3rd``, ``11th``.

    >>> ordinal(1), ordinal(12), ordinal(23), ordinal(1112)
    ('1st', '12th', '23rd', '1,112th')
    """
    ending = "th" if number % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"


def counted(streak: Streak) -> str:
    """Describe the last run of a streak: ``a success``, ``the 3rd failure in a row``."""
    noun = "failure" if streak.failed else "success"
    return f"a {noun}" if streak.length == 1 else f"the {ordinal(streak.length)} {noun} in a row"


def end(before: Streak, now: Streak) -> str:
    """Describe the end of a run with the runs before it: ``a failure after 2 successes in a row``, ``the 3rd failure in a row``."""
    return f"{counted(now)} {since(before)}" if now.length == 1 else counted(now)


def since(streak: Streak) -> str:
    """Describe the runs before: ``after 3 failures in a row``, ``after a success``, ``with nothing known of earlier runs``."""
    if streak.failed is None:
        return "with nothing known of earlier runs"
    if streak.length == 1:
        return "after a failure" if streak.failed else "after a success"
    return f"after {streak.length:,} {'failures' if streak.failed else 'successes'} in a row"


class Policy(Filter):
    """A filter that judges the end of a run by how earlier runs ended. A subclass defines ``tells`` and ``why``."""

    __slots__ = ()

    @abstractmethod
    def tells(self, before: Streak, now: Streak) -> bool:
        """Return whether to announce the end of a run that turned the streak ``before`` into ``now``."""

    @abstractmethod
    def why(self, before: Streak, now: Streak) -> str:
        """Return why it is announced, or is not, in words."""

    def step(self, memory: Streak, change: Change) -> tuple[Streak, Verdict]:
        """Return the memory after the change, and the verdict on the change. Ignore the ``past`` in the change."""
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
        """Return the annotation for a message about such an end; None for no annotation, as for a first failure."""
        if now.failed:
            return counted(now) if now.length > 1 else None
        return f"recovered {since(before)}" if before.failed else None


def count(value: object, called: str, written: str) -> None:
    """Raise an error unless ``value`` is an int from 1 on: a ValueError for a smaller int, else a TypeError."""
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

    def tells(self, before: Streak, now: Streak) -> bool:  # noqa: ARG002 - the new streak suffices
        return now.failures == self.failures

    def why(self, before: Streak, now: Streak) -> str:
        text = end(before, now)
        return text if self.tells(before, now) else f"{text}; only the {ordinal(self.failures)} failure in a row is announced"

    def settles(self, kind: type[State]) -> bool | None:
        return None if issubclass(kind, Failed) else False

    def __repr__(self) -> str:
        return f"after({self.failures})"


def after(failures: int) -> Filter:
    """Return a policy that passes once in a streak: its n-th failure. A run counts once, however many attempts it had.

    Args:
        failures: which failure in a row passes, 1 or more.

    Raises:
        TypeError: ``failures`` is not an int.
        ValueError: it is below 1.

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
        return now.length == self.after or self._is_reminder(now)

    def why(self, before: Streak, now: Streak) -> str:
        text = end(before, now)
        if not self.tells(before, now):
            return f"{text}; only {self._announced()} announced" if now.failed else text
        if not now.failed:
            return f"recovered {since(before)}"
        return f"still failing: {text}" if self._is_reminder(now) else text

    def said(self, before: Streak, now: Streak) -> str | None:
        text = Policy.said(self, before, now)
        return f"still failing: {text}" if self._is_reminder(now) else text

    def _is_reminder(self, now: Streak) -> bool:
        further = now.failures - self.after
        return self.every is not None and further > 0 and further % self.every == 0

    def _announced(self) -> str:
        first = f"the {ordinal(self.after)}"
        if self.every is None:
            return f"{first} is"
        return f"{first} and {'each' if self.every == 1 else f'every {ordinal(self.every)}'} further one are"

    def __repr__(self) -> str:
        given = {"after": None if self.after == 1 else self.after, "every": self.every}
        return f"on_change({', '.join(f'{name}={value}' for name, value in given.items() if value is not None)})"


def on_change(after: int = 1, every: int | None = None) -> Filter:
    """Return a policy that passes a first failure and the recovery from it. The first success ever does not pass.

    Args:
        after: which failure in a row passes, 1 or more; the recovery from fewer failures does not pass either.
        every: also pass every so many further failures; None for none.

    Raises:
        TypeError: an argument is not an int.
        ValueError: an argument is below 1.

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
        return f"{end(before, now)}; only a success after {least} is announced"

    def settles(self, kind: type[State]) -> bool | None:
        return None if issubclass(kind, Success) else False

    def __repr__(self) -> str:
        return "recovered()" if self.after == 1 else f"recovered(after={self.after})"


def recovered(after: int = 1) -> Filter:
    """Return a policy that passes a success after failures in a row.

    Args:
        after: how many failures in a row must precede the success, at least; 1 or more.

    Raises:
        TypeError: ``after`` is not an int.
        ValueError: it is below 1.

    >>> recovered(), recovered(after=3)
    (recovered(), recovered(after=3))
    """
    count(after, "after", "recovered(after=3)")
    return Recovered(after)
