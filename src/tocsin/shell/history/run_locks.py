"""Run locks: one file for each open run, locked while its process lives, so that a later start finds killed runs.

- A killed process can report nothing, but its lock is gone: an unlocked file is a run that never ended. The next start reports it.
- The kernel releases the lock, however the process ends. The process id in the file is only for people.
- A reader takes a shared lock for a moment; the run itself and a claim take an exclusive one. Readers do not block each other, and only
  one claim of a file succeeds.
- An empty file is not yet valid: its process is between creating and writing it. If that process was killed there, the file is removed
  after one hour. Other files in the folder, including those of other versions, are left alone.
- A failure here is one line on standard error; the command starts nevertheless.
- This module is loaded before the command starts, so it imports very little. Without ``fcntl`` (Windows) no run has a lock.
"""

import os
import sys
import time

from tocsin.shell.history.paths import NAME, NoFolderError, state_folder

_VERSION = "tocsin 1"
_MAX_LABEL = 500  # characters
_MAX_SIZE = 1 << 13  # bytes of a file
_LOCK_TIMEOUT = 1.0  # seconds; others hold a lock for a moment only
_LATEST = 1e11  # seconds since 1970; datetime can represent it
_STALE_SECONDS = 3600.0  # age of an empty file that its process never filled


class RunLock:
    """The lock of a run of this process, which is open until ``close``."""

    __slots__ = ("_file", "path")

    def __init__(self, path: str, file: int) -> None:
        self.path: str = path
        self._file: int | None = file

    def __repr__(self) -> str:
        return f"RunLock({self.path!r})"

    def close(self) -> None:
        """Remove the file: the run has ended. A second call does nothing. Raises nothing."""
        if self._file is None:
            return
        try:
            os.unlink(self.path)  # noqa: PTH108 - pathlib takes long to load; the lock is still held here
        except FileNotFoundError:
            pass
        except OSError as error:
            _complain(f"cannot remove {self.path}: {error.strerror}; remove it, else the run counts as killed")
        os.close(self._file)
        self._file = None


class KilledRun:
    """A run that is open, or whose process was killed.

    Args:
        run_id: the id of the run, unique over all machines.
        label: the name of the run, in one line.
        started: its start, in seconds since 1970.
        pid: the process that runs it, or ran it.
    """

    __slots__ = ("label", "path", "pid", "run_id", "started")

    def __init__(self, path: str, run_id: str, label: str, started: float, pid: int) -> None:
        self.path: str = path
        self.run_id: str = run_id
        self.label: str = label
        self.started: float = started
        self.pid: int = pid

    def __repr__(self) -> str:
        return f"KilledRun(run_id={self.run_id!r}, label={self.label!r}, started={self.started!r}, pid={self.pid!r})"

    def claim(self) -> bool:
        """Remove the file if its process is gone and no other process removed it. Returns True in one process only."""
        try:
            file = os.open(self.path, _FLAGS)
        except OSError:
            return False
        try:
            if not _lock(file, exclusive=True) or os.fstat(file).st_nlink == 0:  # another process removed it meanwhile
                return False
            os.unlink(self.path)  # noqa: PTH108 - as above
            return True
        except OSError as error:
            _complain(f"cannot remove {self.path}: {error.strerror}; remove it, else the kill is reported again")
            return False
        finally:
            os.close(file)


_FLAGS = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


def open_run(run_id: str, label: str, started: float) -> RunLock | None:
    """Lock a file for an open run, until it is closed or this process ends.

    Args:
        run_id: the id of the run: letters, digits and hyphens.
        label: the name of the run.
        started: its start, in seconds since 1970.

    Returns:
        The lock; None on Windows, without a home folder, and after an error, which is written to standard error.
    """
    if not _can_lock():
        return None
    try:
        return _create(os.path.join(_folder(), _file_name(run_id)), line(label), started)  # noqa: PTH118 - pathlib takes long to load
    except NoFolderError:
        return None
    except OSError as error:
        where = f" in {error.filename}" if error.filename else ""
        failure = f"this run is not in the history: cannot create its lock{where}: {error.strerror}"
        _complain(f"{failure}; set {NAME} to a folder that you may write to")
        return None


