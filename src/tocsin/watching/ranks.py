"""What the other processes of a distributed training tell: failures of their own, and nothing else. Rank 0 tells of everything.

- An interruption is no failure of one process: it comes to all of them, and rank 0 tells of it.
- What the body says by ``run.say`` is not told either, nor that it still runs.
"""

import os

import attrs
from typing_extensions import override

from tocsin.core.changes import Change, Tracked
from tocsin.core.filters.algebra import Verdict
from tocsin.core.machine import ForeignHandler
from tocsin.core.notifiers import Notice, Notifier
from tocsin.core.outcomes import Fault
from tocsin.core.ranks import rank_in
from tocsin.core.states import Failed, State
from tocsin.core.text import is_a, name_of
from tocsin.core.validation import invoke
from tocsin.shell import log
from tocsin.watching.recipients import Recipients, recipients_of


def own_rank() -> str:
    """Return the rank of this process as messages call it; an empty text for rank 0. Log a rank that is no number."""
    rank = rank_in(os.environ)
    if rank.fault is not None:
        log.surely(f"{rank.fault}: this process tells of everything, as rank 0 does")
    return rank.name


def failures_only(recipients: Recipients) -> Recipients:
    """Return recipients that hear of failures of this process alone."""
    return recipients_of(
        tuple([_Notifier(handler) if isinstance(handler, Notifier) else _Handler(handler) for handler in recipients.handlers])
    )


def _is_own_failure(state: State) -> bool:
    return isinstance(state, Failed) and not is_a(state.result, KeyboardInterrupt)


@attrs.frozen(eq=False, repr=False)
class _Notifier(Notifier):
    """A notifier that announces failures alone."""

    inner: Notifier

    @override
    def concerns(self, kind: type[State]) -> bool:
        return issubclass(kind, Failed) and self.inner.concerns(kind)

    @override
    def remembers(self) -> bool:
        return self.inner.remembers()

    @override
    def explain(self, change: Change) -> Verdict:
        if _is_own_failure(change.new):
            return self.inner.explain(change)
        return Verdict(False, "it is no failure of this process, and rank 0 tells of all else")

    @override
    def describe(self, change: Change, position: int, fault: Fault | None) -> Notice:
        return self.inner.describe(change, position, fault)

    def __repr__(self) -> str:
        return repr(self.inner)


@attrs.frozen(eq=False, repr=False)
class _Handler:
    """A user's handler that is called for failures alone."""

    inner: ForeignHandler

    def __call__(self, tracked_obj: Tracked, old: State, new: State) -> object:
        return invoke(self.inner, tracked_obj, old, new) if _is_own_failure(new) else None

    def __repr__(self) -> str:
        return name_of(self.inner)
