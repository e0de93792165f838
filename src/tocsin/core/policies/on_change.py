"""``on_change``: failed, still failing, recovered."""

import attrs

from tocsin.core.filters import Filter
from tocsin.core.policies.policy import Policy, count
from tocsin.core.policies.wording import end, ordinal, since
from tocsin.core.streaks import Streak


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
