"""``recovered``: it is over."""

import attrs

from tocsin.core.filters import Filter
from tocsin.core.policies.policy import Policy, count
from tocsin.core.policies.wording import end, since
from tocsin.core.states import State, Success
from tocsin.core.streaks import Streak


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
