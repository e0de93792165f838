"""A token for each run that is open: a file, locked for as long as the process that runs it lives.

A process that is killed can say nothing any more, but it holds no lock either: a token that nobody holds is a run that never came
to its end. The next start finds it, and tells.

- The lock is taken by the kernel and let go by the kernel, however the process ends. The process id is for people only.
- Looking takes a shared lock for a moment, the run itself and a claim take an exclusive one: lookers do not disturb each other,
  and of all that claim a token, one gets it.
- An empty token is not yet one: its process is between making and filling it. What was killed there is swept away after an hour.
  What else lies in the folder, another version's tokens too, is left alone.
- No token, no harm: what fails here is said in one line, and the command starts all the same.

This is loaded before the command is started, so it imports next to nothing. Where there is no ``fcntl`` (Windows), no run is open.
"""

import os
import sys
import time

from tocsin.shell.history.paths import NAME, state_folder

_VERSION = "tocsin 1"
_LONGEST = 500  # characters of a label
_MOST = 1 << 13  # bytes of a token
_PATIENCE = 1.0  # seconds that a lock may take, which others hold for a moment only
_LATEST = 1e11  # seconds since 1970, before the end of all calendars
_STALE = 3600.0  # seconds after which an empty token stays empty


class RunLock:
    """A run of this process, which is open until ``close``."""

    __slots__ = ("_file", "path")

    def __init__(self, path: str, file: int) -> None:
        self.path: str = path
        self._file: int | None = file

    def __repr__(self) -> str:
        return f"Token({self.path!r})"

    def close(self) -> None:
        """Take the token away: the run came to its end. To do so again changes nothing; it raises nothing."""
        if self._file is None:
            return
        try:
            os.unlink(self.path)  # noqa: PTH108 - pathlib takes long to load; and before the lock is let go
        except FileNotFoundError:
            pass
        except OSError as error:
            _complain(f"cannot remove {self.path}: {error.strerror}; remove it, else the run counts as killed")
        os.close(self._file)
        self._file = None


class KilledRun:
    """A run that is open, or whose process is gone: who ran what, since when.

    Args:
        run_id: names the run, unique over all machines.
        label: what people call it, in one line.
        started: when, in seconds since 1970.
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
        return f"Left(run_id={self.run_id!r}, label={self.label!r}, started={self.started!r}, pid={self.pid!r})"

    def claim(self) -> bool:
        """Take the token away, if its run is gone and nobody took it before: True for one of all that ask, ever."""
        try:
            file = os.open(self.path, _FLAGS)
        except OSError:
            return False
        try:
            if not _locked(file, exclusive=True) or os.fstat(file).st_nlink == 0:  # another took it while we waited
                return False
            os.unlink(self.path)  # noqa: PTH108 - as above
            return True
        except OSError as error:
            _complain(f"cannot remove {self.path}: {error.strerror}; remove it, else its run is told again")
            return False
        finally:
            os.close(file)


_FLAGS = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


def open_run(run_id: str, label: str, started: float) -> RunLock | None:
    """Have it known that a run is open, until its token is closed or this process is gone.

    Args:
        run_id: names the run; letters, digits and hyphens.
        label: what people call it.
        started: when, in seconds since 1970.

    Returns:
        The token; None where there can be none, which is said on standard error, and on Windows.
    """
    if not _can_lock():
        return None
    try:
        return _made(os.path.join(_folder(), _named(run_id)), line(label), started)  # noqa: PTH118 - pathlib takes long to load
    except OSError as error:
        where = f" in {error.filename}" if error.filename else ""
        _complain(f"this run is not in the journal{where}: {error.strerror}; set {NAME} to a folder that you may write to")
        return None


def killed_runs(label: str | None = None) -> tuple[KilledRun, ...]:
    """The runs whose process is gone before they came to their end, oldest first; of one label, or all. Raises nothing."""
    return _found(label, held=False)


def open_runs(label: str | None = None) -> tuple[KilledRun, ...]:
    """The runs that are open now, oldest first; of one label, or all. Raises nothing."""
    return _found(label, held=True)


def line(label: str) -> str:
    """A label as tokens hold it: one line of what can be printed, and not too long."""
    return _plain(label)[:_LONGEST]


def _plain(text: str) -> str:
    return "".join(character if character.isprintable() else "\ufffd" for character in " ".join(text.split()))


def _complain(text: str) -> None:
    """Say on standard error what went wrong, in one line, where there is one."""
    try:  # noqa: SIM105 - contextlib takes long to load
        sys.stderr.write(f"tocsin: {_plain(text)}\n")
    except (AttributeError, OSError, ValueError):  # it is None, full or closed
        pass


def _named(run_id: str) -> str:
    if run_id.isascii() and run_id.replace("-", "").isalnum():
        return run_id
    raise OSError(0, f"{run_id!r} is no name of a run")


def _folder() -> str:
    state = state_folder()
    folder = os.path.join(state, "open")  # noqa: PTH118 - as above
    for each in (state, folder):
        os.makedirs(each, 0o700, exist_ok=True)  # noqa: PTH103 - as above
    return folder


def _made(path: str, label: str, started: float) -> RunLock:
    file = os.open(path, os.O_CREAT | os.O_EXCL | _FLAGS, 0o600)
    try:
        if not _locked(file, exclusive=True):
            raise OSError(0, "its lock is held by another process", path)
        os.write(file, f"{_VERSION}\n{label}\n{started!r}\n{os.getpid()}\n".encode())
    except OSError:
        RunLock(path, file).close()
        raise
    return RunLock(path, file)


def _locked(file: int, *, exclusive: bool) -> bool:
    """Whether the lock could be had: others may hold it for a moment, to look."""
    until = time.monotonic() + _PATIENCE
    while not _at_once(file, exclusive=exclusive):
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


def _at_once(file: int, *, exclusive: bool) -> bool:
    import fcntl

    try:
        fcntl.flock(file, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _found(label: str | None, *, held: bool) -> tuple[KilledRun, ...]:
    try:
        folder = os.path.join(state_folder(), "open")  # noqa: PTH118 - as above
        names = os.listdir(folder) if _can_lock() else []  # noqa: PTH208 - as above
    except OSError:
        return ()
    looked = [_look(os.path.join(folder, name), name, held=held) for name in names]  # noqa: PTH118 - as above
    wanted = None if label is None else line(label)
    some = [each for each in looked if each is not None and wanted in {None, each.label}]
    return tuple(sorted(some, key=lambda each: (each.started, each.run_id)))


def _look(path: str, name: str, *, held: bool) -> KilledRun | None:
    """The token at a path, if it is one, and is held or not as asked."""
    try:
        file = os.open(path, _FLAGS)
    except OSError:
        return None
    try:
        if _at_once(file, exclusive=False) is held or os.fstat(file).st_nlink == 0:  # its run ended since we opened it
            return None
        found = _read(os.read(file, _MOST), path, name)
        if found is None:
            _swept(path, os.fstat(file))
        return found
    except OSError:
        return None
    finally:
        os.close(file)


def _swept(path: str, status: os.stat_result) -> None:
    if status.st_size == 0 and status.st_mtime < time.time() - _STALE:
        os.unlink(path)  # noqa: PTH108 - as above


def _read(content: bytes, path: str, name: str) -> KilledRun | None:
    try:
        version, label, started, pid = content.decode().split("\n")[:4]
        at = float(started)
        return KilledRun(path, name, line(label), at, int(pid)) if version == _VERSION and 0 <= at < _LATEST else None
    except ValueError:
        return None
