"""Standard output, without the libraries that ``tocsin[cli]`` brings.

Characters that the encoding lacks are escaped. A reader that leaves (``| head``) is no error. Neither changes the exit status.
"""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager

from tocsin.cli.stderr import complain


def write(text: str) -> None:
    """Write to standard output, if there is one. Escape characters that its encoding lacks."""
    if sys.stdout is None:  # a service may have none
        return
    encoding = sys.stdout.encoding or "utf-8"
    with tolerate_closed_stdout():
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()


@contextmanager
def tolerate_closed_stdout() -> Generator[None, None, None]:
    """Continue if standard output fails: silently if its reader has left, with an error line otherwise (a full disk)."""
    try:
        yield
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            complain(f"standard output: {error.strerror}")
        discard_stdout()


def discard_stdout() -> None:
    """Discard what goes to standard output from now on, and what is still buffered, which would fail again at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
