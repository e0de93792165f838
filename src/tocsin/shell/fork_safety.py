"""Fork safety: a fork waits for locks that a child could never get, and a child drops what it inherited.

- Before a fork, what ``close_before_fork`` registered is closed and locked; then the fork waits for the threads of tocsin. After it,
  the parent unlocks. A child calls ``forget`` of what ``forget_in_child`` registered, in the order of registration.
- Some locks are outside Python's control: a module's during its import, OpenSSL's while a context is built or a connection is opened,
  the resolver's during a look-up. A child forked while one of them is held would wait for it for ever.
- So a fork waits until no thread of tocsin is in such code. That takes milliseconds. A fork waits at most one second for a connection
  or a look-up, which may be stuck, and ten for an import, which ends: a child would inherit half a module and lose its messages.
- Connections belong to the process that opened them, which closes them at exit.
- A forked child drops inherited connections and sends nothing on them: they are still the parent's. It opens its own when needed.
"""

import atexit
import logging  # noqa: F401 # pyright: ignore[reportUnusedImport] - see the end of this file
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
_LOCKED = frozenset({"getaddrinfo", "create_default_context", "_make", "SSLContext.wrap_bio", "SSLObject.do_handshake"})
_MAX_LOCK_DELAY = 1.0  # seconds that a fork waits at most for a connection or a look-up
_MAX_IMPORT_DELAY = 10.0  # seconds that a fork waits at most for an import; a busy machine takes more than one for requests
_POLL_INTERVAL = 0.001  # seconds
_CLOSE_TIMEOUT = 1.0  # seconds that closing waits for a thread that is sending
_MAX_CLOSE_DELAY = 2.0  # seconds that a fork waits at most for what is closed before it


def wait_for_locks() -> None:
    """Return once no thread of tocsin holds such a lock: after a second at most, or after ten while a thread imports a module."""
    began = time.monotonic()
    while time.monotonic() - began < _longest_wait():
        time.sleep(_POLL_INTERVAL)


def _longest_wait() -> float:
    """How many seconds a fork waits in all for what the threads of tocsin do now; 0 if no thread holds a lock."""
    ours = {thread.ident for thread in threading.enumerate() if thread.name.startswith(_OURS)} - {threading.get_ident()}
    frames = sys._current_frames() if ours else {}  # pyright: ignore[reportPrivateUsage] - documented for such purposes
    return max((_wait_for(frames[ident]) for ident in ours if ident in frames), default=0.0)


def _wait_for(frame: FrameType | None) -> float:
    wait = 0.0
    while frame is not None:
        wait = max(wait, _wait_in(frame.f_code))
        frame = frame.f_back
    return wait


def _wait_in(code: CodeType) -> float:
    if code.co_filename == _IMPORTING:
        return _MAX_IMPORT_DELAY
    return _MAX_LOCK_DELAY if code.co_qualname in _LOCKED else 0.0


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


class ClosedBeforeFork(Protocol):
    """An object that must not be open during a fork."""

    def close_and_lock(self, seconds: float) -> bool:
        """Close and lock it, if it is free within these seconds. Return whether it is locked."""
        ...

    def unlock(self) -> None:
        """Undo ``close_and_lock``."""
        ...


class Owned(Closeable, Inherited, Protocol):
    """An object that is closed at exit and dropped by a forked child."""


_T = TypeVar("_T", bound=Closeable)
_Registered = TypeVar("_Registered")
_Made = TypeVar("_Made")


class OnUse(Generic[_Made]):
    """An attribute that ``make`` makes when it is first read, once also where threads race for it; without cost from then on.

    A program may import tocsin, and make an interpreter, before gevent or eventlet replace the locks of ``threading``. What was made
    before does not work after that: a thread that waits for an old lock stops all others, and eventlet breaks old conditions. So what
    lives longer than one message, and may be waited for, is made like this. ``vars(holder).pop(name, None)`` has it made again.
    """

    def __init__(self, make: Callable[[], _Made]) -> None:
        self._make = make
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, holder: object, owner: type) -> _Made:
        made: _Made = vars(holder).setdefault(self._name, self._make())  # the next read finds it there, and does not come here
        return made


