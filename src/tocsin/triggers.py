"""Triggers: whether a task may start, decided by the states of its upstream tasks."""

from tocsin.core.triggers import *  # noqa: F403 - `__all__` lists the names
from tocsin.core.triggers import __all__ as __all__  # noqa: PLC0414 - type checkers read it by this alias
