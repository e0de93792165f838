"""What all policies have in common.

- A policy judges ends: a change into a finished state after which nothing follows. Of anything else it tells nothing, and its memory
  stays as it is.
- What it remembers is a function of the changes alone. What was told is not remembered: it follows from the same changes. So the
  policies of all notifiers share one memory, and one that is changed or added needs no past of its own.
- As a filter, a policy judges a change with the past that it carries, so it combines with ``&``, ``|`` and ``~`` as all do.
"""

from abc import abstractmethod

from tocsin.core.changes import Change
from tocsin.core.checks import at_least
from tocsin.core.filters import Filter, Verdict
from tocsin.core.messages.text import quote
from tocsin.core.policies.wording import counted, since
from tocsin.core.states import Failed, State, Success
from tocsin.core.streaks import Streak


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
