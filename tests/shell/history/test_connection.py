"""How long the file of the journal is waited for, while another process holds it."""

from pathlib import Path

from tocsin.shell.history import connection as history_connection


def test_who_writes_waits_longer_than_who_reads(state: Path) -> None:
    path = state / "journal.sqlite3"
    with history_connection.writing(path) as connection:
        assert connection.execute("PRAGMA busy_timeout").fetchone() == (20_000,)
    with history_connection.reading(path) as looking:
        assert looking is not None
        assert looking.execute("PRAGMA busy_timeout").fetchone() == (5_000,)
