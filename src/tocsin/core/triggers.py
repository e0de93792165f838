"""Triggers: functions of the states of the upstream tasks, which decide whether a task may start.

- A trigger returns True, or raises a signal (``TRIGGERFAIL``, ``PAUSE``) that gives the reason. One that returns a false value fails
  with "Trigger failed".
- Skipped counts as success and TriggerFailed as failure.
- ``any_successful`` and ``any_failed`` pass if there are no upstream tasks.

>>> from tocsin.core.states import Failed, Success
>>> all_finished([Success(), Failed()])
True
>>> all_successful([Success(), Failed()])
Traceback (most recent call last):
...
tocsin.core.signals.TRIGGERFAIL: Trigger was "all_successful" but some of the upstream tasks failed.
"""

from collections.abc import Callable, Sequence
from typing import NoReturn

import attrs

from tocsin.core.signals import PAUSE, TRIGGERFAIL
from tocsin.core.states import State

__all__ = [
    "Trigger",
    "all_failed",
    "all_finished",
    "all_successful",
    "always_run",
    "any_failed",
    "any_successful",
    "manual_only",
    "some_failed",
    "some_successful",
]

Trigger = Callable[[Sequence[State]], bool]
"""A function of the states of the upstream tasks, in the order of the edges."""


def _not_met(name: str, reason: str) -> NoReturn:
    raise TRIGGERFAIL(f'Trigger was "{name}" but {reason}')


def all_finished(upstream: Sequence[State]) -> bool:
    """Pass once all upstream tasks are finished, however they ended."""
    return all(state.is_finished() for state in upstream) or _not_met("all_finished", "some of the upstream tasks were not finished.")


always_run: Trigger = all_finished
"""Another name for ``all_finished``."""


def manual_only(upstream: Sequence[State]) -> bool:  # noqa: ARG001 - no state matters
    """Always pause: a person must resume the task."""
    raise PAUSE('Trigger function is "manual_only"')


def all_successful(upstream: Sequence[State]) -> bool:
    """Pass if all upstream tasks succeeded; the default."""
    return all(state.is_successful() for state in upstream) or _not_met("all_successful", "some of the upstream tasks failed.")


def all_failed(upstream: Sequence[State]) -> bool:
    """Pass if all upstream tasks failed."""
    return all(state.is_failed() for state in upstream) or _not_met("all_failed", "some of the upstream tasks succeeded.")


def any_successful(upstream: Sequence[State]) -> bool:
    """Pass if an upstream task succeeded, or there is none."""
    return _any(State.is_successful, upstream) or _not_met("any_successful", "none of the upstream tasks succeeded.")


def any_failed(upstream: Sequence[State]) -> bool:
    """Pass if an upstream task failed, or there is none."""
    return _any(State.is_failed, upstream) or _not_met("any_failed", "none of the upstream tasks failed.")


def _any(holds: Callable[[State], bool], upstream: Sequence[State]) -> bool:
    return not upstream or any(holds(state) for state in upstream)


@attrs.frozen
class _Some:
    """Passes if the number of upstream tasks for which ``holds`` is true lies between two thresholds."""

    name: str
    holds: Callable[[State], bool]
    at_least: float | None
    at_most: float | None

    def __call__(self, upstream: Sequence[State]) -> bool:
        count = sum(self.holds(state) for state in upstream)
        low, high = self._number(self.at_least, upstream, 0), self._number(self.at_most, upstream, len(upstream))
        return low <= count <= high or _not_met(self.name, "thresholds were not met.")

    @staticmethod
    def _number(threshold: float | None, upstream: Sequence[State], default: int) -> float:
        if threshold is None:
            return default
        return threshold if isinstance(threshold, int) else threshold * len(upstream)


def some_successful(at_least: float | None = None, at_most: float | None = None) -> Trigger:
    """Make a trigger on the number of successful upstream tasks; a threshold is a count (int) or a fraction of all (float, 0 to 1)."""
    return _Some("some_successful", State.is_successful, *_thresholds(at_least, at_most))


def some_failed(at_least: float | None = None, at_most: float | None = None) -> Trigger:
    """Make a trigger on the number of failed upstream tasks; a threshold is a count (int) or a fraction of all (float, 0 to 1)."""
    return _Some("some_failed", State.is_failed, *_thresholds(at_least, at_most))


def _thresholds(at_least: float | None, at_most: float | None) -> tuple[float | None, float | None]:
    for threshold in (at_least, at_most):
        if threshold is not None and not (threshold >= 0 and (isinstance(threshold, int) or threshold <= 1)):
            raise ValueError(f"a threshold is a number of tasks (int), or a fraction from 0.0 to 1.0, not {threshold!r}")
    return at_least, at_most
