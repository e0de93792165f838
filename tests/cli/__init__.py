"""The command line: what is typed, what is seen, and the exit status."""
