"""Ends the process of a command without the teardown of the interpreter, which frees object after object and takes some 20 ms.

What people rely on at an exit is done: threads that are no daemons are waited for, the functions of ``atexit`` are called, which send
what waits, and the streams are flushed. If any of that fails, the interpreter ends as ever.
"""

import atexit
import os
import sys
import threading
from typing import NoReturn


def end(status: int) -> NoReturn:
    """End the process with this status."""
    if all(thread.daemon or thread is threading.main_thread() for thread in threading.enumerate()) and _are_flushed():
        atexit._run_exitfuncs()  # pyright: ignore[reportPrivateUsage] - as multiprocessing does; there is no public name
        if _are_flushed():  # pragma: no cover - coverage ends with the functions of atexit
            os._exit(status)
    sys.exit(status)


def _are_flushed() -> bool:
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except (OSError, ValueError):  # a broken pipe, a full disk, a closed stream
        return False
    return True
