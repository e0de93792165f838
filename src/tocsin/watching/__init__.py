"""Watching what is no flow: a function, a block, a coroutine, a generator; the records of a logger; what nobody caught.

Each becomes a run that is fed to ``step``, and tells people through the same handlers as a task does. ``current_run`` is the run of the
innermost body that is being watched here: a decorated function reaches its run by it. ``WatchedRun`` is what such a run is.
"""

from tocsin.watching.context import WatchedRun, current_run

__all__ = ["WatchedRun", "current_run"]
