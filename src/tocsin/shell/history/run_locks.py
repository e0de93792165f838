"""Run locks: one file for each open run, locked while its process lives, so that a later start finds killed runs.

- A killed process can report nothing, but its lock is gone: an unlocked file is a run of which no message is safe. The next start
  reports it.
- The kernel releases the lock, however the process ends. The process id in the file is only for people.
- A reader takes a shared lock for a moment; the run itself and a claim take an exclusive one. Readers do not block each other, and only
  one claim of a file succeeds. Who claims a file holds its lock, and removes it once the message is safe. If that process is killed
  before, the file is still there for the next start.
- A run that has ended has its end in the file until its message is safe. Outside of ``tocsin exec`` an end has a file of its own, which
  is no open run.
- An empty file is not yet valid: its process is between creating and writing it. If that process was killed there, the file is removed
  after one hour. Other files in the folder, including those of other versions, are left alone.
- ``lock_label`` locks a label, so that a second run of it does not start. Its file is in a folder of its own, and says nothing.
- A failure here is one line on standard error; the command starts nevertheless. ``is_reported`` keeps the history from reporting the
  same cause again.
- This module is loaded before the command starts, so it imports very little. Without ``fcntl`` (Windows) no run has a lock.
"""

import errno
import os
import sys
import time

from tocsin.shell.history.paths import NAME, NoFolderError, state_folder

_VERSION = "tocsin 1"
_END_VERSION = "tocsin end 1"
_END = "{"  # the first character of a line that holds an end
_LIMIT = "limit "  # the beginning of a line that holds how many seconds the run may take
_MAX_LABEL = 500  # characters
_MAX_SIZE = 1 << 14  # bytes of a file
_LOCK_TIMEOUT = 1.0  # seconds; others hold a lock for a moment only
_LATEST = 1e11  # seconds since 1970; datetime can represent it
_STALE_SECONDS = 3600.0  # age of an empty file that its process never filled
_FULL = (errno.ENOSPC, errno.EDQUOT)

_reported = set[tuple[str, int | None]]()  # the folders and error numbers of the lines on standard error


