"""The busy timeouts of the history file, which another process may lock."""

from pathlib import Path

from tocsin.shell.history import journal


def test_a_writer_waits_longer_than_a_reader(state: Path) -> None:
    path = state / "journal.sqlite3"
    with journal.writing(path) as connection:
        assert connection.execute("PRAGMA busy_timeout").fetchone() == (20_000,)
    with journal.reading(path) as reader:
        assert reader is not None
        assert reader.execute("PRAGMA busy_timeout").fetchone() == (5_000,)
