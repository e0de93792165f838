"""Watches what is no flow: functions, blocks, coroutines and generators; records of loggers; uncaught exceptions.

- Each becomes a run that is fed to ``step``, and notifies through the same handlers as a task.
- ``current_run`` returns the run of the innermost watched body. A decorated function reaches its run by it.
- ``WatchedRun`` is the type of such a run.
"""

from tocsin.watching.context import WatchedRun, current_run

__all__ = ["WatchedRun", "current_run"]
