"""Shows other processes of this machine that a daemon sends from the outbox in a file: a lock on a file beside it.

- Each daemon holds a shared lock, and the kernel releases it, however the daemon ends. The file itself says nothing, and stays.
- Without ``fcntl`` (Windows), without the permission to create the file, and for an outbox on a server, no daemon is seen.
"""

import os
from contextlib import suppress

from tocsin.shell.fork_safety import forget_in_child

_FLAGS = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


def has_daemon(path: str) -> bool:
    """Return whether a daemon sends from the outbox in the file at ``path``. Raises nothing."""
    try:
        import fcntl

        file = os.open(_lock_path(path), _FLAGS)
    except (ImportError, OSError):
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks
        return False
    finally:
        os.close(file)
    return False


class DaemonLock:
    """The lock of a daemon of this process on the outbox in the file at ``path``; None stands for a server, where there is no lock."""

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._file: int | None = None
        forget_in_child(self)

    def take(self) -> None:
        """Take the lock, if this daemon does not hold it yet and the folder of the outbox exists. Raises nothing."""
        if self._file is not None or self._path is None:
            return
        with suppress(ImportError, OSError):
            import fcntl

            file = os.open(_lock_path(self._path), _FLAGS | os.O_CREAT, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_SH)  # another process has it alone for a moment only
            except OSError:
                os.close(file)
                raise
            self._file = file

    def release(self) -> None:
        """Release the lock. A second call does nothing."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    forget = release  # a child that outlives the daemon must not hold the lock for it


def _lock_path(path: str) -> str:
    return f"{path}.daemon"
