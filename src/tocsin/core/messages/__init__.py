"""Messages: from a change to what people read, as pure functions.

``content`` decides what a message says, ``slack`` and ``email`` lay it out, and ``text`` makes any text safe to show.
"""
