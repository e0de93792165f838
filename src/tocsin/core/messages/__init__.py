"""Pure renderers: from a change to what people read.

``content`` decides what is said, ``slack`` and ``email`` lay it out, ``text`` makes anything at all safe to print.
"""
