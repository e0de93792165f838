"""Slack is down while processes are killed again and again. Once it is up, each message arrives, and late ones say so."""

import os
import random
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import attrs
import pytest

from tests.kill.ledger import Ledger
from tests.kill.process_pool import Job, ProcessPool

pytestmark = pytest.mark.skipif(os.name != "posix", reason="fork needs POSIX")

TASKS = 20
KILLS = 8
HOURS = 2


@pytest.fixture
def nowhere() -> Iterator[str]:
    """The URL of a Slack that refuses connections: its port is bound, and no server listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"https://127.0.0.1:{taken.getsockname()[1]}/services/T000/B000/down"


def grow_old(file: Path, hours: float) -> None:
    """Make all rows older by these hours."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE messages SET made = made - ?", (hours * 3600,))


def test_all_arrives_once_slack_is_up(pools: Callable[[], ProcessPool], ledger: Ledger, file: Path, nowhere: str) -> None:
    pool, chance = pools(), random.Random(7)  # noqa: S311 - the moments of kills are no secret
    job = Job(does="flow", url=f"sqlite:///{file}", notes=str(ledger.notes), count=TASKS)
    down = attrs.evolve(job, environment={"SLACK_WEBHOOK_URL": nowhere})
    while pool.kills < KILLS or len(ledger.acknowledged) < TASKS:
        assert pool.run(down, chance.uniform(0.05, 0.4)) == -9, pool.log
    assert ledger.sent == []
    assert {row.status for row in ledger.rows().values()} <= {"pending", "leased", "delayed"}

    grow_old(file, HOURS)
    assert pool.run(attrs.evolve(job, count=TASKS + 1)) == 0, pool.log

    rows, sent = ledger.rows(), ledger.sent
    assert ledger.lost(rows) == []
    assert ledger.doubles.total() == 0
    assert {row.status for row in rows.values()} == {"delivered"}
    late = [each for each in sent if f"Delayed by {HOURS} h" in each.text]
    assert len(late) == len(sent) - 1
