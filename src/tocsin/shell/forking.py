"""No process is forked while one of our threads holds a lock that nobody would release in the child.

There are such locks where Python cannot see to them: that of a module while it is imported, OpenSSL's while a context is built or a
connection is opened, the resolver's while a name is looked up. A child that needed one would wait for ever. So a fork waits until
none of our threads is there, which is a matter of milliseconds; should one be stuck, not for long.
"""

import sys
import threading
import time
from types import CodeType, FrameType

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
