"""Slack is down while the process is killed, again and again; once it is up, everything arrives, and what is late says so."""

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
from tests.kill.process_pool import Nursery, Order

pytestmark = pytest.mark.skipif(os.name != "posix", reason="elsewhere nobody forks")

TASKS = 20
KILLS = 8
HOURS = 2


@pytest.fixture
def nowhere() -> Iterator[str]:
    """The URL of a Slack that refuses connections: its port is taken, and nobody listens there."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"https://127.0.0.1:{taken.getsockname()[1]}/services/T000/B000/down"


def grow_old(file: Path, hours: float) -> None:
    """Have all that waits have been taken in so long ago."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE messages SET made = made - ?", (hours * 3600,))


def test_all_arrives_once_slack_is_up(nurseries: Callable[[], Nursery], ledger: Ledger, file: Path, nowhere: str) -> None:
    nursery, chance = nurseries(), random.Random(7)  # noqa: S311 - it is no secret when somebody is killed
    order = Order(does="flow", url=f"sqlite:///{file}", notes=str(ledger.notes), count=TASKS)
    down = attrs.evolve(order, environment={"SLACK_WEBHOOK_URL": nowhere})
    while nursery.kills < KILLS or len(ledger.acknowledged) < TASKS:
        assert nursery.live(down, chance.uniform(0.05, 0.4)) == -9, nursery.log
    assert ledger.told == []
    assert {row.status for row in ledger.rows().values()} <= {"pending", "leased", "delayed"}

    grow_old(file, HOURS)
    assert nursery.live(attrs.evolve(order, count=TASKS + 1)) == 0, nursery.log

    rows, told = ledger.rows(), ledger.told
    assert ledger.lost(rows) == []
    assert ledger.doubles.total() == 0
    assert {row.status for row in rows.values()} == {"delivered"}
    late = [each for each in told if f"Delayed by {HOURS} h" in each.text]
    assert len(late) == len(told) - 1
