"""Migrations start at every earlier version and are atomic. A newer schema, or one of another program, stays as it is."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import Column, Connection, Engine, Integer, MetaData, Table, create_engine, inspect, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from tests.shell.outbox.test_store import row
from tocsin.shell.errors import OutboxError
from tocsin.shell.outbox.database import Database
from tocsin.shell.outbox.schema import STEPS, Step, messages, migrate, number, version_of_schema
from tocsin.shell.outbox.store import Store

LATER = Table("later", MetaData(), Column("number", Integer))


def later(connection: Connection) -> None:
    """Migrate as a newer tocsin would."""
    LATER.create(connection, checkfirst=False)


def failing(connection: Connection) -> None:
    later(connection)
    connection.execute(text("SELECT nothing FROM nowhere"))


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/outbox.sqlite"
    database: object = request.getfixturevalue("database")
    assert isinstance(database, str)
    return database


@pytest.fixture
def engine(url: str) -> Engine:
    """An engine that does not migrate the database."""
    if url.startswith("sqlite"):
        return create_engine(url, poolclass=NullPool)
    return Database(url, 5.0).engine.execution_options(isolation_level="READ COMMITTED")  # with transactions of SQLAlchemy's


def migrate_to(engine: Engine, steps: Sequence[Step]) -> None:
    with engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        migrate(connection, "here", steps)


def execute(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def version(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.execute(select(version_of_schema)).scalar_one()


def shape(engine: Engine) -> object:
    """Return the tables with their columns and indexes."""
    inspector = inspect(engine)
    return [
        (
            name,
            [(each["name"], str(each["type"]), each["nullable"]) for each in inspector.get_columns(name)],
            sorted(str((each["name"], each["column_names"])) for each in inspector.get_indexes(name)),
        )
        for name in sorted(inspector.get_table_names())
    ]


def error_of(act: Callable[[], object]) -> str:
    with pytest.raises(OutboxError) as caught:
        act()
    assert caught.value.__context__ is None
    return str(caught.value)


@pytest.mark.parametrize("known", range(len(STEPS) + 1))
def test_every_earlier_version_is_migrated(engine: Engine, known: int, url: str, tmp_path: Path) -> None:
    migrate_to(engine, STEPS[:known])
    with closing(Store(url)) as store:
        assert store.put([row("a")]) == (True,)
        assert [each.key for each in store.rows()] == ["a"]
    assert version(engine) == len(STEPS)


def test_rows_survive_a_later_migration(engine: Engine, url: str) -> None:
    with closing(Store(url)) as store:
        store.put([row("a"), row("b")])
    with engine.connect() as connection:
        before = connection.execute(messages.select().order_by(number)).mappings().all()
    migrate_to(engine, (*STEPS, later))
    assert version(engine) == len(STEPS) + 1
    assert inspect(engine).has_table("later")
    with engine.connect() as connection:
        assert connection.execute(messages.select().order_by(number)).mappings().all() == before


def test_a_step_that_fails_changes_nothing(engine: Engine, url: str) -> None:
    with closing(Store(url)) as store:
        store.put([row("a")])
    before = shape(engine)
    with pytest.raises(DBAPIError):
        migrate_to(engine, (*STEPS, failing))
    assert (shape(engine), version(engine)) == (before, len(STEPS))


def test_a_second_migration_changes_nothing(engine: Engine, url: str) -> None:
    with closing(Store(url)) as store:
        store.agenda()
    before = shape(engine)
    migrate_to(engine, STEPS)
    assert shape(engine) == before


def test_many_may_migrate_at_once(url: str) -> None:
    def opened(number: int) -> tuple[bool, ...]:
        with closing(Store(url, busy=20.0)) as store:
            return store.put([row(str(number))])

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(opened, range(8))) == [(True,)] * 8


def test_a_newer_schema_stays_as_it_is(engine: Engine, url: str) -> None:
    with closing(Store(url)) as store:
        store.put([row("a")])
    migrate_to(engine, (*STEPS, later))
    before = shape(engine)
    with closing(Store(url)) as store:
        said = error_of(lambda: store.put([row("b")]))
        assert said == (
            f"the outbox at {store.place} was written by a newer tocsin (its schema version is {len(STEPS) + 1}, "
            f"and this tocsin knows {len(STEPS)}): upgrade tocsin, or name another place"
        )
    assert shape(engine) == before


def test_the_file_of_a_newer_tocsin_is_the_same_to_the_last_byte(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    url = f"sqlite:///{path}"
    with closing(Store(url)) as store:
        store.put([row("a")])
    execute(create_engine(url, poolclass=NullPool), "UPDATE outbox_version SET version = 99")
    before = sha256(path.read_bytes()).digest()
    with closing(Store(url)) as store:
        assert "a newer tocsin" in error_of(store.agenda)
    assert sha256(path.read_bytes()).digest() == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (["DELETE FROM outbox_version"], "does not say the version of its schema: name another place, or move it away"),
        (["INSERT INTO outbox_version VALUES (1)"], "does not say the version of its schema"),
        (["UPDATE outbox_version SET version = -1"], "does not say the version of its schema"),
        (["ALTER TABLE messages RENAME COLUMN reason TO why"], "has a schema that does not match its version: name another place"),
        (["DROP TABLE messages"], "has a schema that does not match its version"),
        (["DROP TABLE outbox_version"], "has a table messages that is not tocsin's: name another one"),
        (["DROP TABLE outbox_version", "CREATE TABLE outbox_version (other INTEGER)"], "its schema is not tocsin's"),
    ],
)
def test_what_is_not_as_it_should_be_is_one_line_and_stays(engine: Engine, url: str, change: Sequence[str], said: str) -> None:
    with closing(Store(url)) as store:
        store.put([row("a")])
    execute(engine, *change)
    before = shape(engine)
    with closing(Store(url)) as store:
        fault = error_of(lambda: store.put([row("b")]))
    assert said in fault
    assert fault.isprintable()
    assert shape(engine) == before
