"""Whether an exception in code of ours comes from a signal handler of the host, and is meant for the host.

A host ends its work by an exception out of a signal handler: Celery's child by ``SystemExit`` and by ``SoftTimeLimitExceeded``, Prefect
by ``TerminationSignal``. It may arrive while a hook of ours runs, and must pass through it.
"""

from collections.abc import Container
from types import CodeType, TracebackType

from tocsin.core.text import is_a, traceback_of

_ARGUMENTS = ("signum", "frame")
"""The names that Python's manual gives to the arguments of a handler. One that has reset itself is known by them alone."""


def comes_from_handler(error: BaseException, handlers: Container[CodeType]) -> bool:
    """Return whether an exception was raised in a signal handler: in one of these codes, or in a function of its arguments."""
    seen = traceback_of(error)
    while is_a(seen, TracebackType):
        code = seen.tb_frame.f_code
        if code in handlers or code.co_varnames[: code.co_argcount] == _ARGUMENTS:
            return True
        seen = seen.tb_next
    return False
