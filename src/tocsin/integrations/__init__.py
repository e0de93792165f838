"""Tells people of the runs of other engines: one module for each engine, and ``tocsin.tell`` for those that have none here."""

from tocsin.core.integrations.foreign import ForeignRun

__all__ = ["ForeignRun"]
