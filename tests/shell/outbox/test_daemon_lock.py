"""The lock by which a daemon shows that it sends from an outbox: real processes, and a real file."""

import fcntl
import signal
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from tocsin.shell.outbox.daemon_lock import DaemonLock, has_daemon
from tocsin.shell.outbox.store import Store

HOLDS = """
import sys
from tocsin.shell.outbox.daemon_lock import DaemonLock
lock = DaemonLock(sys.argv[1])
lock.take()
print("taken", flush=True)
sys.stdin.read()
"""


def test_daemons_are_seen_until_all_have_ended(tmp_path: Path) -> None:
    path = str(tmp_path / "outbox.sqlite")
    first, second = DaemonLock(path), DaemonLock(path)
    assert not has_daemon(path)
    for lock in (first, second, second):
        lock.take()
    first.release()
    first.release()
    assert has_daemon(path)
    second.release()
    assert not has_daemon(path)


def test_a_killed_daemon_is_seen_no_more(tmp_path: Path) -> None:
    path = str(tmp_path / "outbox.sqlite")
    with subprocess.Popen([sys.executable, "-c", HOLDS, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "taken\n"
        assert has_daemon(path)
        process.send_signal(signal.SIGKILL)
    assert not has_daemon(path)


def test_the_lock_is_taken_once_there_is_a_folder(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/new/outbox.sqlite")
    lock = store.daemon_lock()
    lock.take()
    assert not store.has_daemon()
    (tmp_path / "new").mkdir()
    lock.take()
    assert store.has_daemon()
    lock.release()
    store.close()


def test_of_a_server_nothing_is_known() -> None:
    store = Store("postgresql://me@127.0.0.1:9/outbox")
    lock = store.daemon_lock()
    lock.take()
    assert not store.has_daemon()
    lock.release()
    store.close()


def descriptors() -> int:
    """Return how many descriptors this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def _refuse(*_: object) -> NoReturn:
    raise OSError(37, "No locks available")


def test_where_there_are_no_locks_no_daemon_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "outbox.sqlite")
    lock, before = DaemonLock(path), descriptors()
    with monkeypatch.context() as patched:
        patched.setattr(fcntl, "flock", _refuse)
        lock.take()
        assert not has_daemon(path)
    assert descriptors() == before
    assert not has_daemon(path)
