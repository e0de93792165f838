"""An outbox on PostgreSQL: many workers share it, its server restarts, and each error is one line without a password."""

import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import BinaryIO
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql
from typing_extensions import override

from tests.servers.loopback import Loopback
from tests.servers.postgres import Mode, Postgres
from tocsin.core.outbox.model import Row, Status
from tocsin.core.outbox.state_machine import OutcomeKnown
from tocsin.core.outcomes import Delivered, Retryable
from tocsin.shell.errors import OutboxError
from tocsin.shell.outbox.store import Store

TEAM = "slack:TEAM"
PATIENCE = 20.0
SOON = 8.0  # seconds: longer than a call takes on a busy machine, and shorter than each default timeout

FORKING = """
import os, sys
from tests.shell.outbox.test_postgres import rows
from tocsin.shell.outbox.store import Store
store = Store(sys.argv[1])
store.put(rows(1, "before"))
child = os.fork()
done = store.put(rows(50, "child" if child == 0 else "parent"))
if child == 0:
    os._exit(not all(done))
print(all(done), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def rows(number: int, name: str = "load") -> list[Row]:
    """Return rows that are due, in order."""
    first = time.time() - 60.0
    return [
        Row.new(key=f"run.{name}.{place:03}.0.0", destination=TEAM, kind="PostToSlack", version=1, body="{}", at=first + place / 1000)
        for place in range(number)
    ]


def keys(some: Sequence[Row]) -> list[str]:
    return [row.key for row in some]


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    with closing(Store(database)) as opened:
        yield opened


def error_of(act: Callable[[], object]) -> OutboxError | None:
    try:
        act()
    except OutboxError as fault:
        return fault
    return None


def errors_until(act: Callable[[], object]) -> list[OutboxError]:
    """Repeat the call until it succeeds, and return the errors before that."""
    faults: list[OutboxError] = []
    until = time.monotonic() + PATIENCE
    while fault := error_of(act):
        assert time.monotonic() < until, str(fault)
        faults.append(fault)
    return faults


@contextmanager
def in_transaction(database: str, statement: str) -> Iterator[None]:
    """Execute a statement in another, uncommitted transaction."""
    with psycopg.connect(database) as connection:
        connection.execute(sql.SQL(statement))
        yield
        connection.rollback()


def change(postgres: Postgres, database: str, setting: str) -> None:
    """Change a setting of the database, and end its connections."""
    name = urlsplit(database).path[1:]
    postgres.do(sql.SQL(setting).format(sql.Identifier(name)))
    postgres.do(sql.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}").format(sql.Literal(name)))


def test_rows_that_another_worker_is_claiming_are_skipped_and_not_waited_for(store: Store, database: str) -> None:
    everything = rows(10)
    store.put(everything)
    began = time.monotonic()
    with in_transaction(database, "SELECT key FROM messages WHERE key < 'run.load.005' FOR UPDATE"):
        assert keys(store.claim(TEAM, "first", seconds=60)) == keys(everything[5:])
    assert time.monotonic() - began < SOON
    assert keys(store.claim(TEAM, "second", seconds=60)) == keys(everything[:5])


def test_what_many_claim_at_once_is_claimed_once(store: Store, database: str) -> None:
    everything = rows(200)
    store.put(everything)
    start = threading.Barrier(4)

    def claimed(name: str) -> list[str]:
        mine: list[str] = []
        with closing(Store(database)) as another:
            start.wait(PATIENCE)
            while got := another.claim(TEAM, f"{name}{len(mine)}", seconds=60, most=7):
                mine += keys(got)
        return mine

    with ThreadPoolExecutor(4) as pool:
        shares = list(pool.map(claimed, "abcd"))
    assert sorted(key for share in shares for key in share) == keys(everything)


def test_many_may_be_the_first_to_use_it(database: str) -> None:
    start = threading.Barrier(8)

    def put(name: str) -> None:
        with closing(Store(database)) as another:
            start.wait(PATIENCE)
            assert another.put(rows(2, name)) == (True, True)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, "abcdefgh"))
    with closing(Store(database)) as store:
        assert len(store.rows()) == 16


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_a_database_with_stricter_isolation_is_shared_too(isolation: str, postgres: Postgres, database: str) -> None:
    change(postgres, database, f"ALTER DATABASE {{}} SET default_transaction_isolation = '{isolation}'")
    everything = rows(60)
    start = threading.Barrier(4)

    def delivered(name: str) -> list[str]:
        mine: list[str] = []
        with closing(Store(database)) as another:
            start.wait(PATIENCE)
            another.put(everything)
            while got := another.claim(TEAM, f"{name}{len(mine)}", seconds=60, most=3):
                another.advance([(row.key, OutcomeKnown(time.time(), f"{name}{len(mine)}", Delivered(), 0.5)) for row in got])
                mine += keys(got)
        return mine

    with ThreadPoolExecutor(4) as pool:
        shares = list(pool.map(delivered, "abcd"))
    assert sorted(key for share in shares for key in share) == keys(everything)
    with closing(Store(database)) as store:
        assert {row.status for row in store.rows()} == {Status.DELIVERED}


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_restart_under_an_open_store_is_one_fault_at_most(mode: Mode, store: Store, postgres: Postgres) -> None:
    everything = rows(4)
    store.put(everything[:3])
    postgres.restart(mode)
    assert len(errors_until(lambda: store.put(everything))) <= 1
    assert keys(store.claim(TEAM, "first", seconds=60)) == keys(everything)


def test_a_store_that_was_opened_without_a_server_works_once_there_is_one(postgres: Postgres, database: str) -> None:
    with closing(Store(database, busy=1.0)) as store:
        with postgres.down(), pytest.raises(OutboxError):
            store.put(rows(1))
        assert store.put(rows(1)) == (True,)


def test_what_was_acknowledged_outlives_restarts_meanwhile(store: Store, postgres: Postgres, database: str) -> None:
    everything = rows(10_000)
    fresh = iter(everything)
    acknowledged: SimpleQueue[str] = SimpleQueue()
    ended = threading.Event()

    def put() -> None:
        with closing(Store(database)) as another:
            while not ended.is_set():
                row = next(fresh)
                errors_until(partial(another.put, [row]))
                acknowledged.put(row.key)

    with ThreadPoolExecutor(1) as pool:
        putting = pool.submit(put)
        for _ in range(3):
            for _ in range(20):
                acknowledged.get(timeout=PATIENCE)
            postgres.restart("immediate")
        ended.set()
        putting.result(PATIENCE)
    number = 60 + acknowledged.qsize()
    assert keys(store.rows(limit=10_000)) == keys(everything[:number])


def test_no_connection_is_left_inside_a_transaction(store: Store, database: str) -> None:
    (row,) = rows(1)
    store.put([row])
    store.claim(TEAM, "first", seconds=60)
    store.advance([(row.key, OutcomeKnown(time.time(), "another", Retryable("busy"), 0.5))])
    store.agenda()
    with psycopg.connect(database) as connection:
        found = connection.execute(
            "SELECT state FROM pg_stat_activity WHERE application_name = 'tocsin' AND datname = current_database()"
        )
        assert found.fetchall() == [("idle",), ("idle",)]


def test_a_forked_child_says_nothing_on_its_parents_connection(database: str) -> None:
    done = subprocess.run([sys.executable, "-c", FORKING, database], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "True 0\n", "")
    with closing(Store(database)) as store:
        assert len(store.rows(limit=200)) == 101


def test_the_clock_is_the_databases(postgres: Postgres, database: str) -> None:
    change(postgres, database, "ALTER DATABASE {} SET search_path = public, pg_catalog")
    for function in ("now", "clock_timestamp", "statement_timestamp", "transaction_timestamp"):
        ahead = "CREATE FUNCTION public.{}() RETURNS timestamptz LANGUAGE sql AS 'SELECT pg_catalog.{}() + interval ''1 hour'''"
        postgres.do(sql.SQL(ahead).format(sql.SQL(function), sql.SQL(function)), urlsplit(database).path[1:])
    with closing(Store(database)) as store:
        assert store.now() - time.time() == pytest.approx(3600, abs=SOON)


class Silent(Loopback):
    """A server that accepts connections and sends nothing."""

    @override
    def serve(self, sock: object, lines: BinaryIO) -> None:
        self.be_silent()


@pytest.fixture
def silent() -> Iterator[Silent]:
    server = Silent(None)
    yield server
    server.stop()


def put_one(url: str) -> None:
    with closing(Store(url, busy=1.0)) as store:
        assert "CANARY" not in f"{store!r} {store.place}"
        store.put(rows(1))


def error_line(url: str) -> str:
    """Return the error message of an outbox at ``url``: it comes soon, is one line, and holds no password."""
    began = time.monotonic()
    with pytest.raises(OutboxError) as raised:
        put_one(url)
    assert time.monotonic() - began < SOON
    assert "CANARY" not in "".join(traceback.format_exception(raised.value))
    (line,) = str(raised.value).splitlines()
    return line


def test_a_wrong_password_is_said_in_one_line(database: str) -> None:
    assert "password authentication failed" in error_line(database.replace("CANARY", "WRONG-CANARY"))


def test_no_server_is_said_in_one_line(postgres: Postgres, database: str) -> None:
    with postgres.down():
        assert f"127.0.0.1:{postgres.port}" in error_line(database)


def test_a_silent_server_is_said_in_one_line(silent: Silent, postgres: Postgres, database: str) -> None:
    assert f"127.0.0.1:{silent.port}" in error_line(database.replace(str(postgres.port), str(silent.port)))


@pytest.mark.parametrize(
    "end",
    [
        "_elsewhere",
        "?sslmode=verify-full&sslrootcert=/nonexistent",
        "?sslmode=nonsense",
        "?nonsense=1",
        "?password=CANARY",
        "?options=-c%20nonsense%3D1",
        "\n",
    ],
)
def test_what_else_is_wrong_with_a_url_is_said_in_one_line(end: str, database: str) -> None:
    assert error_line(f"{database}{end}")


def test_an_untrusted_certificate_is_said_in_one_line(database: str, ca_bundle: Path) -> None:
    assert "certificate" in error_line(f"{database}?sslmode=verify-full&sslrootcert={ca_bundle}")


def test_a_trusted_certificate_is_accepted(postgres: Postgres, database: str) -> None:
    with closing(Store(f"{database}?sslmode=verify-full&sslrootcert={postgres.bundle}")) as store:
        assert store.put(rows(1)) == (True,)


@pytest.mark.parametrize("used", [True, False])
def test_a_read_only_database_is_said_in_one_line(used: bool, postgres: Postgres, database: str) -> None:
    with closing(Store(database)) as store:
        assert not used or store.put(rows(1)) == (True,)
        change(postgres, database, "ALTER DATABASE {} SET default_transaction_read_only = on")
        assert "read-only" in error_line(database)
        change(postgres, database, "ALTER DATABASE {} RESET default_transaction_read_only")
        assert len(errors_until(lambda: store.put(rows(2)))) <= 1
        assert keys(store.rows()) == keys(rows(2))


def test_a_database_without_the_right_to_create_tables_is_said_in_one_line(postgres: Postgres, database: str) -> None:
    change(postgres, database, "ALTER DATABASE {} OWNER TO postgres")
    postgres.do(sql.SQL("REVOKE CREATE ON SCHEMA public FROM PUBLIC"), urlsplit(database).path[1:])
    assert "permission denied" in error_line(database)


def test_a_locked_table_is_waited_for_no_longer_than_asked(store: Store, database: str) -> None:
    store.put(rows(1))
    with in_transaction(database, "LOCK TABLE messages"):
        assert error_line(database)
    assert store.put(rows(2)) == (False, True)
