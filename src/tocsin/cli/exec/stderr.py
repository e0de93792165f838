"""One line to people, on standard error, where there is one; without the libraries that ``tocsin[cli]`` brings.

Secrets are known only once the module that remembers them is loaded, so it is asked only then.
"""

from __future__ import annotations

import sys


def complain(text: str) -> None:
    """Say what went wrong, in one line, whatever is in the text."""
    try:
        if sys.stderr is not None:  # as a service may have it
            sys.stderr.write(f"tocsin: {fit(text)}\n")
            sys.stderr.flush()
    except OSError:
        pass  # nobody listens


def hang_up() -> None:
    """Let go of a standard error that takes nothing more: at its exit the interpreter would fail over it, with a status of its own."""
    try:
        if sys.stderr is not None:
            sys.stderr.flush()
    except OSError:
        sys.stderr = None


def fit(text: str) -> str:
    """The text on one line, without control characters and without known secrets."""
    if "tocsin.shell.adapters.redaction" in sys.modules:
        from tocsin.shell.adapters.redaction import redact

        text = redact(text)
    if text.isascii() and text.isprintable():
        return text
    from tocsin.core.messages.text import one_line

    return one_line(text)
