"""Configuration as a pure function of texts: which keys exist, how their values are checked, and which source wins.

``schema`` is the table of all keys, and shows their values. ``value_types`` checks them, ``parsing`` makes layers of files and
environment variables, ``merging`` makes a configuration of layers, and ``problems`` describes what is wrong.
"""
