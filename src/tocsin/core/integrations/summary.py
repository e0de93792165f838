"""The summary of a foreign run: how many of its tasks ended in which state, the failures first, and what never ran."""

from collections import Counter
from collections.abc import Iterable, Sequence

import attrs

from tocsin.core.events import Detail
from tocsin.core.states import KINDS, Failed, Finished, Skipped, State, TriggerFailed
from tocsin.core.text import cut, one_line, printable
from tocsin.core.values import Value

MOST = 20
"""The most tasks that a summary names."""

_REASON = 160  # characters


@attrs.frozen(eq=False, repr=False)
class TaskEnd(Value):
    """How a task of a run ended.

    Args:
        name: its name.
        kind: the kind of its state at the end of the run.
        reason: why, in words; None if it is not known.
        map_index: the 0-based index of a child of a mapped task; None if it is not mapped.
    """

    name: str
    kind: type[State]
    reason: str | None = None
    map_index: int | None = None

    def __str__(self) -> str:
        index = "" if self.map_index is None else f"[{self.map_index}]"
        reason = f": {printable(self.reason)}" if self.reason else ""  # by itself, since a control character acts beyond its own text
        return cut(one_line(f"{printable(self.name)}{index} {self.kind.__name__}{reason}"), _REASON)


def summary(ends: Iterable[TaskEnd], where: str | None = None) -> tuple[Detail, ...]:
    """Return the details that a run's last message has about its tasks.

    The first says how many tasks ended in which state, failures first. The second names those that failed, then those that never ran,
    then those that have not ended. What is left out is counted, and ``where`` says where it is to be found.

    >>> from tocsin.core.states import Success
    >>> ends = [TaskEnd("load", Failed, "OSError: disk full"), TaskEnd("report", TriggerFailed), TaskEnd("fetch", Success)]
    >>> [detail.text for detail in summary(ends)]
    ['1 Failed, 1 TriggerFailed, 1 Success', 'load Failed: OSError: disk full\\nreport TriggerFailed']
    """
    every = sorted(ends, key=_rank)
    if not every:
        return ()
    counts = Counter(each.kind.__name__ for each in every)
    details = [Detail("Tasks", ", ".join(f"{count:,} {kind}" for kind, count in counts.items()))]
    named = [each for each in every if _rank(each) < _WELL]
    if named:
        details.append(Detail("Failed or not run", _listed(named, where), quoted=True))
    return tuple(details)


def _listed(named: Sequence[TaskEnd], where: str | None) -> str:
    lines = [str(each) for each in named[:MOST]]
    if len(named) > MOST:
        lines.append(f"and {len(named) - MOST:,} more" + (f": {where}" if where else ""))
    return "\n".join(lines)


_WELL = 100


def _rank(end: TaskEnd) -> int:
    """Return the place of a task in the list: failures, what never ran, what has not ended, then what went well."""
    if issubclass(end.kind, TriggerFailed):
        return 1
    if issubclass(end.kind, Failed):
        return 0
    if issubclass(end.kind, Skipped):
        return 2
    if not issubclass(end.kind, Finished):
        return 3
    return _WELL + (KINDS.index(end.kind) if end.kind in KINDS else len(KINDS))
