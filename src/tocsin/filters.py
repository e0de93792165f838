"""Which changes are worth a message: predicates with ``&``, ``|`` and ``~``."""

from tocsin.core.atoms import attempt, came_from, entered, final_attempt, left, named, on_edge, where
from tocsin.core.filters import Filter, Verdict, everything, nothing

__all__ = [
    "Filter",
    "Verdict",
    "attempt",
    "came_from",
    "entered",
    "everything",
    "final_attempt",
    "left",
    "named",
    "nothing",
    "on_edge",
    "where",
]
