"""The database that a URL names, and the durability of connections to it, on SQLite as far as the file system allows."""

import sqlite3
import stat
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import ClassVar

import psycopg
import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from tests.shell.outbox.test_store import row
from tocsin.shell.errors import OutboxError
from tocsin.shell.outbox import database as outbox_database
from tocsin.shell.outbox import sqlite_file
from tocsin.shell.outbox.database import Database, OutboxConnection
from tocsin.shell.outbox.queries import ServerClock
from tocsin.shell.outbox.sqlite_file import File, connect, file_system, on_network
from tocsin.shell.outbox.store import Store

EXAMPLES = "write sqlite:////var/lib/app/outbox.sqlite, or postgresql://user:password@host/database"

THRESHOLD = (
    "prepare_threshold in the URL of the outbox is the number of times that a statement is executed before it is prepared, or none: "
    "write ?prepare_threshold=none, or leave it out"
)


def foreign(option: str) -> str:
    return f"the URL of the outbox has an option {option}, which is none of PostgreSQL's: leave it out"


def asked(connection: sqlite3.Connection, pragma: str) -> object:
    found: tuple[object] = connection.execute(f"PRAGMA {pragma}").fetchone()
    return found[0]


def mode(connection: sqlite3.Connection) -> tuple[object, object]:
    return asked(connection, "journal_mode"), asked(connection, "synchronous")


# SQLite.


def test_a_connection_has_a_write_ahead_log_and_waits_for_the_disk(tmp_path: Path) -> None:
    for _ in range(2):
        with closing(connect(File(f"{tmp_path}/outbox.sqlite"), 1.5, 1)) as connection:
            assert mode(connection) == ("wal", 2)
            assert asked(connection, "busy_timeout") == 1500
            assert asked(connection, "auto_vacuum") == 2


def test_every_connection_of_a_store_has_them(tmp_path: Path) -> None:
    with closing(Store(f"sqlite:///{tmp_path}/outbox.sqlite")) as store:
        for kept in (store._writer, store._reader):
            found = kept.do_without_transaction(
                lambda connection: [connection.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "synchronous")]
            )
            assert found == ["wal", 2]


def test_without_shared_memory_it_has_a_rollback_journal_and_waits_the_longer(tmp_path: Path) -> None:
    with closing(connect(File(f"{tmp_path}/outbox.sqlite", "unix-dotfile"), 1.0, 1)) as connection:
        assert mode(connection) == ("delete", 3)
    with closing(Store(f"sqlite:///{tmp_path}/other.sqlite?vfs=unix-dotfile")) as store:
        assert store.put([row("a")]) == (True,)
        assert [each.key for each in store.rows()] == ["a"]


def test_on_a_network_it_has_a_rollback_journal_whatever_seems_to_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(f"1 0 8:1 / / rw - ext4 /dev/vda rw\n2 1 0:9 / {tmp_path} rw shared:3 - nfs4 nas:/ rw\n")
    monkeypatch.setattr(sqlite_file, "_MOUNT_TABLE", table)
    with closing(connect(File(f"{tmp_path}/outbox.sqlite"), 1.0, 1)) as connection:
        assert mode(connection) == ("delete", 3)


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/", "ext4"), ("/srv", "ext4"), ("/srv/nas/outbox.sqlite", "cifs"), ("/srv/nas2", "ext4"), ("/srv/nas/in ner/x", "tmpfs")],
)
def test_a_path_is_on_the_file_system_that_is_mounted_nearest(path: str, kind: str) -> None:
    table = """
1 0 8:1 / / rw - ext4 /dev/vda rw
2 1 0:9 / /srv/nas rw shared:3 - nfs nas:/ rw
3 1 0:9 / /srv/nas rw shared:4 - cifs //nas rw
4 3 0:9 / /srv/nas/in\\040ner rw - tmpfs none rw
nonsense
"""
    assert file_system(Path(path), table) == kind
    assert file_system(Path(path), "") == ""


def test_without_a_table_of_mounts_nothing_is_on_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_file, "_MOUNT_TABLE", tmp_path / "absent")
    assert not on_network(tmp_path)


