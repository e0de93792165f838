"""Tasks and flows: a deliberately small engine, a loop around ``plan`` and ``step``.

Sequential graphs, data dependencies, triggers, retries, skips and signals, and a report at the end. For anything larger take an
engine that does it, and let tocsin do the telling.
"""
