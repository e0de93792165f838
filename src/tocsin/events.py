"""Events: a closed union of what can happen, the input of ``transition`` and ``step``."""

from tocsin.core.events import *  # noqa: F403 - `__all__` lists the names
from tocsin.core.events import __all__ as __all__  # noqa: PLC0414 - type checkers read it by this alias
