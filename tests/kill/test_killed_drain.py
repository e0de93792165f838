"""``tocsin outbox drain`` is killed between the answer of Slack and its record. The next one sends what is left, a minute later."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.kill.ledger import MARK, Ledger
from tests.kill.recording_server import RecordingServer, ignore
from tests.servers.scripts import environment
from tocsin import Failed, Recording, Running, Task, interpreting, slack_notifier
from tocsin.core.effects import PostToSlack
from tocsin.core.outbox.model import row_name
from tocsin.shell.outbox.codec import new_row
from tocsin.shell.outbox.store import Store

pytestmark = pytest.mark.skipif(os.name != "posix", reason="process groups need POSIX")

MINUTE = 61.0  # seconds; a lease is shorter


def store_messages(file: Path, count: int) -> list[str]:
    """Store so many messages, and return their keys."""
    recording = Recording()
    with interpreting(recording):
        for number in range(count):
            slack_notifier(Task(f"load-{number}"), Running(), Failed("no rows"))
    messages = [effect for effect in recording.effects if isinstance(effect, PostToSlack)]
    with closing(Store(f"sqlite:///{file}")) as store:
        store.put([new_row(message, time.time()) for message in messages])
    return [row_name(message.key) for message in messages]


def end_leases(file: Path) -> None:
    """Make all leases end."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE messages SET due = due - ?", (MINUTE,))


def drain(server: RecordingServer, bundle: Path, file: Path, die_at: int = 0) -> int:
    """Run the command, kill it at message ``die_at`` unless that is 0, and return its exit status."""
    usual = {name: value for name, value in environment(server, bundle, file.parent).items() if not name.startswith("COVERAGE")}
    words = [sys.executable, "-m", "tocsin", "outbox", "drain", "--file", str(file)]
    numbers = iter(range(1, 100))
    process = subprocess.Popen(words, env=usual, stdout=subprocess.DEVNULL, start_new_session=True)

    def message() -> None:
        if next(numbers) == die_at:
            os.killpg(process.pid, signal.SIGKILL)

    server.accepted = message
    with process:
        status = process.wait(30.0)
    server.accepted = ignore
    server.hang_up()
    return status


@pytest.mark.parametrize(("count", "die_at", "sent"), [(5, 3, 6), (12, 1, 2)], ids=["singly", "folded"])
def test_the_next_drain_goes_on_where_a_killed_one_was(
    slack_server: RecordingServer, ca_bundle: Path, ledger: Ledger, file: Path, *, count: int, die_at: int, sent: int
) -> None:
    keys = store_messages(file, count)
    assert drain(slack_server, ca_bundle, file, die_at) == -signal.SIGKILL
    ledger.look()
    end_leases(file)
    assert drain(slack_server, ca_bundle, file) == 0

    rows = ledger.rows()
    assert set(rows) == set(keys)
    assert {row.status for row in rows.values()} == {"delivered"}
    assert ledger.miscounted(rows) == []
    assert len(ledger.sent) == sent
    assert ledger.doubles == ledger.narrow
    assert [each.text.startswith(MARK) for each in ledger.repeated] == [True]
