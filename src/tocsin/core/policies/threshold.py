"""``after``: not for each failure, but once it is clear that something is wrong."""

import attrs

from tocsin.core.filters import Filter
from tocsin.core.policies.policy import Policy, count
from tocsin.core.policies.wording import end, ordinal
from tocsin.core.states import Failed, State
from tocsin.core.streaks import Streak


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
