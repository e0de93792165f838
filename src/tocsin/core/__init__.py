"""The functional core: what happened, what it means, and what should be said about it.

Nothing here acts. No module of this folder reads a clock, opens a file or a socket, or draws a random number; time and ids
arrive with events, and what should be done leaves as effects.
"""
