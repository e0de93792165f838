"""Configuration, as a pure function of texts: what may be set, how it is checked, and which of several places counts.

``keys`` is the table of all that may be set, ``takes`` what each takes, ``parse`` makes a layer of a file, ``environment`` one of
environment variables, ``merge`` a configuration of layers, and ``halves`` leaves out of it what means nothing alone.
"""
