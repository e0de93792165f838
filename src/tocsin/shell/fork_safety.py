"""Fork safety: a fork waits for locks that a child could never get, and a child drops inherited connections.

- Some locks are outside Python's control: a module's during its import, OpenSSL's while a context is built or a connection is opened,
  the resolver's during a look-up. A child forked while one of them is held would wait for it for ever.
- So a fork waits until no thread of tocsin is in such code. That takes milliseconds, and at most one second if a thread is stuck.
- Connections belong to the process that opened them, which closes them at exit.
- A forked child drops inherited connections and sends nothing on them: they are still the parent's. It opens its own when needed.
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

_OURS = "tocsin_"  # prefix of the names of tocsin's threads
_IMPORTING = "<frozen importlib._bootstrap>"
_LOCKED = frozenset({"getaddrinfo", "create_default_context", "_make", "SSLContext.wrap_socket", "Secured.do_handshake"})
_MAX_FORK_DELAY = 1.0  # seconds that a fork waits at most
_POLL_INTERVAL = 0.001  # seconds
_CLOSE_TIMEOUT = 1.0  # seconds that closing waits for a thread that is sending


def wait_for_locks() -> None:
    """Return once no thread of tocsin holds such a lock, or after one second."""
    until = time.monotonic() + _MAX_FORK_DELAY
    while time.monotonic() < until and _is_lock_held():
        time.sleep(_POLL_INTERVAL)


def _is_lock_held() -> bool:
    ours = {thread.ident for thread in threading.enumerate() if thread.name.startswith(_OURS)} - {threading.get_ident()}
    frames = sys._current_frames() if ours else {}  # pyright: ignore[reportPrivateUsage] - documented for such purposes
    return any(_locks(frames[ident]) for ident in ours if ident in frames)


def _locks(frame: FrameType | None) -> bool:
    while frame is not None:
        if _may_lock(frame.f_code):
            return True
        frame = frame.f_back
    return False


def _may_lock(code: CodeType) -> bool:
    return code.co_filename == _IMPORTING or code.co_qualname in _LOCKED


class Closeable(Protocol):
    """A connection, or several."""

    def close(self) -> None:
        """Close in a bounded time and raise nothing."""
        ...


class Inherited(Protocol):
    """An object of the parent process that a forked child finds open."""

    def forget(self) -> None:
        """Drop it in a child: send nothing, and take no lock that another thread may have held."""
        ...


class Owned(Closeable, Inherited, Protocol):
    """An object that is closed at exit and dropped by a forked child."""


_T = TypeVar("_T", bound=Closeable)


class PerProcess(Generic[_T]):
    """Holds an object that one process keeps open, with its lock. It pickles as a new, empty holder."""

    def __init__(self) -> None:
        self.lock: threading.Lock = threading.Lock()
        self.thing: _T | None = None
        forget_in_child(self)
        _owned[id(self)] = self

    def get(self, make: Callable[[], _T]) -> _T:
        """Return the object; make it first if there is none."""
        with self.lock:
            thing = self.thing = self.thing or make()
        return thing

    def close(self) -> None:
        """Close the object, unless a thread uses it for more than one second. The holder may be used again."""
        if self.lock.acquire(timeout=_CLOSE_TIMEOUT):
            try:
                self.drop()
            finally:
                self.lock.release()

    def drop(self) -> None:
        """Close the object. The caller holds the lock."""
        thing, self.thing = self.thing, None
        if thing is not None:
            thing.close()

    def forget(self) -> None:
        """Start empty in a forked child."""
        # keep the object alive: collecting a connection pool takes the pool's lock, which another thread of the parent may have held
        _abandoned.append(self.thing)
        self.lock, self.thing = threading.Lock(), None

    @override
    def __reduce__(self) -> "tuple[type[PerProcess[_T]], tuple[()]]":
        return type(self), ()


_owned: weakref.WeakValueDictionary[int, Owned] = weakref.WeakValueDictionary()
_inherited: weakref.WeakValueDictionary[int, Inherited] = weakref.WeakValueDictionary()
_abandoned: list[Closeable | None] = []


def forget_in_child(thing: Inherited) -> None:
    """Have forked children call ``thing.forget()``."""
    _inherited[id(thing)] = thing


def close_all() -> None:
    """Close all open objects, as at exit."""
    for holder in filter(None, [reference() for reference in _owned.valuerefs()]):
        holder.close()


def forget_all() -> None:
    """Drop all open objects, as in a forked child."""
    for thing in filter(None, [reference() for reference in _inherited.valuerefs()]):
        thing.forget()


atexit.register(close_all)
if sys.platform != "win32":  # pragma: no branch
    os.register_at_fork(after_in_child=forget_all)