def killed_runs(label: str | None = None) -> tuple[KilledRun, ...]:
    """Return the runs whose process was killed before they ended, oldest first; of one label, or all. Raises nothing."""
    return _find(label, held=False)


def open_runs(label: str | None = None) -> tuple[KilledRun, ...]:
    """Return the runs that are open now, oldest first; of one label, or all. Raises nothing."""
    return _find(label, held=True)


def line(label: str) -> str:
    """Return a label as stored: one line of printable characters, at most 500."""
    return _printable(label)[:_MAX_LABEL]


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "\ufffd" for character in " ".join(text.split()))


def _complain(text: str) -> None:
    """Write one line to standard error, if there is one."""
    try:  # noqa: SIM105 - contextlib takes long to load
        sys.stderr.write(f"tocsin: {_printable(text)}\n")
    except (AttributeError, OSError, ValueError):  # stderr is None, full or closed
        pass


def _file_name(run_id: str) -> str:
    if run_id.isascii() and run_id.replace("-", "").isalnum():
        return run_id
    raise OSError(0, f"{run_id!r} is no id of a run")


def _folder() -> str:
    state = state_folder()
    folder = os.path.join(state, "open")  # noqa: PTH118 - as above
    for each in (state, folder):
        os.makedirs(each, 0o700, exist_ok=True)  # noqa: PTH103 - as above
    return folder


def _create(path: str, label: str, started: float) -> RunLock:
    file = os.open(path, os.O_CREAT | os.O_EXCL | _FLAGS, 0o600)
    try:
        if not _lock(file, exclusive=True):
            raise OSError(0, "its lock is held by another process", path)
        os.write(file, f"{_VERSION}\n{label}\n{started!r}\n{os.getpid()}\n".encode())
    except OSError:
        RunLock(path, file).close()
        raise
    return RunLock(path, file)


def _lock(file: int, *, exclusive: bool) -> bool:
    """Wait for the lock, which readers hold for a moment. Return whether it is taken."""
    until = time.monotonic() + _LOCK_TIMEOUT
    while not _try_lock(file, exclusive=exclusive):
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True


def _can_lock() -> bool:
    try:
        import fcntl
    except ImportError:
        return False
    return hasattr(fcntl, "flock")


def _try_lock(file: int, *, exclusive: bool) -> bool:
    import fcntl

    try:
        fcntl.flock(file, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _find(label: str | None, *, held: bool) -> tuple[KilledRun, ...]:
    try:
        folder = os.path.join(state_folder(), "open")  # noqa: PTH118 - as above
        names = os.listdir(folder) if _can_lock() else []  # noqa: PTH208 - as above
    except OSError:
        return ()
    found = [_look(os.path.join(folder, name), name, held=held) for name in names]  # noqa: PTH118 - as above
    wanted = None if label is None else line(label)
    runs = [each for each in found if each is not None and wanted in {None, each.label}]
    return tuple(sorted(runs, key=lambda each: (each.started, each.run_id)))


def _look(path: str, name: str, *, held: bool) -> KilledRun | None:
    """Return the run of a file if the file is valid and locked or not as asked."""
    try:
        file = os.open(path, _FLAGS)
    except OSError:
        return None
    try:
        if _try_lock(file, exclusive=False) is held or os.fstat(file).st_nlink == 0:  # its run ended since we opened it
            return None
        found = _read(os.read(file, _MAX_SIZE), path, name)
        if found is None:
            _remove_if_stale(path, os.fstat(file))
        return found
    except OSError:
        return None
    finally:
        os.close(file)


def _remove_if_stale(path: str, status: os.stat_result) -> None:
    if status.st_size == 0 and status.st_mtime < time.time() - _STALE_SECONDS:
        os.unlink(path)  # noqa: PTH108 - as above


def _read(content: bytes, path: str, name: str) -> KilledRun | None:
    try:
        version, label, started, pid = content.decode().split("\n")[:4]
        at = float(started)
        return KilledRun(path, name, line(label), at, int(pid)) if version == _VERSION and 0 <= at < _LATEST else None
    except ValueError:
        return None
