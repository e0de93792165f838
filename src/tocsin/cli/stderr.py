"""Error lines on standard error, without the libraries that ``tocsin[cli]`` brings.

The module that knows the secrets is used only if it is loaded already: before that no secret is known.
"""

from __future__ import annotations

import sys


def complain(text: str) -> None:
    """Print an error as one line on standard error, if there is one."""
    show(f"tocsin: {single_line(text)}")


def show(text: str) -> None:
    """Print lines on standard error, if there is one. They hold no secret and no control characters."""
    try:
        if sys.stderr is not None:  # a service may have none
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()
    except OSError:
        pass  # standard error is closed at its other end


def drop_broken_stderr() -> None:
    """Drop a standard error that can no longer be written to: else the interpreter fails over it at exit, with its own status."""
    try:
        if sys.stderr is not None:
            sys.stderr.flush()
    except OSError:
        sys.stderr = None


def single_line(text: str) -> str:
    """Return the text on one line, without control characters and without known secrets."""
    if "tocsin.shell.redaction" in sys.modules:
        from tocsin.shell.redaction import redact

        text = redact(text)
    if text.isascii() and text.isprintable():
        return text
    from tocsin.core.text import one_line

    return one_line(text)
