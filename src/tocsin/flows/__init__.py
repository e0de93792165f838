"""Tasks and flows: a deliberately small engine, a loop around ``plan`` and ``step``.

- It has sequential graphs, data dependencies, triggers, retries, skips and signals, and a report at the end.
- For anything larger, use another engine, and tocsin for its notifications.
"""