def new_lock() -> threading.Lock:
    """Return a lock of the class that ``threading`` has now."""
    return threading.Lock()


def new_reentrant_lock() -> threading.RLock:
    """Return a reentrant lock of the class that ``threading`` has now."""
    return threading.RLock()


def new_event() -> threading.Event:
    """Return an event of the class that ``threading`` has now."""
    return threading.Event()


def _new_local() -> threading.local:
    return threading.local()


class PerThread:
    """Holds what belongs to the thread that asks, as attributes of ``local``."""

    local: "OnUse[threading.local]" = OnUse(_new_local)


class PerProcess(Generic[_T]):
    """Holds an object that one process keeps open, with its lock. It pickles as a new, empty holder."""

    lock: "OnUse[threading.Lock]" = OnUse(new_lock)

    def __init__(self) -> None:
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
        self.thing = None
        vars(self).pop("lock", None)

    @override
    def __reduce__(self) -> "tuple[type[PerProcess[_T]], tuple[()]]":
        return type(self), ()


class ForkSafeLock:
    """Holds a reentrant lock that is free in a forked child: another thread of the parent may have held it.

    Write ``with holder.lock:``. A block in which the process forks thus releases the lock that it acquired.
    """

    lock: "OnUse[threading.RLock]" = OnUse(new_reentrant_lock)  # reentrant, since a signal handler may interrupt the holder

    def __init__(self) -> None:
        forget_in_child(self)

    def forget(self) -> None:
        """Replace the lock in a forked child."""
        vars(self).pop("lock", None)


_owned: weakref.WeakValueDictionary[int, Owned] = weakref.WeakValueDictionary()
_inherited: weakref.WeakValueDictionary[int, Inherited] = weakref.WeakValueDictionary()
_closed_before_fork: weakref.WeakValueDictionary[int, ClosedBeforeFork] = weakref.WeakValueDictionary()
_locked_for_fork: list[ClosedBeforeFork] = []
_abandoned: list[Closeable | None] = []


def _alive(registry: weakref.WeakValueDictionary[int, _Registered]) -> list[_Registered]:
    """Return the objects that still exist, in the order of registration."""
    return [thing for reference in registry.valuerefs() if (thing := reference()) is not None]


def forget_in_child(thing: Inherited) -> None:
    """Have forked children call ``thing.forget()``."""
    _inherited[id(thing)] = thing


def close_before_fork(thing: ClosedBeforeFork) -> None:
    """Close and lock ``thing`` before each fork, and unlock it in the parent afterwards. A child forgets it by itself."""
    _closed_before_fork[id(thing)] = thing


def close_all() -> None:
    """Close all open objects, as at exit."""
    for holder in _alive(_owned):
        holder.close()


def forget_all() -> None:
    """Drop all open objects, as in a forked child."""
    _locked_for_fork.clear()
    for thing in _alive(_inherited):
        thing.forget()


def _prepare_fork() -> None:
    deadline = time.monotonic() + _MAX_CLOSE_DELAY
    things = _alive(_closed_before_fork)
    _locked_for_fork.extend(thing for thing in things if thing.close_and_lock(max(deadline - time.monotonic(), 0.0)))
    wait_for_locks()


def _unlock_in_parent() -> None:
    while _locked_for_fork:
        _locked_for_fork.pop().unlock()


atexit.register(close_all)
# Before a fork, functions are called in the reverse order of registration. logging takes its lock then, and must do so after the wait,
# since a thread that imports a module may need that lock: so it is imported above, and has registered already.
if sys.platform != "win32":  # pragma: no branch
    os.register_at_fork(before=_prepare_fork, after_in_parent=_unlock_in_parent, after_in_child=forget_all)
