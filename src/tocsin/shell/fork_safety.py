"""No process is forked while one of our threads holds a lock that nobody would release in the child.

There are such locks where Python cannot see to them: that of a module while it is imported, OpenSSL's while a context is built or a
connection is opened, the resolver's while a name is looked up. A child that needed one would wait for ever. So a fork waits until
none of our threads is there, which is a matter of milliseconds; should one be stuck, not for long.

Connections belong to the process that opened them.

- At exit, what is still open is closed.
- After a fork the child gives up what it inherited, without a word on the wire: the connection is still the parent's. It
  builds its own when it first needs one. Where there is no fork, nothing of this happens.
"""

import atexit
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Generic, Protocol, TypeVar

from typing_extensions import override

_OURS = "tocsin_"  # how the names of our threads begin
_IMPORTING = "<frozen importlib._bootstrap>"
_LOCKED = frozenset({"getaddrinfo", "create_default_context", "_make", "SSLContext.wrap_socket", "Secured.do_handshake"})
_LONGEST = 1.0  # seconds that a fork is kept waiting
_NAP = 0.001


def wait_for_locks() -> None:
    """Return once none of our threads holds such a lock, or after a second."""
    until = time.monotonic() + _LONGEST
    while time.monotonic() < until and _somebody_holds_one():
        time.sleep(_NAP)


def _somebody_holds_one() -> bool:
    ours = {thread.ident for thread in threading.enumerate() if thread.name.startswith(_OURS)} - {threading.get_ident()}
    frames = sys._current_frames() if ours else {}  # pyright: ignore[reportPrivateUsage] - documented, and for such purposes
    return any(_locks(frames[ident]) for ident in ours if ident in frames)


def _locks(frame: FrameType | None) -> bool:
    while frame is not None:
        if _may_lock(frame.f_code):
            return True
        frame = frame.f_back
    return False


def _may_lock(code: CodeType) -> bool:
    return code.co_filename == _IMPORTING or code.co_qualname in _LOCKED


_PATIENCE = 1.0  # seconds that closing waits for a thread that is sending


class Closeable(Protocol):
    """A connection, or several."""

    def close(self) -> None:
        """Close politely, in a bounded time, and raise nothing."""
        ...


class Inherited(Protocol):
    """What a child of this process finds open."""

    def forget(self) -> None:
        """Let go of it: nothing is sent, and no lock is taken that another thread may have held."""
        ...


class Owned(Closeable, Inherited, Protocol):
    """What is closed at exit, and forgotten by a child."""


_T = TypeVar("_T", bound=Closeable)


class PerProcess(Generic[_T]):
    """A place for what one process keeps open, with its lock. It pickles as a new, empty place."""

    def __init__(self) -> None:
        self.lock: threading.Lock = threading.Lock()
        self.thing: _T | None = None
        forget_in_child(self)
        _kept[id(self)] = self

    def get(self, make: Callable[[], _T]) -> _T:
        """What is kept, made first if need be."""
        with self.lock:
            thing = self.thing = self.thing or make()
        return thing

    def close(self) -> None:
        """Close what is kept, unless a thread is busy with it for more than a second. The place may be used again."""
        if self.lock.acquire(timeout=_PATIENCE):
            try:
                self.drop()
            finally:
                self.lock.release()

    def drop(self) -> None:
        """Close what is kept; for those who hold the lock."""
        thing, self.thing = self.thing, None
        if thing is not None:
            thing.close()

    def forget(self) -> None:
        """Start afresh, as a child does."""
        # to collect a connection pool takes the pool's own lock, which another thread of the parent may have held
        _abandoned.append(self.thing)
        self.lock, self.thing = threading.Lock(), None

    @override
    def __reduce__(self) -> "tuple[type[PerProcess[_T]], tuple[()]]":
        return type(self), ()


_kept: weakref.WeakValueDictionary[int, Owned] = weakref.WeakValueDictionary()
_inherited: weakref.WeakValueDictionary[int, Inherited] = weakref.WeakValueDictionary()
_abandoned: list[Closeable | None] = []


def forget_in_child(thing: Inherited) -> None:
    """A child is to forget ``thing``."""
    _inherited[id(thing)] = thing


def close_all() -> None:
    """Close what is open, as at exit."""
    for place in filter(None, [reference() for reference in _kept.valuerefs()]):
        place.close()


def forget_all() -> None:
    """Let go of what is open, as in a child."""
    for thing in filter(None, [reference() for reference in _inherited.valuerefs()]):
        thing.forget()


atexit.register(close_all)
if sys.platform != "win32":  # pragma: no branch
    os.register_at_fork(after_in_child=forget_all)
