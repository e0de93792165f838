"""Each error of an unusable outbox is one line that says what to do and holds no password. The rows in the outbox stay."""

import os
import sqlite3
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

import attrs
import pytest
from sqlalchemy import Connection

from tests.shell.outbox.test_store import TEAM, row
from tocsin.core.outbox.model import Status
from tocsin.core.outbox.state_machine import Buried
from tocsin.shell.errors import OutboxError
from tocsin.shell.outbox.errors import describe_database_error
from tocsin.shell.outbox.store import Store

UNPRIVILEGED_USER = 65534  # the user "nobody"
CANARY = "CANARY-hunter22"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that other users may read and not write."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        path.chmod(0o755)
        yield path
        path.chmod(0o755)


@contextmanager
def unprivileged() -> Iterator[None]:
    """Run as a user who owns none of the files."""
    before = os.geteuid()
    os.seteuid(before or UNPRIVILEGED_USER)
    try:
        yield
    finally:
        os.seteuid(before)


def url(path: Path) -> str:
    return f"sqlite:///{path}"


def filled(path: Path, number: int = 3) -> None:
    """Create an outbox with rows."""
    with closing(Store(url(path))) as store:
        store.put([attrs.evolve(row(str(place)), body="x" * 2000) for place in range(number)])


def error_of(act: Callable[[], object]) -> str:
    """Return the message of the error, and check that no cause, context or password comes with it."""
    with pytest.raises(OutboxError) as caught:
        act()
    whole = "".join(traceback.format_exception(caught.value, chain=True))
    assert CANARY not in whole
    assert quote(CANARY) not in whole
    assert "During handling" not in whole
    assert "direct cause" not in whole
    assert str(caught.value).isprintable()
    return str(caught.value)


def all_calls(store: Store) -> list[Callable[[], object]]:
    """Each kind of call of a store."""
    return [
        lambda: store.put([row("new")]),
        lambda: store.put([row("new"), row("newer")]),
        lambda: store.claim(TEAM, "worker", seconds=60),
        lambda: store.advance([("0", Buried(5.0))]),
        store.agenda,
        lambda: store.find(["0"]),
        store.rows,
        store.census,
        lambda: store.purge(5.0),
    ]


def check_each_call(path: Path, what: str, remedy: str) -> None:
    with closing(Store(url(path), busy=0.05)) as store:
        for act in all_calls(store):
            fault = error_of(act)
            assert fault.startswith(f"the outbox at {path} ")
            assert what in fault
            assert fault.endswith(remedy)


# SQLite.


def test_a_folder_that_is_not_writable(folder: Path) -> None:
    with unprivileged():
        check_each_call(
            folder / "new" / "outbox.sqlite", "Permission denied", "make it a file that you may read and write, or name another place"
        )


def test_a_folder_that_is_none() -> None:
    check_each_call(Path("/dev/null/tocsin/outbox.sqlite"), "Not a directory", "or name another place")


def test_a_folder_in_the_place_of_the_file(folder: Path) -> None:
    (folder / "outbox.sqlite").mkdir()
    check_each_call(folder / "outbox.sqlite", "is not a file", "move it away, or name another place")


def test_a_file_that_is_not_writable(folder: Path) -> None:
    path = folder / "outbox.sqlite"
    filled(path)
    path.chmod(0o444)
    folder.chmod(0o555)
    before = path.read_bytes()
    with unprivileged():
        check_each_call(path, "attempt to write a readonly database", "make the file and its folder writable")
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"not a database, but long enough for its header" * 50, b"short"])
def test_a_file_that_is_no_database(folder: Path, content: bytes) -> None:
    path = folder / "outbox.sqlite"
    path.write_bytes(content)
    check_each_call(
        path, "file is not a database", "move it away, and tocsin creates a new one; the messages that wait in the old one are not sent"
    )
    assert path.read_bytes() == content


def test_a_file_that_was_cut_off(folder: Path) -> None:
    path = folder / "outbox.sqlite"
    filled(path, 200)
    content = path.read_bytes()[: 5 * 4096]
    path.write_bytes(content)
    with closing(Store(url(path))) as store:
        fault = error_of(lambda: store.claim(TEAM, "worker", seconds=60))
    assert "malformed" in fault
    assert "it is damaged: restore it, or move it away" in fault


