"""Which changes are worth a message: predicates with ``&``, ``|`` and ``~``."""

from tocsin.core.filters import (
    Filter,
    Verdict,
    attempt,
    came_from,
    entered,
    everything,
    final_attempt,
    left,
    named,
    nothing,
    on_edge,
    where,
)

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
