"""Which changes are worth a message: predicates with ``&``, ``|`` and ``~``; and the policies, which remember earlier runs."""

from tocsin.core.atoms import attempt, came_from, entered, final_attempt, left, named, on_edge, where
from tocsin.core.filters import Filter, Verdict, everything, nothing
from tocsin.core.policies.on_change import on_change
from tocsin.core.policies.policy import Policy
from tocsin.core.policies.recovery import recovered
from tocsin.core.policies.threshold import after
from tocsin.core.streaks import Streak

__all__ = [
    "Filter",
    "Policy",
    "Streak",
    "Verdict",
    "after",
    "attempt",
    "came_from",
    "entered",
    "everything",
    "final_attempt",
    "left",
    "named",
    "nothing",
    "on_change",
    "on_edge",
    "recovered",
    "where",
]
