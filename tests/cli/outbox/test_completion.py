"""Completion: its suggestions, and that it prints, breaks and creates nothing."""

import os
from pathlib import Path

import pytest

from tests.cli.outbox.filled_outbox import GMAIL, SLACK, Kept, key, message
from tests.cli.prefork import Prefork
from tests.servers.loopback import Loopback
from tocsin.core.outbox.model import Status
from tocsin.shell.outbox.codec import new_row


def suggested(prefork: Prefork, folder: Path, line: str, **environment: str) -> list[str]:
    """Return the suggestions for bash at the end of a line. Nothing else is printed."""
    words = line.split(" ")
    asked = {"_TOCSIN_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    measured = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE")}
    env = {"HOME": str(folder), "TOCSIN_STATE_DIR": str(folder / "state"), **measured, **asked, **environment}
    seen = prefork.run(folder, environment=env)
    assert seen.err == ""
    return seen.out.split()


@pytest.mark.parametrize(
    ("typed", "expected"), [("show ", [key(1), key(0)]), ("retry r1.load..0", [key(0)]), ("bury x", [])], ids=["show", "retry", "bury"]
)
def test_keys(prefork: Prefork, tmp_path: Path, kept: Kept, typed: str, expected: list[str]) -> None:
    kept.put(Status.DEAD, Status.PENDING)
    assert suggested(prefork, tmp_path, f"tocsin outbox {typed}") == expected


def test_destinations_statuses_and_commands(prefork: Prefork, tmp_path: Path, kept: Kept) -> None:
    kept.put(Status.PENDING)
    kept.put_row(new_row(message(1, mail=True), 0.0))
    assert suggested(prefork, tmp_path, "tocsin outbox list --destination ") == [GMAIL, SLACK]
    assert suggested(prefork, tmp_path, "tocsin outbox list --status d") == ["delivered", "delayed", "dead"]
    assert suggested(prefork, tmp_path, "tocsin outbox p") == ["purge"]


def test_the_file_that_was_typed_before(prefork: Prefork, tmp_path: Path) -> None:
    Kept(tmp_path / "other.sqlite").put(Status.DEAD)
    assert suggested(prefork, tmp_path, "tocsin outbox show --file other.sqlite ") == [key(0)]


def test_where_there_is_none_none_is_made(prefork: Prefork, tmp_path: Path) -> None:
    assert suggested(prefork, tmp_path, "tocsin outbox show ") == []
    assert suggested(prefork, tmp_path, "tocsin outbox show --file other.sqlite ") == []
    assert not list(tmp_path.rglob("*.sqlite*"))


def test_what_is_damaged_suggests_nothing_and_says_nothing(prefork: Prefork, tmp_path: Path, kept: Kept) -> None:
    kept.path.parent.mkdir()
    kept.path.write_text("dear diary, " * 100)
    assert suggested(prefork, tmp_path, "tocsin outbox show ", TOCSIN_SLACK_DEADLINE="soon") == []


class Deaf(Loopback):
    """A server that must not be called."""

    def serve(self, sock: object, lines: object) -> None:
        """Never called."""


def test_a_database_far_away_is_not_asked(prefork: Prefork, tmp_path: Path) -> None:
    server = Deaf(None)
    url = f"postgresql://me:hunter2@127.0.0.1:{server.port}/outbox"
    assert suggested(prefork, tmp_path, "tocsin outbox show ", TOCSIN_DELIVERY_OUTBOX_SECRET="OUTBOX_URL", OUTBOX_URL=url) == []
    assert server.connections == 0
    server.stop()