class Refusing(sqlite3.Connection):
    """A connection that answers some statements as an unsuitable file system does."""

    refused: ClassVar[Mapping[str, object]] = {}

    def execute(self, sql: str, parameters: object = (), /) -> sqlite3.Cursor:
        if sql in self.refused:
            answer = self.refused[sql]
            if isinstance(answer, Exception):
                raise answer
            return super().execute(f"SELECT {answer!r}")
        return super().execute(sql)


def error(code: int, name: str, message: str) -> sqlite3.OperationalError:
    made = sqlite3.OperationalError(message)
    made.sqlite_errorcode, made.sqlite_errorname = code, name
    return made


LOCKING = error(sqlite3.SQLITE_IOERR_SHMLOCK, "SQLITE_IOERR_SHMLOCK", "disk I/O error")
FULL = error(sqlite3.SQLITE_FULL, "SQLITE_FULL", "database or disk is full")
BUSY = error(sqlite3.SQLITE_BUSY, "SQLITE_BUSY", "database is locked")


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Callable[[Mapping[str, object]], None]:
    """Make connections answer or raise as told."""

    def refuse(refused: Mapping[str, object]) -> None:
        kind = type("Refusing", (Refusing,), {"refused": refused})
        monkeypatch.setattr(sqlite_file, "_CONNECTION_CLASS", kind)

    return refuse


@pytest.mark.parametrize(
    "refused",
    [
        {"PRAGMA journal_mode = wal": LOCKING},
        {"PRAGMA journal_mode = wal": "delete"},
        {"PRAGMA synchronous = FULL": 1, "PRAGMA synchronous": 3},
    ],
)
def test_where_a_write_ahead_log_cannot_be_had_there_is_a_rollback_journal(
    refused: Mapping[str, object], refusing: Callable[[Mapping[str, object]], None], tmp_path: Path
) -> None:
    refusing(refused)
    with closing(connect(File(f"{tmp_path}/outbox.sqlite"), 1.0, 1)) as connection:
        assert mode(connection) == ("delete", 3)


@pytest.mark.parametrize(
    ("refused", "why"),
    [
        ({"PRAGMA journal_mode = wal": "off", "PRAGMA journal_mode = delete": "off"}, "its journal is off, and cannot be made delete"),
        ({"PRAGMA synchronous": 1}, "synchronous cannot be made EXTRA"),
        ({"BEGIN IMMEDIATE": LOCKING}, "disk I/O error (SQLITE_IOERR_SHMLOCK)"),
    ],
)
def test_where_neither_can_be_had_it_says_why(
    refused: Mapping[str, object], why: str, refusing: Callable[[Mapping[str, object]], None], tmp_path: Path
) -> None:
    refusing(refused)
    with pytest.raises(OutboxError) as caught:
        connect(File(f"{tmp_path}/outbox.sqlite"), 1.0, 1)
    assert (
        str(caught.value)
        == f"the outbox at {tmp_path}/outbox.sqlite cannot be kept safely there: {why}; name a place on a disk of this machine"
    )


def test_a_full_disk_is_not_taken_for_a_file_system_that_cannot(
    refusing: Callable[[Mapping[str, object]], None], tmp_path: Path
) -> None:
    refusing({"COMMIT": FULL})
    with pytest.raises(sqlite3.OperationalError, match="full"):
        connect(File(f"{tmp_path}/outbox.sqlite"), 1.0, 1)


def test_a_file_that_others_are_making_is_waited_for(refusing: Callable[[Mapping[str, object]], None], tmp_path: Path) -> None:
    refusing({"PRAGMA journal_mode = wal": BUSY})
    began = time.monotonic()
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        connect(File(f"{tmp_path}/outbox.sqlite"), 0.1, 1)
    assert time.monotonic() - began >= 0.1


