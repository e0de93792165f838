"""What a process keeps of Prefect's runs while they are open, so that a hook knows what the hooks before it were called for."""

from collections import OrderedDict
from datetime import datetime
from uuid import UUID

import attrs

from tocsin.core.integrations import facts
from tocsin.shell.fork_safety import ForkSafeLock

_MOST_OPEN = 10_000
_MOST_FLOWS = 100

RunId = UUID | str
"""An id as Prefect keeps it: its text takes longer to make."""


@attrs.define  # a frozen one takes longer to make, and each start makes one
class Attempt:
    """An attempt that runs in this process.

    Args:
        count: its count.
        entered: when it began, as Prefect has it.
        outer: the id of the exception that was in flight before the run began.
    """

    count: object
    entered: object
    outer: int | None

    @property
    def started(self) -> datetime | None:
        """When it began."""
        return facts.moment(self.entered)


class OpenRuns:
    """The attempts that run in this process, by the id of the run, and the parts of a flow run that ended here. Thread-safe."""

    def __init__(self) -> None:
        self._guard = ForkSafeLock()
        self._open: OrderedDict[RunId, Attempt] = OrderedDict()
        self._told: OrderedDict[RunId, None] = OrderedDict()
        self._ended: OrderedDict[RunId, set[RunId]] = OrderedDict()

    def __repr__(self) -> str:
        return f"<{len(self._open):,} attempts of Prefect's runs>"

    def begin(self, run_id: RunId, attempt: Attempt) -> Attempt | None:
        """Note the start of an attempt, and return what was noted before. Of the same attempt, the first note stays."""
        with self._guard.lock:
            before = self._open.get(run_id)
            if before is None or before.count != attempt.count:
                if before is not None:
                    attempt.outer = before.outer
                self._open[run_id] = attempt
                if len(self._open) > _MOST_OPEN:
                    self._open.popitem(last=False)
            return before

    def end(self, run_id: RunId, part_of: RunId = "") -> Attempt | None:
        """Forget a run, and return its last attempt. Of a part of a flow run, note that it ended."""
        with self._guard.lock:
            ended = self._ended.get(part_of)
            if ended is not None:
                ended.add(run_id)
            return self._open.pop(run_id, None)

    def expect_parts(self, flow_run_id: RunId) -> None:
        """Note, from now on, which parts of a flow run end in this process."""
        with self._guard.lock:
            self._ended.setdefault(flow_run_id, set())
            if len(self._ended) > _MOST_FLOWS:
                self._ended.popitem(last=False)

    def ended_parts(self, flow_run_id: RunId) -> set[RunId]:
        """Return the parts of a flow run that ended in this process, and forget them."""
        with self._guard.lock:
            return self._ended.pop(flow_run_id, set())

    def tell_once(self, run_id: RunId) -> bool:
        """Note that a crash is told. Return whether it was not before."""
        with self._guard.lock:
            before = run_id in self._told
            self._told[run_id] = None
            if len(self._told) > _MOST_OPEN:
                self._told.popitem(last=False)
            return not before
