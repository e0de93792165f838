"""Policies: filters that remember how earlier runs ended, so that people hear of what is new.

Each is a frozen machine, ``(memory, change) -> (memory, verdict)``, where the memory is a ``Streak``.
"""
