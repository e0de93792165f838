"""Triggers: whether a task may start, decided by the states of its upstream tasks."""

from tocsin.core.triggers import (
    Trigger,
    all_failed,
    all_finished,
    all_successful,
    always_run,
    any_failed,
    any_successful,
    manual_only,
    some_failed,
    some_successful,
)

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
