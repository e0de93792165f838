"""Configuration as a pure function of texts: which keys exist, how their values are checked, and which source wins.

``schema`` is the table of all keys, ``value_types`` checks their values, ``parsing`` makes layers of files and environment variables,
``merging`` makes a configuration of layers, ``problems`` describes what is wrong, and ``display`` shows a configuration.
"""