class RunLock:
    """The lock of a run of this process, or of a dead one that this process reports. It is held until ``close``."""

    __slots__ = ("__weakref__", "_file", "path")

    def __init__(self, path: str, file: int) -> None:
        self.path: str = path
        self._file: int | None = file

    def __repr__(self) -> str:
        return f"RunLock({self.path!r})"

    def close(self) -> None:
        """Remove the file: the run has ended, or was reported. A second call does nothing. Raises nothing."""
        file, self._file = self._file, None  # two threads may bring the outcomes of two messages
        if file is None:
            return
        try:
            os.unlink(self.path)  # noqa: PTH108 - pathlib takes long to load; the lock is still held here
        except FileNotFoundError:
            pass
        except OSError as error:
            _complain(f"cannot remove {self.path}: {error.strerror}; remove it, else the run counts as killed")
        os.close(file)

    def forget(self) -> None:
        """Leave the lock to the parent, in a forked child: a child that outlives its parent must not hold the lock for it."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)


class KilledRun:
    """A run that is open, or whose process was killed.

    Args:
        run_id: the id of the run, unique over all machines; for an end outside of ``tocsin exec``, the name of its file.
        label: the name of the run, in one line.
        started: its start, in seconds since 1970.
        pid: the process that runs it, or ran it.
        end: the end that the process wrote, as ``keep_end`` got it; None if it wrote none.
        limit: how many seconds the run may take; None for no limit.
    """

    __slots__ = ("end", "label", "limit", "path", "pid", "run_id", "started")

    def __init__(
        self, path: str, run_id: str, label: str, started: float, pid: int, *, end: str | None = None, limit: float | None = None
    ) -> None:
        self.path: str = path
        self.run_id: str = run_id
        self.label: str = label
        self.started: float = started
        self.pid: int = pid
        self.end: str | None = end
        self.limit: float | None = limit

    def __repr__(self) -> str:
        return f"KilledRun(run_id={self.run_id!r}, label={self.label!r}, started={self.started!r}, pid={self.pid!r})"

    def claim(self) -> RunLock | None:
        """Take the lock if its process is gone and no other process has claimed it. It waits for no other claim.

        The file stays until ``close`` of the lock: if this process is killed before, the next start claims it. ``end`` is read again.

        Returns:
            The lock, in one process only; None in the others.
        """
        try:
            file = os.open(self.path, _FLAGS)
        except OSError:
            return None
        try:
            if _lock_for_claim(file) and os.fstat(file).st_nlink:  # else another process removed it meanwhile
                self.end = _end_of(os.read(file, _MAX_SIZE))
                return RunLock(self.path, file)
        except OSError:
            pass
        os.close(file)
        return None


_FLAGS = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


def open_run(run_id: str, label: str, started: float, limit: float | None = None) -> RunLock | None:
    """Lock a file for an open run, until it is closed or this process ends.

    Args:
        run_id: the id of the run: letters, digits and hyphens.
        label: the name of the run.
        started: its start, in seconds since 1970.
        limit: how many seconds it may take; None for no limit.

    Returns:
        The lock; None on Windows, without a home folder, and after an error, which is written to standard error.
    """
    limited = "" if limit is None else f"{_LIMIT}{limit!r}\n"
    return _open(run_id, f"{_VERSION}\n{_header(label, started)}{limited}", "this run is not in the history")


def open_end(name: str, label: str, at: float, end: str) -> RunLock | None:
    """Lock a file for the end of a run that has no other file, until it is closed or this process ends.

    Args:
        name: the name of the file: letters, digits and hyphens.
        label: the name of the run.
        at: the time of the end, in seconds since 1970.
        end: a JSON object in one line.

    Returns:
        The lock; None on Windows, and after an error, which is written to standard error.
    """
    return _open(name, f"{_END_VERSION}\n{_header(label, at)}{end}\n", "if this process is killed now, nobody tells of its run")


def try_lock(name: str) -> RunLock | None:
    """Lock a file of this name, which is of no run, until it is closed or this process ends.

    Args:
        name: the name of the file: letters, digits and hyphens.

    Returns:
        The lock; None if another process holds it, and after an error. Where there is no ``fcntl``, nothing is locked.
    """
    try:
        path = os.path.join(_folder(), _file_name(name))  # noqa: PTH118 - pathlib takes long to load
        lock = RunLock(path, file := os.open(path, os.O_CREAT | _FLAGS, 0o600))
    except OSError:
        return None
    try:
        if not _can_lock() or (_lock_for_claim(file) and os.fstat(file).st_nlink):  # else another process removed it meanwhile
            os.write(file, b"tocsin silence 1\n")  # a reader takes an empty file for one whose process was killed at its start
            return lock
    except OSError:
        pass
    lock.forget()
    return None


class LabelLocked(Exception):
    """Another process runs this label. The message says which, as the rest of a sentence; it is empty if that is not known."""


def lock_label(label: str) -> RunLock:
    """Lock a label, until the lock is closed or this process ends: one of any number of processes gets the lock. It waits for none.

    Raises:
        LabelLocked: another process has the lock, or runs this label without it.
        OSError: the lock cannot be created.
    """
    from hashlib import sha256  # slow to load, and seldom needed

    if not _can_lock():
        raise OSError(0, "this system has no locks of files")
    path = os.path.join(_folder("labels"), sha256(line(label).encode()).hexdigest()[:32])  # noqa: PTH118 - as below
    while True:
        file = os.open(path, os.O_CREAT | _FLAGS, 0o600)
        lock: RunLock | None = None
        try:
            if not _try_lock(file, exclusive=True):
                raise LabelLocked(_holder(label))
            if os.fstat(file).st_nlink:  # else its last holder has just removed it
                lock = RunLock(path, file)
        finally:
            if lock is None:
                os.close(file)
        if lock is not None:
            break
    holder = _holder(label)
    if holder:
        lock.close()
        raise LabelLocked(holder)
    return lock


def _holder(label: str) -> str:
    runs = open_runs(label)
    return f", since {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(runs[0].started))} (process {runs[0].pid})" if runs else ""


def keep_end(run_id: str, end: str) -> None:
    """Write an end, a JSON object in one line, to the file of a run of this process or one that it claimed. Raises nothing.

    Without a file, or after an error, the run counts as killed if this process is killed now.
    """
    try:
        file = os.open(os.path.join(state_folder(), "open", _file_name(run_id)), _FLAGS | os.O_APPEND)  # noqa: PTH118 - as above
    except OSError:
        return
    try:
        os.write(file, f"{end}\n".encode())
    except OSError as error:
        if not is_reported(error.errno):
            _complain(f"the end of this run is not in its file: {error.strerror}; {_remedy(error)}")
            _reported.add((state_folder(), error.errno))
    os.close(file)


def _header(label: str, at: float) -> str:
    return f"{line(label)}\n{at!r}\n{os.getpid()}\n"


def _open(name: str, content: str, consequence: str) -> RunLock | None:
    if not _can_lock():
        return None
    try:
        return _create(os.path.join(_folder(), _file_name(name)), content)  # noqa: PTH118 - pathlib takes long to load
    except NoFolderError:
        return None
    except OSError as error:
        where = error.filename or state_folder()
        _complain(f"{consequence}: cannot create its lock in {where}: {error.strerror}; {_remedy(error)}")
        _reported.add((state_folder(), error.errno))
        return None


def _remedy(error: OSError) -> str:
    if error.errno in _FULL:
        return f"make room on the disk, or set {NAME} to another folder"
    return f"set {NAME} to a folder that you may write to"


def is_reported(number: int | None) -> bool:
    """Return whether this module has written an error of this number to standard error, about a file in the folder of the history."""
    return bool(_reported) and (state_folder(), number) in _reported


def killed_runs(label: str | None = None) -> tuple[KilledRun, ...]:
    """Return the runs whose process was killed before a message was safe, oldest first; of one label, or all. Raises nothing."""
    return _find(label, held=False)


def left_ends() -> tuple[KilledRun, ...]:
    """Return the ends outside of ``tocsin exec`` whose process was killed before a message was safe, oldest first. Raises nothing."""
    return _find(None, held=False, version=_END_VERSION)


def open_runs(label: str | None = None) -> tuple[KilledRun, ...]:
    """Return the runs that are open now and have not ended, oldest first; of one label, or all. Raises nothing."""
    return tuple([run for run in _find(label, held=True) if run.end is None])


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


def _folder(name: str = "open") -> str:
    state = state_folder()
    folder = os.path.join(state, name)  # noqa: PTH118 - as above
    for each in (state, folder):
        os.makedirs(each, 0o700, exist_ok=True)  # noqa: PTH103 - as above
    return folder


def _create(path: str, content: str) -> RunLock:
    file = os.open(path, os.O_CREAT | os.O_EXCL | _FLAGS, 0o600)
    try:
        if not _lock(file, exclusive=True):
            raise OSError(0, "its lock is held by another process", path)
        os.write(file, content.encode())
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


def _lock_for_claim(file: int) -> bool:
    """Take the lock, which readers hold for a moment. Return False at once if another process holds it alone."""
    until = time.monotonic() + _LOCK_TIMEOUT
    while not _try_lock(file, exclusive=True):
        if not _try_lock(file, exclusive=False) or time.monotonic() > until:
            return False
        _unlock(file)
        time.sleep(0.005)
    return True


def _can_lock() -> bool:
    try:
        import fcntl
    except ImportError:
        return False
    return hasattr(fcntl, "flock")


def try_exclusive_lock(file: int) -> bool:
    """Take the lock of an open file if no other process holds it. Return whether it is taken; True where there are no locks."""
    return not _can_lock() or _try_lock(file, exclusive=True)


def _try_lock(file: int, *, exclusive: bool) -> bool:
    import fcntl

    try:
        fcntl.flock(file, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _unlock(file: int) -> None:
    import fcntl

    fcntl.flock(file, fcntl.LOCK_UN)


def _find(label: str | None, *, held: bool, version: str = _VERSION) -> tuple[KilledRun, ...]:
    try:
        folder = os.path.join(state_folder(), "open")  # noqa: PTH118 - as above
        names = os.listdir(folder) if _can_lock() else []  # noqa: PTH208 - as above
    except OSError:
        return ()
    found = [_look(os.path.join(folder, name), name, version, held=held) for name in names]  # noqa: PTH118 - as above
    wanted = None if label is None else line(label)
    runs = [each for each in found if each is not None and wanted in {None, each.label}]
    return tuple(sorted(runs, key=lambda each: (each.started, each.run_id)))


def _look(path: str, name: str, version: str, *, held: bool) -> KilledRun | None:
    """Return the run of a file if the file is valid and locked or not as asked."""
    try:
        file = os.open(path, _FLAGS)
    except OSError:
        return None
    try:
        if _try_lock(file, exclusive=False) is held or os.fstat(file).st_nlink == 0:  # its run ended since we opened it
            return None
        found = _read(os.read(file, _MAX_SIZE), path, name, version)
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


def _read(content: bytes, path: str, name: str, wanted: str) -> KilledRun | None:
    try:
        version, label, started, pid = content.decode().split("\n")[:4]
        at = float(started)
        if version != wanted or not 0 <= at < _LATEST:
            return None
        return KilledRun(path, name, line(label), at, int(pid), end=_end_of(content), limit=_limit_of(content))
    except ValueError:
        return None


def _limit_of(content: bytes) -> float | None:
    """Return how many seconds a run may take; None for no limit. Raise ValueError for what is no duration."""
    found = [each for each in content.decode().split("\n")[4:] if each.startswith(_LIMIT)]
    limit = float(found[0].removeprefix(_LIMIT)) if found else None
    if limit is None or 0 <= limit < _LATEST:
        return limit
    raise ValueError("no duration")


def _end_of(content: bytes) -> str | None:
    """Return the last end that is written in a file."""
    ends = [each for each in content.decode(errors="replace").split("\n")[4:] if each.startswith(_END)]
    return ends[-1] if ends else None
