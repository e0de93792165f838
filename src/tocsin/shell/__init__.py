"""The imperative shell: all I/O of tocsin. Decisions are made in ``tocsin.core``."""
