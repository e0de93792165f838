"""What is remembered of earlier runs of the same label: how the last one ended, and how many in a row ended so.

That is all the memory that policies need. Only an end counts: a finished state after which nothing follows. An attempt that is
retried, a turn of a loop, a start: these leave the memory as it is. A skipped run counts as a success, an aborted one as a failure,
as their states say.
"""

import attrs

from tocsin.core.states import State
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
