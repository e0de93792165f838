"""Which interpreter is in force, here and now.

``interpreting`` sets it twice: for this context (a ContextVar, so that tasks of an event loop do not see each other's), and
for the process, so that a thread that anybody starts inside sees the innermost one in force, and never sends for real by
accident. Where nothing was set, the one in force is a ``Live`` with the settings of the environment.
"""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

import attrs

from tocsin.shell.inherited import bequeath
from tocsin.shell.interpreters.live import Live
from tocsin.shell.interpreters.protocol import Interpreter, notify_of

_I = TypeVar("_I", bound=Interpreter)


@attrs.frozen(eq=False)
class _Scope:
    """One ``with interpreting(...)`` that is open; told apart by identity, since one interpreter may be set twice."""

    interpreter: Interpreter


_here: ContextVar[Interpreter | None] = ContextVar("tocsin_interpreter", default=None)
_open: list[_Scope] = []  # of the whole process, innermost last
_lock = threading.Lock()
_default = Live()


def current() -> Interpreter:
    """The interpreter in force."""
    here = _here.get()
    if here is not None:
        return here
    scopes = _open[-1:]  # a slice, since another thread may close the last one meanwhile
    return scopes[0].interpreter if scopes else _default


@contextmanager
def interpreting(interpreter: _I) -> Generator[_I, None, None]:
    """Have everything inside executed by this interpreter: handlers called by hand, flows, and what custom handlers call.

    It reaches threads started inside, and child processes through ``TOCSIN_NOTIFY``: they print under a ``DryRun``, and are
    silent under a ``Recording``.

    >>> import tocsin
    >>> with tocsin.interpreting(tocsin.Recording()) as recording:
    ...     report = tocsin.Flow("nothing", state_handlers=[tocsin.slack_notifier]).run()
    >>> [effect.payload.text for effect in recording.effects]
    ['nothing is now in a Running state', 'nothing is now in a Success state']
    """
    scope = _Scope(interpreter)
    with _lock:
        _open.append(scope)
        bequeath(notify_of(interpreter))
    token = _here.set(interpreter)
    try:
        yield interpreter
    finally:
        _here.reset(token)
        with _lock:
            _open.remove(scope)
            bequeath(notify_of(_open[-1].interpreter) if _open else "live")