def test_a_file_that_another_process_holds_for_long(folder: Path) -> None:
    path = folder / "outbox.sqlite"
    filled(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        check_each_call(path, "database is locked", "another process holds it all the time; end that one, or try again")
        other.execute("ROLLBACK")
    with closing(Store(url(path))) as store:
        assert len(store.claim(TEAM, "worker", seconds=60)) == 3


def limited(connection: Connection) -> None:
    """Simulate a full disk."""
    pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}").all()


@pytest.mark.parametrize("number", [1, 20])
def test_a_full_disk(folder: Path, number: int) -> None:
    path = folder / "outbox.sqlite"
    filled(path)
    with closing(Store(url(path))) as store:
        store.put([row("before")])
        store._writer.do_without_transaction(limited)
        fault = error_of(lambda: store.put([attrs.evolve(row(f"new {place}"), body="x" * 50_000) for place in range(number)]))
        assert "database or disk is full" in fault
        assert fault.endswith("make room on the disk")
        assert [each.key for each in store.rows()] == ["0", "1", "2", "before"]
        assert store.put([row("after")]) == (True,)


def test_a_damaged_row_stays(folder: Path) -> None:
    path = folder / "outbox.sqlite"
    filled(path)
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA ignore_check_constraints = 1")
        other.execute("UPDATE messages SET status = 'lost' WHERE key = '1'")
        other.commit()
    with closing(Store(url(path))) as store:
        fault = error_of(store.rows)
        assert "'lost' is not a valid Status" in fault
        assert [each.status for each in store.find(["0", "2"])] == [Status.PENDING] * 2


def test_an_inconsistent_row_is_not_written(folder: Path) -> None:
    path = folder / "outbox.sqlite"
    with closing(Store(url(path))) as store:
        fault = error_of(lambda: store.put([attrs.evolve(row("a"), ended=1.0)]))
        assert "CHECK constraint failed: messages_ended" in fault
        assert fault.endswith("its rows are not as they should be: make sure that only tocsin writes them")
        assert store.rows() == ()


# PostgreSQL.


@pytest.mark.parametrize("query", ["", "?sslmode=require", "?nonsense=1", f"?password={CANARY}"])
def test_a_server_that_is_not_there(query: str) -> None:
    store = Store(f"postgresql://me:{CANARY}@127.0.0.1:1/tocsin{query}")
    for act in [*all_calls(store), store.now]:
        fault = error_of(act)
        assert fault.startswith("the outbox at postgresql://me@127.0.0.1:1/tocsin cannot be used: ")
        assert fault.endswith("make sure that the server runs, and that its URL is right")


# Remedies.


class DriverError(Exception):
    """An error with a state, as the PostgreSQL driver raises it."""

    def __init__(self, state: str | None) -> None:
        super().__init__("it said\nno")
        self.sqlstate = state


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (DriverError("28P01"), "make sure that the user and the password in its URL are right"),
        (DriverError("3D000"), "create the database, or name one that is there"),
        (DriverError("42501"), "grant the user what it needs: to create tables in its schema, and to read and write them"),
        (DriverError("42P01"), "its schema is not tocsin's: name another database"),
        (DriverError("53100"), "make room on its disk, or for more connections"),
        (DriverError("25006"), "name a server that takes writes"),
        (DriverError("57P01"), "make sure that the server runs"),
        (DriverError("XX000"), "check the database, or name another one"),
        (DriverError(None), "check the database, or name another one"),
        (sqlite3.ProgrammingError("no"), "check the database, or name another one"),
        (OSError(28, "No space left on device"), "make room on the disk"),
        (OSError(13, "Permission denied"), "make it a file that you may read and write, or name another place"),
    ],
)
def test_each_error_has_a_remedy(error: Exception, remedy: str) -> None:
    fault = str(describe_database_error(error, "here"))
    assert fault.startswith("the outbox at here cannot be used: ")
    assert fault.endswith(f": {remedy}")
    assert fault.isprintable()
