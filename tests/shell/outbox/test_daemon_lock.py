"""The lock by which a daemon shows that it sends from an outbox: real processes, real files, and a real server."""

import fcntl
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import NoReturn

import pytest
from psycopg import sql
from sqlalchemy import text

from tests.eventually import eventually
from tests.servers.pgbouncer import pooled
from tests.servers.postgres import Postgres
from tocsin.shell.errors import OutboxError
from tocsin.shell.outbox import daemon_lock
from tocsin.shell.outbox import store as stores
from tocsin.shell.outbox.daemon_lock import FileLock, has_daemon
from tocsin.shell.outbox.store import Store

HOLDS = """
import sys
from tocsin.shell.outbox.daemon_lock import FileLock
lock = FileLock(sys.argv[1])
lock.take()
print("taken", flush=True)
sys.stdin.read()
"""


def test_daemons_are_seen_until_all_have_ended(tmp_path: Path) -> None:
    path = str(tmp_path / "outbox.sqlite")
    first, second = FileLock(path), FileLock(path)
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


def descriptors() -> int:
    """Return how many descriptors this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def _refuse(*_: object) -> NoReturn:
    raise OSError(37, "No locks available")


def test_where_there_are_no_locks_no_daemon_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "outbox.sqlite")
    lock, before = FileLock(path), descriptors()
    with monkeypatch.context() as patched:
        patched.setattr(fcntl, "flock", _refuse)
        lock.take()
        assert not has_daemon(path)
    assert descriptors() == before
    assert not has_daemon(path)


# --- on a server ----------------------------------------------------------------------------------------------------------------


def shown(url: str) -> Store:
    """Return a store of a daemon, which shows itself."""
    store = Store(url)
    store.daemon_lock().take()
    store.agenda()
    return store


def opened(url: str) -> Store:
    """Return a store of a program, which is connected."""
    store = Store(url)
    store.agenda()
    return store


def test_daemons_on_a_server_are_seen_until_all_have_ended(database: str) -> None:
    with closing(Store(database)) as first, closing(Store(database)) as second, closing(opened(database)) as program:
        locks = [store.daemon_lock() for store in (first, second)]
        for lock in locks:
            lock.take()
            lock.take()
        assert not program.has_daemon()  # they are not connected
        first.agenda()
        second.probe()
        assert program.has_daemon()
        locks[0].release()
        first.agenda()
        assert program.has_daemon()
        locks[1].release()
        locks[1].release()
        eventually(lambda: not program.has_daemon())
        second.agenda()
        assert not program.has_daemon()


def test_a_program_that_is_not_connected_does_not_connect_to_see_a_daemon(database: str) -> None:
    with closing(shown(database)), closing(Store(database)) as program:
        assert not program.has_daemon()
        program.agenda()
        assert program.has_daemon()


def test_a_daemon_is_seen_again_after_a_restart_of_the_server(postgres: Postgres, database: str) -> None:
    with closing(shown(database)) as daemon, closing(opened(database)) as program:
        postgres.restart()
        assert not program.has_daemon()
        program.agenda()
        assert not program.has_daemon()
        daemon.agenda()
        assert program.has_daemon()


def test_a_daemon_that_says_nothing_any_more_is_not_believed(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon_lock, "_QUIET", 0.2)
    with closing(shown(database)) as daemon, closing(opened(database)) as program:
        eventually(lambda: not program.has_daemon())
        eventually(lambda: daemon.agenda().next is None and program.has_daemon())


def test_the_daemon_of_another_outbox_in_the_database_is_not_meant(postgres: Postgres, database: str) -> None:
    name = database.rpartition("/")[2]
    postgres.do(sql.SQL("CREATE SCHEMA other AUTHORIZATION worker"), name)
    with closing(shown(f"{database}?options=-csearch_path%3Dother")), closing(opened(database)) as program:
        assert not program.has_daemon()
        with closing(opened(f"{database}?options=-csearch_path%3Dother,public")) as other:
            assert other.has_daemon()


def test_a_server_that_refuses_the_lock_shows_no_daemon(postgres: Postgres, database: str) -> None:
    refuse = sql.SQL("REVOKE EXECUTE ON FUNCTION pg_catalog.pg_try_advisory_lock_shared(int, int) FROM PUBLIC")
    postgres.do(refuse, database.rpartition("/")[2])
    with closing(shown(database)), closing(opened(database)) as program:
        assert not program.has_daemon()


def test_a_connection_that_is_lost_with_the_lock_is_opened_anew(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(opened(database)) as program, closing(opened(database)) as daemon:
        daemon.close()
        with monkeypatch.context() as patch:
            patch.setattr(daemon_lock, "_TAKE", text("SELECT pg_catalog.pg_terminate_backend(pg_catalog.pg_backend_pid())"))
            daemon.daemon_lock().take()
            with pytest.raises(OutboxError, match="terminating connection"):
                daemon.rows()
        assert daemon.rows() == ()
        assert program.has_daemon()


def test_a_server_that_does_not_answer_is_not_waited_for(postgres: Postgres, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "_ASKING", 0.2)
    with closing(shown(database)), closing(opened(database)) as program:
        assert program.has_daemon()
        with postgres.frozen():
            began = time.monotonic()
            assert not program.has_daemon()
            assert time.monotonic() - began < 3.0


def test_behind_a_pooler_a_daemon_takes_no_lock_which_others_would_keep(database: str) -> None:
    with pooled(database, "transaction", 1) as url, closing(opened(database)) as program:
        with closing(shown(url)):
            assert not program.has_daemon()
        with closing(opened(url)) as other, closing(shown(database)):
            assert other.has_daemon()


def test_of_a_server_that_is_not_there_nothing_is_known() -> None:
    with closing(Store("postgresql://me@127.0.0.1:9/outbox")) as store:
        lock = store.daemon_lock()
        lock.take()
        assert not store.has_daemon()
        lock.release()
