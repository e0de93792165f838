"""The functional core: pure functions from events to states and effects.

- No module of this folder has a side effect: none reads a clock, opens a file or a socket, or draws a random number.
- Time and ids come in with events. What is to be done goes out as effects.
"""
