"""An outbox behind PgBouncer: it works in session and in transaction mode, leaves no setting behind, and refuses statement mode."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, text

from tests.servers.pgbouncer import PoolMode, lacking, pgbouncer_program, pooled
from tests.servers.postgres import Postgres
from tests.shell.outbox import test_many_programs
from tests.shell.outbox.test_postgres import TEAM, change, error_line, rows
from tocsin.core.outbox.model import Status
from tocsin.core.outbox.state_machine import OutcomeKnown
from tocsin.core.outcomes import Delivered
from tocsin.shell.outbox.database import Database, OutboxConnection
from tocsin.shell.outbox.store import Store

pytestmark = pytest.mark.tocsin_live

SETTINGS = ("synchronous_commit", "lock_timeout")


@pytest.fixture
def transactions(database: str) -> Iterator[str]:
    """The URL of an empty database behind a pooler, which gives each transaction one of three connections."""
    with pooled(database, "transaction") as url:
        yield url


def settings(connection: Connection) -> list[object]:
    return [connection.execute(text(f"SHOW {name}")).scalar() for name in SETTINGS]


def test_several_programs_share_three_connections(transactions: str) -> None:
    test_many_programs.check(transactions, test_many_programs.run(transactions, 3, 30), 30)


@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_several_stores_are_used_in_turns(mode: PoolMode, database: str) -> None:
    with pooled(database, mode, 4) as url, closing(Store(url)) as one, closing(Store(url)) as other:
        for turn in range(12):  # more often than psycopg executes a statement before it prepares it
            for name, store in (("one", one), ("other", other)):
                (row,) = rows(1, f"{name}{turn}")
                assert store.put([row]) == (True,)
                assert [each.key for each in store.claim(TEAM, name, seconds=60)] == [row.key]
                assert store.agenda().due == ()
                store.advance([(row.key, OutcomeKnown(time.time(), name, Delivered(), 0.5))])
        assert [row.status for row in other.rows()] == [Status.DELIVERED] * 24


def test_a_transaction_is_durable_and_leaves_no_setting_behind(postgres: Postgres, database: str) -> None:
    change(postgres, database, "ALTER DATABASE {} SET synchronous_commit = off")
    with pooled(database, "transaction", 1) as url:
        with closing(OutboxConnection(Database(url, 2.5))) as kept:
            for _ in range(7):
                assert kept.do(settings) == ["on", "2500ms"]
                assert kept.do_without_transaction(settings) == ["off", "0"]
        with psycopg.connect(url, autocommit=True, prepare_threshold=None) as other:
            assert [other.execute(f"SHOW {name}").fetchone() for name in SETTINGS] == [("off",), ("0",)]
            assert other.execute("SELECT name FROM pg_prepared_statements").fetchall() == []


@pytest.mark.parametrize("option", ["", "?prepare_threshold=0"])
def test_no_statement_is_prepared_whatever_the_url_says(option: str, transactions: str) -> None:
    with closing(Store(f"{transactions}{option}")) as store:
        for number in range(7):
            store.put(rows(1, str(number)))
        prepared = store._writer.do(lambda connection: connection.execute(text("SELECT name FROM pg_prepared_statements")).all())
    assert prepared == []


def test_statement_mode_is_refused_in_one_line(database: str) -> None:
    with pooled(database, "statement") as url:
        line = error_line(url)
    assert line.endswith("let the pooler give out its connections by session or by transaction (pool_mode)")


def test_an_option_that_the_pooler_refuses_is_named_in_one_line(transactions: str) -> None:
    line = error_line(f"{transactions}?options=-csynchronous_commit%3Doff")
    assert "unsupported startup parameter: options" in line
    assert line.endswith("leave that option out of the URL, or name it in the pooler's ignore_startup_parameters")


def test_the_pooler_is_found_on_the_path(tmp_path: Path) -> None:
    (tmp_path / "pgbouncer").touch(0o755)
    assert pgbouncer_program(str(tmp_path)) == tmp_path / "pgbouncer"


def test_without_a_pooler_a_test_is_skipped_and_in_ci_it_fails() -> None:
    with pytest.raises(pytest.skip.Exception, match="apt-get install pgbouncer"):
        lacking({})
    with pytest.raises(pytest.fail.Exception, match="apt-get install pgbouncer"):
        lacking({"CI": "true"})
