"""A flow that tells people of two hundred tasks is killed at random moments, and started again where it was, until all are told.

Nothing that the outbox acknowledged is lost; and a message comes twice only where a kill fell between the server's answer and the mark,
with the same key in it. ``TOCSIN_KILLS`` says how many kills there are in all. They are shared out to tests that may run beside each
other. The figures are printed.
"""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.kill.killed_flows import Story
from tests.kill.ledger import Ledger, in_database
from tests.kill.process_pool import Nursery, Order
from tests.kill.recording_server import Witness
from tests.profile import PROFILE

TASKS = 200
SINGLY = 1_000_000
SHARE = 50  # kills in one test


def shares(kills: int) -> list[int]:
    """So many kills, as the numbers of kills in tests."""
    return [min(SHARE, kills - done) for done in range(0, kills, SHARE)]


SOME, FEW = shares(PROFILE.kills // 2), shares(PROFILE.kills * 3 // 10)
SERVERS = shares(PROFILE.kills - sum(SOME) - sum(FEW))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300 + 2 * SHARE),  # on a machine that is very busy
    pytest.mark.skipif(os.name != "posix", reason="elsewhere nobody forks"),
]


@pytest.mark.parametrize(
    ("most", "kills"),
    [(SINGLY, kills) for kills in SOME] + [(3, kills) for kills in FEW],
    ids=[f"singly_{number}" for number in range(len(SOME))] + [f"folded_{number}" for number in range(len(FEW))],
)
def test_nothing_is_lost_and_what_comes_twice_says_so(
    slack_server: Witness, nurseries: Callable[[], Nursery], ledger: Ledger, file: Path, *, most: int, kills: int
) -> None:
    order = Order(does="flow", url=f"sqlite:///{file}", notes=str(ledger.notes), count=TASKS, most=most)
    story = Story(nurseries(), slack_server, order)
    story.happen(kills, ledger.look)
    story.check(ledger)
    assert ledger.doubles == ledger.narrow
    assert any(told.count > 1 for told in ledger.told) == (most < SINGLY)


@pytest.mark.parametrize("kills", SERVERS, ids=[f"server_{number}" for number in range(len(SERVERS))])
def test_a_server_loses_nothing_either(
    slack_server: Witness, nurseries: Callable[[], Nursery], database: str, tmp_path: Path, kills: int
) -> None:
    """It may commit what it was told just before the kill, after somebody looked: so not each kill that seems to makes a double."""
    ledger = Ledger(slack_server, tmp_path / "notes", partial(in_database, database))
    story = Story(nurseries(), slack_server, Order(does="flow", url=database, notes=str(ledger.notes), count=TASKS))
    story.happen(kills, ledger.look)
    story.check(ledger)
    assert ledger.doubles <= ledger.narrow
