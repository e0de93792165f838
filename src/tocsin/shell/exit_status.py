"""The exit status of a program that Ctrl-C ended."""

from contextlib import suppress


def restore(kind: object) -> None:
    """Have Python exit as Ctrl-C asks (by SIGINT, status 130 in a shell) where ``kind`` is what ended it.

    Python knows only that the last source text which it evaluated was interrupted, and importing a module may well evaluate some.
    """
    if kind is KeyboardInterrupt:
        with suppress(KeyboardInterrupt):
            exec("raise KeyboardInterrupt")  # noqa: S102 - our own words