def test_what_is_made_is_ours_alone(tmp_path: Path) -> None:
    path = tmp_path / "one" / "two" / "outbox.sqlite"
    with closing(Store(f"sqlite:///{path}")) as store:
        store.put([row("a")])
        modes = {found.name: stat.S_IMODE(found.stat().st_mode) for found in (path.parent, *path.parent.iterdir())}
    assert modes == {"two": 0o700, "outbox.sqlite": 0o600, "outbox.sqlite-wal": 0o600, "outbox.sqlite-shm": 0o600}


def test_what_is_there_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    path.touch(0o640)
    tmp_path.chmod(0o750)
    with closing(Store(f"sqlite:///{path}")) as store:
        store.put([row("a")])
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(tmp_path.stat().st_mode)) == (0o640, 0o750)


def test_a_path_may_hold_what_a_url_escapes(tmp_path: Path) -> None:
    path = tmp_path / "a b#c%d é&" / "outbox.sqlite"
    with closing(Store(f"sqlite:///{path}")) as store:
        store.put([row("a")])
    assert path.is_file()
    assert store.place == str(path)


# URLs.


def test_without_a_url_it_is_in_the_state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_STATE_DIR", str(tmp_path / "state"))
    assert Store().place == str(tmp_path / "state" / "outbox.sqlite")


def test_without_a_home_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> str:
        raise OSError(0, "this user has no home folder")

    monkeypatch.setattr(outbox_database, "state_folder", homeless)
    assert error_of(None) == "there is no place for the outbox: this user has no home folder; set TOCSIN_STATE_DIR to a folder"


def error_of(url: str | None) -> str:
    with pytest.raises(OutboxError) as caught:
        Store(url)
    assert caught.value.__context__ is None
    return str(caught.value)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", f"the URL of the outbox is not valid (it is not shown, since it may hold a password): {EXAMPLES}"),
        ("/var/lib/outbox.sqlite", f"the URL of the outbox is not valid (it is not shown, since it may hold a password): {EXAMPLES}"),
        (
            "postgresql://u:hunter22@h:port/d",
            f"the URL of the outbox is not valid (it is not shown, since it may hold a password): {EXAMPLES}",
        ),
        ("mysql://u:hunter22@h/d", f"an outbox is kept in SQLite or PostgreSQL, not in mysql: {EXAMPLES}"),
        ("postgresql+asyncpg://u:hunter22@h/d", f"an outbox is kept in SQLite or PostgreSQL, not in postgresql+asyncpg: {EXAMPLES}"),
        ("postgresql://u:hunter22@h", f"the URL of the outbox names no database: {EXAMPLES}"),
        ("sqlite://", f"the URL of a SQLite file names it by its absolute path, with four slashes: {EXAMPLES}"),
        ("sqlite:///:memory:", f"the URL of a SQLite file names it by its absolute path, with four slashes: {EXAMPLES}"),
        ("sqlite:///outbox.sqlite", f"the URL of a SQLite file names it by its absolute path, with four slashes: {EXAMPLES}"),
        ("sqlite:////a\0b", f"the URL of a SQLite file names it by its absolute path, with four slashes: {EXAMPLES}"),
        ("sqlite://u:hunter22@h//a/b", f"the URL of a SQLite file holds nothing but its path: {EXAMPLES}"),
        ("sqlite:////a/b?mode=ro", f"the URL of a SQLite file holds nothing but its path: {EXAMPLES}"),
        ("sqlite:////a/b?vfs=a&vfs=b", f"the URL of a SQLite file holds nothing but its path: {EXAMPLES}"),
        ("postgresql://u@h/d?row_factory=x", foreign("row_factory")),
        ("postgresql://u@h/d?autocommit=1", foreign("autocommit")),
        ("postgresql://u@h/d?prepare_threshold=-1", THRESHOLD),
        ("postgresql://u@h/d?prepare_threshold=1&prepare_threshold=2", THRESHOLD),
        ("postgresql://u@h/d?prepare_threshold=often", THRESHOLD),
    ],
)
def test_a_url_that_names_no_outbox_says_what_to_write(url: str, said: str) -> None:
    assert error_of(url) == said


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_a_server_has_a_place_without_a_password(scheme: str) -> None:
    store = Store(f"{scheme}://me:hunter22@db.example:5433/tocsin?sslmode=require&password=hunter22&connect_timeout=3")
    assert store.place == "postgresql://me@db.example:5433/tocsin"
    assert repr(store) == "Store('postgresql://me@db.example:5433/tocsin')"


