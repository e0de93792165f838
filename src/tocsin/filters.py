"""Filters: predicates over changes, joined by ``&``, ``|`` and ``~``; and policies, which also see how earlier runs ended."""

from tocsin.core.changes import Streak
from tocsin.core.filters.algebra import Filter, Verdict, everything, nothing
from tocsin.core.filters.policies import Policy, after, on_change, recovered
from tocsin.core.filters.predicates import attempt, came_from, entered, final_attempt, left, named, on_edge, where

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
