"""The PostgreSQL server of the tests is found, or its absence is reported; it keeps commits, and ends with its parent process."""

import shutil
import socket
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.servers.postgres import PATIENCE, Mode, Postgres, lacking, programs

CHILD = """
import signal
from tests.servers.postgres import Postgres, programs
server = Postgres(programs())
print(server.url("postgres"), server.folder, flush=True)
signal.pause()
"""


def with_releases(root: Path, *releases: str) -> Path:
    """Create a root folder with these releases, in the layout of Debian."""
    for release in releases:
        folder = root / "usr/lib/postgresql" / release / "bin"
        folder.mkdir(parents=True)
        (folder / "initdb").touch(0o755)
    return root


def test_the_newest_release_is_found(tmp_path: Path) -> None:
    root = with_releases(tmp_path, "9.6", "15", "16", "9.10")
    assert programs("", root) == root / "usr/lib/postgresql/16/bin"


def test_the_one_on_the_path_comes_first(tmp_path: Path) -> None:
    root = with_releases(tmp_path, "15", "16")
    (tmp_path / "initdb").symlink_to(root / "usr/lib/postgresql/15/bin/initdb")
    assert programs(str(tmp_path), root) == root / "usr/lib/postgresql/15/bin"


def test_there_may_be_none(tmp_path: Path) -> None:
    assert programs("", tmp_path) is None


def test_without_a_server_a_test_is_skipped_and_in_ci_it_fails() -> None:
    with pytest.raises(pytest.skip.Exception, match="apt-get install postgresql"):
        lacking({})
    with pytest.raises(pytest.fail.Exception, match="apt-get install postgresql"):
        lacking({"CI": "true"})


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_what_is_committed_outlives_a_restart(mode: Mode, postgres: Postgres, database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("CREATE TABLE kept (number int)")
        connection.commit()
        connection.execute("INSERT INTO kept VALUES (1)")
        connection.commit()
        connection.execute("INSERT INTO kept VALUES (2)")
        postgres.restart(mode)
        with pytest.raises(psycopg.OperationalError):
            connection.commit()
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT number FROM kept").fetchall() == [(1,)]


def test_it_asks_for_a_password_and_shows_its_certificate(postgres: Postgres, database: str) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(database.replace("CANARY", "WRONG"))
    with psycopg.connect(f"{database}?sslmode=verify-full&sslrootcert={postgres.bundle}") as connection:
        assert connection.pgconn.ssl_in_use


def test_the_role_of_the_tests_may_do_nothing_else(database: str) -> None:
    with psycopg.connect(database) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("CREATE ROLE another")


def test_a_database_is_dropped_even_if_it_is_in_use(postgres: Postgres) -> None:
    with postgres.database() as url:
        connection = psycopg.connect(url)
    with pytest.raises(psycopg.OperationalError), connection:
        connection.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(url)


def test_one_that_does_not_start_says_why(postgres: Postgres) -> None:
    taken = pytest.raises(RuntimeError, match="Address already in use")
    with postgres.down(), socket.create_server(("127.0.0.1", postgres.port)), taken:
        postgres.start()
    postgres.do(sql.SQL("SELECT 1"))


def test_it_ends_with_its_parent_process() -> None:
    child = subprocess.Popen([sys.executable, "-c", CHILD], stdout=subprocess.PIPE, text=True)
    with child:
        assert child.stdout is not None
        url, folder = child.stdout.readline().split()
        with psycopg.connect(url) as connection:
            child.kill()
            with pytest.raises(psycopg.OperationalError):
                connection.execute(sql.SQL(f"SELECT pg_sleep({PATIENCE})"))
    shutil.rmtree(folder, ignore_errors=True)  # its last processes may still use it