def test_a_host_among_the_options_is_part_of_the_place() -> None:
    store = Store("postgresql://me:hunter22@/tocsin?host=db.example&port=5433&sslmode=require&password=hunter22")
    assert store.place == "postgresql://me@/tocsin?host=db.example&port=5433"


def test_without_the_extra_it_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    assert error_of("postgresql://me:hunter22@h/d") == (
        "an outbox in PostgreSQL needs the extra: pip install 'tocsin[outbox-postgresql]' (psycopg is not installed)"
    )


# PostgreSQL.


def test_a_server_that_would_not_wait_for_its_disk_is_told_to(database: str) -> None:
    where = f"{database}?options=-csynchronous_commit%3Doff"
    kept = OutboxConnection(Database(where, 2.5))
    asked = ("synchronous_commit", "lock_timeout", "transaction_isolation")
    assert kept.do(lambda connection: [connection.execute(text(f"SHOW {name}")).scalar() for name in asked]) == [
        "on",
        "2500ms",
        "read committed",
    ]
    kept.close()


@pytest.mark.parametrize(
    ("option", "times", "prepared"),
    [("", 5, 0), ("", 6, 1), ("?prepare_threshold=0", 1, 1), ("?prepare_threshold=none", 6, 0)],
)
def test_a_statement_that_is_executed_often_is_prepared(option: str, times: int, prepared: int, database: str) -> None:
    kept = OutboxConnection(Database(f"{database}{option}", 5.0))
    for _ in range(times):
        kept.do(lambda connection: connection.execute(text("SELECT 7")).scalar())
    asked = text("SELECT count(*) FROM pg_prepared_statements WHERE statement = 'SELECT 7'")
    assert kept.do(lambda connection: connection.execute(asked).scalar()) == prepared
    kept.close()


def lose(database: str, connection: Connection) -> int:
    """Make the server end a connection, and return its process id."""
    number = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    assert isinstance(number, int)
    with psycopg.connect(database) as other:
        assert other.execute("SELECT pg_terminate_backend(%s, 20000)", [number]).fetchone() == (True,)
    return number


def test_what_was_not_committed_is_done_again_on_a_new_connection(database: str) -> None:
    kept, tried = OutboxConnection(Database(database, 5.0)), list[int]()

    def act(connection: Connection) -> object:
        if not tried:
            tried.append(lose(database, connection))
        return connection.execute(text("SELECT 7")).scalar()

    assert kept.do(act) == 7
    kept.close()


def test_what_may_have_been_committed_is_not_done_again(database: str) -> None:
    kept, tried = OutboxConnection(Database(database, 5.0)), list[int]()
    with pytest.raises(OperationalError):
        kept.do(lambda connection: tried.append(lose(database, connection)))
    assert len(tried) == 1
    assert kept.do(lambda connection: connection.execute(text("SELECT 7")).scalar()) == 7
    kept.close()


# The clock of a server.


def test_a_server_is_asked_for_the_time_now_and_then_only(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, answers = ServerClock(), iter([1000.0, 2000.0, 3000.0])
    ours = {"time": 50.0, "monotonic": 5.0}
    monkeypatch.setattr(time, "time", lambda: ours["time"])
    monkeypatch.setattr(time, "monotonic", lambda: ours["monotonic"])

    def later(wall: float, monotonic: float) -> float:
        ours["time"] += wall
        ours["monotonic"] += monotonic
        return clock.now(lambda: next(answers))

    assert [later(0, 0), later(50, 50), later(10, 10)] == [1000.0, 1050.0, 1060.0]
    assert later(5, 5) == 2000.0  # more than 60 seconds after the last answer
    assert later(1, 1) == 2001.0
    assert later(-3600, 1) == 3000.0  # the local clock was set
